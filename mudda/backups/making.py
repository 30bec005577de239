"""Making a back-up: the database as one moment saw it, and the files that it names, each sealed before it leaves.

The database comes first. A file is in the storage before any row names it, and goes after the last row that did: so
what the rows of that moment name is there when the files are read, but for what was wiped in between.
"""

import hashlib
import logging
import secrets
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.files.storage import default_storage
from django.db import connection, transaction

from mudda.backups import manifest, tools
from mudda.backups.manifest import DATABASE, FILES, Manifest, Part
from mudda.backups.places import Place
from mudda.backups.sealing import CHUNK, SealingWriter
from mudda.errors import AdapterError

logger = logging.getLogger(__name__)

KEPT_FILES = "documents"
"""The folder of the storage that ``mudda.files.storage`` keeps everything in."""

TABLES = """
    SELECT format('%I.%I', nspname, relname) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname IN ('public', 'workflow') AND relkind IN ('r', 'p') AND relpersistence = 'p' AND NOT relispartition
    ORDER BY 1
"""


def back_up(place: Place, *, files: bool = True) -> Manifest:
    """Make a back-up and keep it in ``place``.

    Args:
        files: also those of the storage; without them where the storage keeps copies by itself.

    Raises:
        NoBackupKey, DatabaseToolFailed: nothing has been kept.
        AdapterError: a place or the storage is away; what there is of it has no manifest and is no back-up.
    """
    made_at = datetime.now(UTC)
    backup = f"{made_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    parts: dict[str, Part] = {}
    with TemporaryDirectory(prefix="mudda-backup-") as folder:
        with _sealed(Path(folder), backup, DATABASE) as (writer, sealed):
            rows, server = _dump(writer)
        parts[DATABASE] = _keep(place, backup, sealed)
        count = None
        if files:
            with _sealed(Path(folder), backup, FILES) as (writer, sealed):
                count = _pack_files(writer)
            parts[FILES] = _keep(place, backup, sealed)
    made = Manifest(
        id=backup,
        made_at=made_at.isoformat(),
        release=manifest.release_here(),
        server=server,
        rows=rows,
        files=count,
        parts=parts,
    )
    manifest.write(place, made)
    return made


@contextmanager
def _sealed(folder: Path, backup: str, part: str) -> Iterator[tuple[SealingWriter, Path]]:
    """A writer that seals into a file of ``folder``; an error leaves a file that nobody can read as whole."""
    path = folder / part
    with path.open("wb") as target:
        writer = SealingWriter(target, name=f"{backup}/{part}")
        yield writer, path
        writer.finish()


def _keep(place: Place, backup: str, sealed: Path) -> Part:
    with sealed.open("rb") as file:
        part = Part(size=sealed.stat().st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest())
    place.put(f"{backup}/{sealed.name}", sealed)
    sealed.unlink()
    return part


# --- the database -----------------------------------------------------------------------------------


def _dump(writer: SealingWriter) -> tuple[dict[str, int], str]:
    """Dump the database; the rows of each table in the dump, and the server's version."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # it lasts as long as the dump
        cursor.execute("SELECT pg_export_snapshot(), current_setting('server_version')")
        [(snapshot, server)] = cursor.fetchall()
        rows = count_rows()  # in this transaction, which sees what the dump sees
        with tools.dumping(snapshot) as dump:
            shutil.copyfileobj(dump, writer, CHUNK)
    return rows, server


def count_rows() -> dict[str, int]:
    """How many rows each table has, as the current transaction sees it."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        tables = [name for (name,) in cursor.fetchall()]
        counted = {}
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - quoted by PostgreSQL itself
            [(counted[table],)] = cursor.fetchall()
    return counted


# --- the files --------------------------------------------------------------------------------------


def _pack_files(writer: SealingWriter) -> int:
    """Write every file of the storage as a tar; how many there were.

    Raises:
        AdapterError: the storage is away.
    """
    count = 0
    with tarfile.open(fileobj=writer, mode="w|") as tar:
        for name in _names(KEPT_FILES):
            try:
                with default_storage.open(name, "rb") as file:
                    entry = tarfile.TarInfo(name)
                    entry.size = file.size
                    tar.addfile(entry, file)
            except FileNotFoundError:
                logger.info("%s was removed while the back-up was made", name)
                continue
            except OSError as error:
                raise _storage_away(error) from error
            count += 1
    return count


def _names(folder: str) -> Iterator[str]:
    """Every file below a folder of the storage. A storage that has none yet has no folder either."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    yield from (f"{folder}/{file}" for file in sorted(files))
    for name in sorted(folders):
        yield from _names(f"{folder}/{name}")


def _storage_away(error: Exception) -> AdapterError:
    return AdapterError(
        f"The storage cannot be read now ({type(error).__name__}).", code="unavailable", permanent=False
    )
