"""A circuit breaker: a service that is down is left alone for a while, so that no draft waits for it.

Its memory is one process's: each web server and worker process finds out for itself, at the price of a draft that
waits. Libraries were turned down: pybreaker holds its lock for the whole of a call, so drafts would be asked for
one at a time; circuitbreaker and purgatory have no lock, and let every caller through when only one should try.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

FAILURES = 3  # in a row: as many as one request has attempts
REST = 60.0  # seconds
LONGEST_REST = 600.0  # seconds, whatever the service asks for


class Resting(Exception):
    """The service is left alone for ``seconds`` more."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"left alone for {seconds:.0f} s more")
        self.seconds = seconds


class Down(Exception):
    """To be raised (or inherited from) within ``guard`` for what counts as the service being down.

    ``rest`` is how many seconds the service asked to be left alone, None when it did not say.
    """

    rest: float | None = None


class Breaker:
    """Closed until ``failures`` in a row; then open for a rest; then one caller tries, the others stay out."""

    def __init__(
        self, failures: int = FAILURES, rest: float = REST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._rest, self._clock = failures, rest, clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until: float | None = None
        self._is_tried = False

    @contextmanager
    def guard(self) -> Iterator[None]:
        """One attempt. Raises Resting before it begins while the service is left alone."""
        is_trial = self._admit()
        try:
            yield
        except Down as down:
            self._failed(down.rest)
            raise
        except Exception:
            self._answered()  # badly maybe, but it is there
            raise
        else:
            self._answered()
        finally:
            if is_trial:
                self._is_tried = False

    def _admit(self) -> bool:
        with self._lock:
            if self._open_until is None:
                return False
            left = self._open_until - self._clock()
            if left > 0 or self._is_tried:
                raise Resting(max(left, 0.0))
            self._is_tried = True
            return True

    def _failed(self, asked: float | None) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= self._most:
                rest = min(max(self._rest, asked or 0.0), LONGEST_REST)
                self._open_until = self._clock() + rest

    def _answered(self) -> None:
        with self._lock:
            self._failures = 0
            self._open_until = None


_breakers: dict[str, Breaker] = {}
_creating = threading.Lock()


def breaker_for(address: str) -> Breaker:
    """This process's breaker for the service at ``address``."""
    with _creating:
        return _breakers.setdefault(address, Breaker())


def forget_failures() -> None:
    """Begin anew with every service, as after a start of the process."""
    with _creating:
        _breakers.clear()
