"""Noticing, in the worker's own process, that an attempt has run out of its time and is still at it.

Temporal sees no difference between an attempt that hangs and one whose worker was killed: both let their time run
out. Only a living process can say that it was the step: so the process that carries out an attempt accuses it, and
the attempts of a killed one are accused by nobody. One thread a process watches all attempts.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import InterfaceError, OperationalError, close_old_connections
from temporalio import activity

logger = logging.getLogger(__name__)

FIRST_BEAT = 10.0
"""Seconds of an attempt without a heartbeat: each that reaches the server is billed."""

NEVER = float("inf")

TRY_AGAIN = 5.0
"""Seconds until an accusation that could not be written is tried again."""


@dataclass(eq=False)
class Attempt:
    """One attempt that is being carried out on a thread of this process.

    Attributes:
        ends_at: when its time is over, on the monotonic clock.
        heartbeat_seconds: the longest that it may be silent, or None.
        accuse: writes that it has run out of time.
        look_at: when to look next, once its time is over.
    """

    ends_at: float
    heartbeat_seconds: float | None
    accuse: Callable[[], None]
    began_at: float = field(default_factory=time.monotonic)
    heard_at: float = field(default_factory=time.monotonic)

    look_at: float | None = None

    @property
    def deadline(self) -> float:
        """When to look at it: once its time is over, or later where it has been seen to be."""
        if self.look_at is not None:
            return self.look_at
        if self.heartbeat_seconds is None:
            return self.ends_at
        return min(self.ends_at, self.heard_at + self.heartbeat_seconds)

    def beat(self) -> None:
        """Say that the attempt is at it; called by the activity, on its own thread, as often as it likes.

        Raises nothing: an attempt whose time is over finds out when it wants to write.
        """
        self.heard_at = time.monotonic()
        quiet = min(FIRST_BEAT, (self.heartbeat_seconds or FIRST_BEAT) / 2)
        if activity.in_activity() and self.heard_at - self.began_at >= quiet:
            activity.heartbeat()  # the SDK sends fewer of them


class Watchdog:
    """Watches the attempts of this process; its thread starts with the first."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._alive: set[Attempt] = set()  # no more than the worker has slots
        self._overdue: set[Attempt] = set()
        self._wakes_at = 0.0
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(
        self, seconds: float, accuse: Callable[[], None], *, heartbeat_seconds: float | None = None
    ) -> Iterator[Attempt]:
        """Watch the body of the ``with``: ``accuse`` is called, on another thread, if it is still at it then.

        Args:
            seconds: how long it has from now.
            heartbeat_seconds: how long it may go without ``beat``.
        """
        attempt = Attempt(time.monotonic() + seconds, heartbeat_seconds, accuse)
        with self._changed:
            self._alive.add(attempt)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
                self._thread.start()
            elif attempt.deadline < self._wakes_at:
                self._changed.notify()
        try:
            yield attempt
        finally:
            with self._changed:
                self._alive.discard(attempt)
                self._overdue.discard(attempt)

    def hanging(self) -> int:
        """How many threads are held by attempts whose time is over."""
        with self._changed:
            return len(self._overdue)

    def _watch(self) -> None:
        while True:
            attempt = self._next_overdue()
            try:
                attempt.accuse()
            except (OperationalError, InterfaceError):
                logger.warning("an attempt that hangs cannot be noted now: it is tried again")
                attempt.look_at = time.monotonic() + TRY_AGAIN
            except Exception:
                logger.exception("an attempt that hangs could not be noted")
            finally:
                close_old_connections()

    def _next_overdue(self) -> Attempt:
        """Wait for the next attempt whose time is over while it is still at it."""
        with self._changed:
            while True:
                now = time.monotonic()
                first = min(self._alive, key=lambda attempt: attempt.deadline, default=None)
                if first is not None and first.deadline <= now:
                    first.look_at = NEVER
                    self._overdue.add(first)
                    return first
                self._wakes_at = first.deadline if first is not None else NEVER
                self._changed.wait(None if self._wakes_at == NEVER else self._wakes_at - now)


watchdog = Watchdog()
"""This process's."""
