"""How many calls a minute: of each key, of each member of staff, and of each address where nobody is known.

A window begins with the first call and ends a minute later. Each call is counted by one statement in PostgreSQL, on its
own and at once: no two calls get the same number, whichever replicas they come to. Whoever has none left is refused
from the memory of the process until the window ends, so that a flood costs the database nothing.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from rest_framework.exceptions import Throttled

from mudda import prepared
from mudda.addresses import client_address, site_of
from mudda.errors import RateLimited
from mudda.middleware import PAGES
from mudda.models import ApiKey, CallCount
from mudda.problems import problem_response

WINDOW = 60
"""Seconds."""
AT_ONCE = 8
"""Requests of one process that find out who calls at the same time. The others wait without a connection: a pool that
a thousand threads wait for gives up on most of them, and by the time it is their turn most can be refused."""
LONGEST_TURN = 10.0
"""Seconds until a request no longer waits for its turn, because the database is slow or away: it will say so itself."""
REMEMBERED = 10_000
"""Names that a process remembers to have no calls left. It forgets them all when there are more."""

SIGN_INS = "sign-in:"
"""What the names of attempts to sign in begin with, whose window is longer: ``mudda.signing_in``."""

EXEMPT = ("/healthz", "/readyz", "/static/", "/admin")
"""Probes, and the pages of people who have signed in. Signing in itself is counted."""
BY_ADDRESS = ("/admin/login", "/oauth/", "/t/")
"""Where anybody may knock: counted by address before anything is done, whatever else the request shows."""


def counting(window: int) -> str:
    """What follows an ``INSERT INTO mudda_callcount AS counted (name, window_start, count)`` of a first call. Gives the
    number of calls with this one, and the seconds until the window of so many seconds ends."""
    return f"""
    ON CONFLICT (name) DO UPDATE SET
        window_start = CASE WHEN counted.window_start <= statement_timestamp() - interval '{window} seconds'
                            THEN statement_timestamp() ELSE counted.window_start END,
        count = CASE WHEN counted.window_start <= statement_timestamp() - interval '{window} seconds'
                     THEN 1 ELSE counted.count + 1 END
    RETURNING count,
        extract(epoch FROM window_start - statement_timestamp())::float + {window} AS rest
"""


COUNTING = counting(WINDOW)
COUNT = f"""
    INSERT INTO mudda_callcount AS counted (name, window_start, count)
    VALUES (%(name)s::text, statement_timestamp(), 1) {COUNTING}
"""  # noqa: S608 (our own text)


@dataclass(frozen=True)
class Standing:
    """Where somebody stands: ``left`` of ``quota`` calls until ``ends``, on this process's monotonic clock."""

    policy: str
    quota: int
    left: int
    ends: float

    @property
    def seconds(self) -> int:
        """Until the window ends, rounded up: who waits that long is let in."""
        return max(1, ceil(self.ends - time.monotonic()))

    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers-10 writes them."""
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.quota};w={WINDOW}',
            "RateLimit": f'"{self.policy}";r={self.left};t={self.seconds}',
        }


_spent: dict[str, Standing] = {}
_turns = threading.BoundedSemaphore(AT_ONCE)


# --- counting ---------------------------------------------------------------------------------------


@contextmanager
def turn(request: HttpRequest, credential: str) -> Iterator[None]:
    """Find out in here who shows ``credential``, and count the call.

    Raises:
        Throttled: they are known to have no calls left.
    """
    name = _digest(credential)
    _refuse_the_spent(request, name)
    with _queued():
        _refuse_the_spent(request, name)
        yield


def count_key(
    request: HttpRequest, key: ApiKey, credential: str, counted: tuple[int, float] | None = None
) -> None:
    """Count a call with this key, which ``credential`` was shown for.

    Args:
        counted: calls and seconds left of the window, where the call was counted when the key was looked up.

    Raises:
        Throttled: it has none left.
    """
    quota = settings.RATE_LIMIT_KEY if key.rate is None else key.rate
    name, also = f"key:{key.pk}", _digest(credential)
    if counted is None:
        _count(request, "key", name, quota, also=also)
    else:
        _judge(request, "key", quota, counted, name, also)


def count_user(request: HttpRequest, user: Any) -> None:
    """Count a call of somebody who has signed in.

    Raises:
        Throttled: they have none left.
    """
    with _queued():
        _count(request, "user", f"user:{user.pk}", settings.RATE_LIMIT_KEY)


def count_address(request: HttpRequest) -> None:
    """Count a call, or an attempt, of somebody unknown.

    Raises:
        Throttled: the address has none left.
    """
    _count(request, "address", _name_of_address(request), settings.RATE_LIMIT_ANONYMOUS)


def forget_old() -> None:
    """Delete the counts whose windows are over."""
    calls = CallCount.objects.exclude(name__startswith=SIGN_INS)
    calls.filter(window_start__lt=timezone.now() - 2 * timedelta(seconds=WINDOW)).delete()


def forget_the_spent() -> None:
    """Ask the database again about everybody."""
    _spent.clear()


def _count(request: HttpRequest, policy: str, name: str, quota: int, *, also: str = "") -> None:
    """Count one call of ``name``. ``also`` is what else it is known by before the database is asked."""
    request.rate_limit = None  # type: ignore[attr-defined]
    if quota == 0:
        return
    _refuse_the_spent(request, name)
    made, rest = prepared.fetch(COUNT, {"name": name})[0]
    _judge(request, policy, quota, (made, rest), name, also)


def _judge(
    request: HttpRequest, policy: str, quota: int, counted: tuple[int, float], name: str, also: str
) -> None:
    """Note where somebody stands after a call that was counted, and refuse it if it was too many."""
    made, rest = counted
    standing = Standing(policy, quota, max(0, quota - made), time.monotonic() + rest)
    request.rate_limit = standing  # type: ignore[attr-defined]
    if made >= quota:  # the next one will be refused
        _remember(standing, name, also)
    if made > quota:
        raise _refusal(standing)


def _refuse_the_spent(request: HttpRequest, name: str) -> None:
    standing = _spent.get(name)
    if standing is not None and standing.ends > time.monotonic():
        request.rate_limit = standing  # type: ignore[attr-defined]
        raise _refusal(standing)


def _remember(standing: Standing, *names: str) -> None:
    if len(_spent) > REMEMBERED:
        _spent.clear()
    _spent.update({name: standing for name in names if name})


def _refusal(standing: Standing) -> Throttled:
    return Throttled(wait=standing.seconds, detail=f"No more than {standing.quota} calls a minute.")


@contextmanager
def _queued() -> Iterator[None]:
    mine = _turns.acquire(timeout=LONGEST_TURN)
    try:
        yield
    finally:
        if mine:
            _turns.release()


def _digest(credential: str) -> str:
    return hashlib.sha256(credential.encode()).hexdigest()


def _name_of_address(request: HttpRequest) -> str:
    return f"address:{site_of(client_address(request))}"


# --- the middleware ---------------------------------------------------------------------------------


class RateLimits:
    """Count by address whom no authentication has counted, and tell everybody where they stand."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(EXEMPT) and not request.path.startswith(BY_ADDRESS):
            return self.get_response(request)
        try:
            response = self._answer(request)
        except Throttled as error:
            response = _refused(request, error)
        standing: Standing | None = getattr(request, "rate_limit", None)
        for name, value in standing.headers().items() if standing is not None else ():
            response[name] = value
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(BY_ADDRESS) or _shows_nothing(request):
            _refuse_the_spent(request, _name_of_address(request))
            with _queued():
                count_address(request)
        response = self.get_response(request)
        if not hasattr(request, "rate_limit") and response.status_code < 500:
            _count_late(request)
        return response


def _shows_nothing(request: HttpRequest) -> bool:
    """Whether a request says nothing about who calls, so that nobody needs to find out."""
    return "Authorization" not in request.headers and settings.SESSION_COOKIE_NAME not in request.COOKIES


def _count_late(request: HttpRequest) -> None:
    """Count a call that no authentication has counted: a path that isn't there, a session that is over."""
    user = getattr(request, "user", None)
    if user is not None and user.is_staff:
        count_user(request, user)
    else:
        count_address(request)


def _refused(request: HttpRequest, error: Throttled) -> HttpResponse:
    wait = int(getattr(error, "wait", None) or 1)
    if not request.path.startswith(PAGES):
        limited = RateLimited(str(error.detail))
        limited.retry_after = wait
        return problem_response(request, limited)
    context = {"wait": wait, "request_id": getattr(request, "request_id", "-")}
    response = render(request, "error.html", context, status=429)
    response["Retry-After"] = str(wait)
    return response
