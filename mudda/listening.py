"""Hearing what PostgreSQL notifies: one connection and one thread a process, however many wait.

A notification is a hint to look, never the news itself: whoever is woken reads the table. So nothing is lost when
the connection is: everybody is woken once it is back.
"""

import logging
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from django.conf import settings
from django.db import connection, connections
from psycopg import sql

logger = logging.getLogger(__name__)

EVENTS = "mudda_events"
"""PostgreSQL's NOTIFY channel of events; the payload is the stream that has grown."""
WEBHOOKS = "mudda_webhooks"
"""The one that wakes those who send webhooks."""

POLL = 1.0
"""Seconds that the thread waits at a time: how long it may take to notice that nobody listens any more."""
IDLE = 10.0
"""Seconds without a listener after which the connection is given up."""
LONGEST_PAUSE = 5.0
"""Seconds between attempts to connect."""

T = TypeVar("T")
Wake = Callable[[], None]


def connect(channel: str) -> psycopg.Connection:
    """A connection of its own, outside the pool, that hears ``channel``.

    Behind a pooler that hands connections from one to another, LISTEN hears nothing: ``DATABASE_LISTEN_URL`` leads
    to the server itself.

    Raises:
        psycopg.Error: the database is away.
    """
    if settings.DATABASE_LISTEN_URL:
        listener = psycopg.connect(settings.DATABASE_LISTEN_URL, autocommit=True, connect_timeout=5)
    else:
        listener = psycopg.connect(**direct_parameters(), autocommit=True)
    listener.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
    return listener


def direct_parameters() -> dict[str, Any]:
    """What psycopg is told to connect outside the pool, to the database of the settings."""
    return {
        key: value
        for key, value in connections["default"].get_connection_params().items()
        if key not in {"pool", "cursor_factory", "context", "prepare_threshold"}
    }


class Hub:
    """Wakes those who wait for a stream to grow. Its thread starts with the first of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wakes: dict[str, set[Wake]] = defaultdict(set)
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._idle_since = 0.0
        self.stopping = False

    def subscribe(self, stream: str, wake: Wake) -> Callable[[], None]:
        """Have ``wake`` called when ``stream`` has grown, and whenever it may have; returns how to end that.

        ``wake`` is called on the hub's thread, must not block, and may be called without need. Read the stream
        once after subscribing.
        """
        with self._lock:
            if self._pid != os.getpid():  # forked: the thread is the parent's
                self._pid, self._thread = os.getpid(), None
                self._wakes.clear()
            self._wakes[stream].add(wake)
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="event-hub", daemon=True)
                self._thread.start()

        def unsubscribe() -> None:
            with self._lock:
                if stream in self._wakes:
                    self._wakes[stream].discard(wake)
                    if not self._wakes[stream]:
                        del self._wakes[stream]
                if not self._wakes:
                    self._idle_since = time.monotonic()

        return unsubscribe

    def stop(self) -> None:
        """Let everybody know that the process ends: streams end, requests that wait answer what they can."""
        self.stopping = True
        self._wake_all()

    def close(self) -> None:
        """Give up the connection as soon as nobody listens, and wait for that."""
        with self._lock:
            thread, self._idle_since = self._thread, float("-inf")
        if thread is not None:
            thread.join(timeout=2 * LONGEST_PAUSE)

    def _listen(self) -> None:
        listener: psycopg.Connection | None = None
        pause, away = 0.1, False
        while not self._is_over():
            try:
                if listener is None:
                    listener = connect(EVENTS)
                    self._wake_all()  # what was told before is not told again
                    if away:
                        logger.info("event hub: the database is back")
                    pause, away = 0.1, False
                for notification in listener.notifies(timeout=POLL):
                    self._wake(notification.payload)
            except psycopg.Error as error:
                if not away:
                    logger.warning("event hub: the database is away (%s)", type(error).__name__)
                away, listener = True, None
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        if listener is not None:
            listener.close()

    def _is_over(self) -> bool:
        with self._lock:
            if self._wakes or time.monotonic() - self._idle_since < IDLE:
                return False
            self._thread = None
            return True

    def _wake(self, stream: str) -> None:
        with self._lock:
            wakes = list(self._wakes.get(stream, ()))
        for wake in wakes:
            wake()

    def _wake_all(self) -> None:
        with self._lock:
            wakes = [wake for waiting in self._wakes.values() for wake in waiting]
        for wake in wakes:
            wake()


hub = Hub()
"""This process's."""


def wait_for(
    stream: str, look: Callable[[], T | None], *, seconds: float, look_every: float = 5.0
) -> T | None:
    """Call ``look`` until it finds something: at once, when ``stream`` grows, and every ``look_every`` seconds.

    For synchronous code outside a transaction; no connection of the pool is held while waiting. None when the time
    is over or the process ends.
    """
    grown = threading.Event()
    unsubscribe = hub.subscribe(stream, grown.set)
    until = time.monotonic() + seconds
    try:
        while True:
            grown.clear()
            if (found := look()) is not None:
                return found
            left = until - time.monotonic()
            if left <= 0 or hub.stopping:
                return None
            connection.close()
            grown.wait(min(left, look_every))
    finally:
        unsubscribe()
