"""What a back-up says of itself: signed, without personal data, and written last: what has none was never finished."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from django.db.migrations.loader import MigrationLoader

from mudda.backups import sealing
from mudda.backups.errors import BackupDamaged, BackupNotFound
from mudda.backups.places import Place
from mudda.errors import AdapterError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
DATABASE: Final = "database.sealed"
FILES: Final = "files.sealed"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A sealed file of a back-up: its bytes, as they are kept, and their SHA-256 in hex."""

    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One back-up.

    Attributes:
        id: its time and four random bytes; its folder's name.
        made_at: the moment whose data it has (ISO 8601).
        release: the last migration of each app, ``app.name``.
        server: PostgreSQL's version.
        rows: of each table, ``schema.table``, at that moment. Unlogged tables are left out.
        files: how many there are of the storage, or None where they were left out.
        parts: by the name in the back-up's folder.
    """

    id: str
    made_at: str
    release: list[str]
    server: str
    rows: dict[str, int]
    files: int | None
    parts: dict[str, Part]
    format: int = FORMAT


def release_here() -> list[str]:
    """The last migration of each app of this code, whatever the database says."""
    leaves = MigrationLoader(None).graph.leaf_nodes()
    return sorted(f"{app}.{name}" for app, name in leaves)


def write(place: Place, manifest: Manifest) -> None:
    """Sign a manifest and keep it: from then on the back-up is one."""
    text = json.dumps(asdict(manifest), sort_keys=True)
    signed = json.dumps({"manifest": text, "signature": sealing.sign(text.encode())}, indent=1)
    with TemporaryDirectory() as folder:
        file = Path(folder) / MANIFEST
        file.write_text(signed)
        place.put(f"{manifest.id}/{MANIFEST}", file)


def read(place: Place, backup: str) -> Manifest:
    """The manifest of a back-up, its signature checked.

    Raises:
        BackupNotFound: there is none.
        BackupDamaged, BackupKeyUnknown: it isn't what was signed.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / MANIFEST
        try:
            place.fetch(f"{backup}/{MANIFEST}", file)
        except AdapterError as error:
            if error.code == "not_found":
                raise BackupNotFound(f"There is no finished back-up {backup!r}.") from error
            raise
        text, signature = _halves(file)
    sealing.verify(text.encode(), signature)
    return _parsed(json.loads(text), backup)


def _halves(file: Path) -> tuple[str, str]:
    try:
        signed = json.loads(file.read_text())
        return str(signed["manifest"]), str(signed["signature"])
    except (ValueError, KeyError, TypeError) as error:
        raise BackupDamaged("The manifest cannot be read.") from error


def _parsed(given: dict[str, Any], backup: str) -> Manifest:
    if given["format"] != FORMAT or given["id"] != backup:
        raise BackupDamaged(
            "The manifest is of another back-up, or of a form that this release doesn't know."
        )
    return Manifest(**{**given, "parts": {name: Part(**part) for name, part in given["parts"].items()}})


def finished(place: Place) -> list[str]:
    """The ids of all finished back-ups of a place, the oldest first."""
    ending = f"/{MANIFEST}"
    return sorted(name.removesuffix(ending) for name in place.names() if name.endswith(ending))


def moment_of(manifest: Manifest) -> datetime:
    """The moment whose data it has."""
    return datetime.fromisoformat(manifest.made_at)
