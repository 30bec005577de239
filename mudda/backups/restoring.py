"""Restoring a back-up into an empty database, and its files into the storage.

Everything is fetched, checked and decrypted before anything is changed. Then come the tables, then a row that says that
the dispatcher stays off (``mudda.holding``), and only then the data: no worker ever sees it without that row.
"""

import hashlib
import logging
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection

from mudda import holding
from mudda.backups import manifest, tools
from mudda.backups.errors import BackupDamaged, BackupNotFound, BackupOfOtherRelease, DatabaseNotEmpty
from mudda.backups.making import count_rows
from mudda.backups.manifest import DATABASE, FILES, Manifest
from mudda.backups.places import Place
from mudda.backups.sealing import unsealed
from mudda.errors import AdapterError
from mudda.files.storage import NAME

logger = logging.getLogger(__name__)

OURS = "public.mudda_restoration"
"""The table of the row that a restore adds."""


@dataclass(frozen=True)
class Restored:
    """What was restored: rows of all tables, and files, of which those that were there already are left alone."""

    manifest: Manifest
    rows: int
    files_written: int
    files_there: int


def chosen(place: Place, backup: str) -> str:
    """The id of a back-up, where ``latest`` may stand for the last finished one.

    Raises:
        BackupNotFound: there is none.
    """
    if backup != "latest":
        return backup
    known = manifest.finished(place)
    if not known:
        raise BackupNotFound("There is no finished back-up in this place.")
    return known[-1]


def check(place: Place, backup: str) -> Manifest:
    """Fetch a back-up and read all of it, changing nothing: checksums, tags, and the end of every part.

    Raises:
        BackupNotFound, BackupDamaged, BackupKeyUnknown, AdapterError.
    """
    with TemporaryDirectory(prefix="mudda-restore-") as folder:
        found = manifest.read(place, backup)
        for part in found.parts:
            _opened(place, found, part, Path(folder)).unlink()
    return found


def restore(place: Place, backup: str) -> Restored:
    """Restore a back-up into the database and the storage of the settings; the dispatcher stays off afterwards.

    Raises:
        DatabaseNotEmpty, BackupOfOtherRelease: nothing was changed; as for what ``check`` raises.
        DatabaseToolFailed: the database has a part of it: make an empty one and begin anew.
        BackupDamaged: afterwards a table doesn't have the rows that it should; likewise.
    """
    found = manifest.read(place, backup)
    if found.release != manifest.release_here():
        raise BackupOfOtherRelease(
            f"Made where the last migrations were {', '.join(found.release)}. Here: "
            f"{', '.join(manifest.release_here())}."
        )
    _require_empty()
    with TemporaryDirectory(prefix="mudda-restore-") as folder:
        opened = {part: _opened(place, found, part, Path(folder)) for part in found.parts}
        _restore_database(opened[DATABASE], found)
        written, there = _restore_files(opened[FILES]) if FILES in opened else (0, 0)
    return Restored(found, sum(found.rows.values()), written, there)


def _opened(place: Place, found: Manifest, part: str, folder: Path) -> Path:
    """A part of a back-up in plain text, in a folder that is only ours and goes with the command."""
    sealed, plain = folder / part, folder / f"{part}.plain"
    place.fetch(f"{found.id}/{part}", sealed)
    with sealed.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != found.parts[part].sha256:
            raise BackupDamaged(f"{part} does not have the checksum that the manifest names.")
        file.seek(0)
        with plain.open("wb") as target:
            for piece in unsealed(file, name=f"{found.id}/{part}"):
                target.write(piece)
    sealed.unlink()
    return plain


# --- the database -----------------------------------------------------------------------------------


def _require_empty() -> None:
    there = count_rows()
    if there:
        raise DatabaseNotEmpty(f"There are {len(there)} tables: {', '.join(list(there)[:3])}, ...")


def _restore_database(dump: Path, found: Manifest) -> None:
    for section in tools.SECTIONS:
        tools.restore_section(dump, section)
        if section == "pre-data":
            holding.hold(backup=found.id, taken_at=manifest.moment_of(found))
            connection.close()  # pg_restore must not wait for a connection of ours
    missed = _differences(found)
    if missed:
        raise BackupDamaged(f"These tables don't have the rows that they had: {', '.join(missed)}.")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _differences(found: Manifest) -> list[str]:
    expected = {**found.rows, OURS: found.rows[OURS] + 1}
    there = count_rows()
    return sorted(table for table in expected | there if expected.get(table) != there.get(table))


# --- the files --------------------------------------------------------------------------------------


def _restore_files(packed: Path) -> tuple[int, int]:
    """Put the files of a tar into the storage; how many were written, and how many were there as they are.

    Raises:
        BackupDamaged: it has something that is no file of ours.
        AdapterError: the storage is away; those that it has by then may stay: begun anew, they are left alone.
    """
    written = there = 0
    with tarfile.open(packed, mode="r:") as tar:
        for entry in tar:
            content = tar.extractfile(entry)
            if content is None or not NAME.fullmatch(entry.name):
                raise BackupDamaged("Among the files is something that is none of ours.")
            with content:
                if _is_there(entry.name, content):
                    there += 1
                else:
                    _write(entry.name, content)
                    written += 1
    return written, there


def _is_there(name: str, content: IO[bytes]) -> bool:
    try:
        if not default_storage.exists(name):
            return False
        with default_storage.open(name, "rb") as kept:
            same = _digest(kept) == _digest(content)
        content.seek(0)
    except OSError as error:
        raise _storage_away(error) from error
    return same


def _write(name: str, content: IO[bytes]) -> None:
    try:
        default_storage.delete(name)  # cut short, or begun by somebody: the back-up's is whole
        saved = default_storage.save(name, File(content))
    except OSError as error:
        raise _storage_away(error) from error
    if saved != name:
        default_storage.delete(saved)
        raise AdapterError(f"Somebody else writes {name}.", code="interrupted", permanent=False)


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while piece := file.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()


def _storage_away(error: Exception) -> AdapterError:
    return AdapterError(
        f"The storage cannot be used now ({type(error).__name__}).", code="unavailable", permanent=False
    )
