"""From what came in to a file that a row names, with nothing left behind where no row does."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.core.files import File

from mudda.errors import AdapterError, Conflict, MuddaError
from mudda.files.checking import clean_file
from mudda.files.storage import Stored, delete_document, store_document

logger = logging.getLogger(__name__)

MOST_FILES = 20
"""A task or an issue may have."""


class TooManyFiles(Conflict):
    code = "too_many_files"
    title = f"No more than {MOST_FILES} files can be kept here."


@dataclass
class Held:
    """A file in the storage that no row names yet. Whoever makes the row, with this ``id``, sets ``kept``."""

    id: UUID
    suffix: str
    content_type: str
    stored: Stored
    kept: bool = field(default=False)


@contextmanager
def hold_file(file: "File[Any]", *, owner: str, keep_location: bool = False) -> Iterator[Held]:
    """Check a file and store it, which takes long, outside of any transaction; then make its row, or none.

    Args:
        owner: what the file's name in the storage is made of, with its id: ``<task>:upload``, say.
        keep_location: as for ``clean_file``.

    Raises:
        BadFile: in words for whoever sent it.
        AdapterError: the storage is away.
    """
    number = uuid4()
    with clean_file(file, keep_location=keep_location) as clean:
        suffix, content_type = clean.suffix, clean.content_type
        stored = store_document(clean.file, key=f"{owner}:{number}", suffix=suffix, content_type=content_type)
    held = Held(number, suffix, content_type, stored)
    try:
        yield held
    except MuddaError:  # refused after all; whether a lost database has the row nobody knows
        discard_file(stored.name)
        raise
    if not held.kept:
        discard_file(stored.name)


def discard_file(name: str) -> None:
    """Remove a file that no row names any more; one that can't be removed now is told to the operator."""
    try:
        delete_document(name)
    except AdapterError as error:
        logger.warning("a file that nothing names stays in the storage as %s: %s", name, error.code)


def readable_title(title: str, suffix: str) -> str:
    """A file's own name without folders, control characters and the ending that its content doesn't have."""
    last = title.replace("\\", "/").rpartition("/")[2]
    stem = last.rpartition(".")[0] or last
    kept = "".join(c if c.isprintable() and c not in '<>:"|?*' else " " for c in stem)
    return (" ".join(kept.split())[:150] or "file") + suffix
