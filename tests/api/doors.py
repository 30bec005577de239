"""Every door of the API, found where Django finds them: one that is new is tested without being named anywhere."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

from django.urls import get_resolver

UNKNOWN = uuid.UUID(int=7)  # always the same: the names of tests may not differ between processes
VALUES = {"uuid": str(UNKNOWN), "int": "1", "slug": "a", "str": "ISSUE-999999"}
NOT_OURS = ("admin/", "schema", "docs")


def every_route(resolver: Any = None, before: str = "") -> Iterator[tuple[str, Any]]:
    """The route of each view of the API, as ``/issues/<str:reference>``, and its class."""
    for pattern in (resolver or get_resolver()).url_patterns:
        path = before + str(pattern.pattern)
        if path.startswith(NOT_OURS):
            continue
        if hasattr(pattern, "url_patterns"):
            yield from every_route(pattern, path)
        elif (view := getattr(pattern.callback, "cls", None)) is not None:
            yield f"/{path}", view


def every_view() -> Iterator[tuple[str, Any]]:
    """The path of each view of the API, with values that name nothing, and its class."""
    for route, view in every_route():
        yield re.sub(r"<(\w+):\w+>", lambda found: VALUES[found[1]], route), view


def every_call() -> list[tuple[str, str, str]]:
    """Method, path and scope of every call that there is."""
    return [(method, path, scope) for path, view in every_view() for method, scope in view.scopes.items()]
