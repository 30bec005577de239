"""What the work at hand is about, in ids: noted on its way in, found in every line that is logged meanwhile.

| id | of |
| --- | --- |
| ``request`` | the HTTP request, as in ``X-Request-ID`` |
| ``user`` | the key of the account that calls, or whose API key does |
| ``workflow`` | the plan, as the API's ``workflow_id`` |
| ``execution``, ``step``, ``task`` | the run, its step, the person's task |
| ``activity``, ``temporal_workflow`` | what a worker carries out |
| ``planner_run``, ``message_id``, ``job`` | a draft in the making; a message of the outbox; a job of the sweep |
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from django.http import HttpRequest
from django.utils.functional import LazyObject, empty

_ids: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))
_request: ContextVar[HttpRequest | None] = ContextVar("about_request", default=None)

IN_PATHS = {
    "workflow_id": "workflow",
    "execution_id": "execution",
    "task_id": "task",
    "step_id": "step",
    "run_id": "planner_run",
}
"""What the names in our routes are called in a line."""


@contextmanager
def about(**ids: object) -> Iterator[None]:
    """Meanwhile the work is about these ids too. Empty ones are left out."""
    told = {name: str(value) for name, value in ids.items() if value not in (None, "")}
    token = _ids.set({**_ids.get(), **told})
    try:
        yield
    finally:
        _ids.reset(token)


@contextmanager
def about_request(request: HttpRequest) -> Iterator[None]:
    """Meanwhile the work is about a request; who calls, and what about, is looked up when a line is written."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def ids(*, of: object = None) -> dict[str, str]:
    """The ids of the work at hand; of the request ``of``, where that is what a line is about and there is no other."""
    request = _request.get() or (of if isinstance(of, HttpRequest) else None)
    return {**(_of_request(request) if request is not None else {}), **_ids.get()}


def _of_request(request: HttpRequest) -> dict[str, str]:
    found = {"request": str(getattr(request, "request_id", "-"))}
    if (user := user_key(request)) is not None:
        found["user"] = user
    matched = request.resolver_match
    for name, value in (matched.kwargs if matched else {}).items():
        if name in IN_PATHS:
            found[IN_PATHS[name]] = str(value)
    return found


def user_key(request: HttpRequest) -> str | None:
    """The key of the account behind a request, where that is known by now: nothing is looked up for it."""
    user: Any = request.__dict__.get("user")
    if isinstance(user, LazyObject):
        user = user.__dict__.get("_wrapped", empty)
    if user is None or user is empty or getattr(user, "pk", None) is None:
        return None
    return str(user.pk)


def route_of(request: HttpRequest) -> str | None:
    """The template of the route that a request took, ``workflows/<uuid:workflow_id>``; None where it took none."""
    matched = request.resolver_match
    return (matched.route or "/") if matched is not None else None
