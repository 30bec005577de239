"""One stack per folder: who holds it, and what a killed one left behind."""

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Final

import psutil  # type: ignore[import-untyped]

from mudda.devstack.errors import StackError
from mudda.devstack.postgres import Postgres
from mudda.devstack.surroundings import MARK

END_SECONDS: Final = 5


class Lock:
    """The right to run a stack in ``home``, held until released or until this process ends, however it ends.

    A POSIX record lock: children do not inherit it, so that one that outlives us doesn't hold it.
    """

    def __init__(self, home: Path, *, instead: str = "") -> None:
        """Take ``home``; ``instead`` tells whoever finds it taken what else to do."""
        home.mkdir(parents=True, exist_ok=True)
        self._home = home
        self._instead = instead
        self._file = (home / "stack.lock").open("a+")

    def __enter__(self) -> "Lock":
        """Raises:
        StackError: another stack runs in this folder; names its process and address.
        """
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            self._file.seek(0)
            holder = self._file.read().strip() or "just starting"
            self._file.close()
            reason = f"a stack already runs in {self._home} ({holder}). {self._instead}"
            raise StackError(reason.strip()) from problem
        self.describe(f"process {os.getpid()}")
        return self

    def describe(self, holder: str) -> None:
        """Say who we are to whoever finds the lock held."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(holder)
        self._file.flush()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def clear_leftovers(home: Path) -> list[str]:
    """End what a killed stack left running in ``home``, and forget where it was reachable.

    Only processes that carry this folder's mark are ended, and the PostgreSQL that works in this folder.

    Returns:
        What was found, for a message.
    """
    left = [process for process in psutil.process_iter() if _belongs_to(process, home)]
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(left, timeout=END_SECONDS)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    found = [f"process {process.pid}" for process in left]
    postgres = Postgres(home / "postgres")
    if postgres.pid is not None:
        found.append(f"PostgreSQL (process {postgres.pid})")
        postgres.stop()
    (home / "stack.env").unlink(missing_ok=True)
    return found


def _belongs_to(process: psutil.Process, home: Path) -> bool:
    try:
        return bool(process.pid != os.getpid() and process.environ().get(MARK) == str(home))
    except (psutil.Error, OSError):
        return False  # somebody else's, or gone
