"""Every page of the admin, found from its addresses: a page that is new is walked over by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

OBJECT = "object_id"
PER_STATUS = 3
"""Pages of rows in as many different states are looked at."""


BELOW = "admin/"


@dataclass(frozen=True)
class Route:
    """A named address with its parameters: ``admin:issues_issue_note`` wants an ``issue_id``."""

    name: str
    parameters: tuple[str, ...]


def routes() -> list[Route]:
    """All named addresses below /admin/, the theme's and those that the site puts there by itself."""
    ours = (one for one in get_resolver().url_patterns if str(one.pattern).startswith(BELOW))
    found = {route for one in ours for route in _routes(one, "", ())}
    return sorted(found, key=lambda route: (route.name, route.parameters))


def _routes(pattern: URLPattern | URLResolver, space: str, outer: tuple[str, ...]) -> Iterator[Route]:
    parameters = (*outer, *_parameters(pattern))
    if isinstance(pattern, URLPattern):
        if pattern.name:
            yield Route(space + pattern.name, parameters)
        return
    inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
    for one in pattern.url_patterns:
        yield from _routes(one, inner, parameters)


def _parameters(pattern: URLPattern | URLResolver) -> tuple[str, ...]:
    return tuple(pattern.pattern.regex.groupindex)


class Walk:
    """The pages that ``user`` can open. ``values`` say what a parameter of the console's own addresses may be: one
    value, or a list of them."""

    def __init__(self, user: Any, values: dict[str, Any]) -> None:
        self.values = values
        self.client = Client()
        self.client.force_login(user)

    def pages(self) -> list[str]:
        """The paths that answer a GET with a page of HTML."""
        found = dict.fromkeys(address for route in routes() for address in self._addresses(route))
        return [address for address in found if self._is_page(address)]

    def _is_page(self, address: str) -> bool:
        answer = self.client.get(address)
        # 302: to a page that is walked over itself; 403: what nobody may do here, such as deleting a group; 405: takes
        # only forms, and the pages with them are walked over.
        assert answer.status_code in {200, 302, 403, 405}, f"{answer.status_code} at {address}"
        return answer.status_code == 200 and answer["Content-Type"].startswith("text/html")

    def _addresses(self, route: Route) -> Iterator[str]:
        if route.name in ELSEWHERE:
            return
        for given in self._givens(route):
            yield reverse(route.name, kwargs=given)

    def _givens(self, route: Route) -> list[dict[str, Any]]:
        givens: list[dict[str, Any]] = [{}]
        for name in route.parameters:
            values = self._values(route, name)
            givens = [{**given, name: value} for given in givens for value in values]
        return givens

    def _values(self, route: Route, name: str) -> list[Any]:
        if name in self.values:
            value = self.values[name]
            return list(value) if isinstance(value, list) else [value]
        if name in {OBJECT, "id"}:
            return _rows(route.name)
        raise AssertionError(f"Say in tests/browser/test_every_page.py what {name} of {route.name} may be.")


ELSEWHERE = {
    "admin:autocomplete",
    "admin:search",
    "admin:jsi18n",
    "admin:view_on_site",
    "admin:logout",
    "set_language",
}
"""No pages: data for scripts, a redirect, and what only takes a POST."""


def _rows(name: str) -> list[Any]:
    """Keys of rows for ``<app>_<model>_<view>``: of different states, where the model has some."""
    app, model, _ = name.removeprefix("admin:").split("_", 2)
    found = apps.get_model(app, model)
    rows = found._default_manager.all()
    assert rows.exists(), f"The walk has no {model} to look at: make one."
    if not any(field.name == "status" for field in found._meta.fields):
        return [rows.first().pk]
    statuses = sorted(set(rows.order_by().values_list("status", flat=True)))
    return [rows.filter(status=status).first().pk for status in statuses[:PER_STATUS]]
