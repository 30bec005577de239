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
    """A part of the site, how it is started, and what can happen to it: by name, what ends or freezes it."""

    name: str
    start: Callable[[], None]
    is_up: Callable[[], bool]
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
    return Part(name, start, lambda: child.pid is not None, ways)


def temporal_part(server: Temporal) -> Part:
    return Part(
        "Temporal",
        server.start,
        lambda: server.pid is not None,
        {"killed": server.kill, "stopped": server.stop},
    )


def postgres_part(server: Postgres) -> Part:
    def kill() -> None:
        if server.pid is not None:
            os.kill(server.pid, signal.SIGKILL)

    return Part(
        "PostgreSQL", server.start, lambda: server.pid is not None, {"killed": kill, "stopped": server.stop}
    )


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
        """Start whatever does not run, as Kubernetes would: also what ended because another part was away."""
        for part in self.parts:
            for attempt in range(3):
                try:
                    if part.name.startswith(("worker", "web")) or not part.is_up():
                        part.start()
                    break
                except StackError:
                    if attempt == 2:
                        raise
