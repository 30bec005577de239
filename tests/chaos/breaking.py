"""What goes wrong: one part of the site after the other is killed, stopped or frozen, and comes back."""

import contextlib
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random

from mudda.devstack.errors import StackError
from mudda.devstack.postgres import Postgres
from mudda.devstack.processes import Child
from mudda.devstack.temporal import Temporal

CALM = (0.5, 4.0)
"""Seconds between one part's return and the next one's end: at least, at most."""
AWAY = (0.1, 3.0)
"""Seconds for which a part is away: at least, at most."""


@dataclass(frozen=True)
class Part:
    """A part of the site, and what can happen to it: by name, what ends or freezes it. ``start`` has it run again,
    whatever happened, and does nothing where it runs."""

    name: str
    start: Callable[[], None]
    ways: Mapping[str, Callable[[], object]]


def process(name: str, child: Child) -> Part:
    """A worker or a web server."""

    def tell(number: signal.Signals) -> None:
        if child.pid is not None:
            os.killpg(child.pid, number)

    def start() -> None:
        if child.pid is None:
            child.start()
        tell(signal.SIGCONT)

    ways = {
        "killed": child.kill,
        "stopped": child.stop,
        "frozen": lambda: tell(signal.SIGSTOP),
    }
    return Part(name, start, ways)


def server(name: str, server: Temporal | Postgres, kill: Callable[[], object]) -> Part:
    """Temporal or PostgreSQL, which ``kill`` ends as a crash would."""

    def start() -> None:
        if server.pid is None:
            server.start()

    return Part(name, start, {"killed": kill, "stopped": server.stop})


def kill_postgres(server: Postgres) -> None:
    if server.pid is not None:
        os.kill(server.pid, signal.SIGKILL)


class Storm:
    """Breaks the parts in turn on a thread of its own, for as long as the context lasts; all run afterwards.

    Args:
        parts: what may be broken.
        random: decides what, how and for how long.

    Attributes:
        broken: how often what happened, by name of the part and of the way.
    """

    def __init__(self, parts: list[Part], random: Random) -> None:
        self.parts = parts
        self.random = random
        self.broken: Counter[tuple[str, str]] = Counter()
        self._over = threading.Event()
        self._defect: BaseException | None = None

    @contextlib.contextmanager
    def blowing(self) -> Iterator[None]:
        thread = threading.Thread(target=self._blow, name="storm")
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()
        if self._defect is not None:
            raise self._defect

    def _blow(self) -> None:
        # Everything that can happen happens once before anything happens twice.
        left: list[tuple[Part, str]] = []
        try:
            while not self._over.wait(self.random.uniform(*CALM)):
                if not left:
                    left = [(part, way) for part in self.parts for way in part.ways]
                    self.random.shuffle(left)
                self._break(*left.pop())
        except BaseException as defect:
            self._defect = defect

    def _break(self, part: Part, way: str) -> None:
        part.ways[way]()
        self._over.wait(self.random.uniform(*AWAY))
        self.broken[part.name, way] += 1
        self.mend()

    def mend(self) -> None:
        """Start whatever does not run, as Kubernetes would: also what ended because another part was away.

        Raises:
            StackError: a part did not start in three attempts.
        """
        for part in self.parts:
            for attempts_left in (2, 1, 0):
                try:
                    part.start()
                    break
                except StackError:
                    if not attempts_left:
                        raise
