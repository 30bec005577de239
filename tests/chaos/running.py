"""One storm: a site, its users, and everything that breaks meanwhile."""

import contextlib
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from mudda.devstack.processes import Child, worker_command
from tests.chaos.breaking import Storm, kill_postgres, process, server
from tests.chaos.people import Book, Integration, Supervisor
from tests.chaos.verdict import all_over, faults
from tests.faults.city import City
from tests.faults.mail import PostOffice

CLIENTS = 4
RUNS_A_SECOND = 1.5
"""How fast problems are reported by default: slow enough that a storm of 500 runs lasts for minutes."""
STALLED = 300.0
"""Seconds in which one run at least has to end, once nothing breaks any more."""


@dataclass
class Outcome:
    """What a storm has shown. ``faults`` is empty when every promise was kept."""

    seed: int
    runs: int
    book: Book
    broken: Counter[tuple[str, str]]
    stormy_seconds: float
    calm_seconds: float
    statuses: Counter[str] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)
    letters: int = 0
    faults: list[str] = field(default_factory=list)


@contextlib.contextmanager
def running_city() -> Iterator[City]:
    """A site of its own with its mail server, gone afterwards."""
    # The name is one that a later session of the tests sweeps away if this one is killed.
    home = Path(tempfile.mkdtemp(prefix=f"mudda-tests-{os.getpid()}-chaos-"))
    office = PostOffice()
    office.start()
    city = City(home, office, LOG_LEVEL="WARNING")
    try:
        city.start()
        yield city
    finally:
        city.stop()
        office.stop()
        shutil.rmtree(home, ignore_errors=True)


def weather(
    city: City, runs: int, seed: int, *, rate: float = RUNS_A_SECOND, say: Callable[[str], None] = print
) -> Outcome:
    """Carry out ``runs`` plans in a storm, let everything come to its end, and look at what is there.

    Args:
        city: a fresh site.
        runs: how many plans are drafted, approved and launched.
        seed: decides what breaks, when and for how long, and what the plans are. When a process notices is not ours to
            decide, so that two storms of one seed are alike, and not the same.
        rate: problems that are reported in a second.
        say: told of the progress.

    Raises:
        AssertionError: the API gave an answer that it must not give, or runs don't end.
    """
    site, book = city.site, Book()
    second = Child("worker", worker_command(), site.environment, site.home / "logs" / "worker-2.log")
    second.start()
    storm = Storm(
        [
            process("worker", site.worker),
            process("worker", second),
            process("web server", site.web),
            server("Temporal", site.temporal, site.temporal.kill),
            server("PostgreSQL", site.postgres, lambda: kill_postgres(site.postgres)),
        ],
        Random(seed),
    )
    supervisor, began = Supervisor(city, book), time.monotonic()
    try:
        with storm.blowing(), ThreadPoolExecutor(CLIENTS) as clients:
            integration = Integration(city, book, seed)
            promised: list[Future[None]] = []
            while len(promised) < runs or not all(promise.done() for promise in promised):
                due = min(runs, int((time.monotonic() - began) * rate) + 1)
                promised += [clients.submit(integration.carry, n) for n in range(len(promised), due)]
                supervisor.round()
                time.sleep(0.3)
            for promise in promised:
                promise.result()
        stormy = time.monotonic() - began
        say(
            f"{len(book.accepted)} runs accepted in {stormy:.0f} s, {storm.broken.total()} times something broke"
        )
        storm.mend()
        site.wait()
        _come_to_an_end(city, book, supervisor, say)
    finally:
        second.stop()
    outcome = Outcome(seed, runs, book, storm.broken, stormy, time.monotonic() - began - stormy)
    outcome.faults = list(faults(city, book))
    outcome.letters = len(city.office.mails)
    outcome.statuses = Counter(row["status"] for row in city.rows("SELECT status FROM workflow_executions"))
    outcome.attempts = Counter(row["attempts"] for row in city.rows("SELECT attempts FROM step_runs"))
    return outcome


def _come_to_an_end(city: City, book: Book, supervisor: Supervisor, say: Callable[[str], None]) -> None:
    left, since = None, time.monotonic()
    query = (
        "SELECT count(*) FROM workflow_executions WHERE status NOT IN ('completed', 'failed', 'cancelled')"
    )
    while not all_over(city, book) or _undelivered(city):
        supervisor.round()
        now = city.rows(query)[0]["count"] + _undelivered(city)
        if now != left:
            left, since = now, time.monotonic()
            say(f"{left} left")
        assert time.monotonic() < since + STALLED, "\n".join(faults(city, book))
        time.sleep(1)


def _undelivered(city: City) -> int:
    query = "SELECT count(*) FROM mudda_outboxmessage WHERE delivered_at IS NULL AND gave_up_at IS NULL"
    return int(city.rows(query)[0]["count"])
