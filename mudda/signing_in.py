"""Signing in to the admin with a password: how often somebody may fail, and a record of each time.

Each attempt is counted in PostgreSQL before the password is looked at, and taken back when it was right: of a thousand
at once no more are looked at than may fail, whichever replicas they come to. It counts for the user name, whether there
is such an account or not, and for the address. Whoever has failed too often waits for the window to end, and learns
nothing meanwhile, not even from the right password.

A browser in which somebody has signed in before is known by a cookie, and counted apart for their name: nobody is kept
out of their own browser by what others guess.
"""

import logging
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import wraps
from math import ceil
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models import F
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import salted_hmac

from mudda import prepared
from mudda.addresses import client_address, site_of
from mudda.models import CallCount, SignIn, SignInOutcome
from mudda.monitoring import metrics
from mudda.ratelimits import SIGN_INS, counting

logger = logging.getLogger(__name__)

WINDOW = 900
"""Seconds, from the first failure on."""

COUNT = f"""
    INSERT INTO mudda_callcount AS counted (name, window_start, count)
    VALUES (%(name)s::text, statement_timestamp(), 1) {counting(WINDOW)}
"""  # noqa: S608 (our own text)

KNOWN = "mudda_known"
"""The cookie of a browser in which somebody has signed in."""
KNOWN_FOR = 90 * 24 * 3600
"""Seconds."""

View = Callable[..., HttpResponse]

for outcome in SignInOutcome:
    metrics.sign_ins.labels(outcome.value)  # of a series that begins with 1 Prometheus sees no increase


@dataclass
class Attempt:
    """An attempt to sign in, counted under ``names``.

    ``wait`` is in seconds: 0 lets it go on. ``is_news`` where it is the first that has to wait in its window.
    """

    names: list[str] = field(default_factory=list)
    wait: float = 0.0
    is_news: bool = False
    succeeded: bool = False


def throttled(login: View) -> View:
    """The admin's ``login``, for whoever hasn't failed too often."""

    @wraps(login)
    def view(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        if request.method != "POST":
            return login(request, *args, **named)
        attempt = _begin(request)
        if attempt.wait:
            return _hold_back(request, attempt)
        request.sign_in = attempt  # type: ignore[attr-defined]
        response = login(request, *args, **named)
        if attempt.succeeded:
            _know(request, response)
        else:
            _note(request, SignInOutcome.FAILED, _account_of(_typed(request)))
        return response

    return view


def forget_old() -> None:
    """Delete the counts whose windows are over."""
    over = timezone.now() - timedelta(seconds=WINDOW)
    CallCount.objects.filter(name__startswith=SIGN_INS, window_start__lt=over).delete()


# --- counting ---------------------------------------------------------------------------------------


def _begin(request: HttpRequest) -> Attempt:
    """Count an attempt; it has to wait where one of its names was counted too often. What an address tries that has to
    wait doesn't count for a user name: it would keep others out."""
    attempt = Attempt()
    for name, quota in _counted_names(request):
        count, rest = prepared.fetch(COUNT, {"name": name})[0]
        attempt.names.append(name)
        if count > quota:
            attempt.wait, attempt.is_news = max(rest, 1.0), count == quota + 1
            break
    return attempt


def _counted_names(request: HttpRequest) -> Iterator[tuple[str, int]]:
    """What an attempt is counted under, and how often it may fail. Neither a user's name nor a digest that anybody
    else could make of it is stored."""
    if quota := settings.LOGIN_FAILURES_ADDRESS:
        yield f"{SIGN_INS}address:{site_of(client_address(request))}", quota
    if quota := settings.LOGIN_FAILURES_NAME:
        name = _digest_of_name(request)
        whose, _, browser = _known(request).partition(":")
        yield f"{SIGN_INS}browser:{browser}" if whose == name else f"{SIGN_INS}name:{name}", quota


def _digest_of_name(request: HttpRequest) -> str:
    user_name = unicodedata.normalize("NFKC", _typed(request)).casefold()
    return salted_hmac(__name__, user_name, algorithm="sha256").hexdigest()


def _known(request: HttpRequest) -> str:
    """Whose browser it is, as a digest, and which one; empty where nobody has signed in with it."""
    return str(request.get_signed_cookie(KNOWN, "", salt=__name__, max_age=KNOWN_FOR) or "")


def _know(request: HttpRequest, response: HttpResponse) -> None:
    """Know this browser by a name of its own: one that was copied is counted with its copies."""
    response.set_signed_cookie(
        KNOWN,
        f"{_digest_of_name(request)}:{secrets.token_hex(16)}",
        salt=__name__,
        max_age=KNOWN_FOR,
        path=request.path,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _take_back(attempt: Attempt) -> None:
    for name in attempt.names:  # one by one, as they were counted: nobody waits for two rows
        CallCount.objects.filter(name=name, count__gt=0).update(count=F("count") - 1)


def _typed(request: HttpRequest) -> str:
    return request.POST.get("username", "").strip()


def _hold_back(request: HttpRequest, attempt: Attempt) -> HttpResponse:
    if attempt.is_news:  # once: a flood leaves one line
        _note(request, SignInOutcome.HELD_BACK, _account_of(_typed(request)))
    context = {
        "minutes": ceil(attempt.wait / 60),
        "request_id": getattr(request, "request_id", "-"),
    }
    response = render(request, "error.html", context, status=429)
    response["Retry-After"] = str(ceil(attempt.wait))
    return response


# --- the record -------------------------------------------------------------------------------------


@receiver(user_logged_in)
def _signed_in(request: HttpRequest, user: Any, **_: Any) -> None:
    attempt: Attempt | None = getattr(request, "sign_in", None)
    if attempt is not None:
        attempt.succeeded = True
        _take_back(attempt)
    _note(request, SignInOutcome.SIGNED_IN, user.pk)


@receiver(user_logged_out)
def _signed_out(request: HttpRequest, user: Any, **_: Any) -> None:
    if user is not None:
        _note(request, SignInOutcome.SIGNED_OUT, user.pk)


def _note(request: HttpRequest, outcome: SignInOutcome, user_id: int | None) -> None:
    """Write down, count and say what happened; the line names nobody who isn't known, and the user by number."""
    request_id = getattr(request, "request_id", "-")
    SignIn.objects.create(outcome=outcome, user_id=user_id, request_id=request_id)
    metrics.sign_ins.labels(outcome.value).inc()
    level = logging.WARNING if outcome == SignInOutcome.HELD_BACK else logging.INFO
    logger.log(level, "sign-in: %s, account %s", outcome.value, user_id or "unknown")


def _account_of(user_name: str) -> int | None:
    """Asked for every failure alike, so that it takes as long whether there is such an account or not."""
    known = user_name.replace("\0", "")[:150]
    return User.objects.filter(username=known).values_list("pk", flat=True).first()
