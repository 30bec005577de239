"""Encryption of what is too large for the memory: AES-256-GCM in chunks, each of which is checked before it is used.

A sealed file is a header and chunks of 1 MiB, each with its tag. The key is derived (HKDF-SHA256) from ``BACKUP_KEY``,
a salt of the file's own and the name that it is sealed under. A chunk's nonce has its number and whether it is the
last: so chunks can't be left out, repeated, put in another order or cut off at the end, and a file can't stand in for
another. (This is the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015.)

    header: "mudda sealed 1\\n", id of the key (8 bytes), salt (32), beginning of every nonce (7)
    nonce:  the beginning (7), number of the chunk (4, big-endian), 1 for the last chunk, else 0
"""

import hashlib
import hmac
import io
import os
from collections.abc import Iterator
from typing import IO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from mudda.backups.errors import BackupDamaged, BackupKeyUnknown, NoBackupKey

MAGIC: Final = b"mudda sealed 1\n"
KEY_ID: Final = 8
SALT: Final = 32
NONCE_BEGINNING: Final = 7
HEADER: Final = len(MAGIC) + KEY_ID + SALT + NONCE_BEGINNING
CHUNK: Final = 1 << 20
"""Bytes of plain text in every chunk but the last."""
TAG: Final = 16


class SealingWriter(io.RawIOBase):
    """Encrypts what is written to it into ``target``. Only ``finish`` makes it whole: what an error ends is unreadable.

    Args:
        name: what it is sealed under; only the same name opens it.

    Raises:
        NoBackupKey: there is no key to seal with.
    """

    def __init__(self, target: IO[bytes], *, name: str) -> None:
        secret = _secrets()[0]
        self._target = target
        self._beginning = os.urandom(NONCE_BEGINNING)
        salt = os.urandom(SALT)
        self._header = MAGIC + key_id(secret) + salt + self._beginning
        self._cipher = AESGCM(_file_key(secret, salt, name))
        self._waiting = bytearray()
        self._number = 0
        target.write(self._header)

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        """Take ``data``, all of it."""
        self._waiting += data
        while len(self._waiting) > CHUNK:  # the last chunk is known as such: one is always kept back
            self._put(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]
        return len(data)

    def finish(self) -> None:
        """Write the last chunk, which says that nothing is missing."""
        self._put(bytes(self._waiting), last=True)

    def _put(self, plain: bytes, *, last: bool) -> None:
        nonce = _nonce(self._beginning, self._number, last=last)
        self._target.write(self._cipher.encrypt(nonce, plain, self._header))
        self._number += 1


def unsealed(source: IO[bytes], *, name: str) -> Iterator[bytes]:
    """What ``SealingWriter`` was given, piece by piece. Of a damaged file some pieces may come before the error.

    Raises:
        BackupDamaged: it was cut short or changed, or was sealed under another name.
        BackupKeyUnknown: it was sealed with a key that isn't set.
    """
    header = source.read(HEADER)
    if len(header) < HEADER or not header.startswith(MAGIC):
        raise BackupDamaged(f"{name} does not begin as a sealed file does.")
    named, salt = header[len(MAGIC) : len(MAGIC) + KEY_ID], header[len(MAGIC) + KEY_ID : -NONCE_BEGINNING]
    cipher = AESGCM(_file_key(_secret_named(named), salt, name))
    beginning, number, piece = header[-NONCE_BEGINNING:], 0, source.read(CHUNK + TAG)
    while True:
        following = source.read(CHUNK + TAG)
        try:
            yield cipher.decrypt(_nonce(beginning, number, last=not following), piece, header)
        except (InvalidTag, ValueError) as error:  # ValueError: shorter than a tag
            raise BackupDamaged(f"Chunk {number} of {name} is not what was written.") from error
        if not following:
            return
        number, piece = number + 1, following


def sign(data: bytes) -> str:
    """An HMAC-SHA256 of ``data`` under ``BACKUP_KEY``, with the key's id: ``<id>:<hex>``."""
    secret = _secrets()[0]
    return f"{key_id(secret).hex()}:{_signature(secret, data)}"


def verify(data: bytes, signature: str) -> None:
    """Raises:
    BackupDamaged: ``signature`` isn't what ``sign`` made of ``data``.
    BackupKeyUnknown: it was made with a key that isn't set.
    """
    named, _, given = signature.partition(":")
    try:
        secret = _secret_named(bytes.fromhex(named))
    except ValueError as error:
        raise BackupDamaged("The signature of the manifest cannot be read.") from error
    if not hmac.compare_digest(_signature(secret, data), given):
        raise BackupDamaged("The manifest is not what was signed.")


def key_id(secret: str) -> bytes:
    """What a key is known by without giving it away."""
    return _derived(secret, b"", b"mudda.backups:id")[:KEY_ID]


def _signature(secret: str, data: bytes) -> str:
    return hmac.new(_derived(secret, b"", b"mudda.backups:manifest"), data, hashlib.sha256).hexdigest()


def _file_key(secret: str, salt: bytes, name: str) -> bytes:
    return _derived(secret, salt, b"mudda.backups:file:" + name.encode())


def _derived(secret: str, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=salt or None, info=info).derive(secret.encode())


def _secrets() -> list[str]:
    if not settings.BACKUP_KEY:
        raise NoBackupKey
    return [settings.BACKUP_KEY, *settings.BACKUP_KEY_FALLBACKS]


def _secret_named(wanted: bytes) -> str:
    for secret in _secrets():
        if key_id(secret) == wanted:
            return secret
    raise BackupKeyUnknown(f"The key that is asked for has the id {wanted.hex()}.")


def _nonce(beginning: bytes, number: int, *, last: bool) -> bytes:
    return beginning + number.to_bytes(4, "big") + (b"\x01" if last else b"\x00")
