"""Documents, through Django's storage API: a folder, or what ``STORAGES`` names."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.crypto import salted_hmac

from mudda.errors import AdapterError

EFFECT_CLASS = "idempotent"  # the same key has the same name, so a second attempt finds the first one's file

SALT = "mudda.executions.adapters.storage"  # where this was at first: what is stored is found by it
SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")
NAME = re.compile(r"documents/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z0-9]{1,8}")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """The document's name in the storage, its size in bytes, and the SHA-256 of its bytes in hex."""

    name: str
    size: int
    sha256: str


def store_document(content: "bytes | File[Any]", *, key: str, suffix: str, content_type: str) -> Stored:
    """Keep a document under a name that only we can compute. A file is read piece by piece, and stays open.

    The name is an HMAC of ``key`` (the effect's, ``<execution id>:<step id>:<n>``) under ``SECRET_KEY``:
    nobody can guess it, nothing of the content shows in it, and a retry replaces its own file instead of
    leaving two.

    Raises:
        AdapterError: permanent ``bad_suffix``; to be tried again ``unavailable``, ``interrupted``.
    """
    if not SUFFIX.fullmatch(suffix):
        raise AdapterError("A suffix is a dot and a few small letters.", code="bad_suffix", permanent=True)
    name = name_of(key, suffix)
    file: File[Any] = content if isinstance(content, File) else ContentFile(content)
    stored = Stored(name=name, size=file.size, sha256=_digest(file))
    try:
        if default_storage.exists(name):
            if _kept_digest(name) == stored.sha256:
                return stored
            default_storage.delete(name)  # cut short, or written by an attempt that saw other facts
        file.content_type = content_type  # type: ignore[attr-defined]  # read by S3 and its like
        saved = default_storage.save(name, file)
        if saved != name:
            default_storage.delete(saved)
    except Exception as error:  # each storage has its own errors, and none of them is about the document
        raise _unavailable(error) from error
    if saved != name:
        raise AdapterError("Another attempt is storing this document.", code="interrupted", permanent=False)
    return stored


def open_document(name: str) -> "File[Any]":
    """The document, open for reading; close it after use.

    Raises:
        AdapterError: permanent ``not_found``; to be tried again ``unavailable``.
    """
    if not NAME.fullmatch(name):
        raise _not_found()
    try:
        return default_storage.open(name, "rb")
    except FileNotFoundError as error:
        raise _not_found() from error
    except Exception as error:  # as above
        raise _unavailable(error) from error


def delete_document(name: str) -> None:
    """Remove a document; one that isn't there is removed already.

    Raises:
        AdapterError: permanent ``not_found`` for a name that is none of ours; to be tried again ``unavailable``.
    """
    if not NAME.fullmatch(name):
        raise _not_found()
    try:
        default_storage.delete(name)
    except Exception as error:  # as above
        raise _unavailable(error) from error


def name_of(key: str, suffix: str) -> str:
    """The name in the storage of what ``store_document`` keeps for ``key``."""
    digest = salted_hmac(SALT, key, algorithm="sha256").hexdigest()
    return f"documents/{digest[:2]}/{digest}{suffix}"


def _kept_digest(name: str) -> str:
    with default_storage.open(name, "rb") as file:
        return _digest(file)


def _digest(file: "File[Any]") -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def _not_found() -> AdapterError:
    return AdapterError("There is no such document.", code="not_found", permanent=True)


def _unavailable(error: Exception) -> AdapterError:
    return AdapterError(
        f"The storage cannot be used now ({type(error).__name__}).", code="unavailable", permanent=False
    )
