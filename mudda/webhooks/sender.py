"""The threads of the worker that send webhooks. They share nothing with steps and the dispatcher but the database,
of which they use one connection at a time: a receiver's slowness holds up nobody else."""

import contextlib
import logging
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from mudda import holding, listening
from mudda.monitoring import metrics
from mudda.webhooks import queue, sending
from mudda.webhooks.queue import Attempt

logger = logging.getLogger(__name__)

SENDERS = 8
"""Attempts at the same time."""
PER_SUBSCRIPTION = 2
"""Of them to one subscription: the others are never all held by one that hangs."""
POLL = 1.0
"""Seconds between looks, for what is due by time."""
PAUSE = 2.0
"""Seconds while the database is away."""


def run(stop: threading.Event) -> None:
    """Send what is due until ``stop`` is set; then let what is being sent end (ten seconds at most)."""
    with ThreadPoolExecutor(SENDERS, thread_name_prefix="webhook") as pool:
        senders = Senders(pool, stop)
        listener: psycopg.Connection | None = None
        while not stop.is_set():
            try:
                listener = listener or listening.connect(listening.WEBHOOKS)
                if not holding.is_held():
                    senders.look()
                for _ in listener.notifies(timeout=POLL, stop_after=1):
                    pass
            except (psycopg.Error, DatabaseError, InterfaceError):
                listener = None  # the dispatcher says that the database is away
                stop.wait(PAUSE)
        if listener is not None:
            listener.close()


class Senders:
    """Whoever finds something to send calls another to look too; whoever finds nothing rests."""

    def __init__(self, pool: ThreadPoolExecutor, stop: threading.Event) -> None:
        self._pool = pool
        self._stop = stop
        self._lock = threading.Lock()
        self._database = threading.Lock()
        self._looking = 0
        self._sending: Counter[uuid.UUID] = Counter()

    def look(self) -> None:
        """Have one more look, if there is somebody left to."""
        with self._lock:
            if self._looking >= SENDERS or self._stop.is_set():
                return
            self._looking += 1
        try:
            self._pool.submit(self._work)
        except RuntimeError:  # told to stop just now
            with self._lock:
                self._looking -= 1

    def _work(self) -> None:
        try:
            while not self._stop.is_set() and (attempt := self._claim()) is not None:
                self.look()
                self._send(attempt)
        except (OperationalError, InterfaceError):
            logger.warning("webhooks: the database is away; what was being sent is sent again")
        except Exception:
            logger.exception("webhooks: a defect; the delivery is tried again")
        finally:
            with self._lock:
                self._looking -= 1

    def _claim(self) -> Attempt | None:
        with self._connected():
            with self._lock:
                busy = [one for one, count in self._sending.items() if count >= PER_SUBSCRIPTION]
            attempt = queue.claim(busy)
            if attempt is not None:
                with self._lock:
                    self._sending[attempt.subscription.pk] += 1
            return attempt

    def _send(self, attempt: Attempt) -> None:
        try:
            with self._connected():
                letter = sending.prepare(attempt)
            if letter is not None:
                outcome = sending.send(letter)
                metrics.webhook_attempts.labels("failed" if outcome.error else "delivered").inc()
                with self._connected():
                    sending.record(attempt, outcome)
        finally:
            with self._lock:
                self._sending[attempt.subscription.pk] -= 1
                self._sending = +self._sending  # forget those who have none

    @contextlib.contextmanager
    def _connected(self) -> Iterator[None]:
        """The turn of one of us at the database: steps need the other connections."""
        with self._database:
            try:
                yield
            finally:
                connection.close()
