"""Payloads are encrypted before they leave for Temporal, whose operators then store what they cannot read.

AES-256-GCM with a nonce of its own for each payload. Beside it stand, in clear, the id of the key and of the Temporal
workflow that it belongs to; both are bound to it, so that whoever changes one of them has a payload that opens no more.
What is sent in clear by its nature (ids, names of activities and signals, codes of errors) is told in docs/temporal.md.

No settings are read here, so that whoever replays a history can do so with keys of their own.
"""

import base64
import copy
import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
)

from mudda.environment import NamedProblem
from mudda.errors import Unprocessable

logger = logging.getLogger(__name__)

ENCODING: Final = b"binary/encrypted"
KEY_ID: Final = "encryption-key-id"
WORKFLOW_ID: Final = "encryption-workflow-id"
"""What the metadata of a payload have; the first two are the names that Temporal's own examples use."""

BOUND: Final = ("encoding", KEY_ID, WORKFLOW_ID)
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


class UnknownPayloadKey(Unprocessable):
    code = "unknown_payload_key"
    title = "The payload was encrypted with a key that is not in TEMPORAL_PAYLOAD_KEYS."


class PayloadDamaged(Unprocessable):
    code = "payload_damaged"
    title = "The payload is not what was encrypted: it was changed, or its key's id now names another key."


@dataclass(frozen=True)
class PayloadKey:
    """A key of 32 bytes, and the id that payloads name it by."""

    id: str
    secret: bytes = field(repr=False)


def payload_keys(text: str) -> tuple[PayloadKey, ...]:
    """The keys in ``id:base64 id:base64 ...`` (or with commas, or one a line); the first is the one that encrypts.

    Raises:
        NamedProblem: one of them is no such key, or two have the same id or the same bytes; repeats no key.
    """
    keys = tuple(_payload_key(word) for word in re.split(r"[,\s]+", text) if word)
    for what in ("id", "secret"):
        if len({getattr(key, what) for key in keys}) < len(keys):
            same = "id" if what == "id" else "key"
            raise NamedProblem(
                f"TEMPORAL_PAYLOAD_KEYS has the same {same} twice: leave one out. (mudda.E022)"
            )
    return keys


def _payload_key(word: str) -> PayloadKey:
    name, _, encoded = word.partition(":")
    if not ID.fullmatch(name):
        raise NamedProblem(
            "TEMPORAL_PAYLOAD_KEYS are written id:key, the id of up to 64 letters, digits, dots and dashes. "
            "(mudda.E022)"
        )
    try:
        secret = base64.b64decode(encoded.translate(str.maketrans("-_", "+/")), validate=True)
    except ValueError:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise NamedProblem(
            f"The key {name} of TEMPORAL_PAYLOAD_KEYS is not {KEY_BYTES} bytes in base64: "
            "make one with `openssl rand -base64 32`. (mudda.E022)"
        )
    return PayloadKey(name, secret)


def data_converter(keys: Sequence[PayloadKey]) -> DataConverter:
    """How values become payloads: encrypted, texts of errors too, where there are keys.

    Without any they are as Temporal's default has them, but what was encrypted is refused as where one key is missing:
    the SDK by itself would take it for nonsense, and drop a signal that bears it.
    """
    if not keys:
        return replace(DataConverter.default, payload_codec=Encryption(()))
    return replace(
        DataConverter.default,
        payload_codec=Encryption(keys),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


class Encryption(PayloadCodec, WithSerializationContext):
    """Encrypts with the first key, decrypts with any. Without keys it encrypts nothing, and can decrypt nothing."""

    def __init__(self, keys: Sequence[PayloadKey]) -> None:
        self._ciphers = {key.id: AESGCM(key.secret) for key in keys}
        self._active = keys[0].id if keys else None
        self._workflow_id = ""
        self._missed: set[str] = set()  # ids that were said to be unknown already

    def with_context(self, context: SerializationContext) -> Self:
        """The same, for the payloads of one Temporal workflow."""
        ours = copy.copy(self)
        ours._workflow_id = getattr(context, "workflow_id", None) or ""
        return ours

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self.seal(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises:
        UnknownPayloadKey, PayloadDamaged: as ``unseal``.
        """
        return [self.unseal(payload) for payload in payloads]

    def seal(self, payload: Payload) -> Payload:
        """A payload that holds ``payload`` encrypted with the active key; ``payload`` itself where there is none."""
        if self._active is None:
            return payload
        metadata = {"encoding": ENCODING, KEY_ID: self._active.encode()}
        if self._workflow_id:
            metadata[WORKFLOW_ID] = self._workflow_id.encode()
        nonce = os.urandom(NONCE_BYTES)
        cipher = self._ciphers[self._active]
        return Payload(
            metadata=metadata,
            data=nonce + cipher.encrypt(nonce, payload.SerializeToString(), _bound(metadata)),
        )

    def unseal(self, payload: Payload) -> Payload:
        """What ``seal`` was given. A payload that isn't encrypted, from before there were keys, comes back as it is.

        Raises:
            UnknownPayloadKey: none of our keys has the id that the payload names.
            PayloadDamaged: it is not what was encrypted.
        """
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        key_id = payload.metadata.get(KEY_ID, b"").decode("ascii", "replace")
        if key_id not in self._ciphers:
            raise self._unknown(key_id[:64])
        if len(payload.data) < NONCE_BYTES + TAG_BYTES:
            raise PayloadDamaged
        nonce, sealed = payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:]
        try:
            opened = self._ciphers[key_id].decrypt(nonce, sealed, _bound(dict(payload.metadata)))
        except InvalidTag as error:
            raise PayloadDamaged from error
        return Payload.FromString(opened)

    def _unknown(self, key_id: str) -> UnknownPayloadKey:
        """The error. It is logged here the first time: the SDK's own line comes with each attempt, and without the text
        of the error where texts are left out."""
        ours = ", ".join(self._ciphers) or "none"
        if key_id not in self._missed:
            self._missed.add(key_id)
            logger.error(
                "unknown_payload_key: no key of TEMPORAL_PAYLOAD_KEYS has the id %r (there: %s); "
                "what was encrypted with it waits until it is put back",
                key_id,
                ours,
            )
        return UnknownPayloadKey(f"No key here has the id {key_id!r}; those that are known: {ours}.")


def _bound(metadata: dict[str, bytes]) -> bytes:
    """What of a payload's metadata is authenticated along with it; each value with its length, so that none runs over
    into the next."""
    values = [metadata.get(name, b"") for name in BOUND]
    return b"".join(len(value).to_bytes(4, "big") + value for value in values)
