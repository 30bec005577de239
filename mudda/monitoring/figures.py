"""Business figures: what waits and what is late, read from PostgreSQL when somebody asks for metrics.

Rooms register statements, each along an index over what is alive, so that they cost the same however much history there
is; what has ended is counted as it happens (``metrics.events``). Every process gives the same figures: take the ``max``
over processes, not the sum. Temporal is never asked.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from django.db import DatabaseError, InterfaceError, connection, transaction
from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)

FRESH = 10.0
"""Seconds that what was read is given again: a scrape more costs nothing."""

LONGEST = 3_000
"""Milliseconds that one statement may take: figures must not add to the trouble of a database that is slow."""

Row = tuple[tuple[str, ...], float]
"""The values of a figure's labels, and its own."""


@dataclass(frozen=True)
class Figure:
    """A gauge: its name without ``mudda_``, what it says, its labels, and values that are 0 unless told otherwise."""

    name: str
    words: str
    labels: tuple[str, ...] = ()
    zeros: tuple[tuple[str, ...], ...] = field(default=())


Reading = Callable[[], Iterable[tuple[str, Row]]]
"""Asks the database and gives rows, each with the name of its figure."""

_readings: list[tuple[tuple[Figure, ...], Reading]] = []


def register(*figures: Figure, read: Reading) -> None:
    """Have ``read`` asked for ``figures``; it gives rows of those only."""
    _readings.append((figures, read))


def ask(statement: str) -> list[tuple[object, ...]]:
    """The rows of a statement without values."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


class Figures(Collector):
    """What was read last, if that is fresh; else it is read anew, by one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: list[Metric] = []
        self._fresh_until = 0.0

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry would have to ask the database at import."""
        return []

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            if time.monotonic() >= self._fresh_until:
                self._found = list(_read())
                self._fresh_until = time.monotonic() + FRESH
            yield from self._found


def _read() -> Iterator[Metric]:
    """The figures, if they can be read at all: a figure that is missing is better than one that isn't so any more."""
    begun, found, ok = time.perf_counter(), list[Metric](), 1.0
    try:
        with transaction.atomic():
            ask(f"SET LOCAL statement_timeout = {LONGEST}")
            for figures, read in _readings:
                found += _as_metrics(figures, read())
    except (DatabaseError, InterfaceError) as error:
        logger.warning("the figures cannot be read: %s", type(error).__name__)
        ok, found = 0.0, []
    finally:
        if not connection.in_atomic_block:
            connection.close()  # back to the pool
    yield _single("mudda_figures_up", "Whether the figures could be read from the database.", ok)
    took = time.perf_counter() - begun
    yield _single("mudda_figures_seconds", "Time that it took to read the figures.", took)
    yield from found


def _as_metrics(figures: tuple[Figure, ...], rows: Iterable[tuple[str, Row]]) -> list[Metric]:
    values = {figure.name: dict.fromkeys(figure.zeros, 0.0) for figure in figures}
    for name, (labels, value) in rows:
        values[name][labels] = value
    metrics: list[Metric] = []
    for figure in figures:
        metric = GaugeMetricFamily(f"mudda_{figure.name}", figure.words, labels=figure.labels)
        for labels, value in values[figure.name].items():
            metric.add_metric(labels, value)
        metrics.append(metric)
    return metrics


def _single(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


REGISTRY.register(Figures())
