"""Secrets that have to be read again (webhooks' keys, answers that showed a link): encrypted where they are stored.

Fernet (AES-128-CBC and HMAC-SHA256) with keys derived from ``SECRET_KEY``, one for each purpose, so that what was
sealed for one cannot be opened as another. What was sealed under a key of ``SECRET_KEY_FALLBACKS`` still can.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from mudda.errors import MuddaError


class CannotUnseal(MuddaError):
    code = "cannot_unseal"
    status = 500
    title = "A stored secret cannot be read: the key that sealed it is not in SECRET_KEY_FALLBACKS any more."


def seal(text: str, *, purpose: str) -> str:
    """Encrypt ``text``; only ``unseal`` with the same purpose (``mudda.webhooks``, say) reads it again."""
    return _box(purpose).encrypt(text.encode()).decode("ascii")


def unseal(sealed: str, *, purpose: str) -> str:
    """Read what ``seal`` has made.

    Raises:
        CannotUnseal: the key is gone, the purpose is another, or the text was changed.
    """
    try:
        return _box(purpose).decrypt(sealed.encode("ascii")).decode()
    except InvalidToken as error:
        raise CannotUnseal from error


def reseal(sealed: str, *, purpose: str) -> str:
    """The same secret under the ``SECRET_KEY`` of now; unchanged where it is sealed under that already.

    Raises:
        CannotUnseal: as ``unseal``.
    """
    newest = Fernet(_derive(settings.SECRET_KEY, purpose))
    try:
        newest.decrypt(sealed.encode("ascii"))
    except InvalidToken:
        return seal(unseal(sealed, purpose=purpose), purpose=purpose)
    return sealed


def _box(purpose: str) -> MultiFernet:
    return MultiFernet(
        [Fernet(_derive(secret, purpose)) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    )


def _derive(secret: str, purpose: str) -> bytes:
    key = HKDF(SHA256(), length=32, salt=None, info=f"mudda.sealing:{purpose}".encode()).derive(
        secret.encode()
    )
    return base64.urlsafe_b64encode(key)
