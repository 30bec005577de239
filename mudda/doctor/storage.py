"""The storage of documents and uploads: a small object is written, read and deleted."""

import secrets
from collections.abc import Iterator

from django.core.files.base import ContentFile
from django.core.files.storage import storages

from mudda.doctor.registry import Finding, error, fine, register

FAILS = error(
    "storage_fails",
    "Look at MEDIA_ROOT (there, writable for this user, shared by web servers and workers, not full) or at what "
    "STORAGES names (bucket, region, keys, the right to put, get and delete).",
)


def look() -> Iterator[Finding]:
    """Leaves nothing behind where deleting works."""
    name, content = f"doctor-{secrets.token_hex(8)}.txt", secrets.token_bytes(64)
    storage = storages["default"]
    kind = type(storage).__name__
    stage = "written"
    try:
        saved = storage.save(name, ContentFile(content))
        stage = "read"
        with storage.open(saved, "rb") as file:
            same = file.read() == content
        stage = "deleted"
        storage.delete(saved)
        gone = not storage.exists(saved)
    except Exception as problem:  # each storage has its own errors
        says = f"An object could not be {stage}: {type(problem).__name__}: {problem}"
        yield FAILS.found(" ".join(says.split()), stage=stage, storage=kind, error=type(problem).__name__)
        return
    if same and gone:
        yield fine(f"An object was written, read and deleted ({kind}).", storage=kind)
    else:
        stage = "deleted" if same else "read"
        yield FAILS.found(f"An object was not {stage} as it should be ({kind}).", stage=stage, storage=kind)


register("storage", look, words="the storage: an object is written, read and deleted")
