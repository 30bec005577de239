"""How often a request is tried, how long is waited in between, and when nobody is asked at all.

Connection errors, 408, 409, 429 and 5xx are tried again, with jitter, as the SDK would; but within a draft's time, and
each attempt passes the circuit breaker.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from workflows.planning.breaker import Resting
from workflows.planning.failures import PlannerUnavailable
from workflows.planning.refusals import ServiceDown

ATTEMPTS = 3  # of one request
FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0  # seconds; doubled each time, of which jitter takes up to a half

T = TypeVar("T")


def persist(attempt: Callable[[], T], seconds_left: Callable[[], float]) -> T:
    """Return what ``attempt`` does, tried until it works or will not; a wait that there is no time for is not begun.

    Args:
        attempt: raises ServiceDown for what may pass, and Resting when nobody is to be asked; all else is final.
        seconds_left: of the draft, when it is asked.

    Raises:
        PlannerUnavailable: the service stayed away, or is being left alone.
    """
    last: PlannerUnavailable | None = None
    for number in range(1, ATTEMPTS + 1):
        try:
            return attempt()
        except Resting as resting:
            raise last or _resting(resting) from resting
        except ServiceDown as down:
            last = down.error
            wait = _backoff(number) if down.rest is None else down.rest
            if number == ATTEMPTS or down.is_final or wait >= seconds_left():
                raise last from down
        time.sleep(wait)
    raise AssertionError("the last attempt returns or raises")


def _backoff(number: int) -> float:
    longest: float = min(FIRST_WAIT * 2 ** (number - 1), LONGEST_WAIT)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - so that drafts don't all come back at once


def _resting(resting: Resting) -> PlannerUnavailable:
    return PlannerUnavailable(
        "planner_resting",
        f"The service failed repeatedly and is left alone for {resting.seconds:.0f} s more.",
    )
