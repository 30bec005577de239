"""Pages of lists by cursor: complete and stable while rows are added and removed.

A page begins after a row, not at a number: a cursor carries the ordering, that row's value in it and its key. The key
tells rows apart that have the same value, so that none is given twice or left out, however many there are. What is
added before the cursor meanwhile is not on later pages.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db.models import F, Field, Model, Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from mudda.errors import InvalidRequest
from mudda.strictjson import text_problem

PAGE_SIZE = 50
LARGEST_PAGE = 200
LONGEST_CURSOR = 1_000
CURSOR, SIZE, ORDERING = "cursor", "page_size", "ordering"


class BadCursor(InvalidRequest):
    code = "bad_cursor"
    title = "This cursor is none that a list with this ordering gave."


class UnknownParameter(InvalidRequest):
    code = "unknown_parameter"
    title = "There is no such query parameter here."


@dataclass(frozen=True)
class Cursor:
    """A place in a list: just after the row with this value and key, or just before it where ``backwards``."""

    ordering: str
    value: Any
    key: Any
    backwards: bool = False

    def encode(self) -> str:
        row = json.dumps([self.ordering, str(self.value), str(self.key), self.backwards])
        return base64.urlsafe_b64encode(row.encode()).decode().rstrip("=")


def parameter_error(name: str, code: str, message: str) -> dict[str, str]:
    """What is wrong with a query parameter, as an entry of ``errors``."""
    return {"pointer": f"/{name}", "parameter": name, "code": code, "message": message}


def ensure_known(request: Request, known: Sequence[str]) -> None:
    """Refuse query parameters that nothing reads: a misspelt filter would list everything.

    Raises:
        UnknownParameter: names each of them.
    """
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        message = f"Known here: {', '.join(sorted(known)) or 'none'}."
        raise UnknownParameter(errors=[parameter_error(n, "unknown_parameter", message) for n in unknown])


def ensure_said(request: Request) -> None:
    """Refuse filters that say nothing, or what no column holds: one that is passed over would list everything.

    Raises:
        InvalidRequest: names each of them.
    """
    said = {k: str(v) for k, v in request.query_params.items() if k not in {CURSOR, SIZE, ORDERING}}
    silent = [name for name, value in said.items() if not value.strip() or text_problem(value) is not None]
    if silent:
        message = "Say something, without NUL characters, or leave it out."
        errors = [parameter_error(name, "bad_value", message) for name in silent]
        raise InvalidRequest("Some parameters say nothing.", errors=errors)


class Pages(BasePagination):
    """``?page_size=`` up to 200, ``?ordering=`` one of the view's ``orderings``, ``next`` and ``previous``.

    A view says ``orderings``: columns that are never null and have an index with the key; the first is its default.
    "-" in front of one means descending. ``ordered_by`` names the column of one that is called otherwise.
    """

    orderings: ClassVar[tuple[str, ...]] = ("-created_at", "created_at")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        self.ordering = _ordering(request, getattr(view, "orderings", self.orderings))
        self.column = column_of(self.ordering, view)
        size = _size(request)
        cursor = _cursor(request, self.ordering, _field(queryset.model, self.column))
        backwards = cursor is not None and cursor.backwards
        found = list(_from(queryset, self.column, cursor)[: size + 1])
        more, rows = len(found) > size, found[:size]
        if backwards:
            rows.reverse()
        self.has_next = backwards or more
        self.has_previous = more if backwards else cursor is not None
        # A place that nothing lies behind any more still leads back, or on, to where the caller came from.
        self.first = rows[0] if rows else cursor
        self.last = rows[-1] if rows else cursor
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        links = {
            "next": self._link(self.last, backwards=False) if self.has_next else None,
            "previous": self._link(self.first, backwards=True) if self.has_previous else None,
        }
        return Response({**links, "results": data})

    def _link(self, place: Any, *, backwards: bool) -> str:
        if isinstance(place, Cursor):
            cursor = Cursor(place.ordering, place.value, place.key, backwards)
        else:
            value = getattr(place, self.column.removeprefix("-"))
            cursor = Cursor(self.ordering, _text(value), place.pk, backwards)
        return str(replace_query_param(self.request.build_absolute_uri(), CURSOR, cursor.encode()))

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        properties = {"next": link, "previous": link, "results": schema}
        return {"type": "object", "required": ["next", "previous", "results"], "properties": properties}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        orderings = getattr(view, "orderings", self.orderings)
        size = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE_SIZE}
        cursor = {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": LONGEST_CURSOR}
        order = {"type": "string", "enum": list(orderings), "default": orderings[0]}
        return [
            {
                "name": CURSOR,
                "in": "query",
                "schema": cursor,
                "description": "From `next`: of no other making.",
            },
            {"name": SIZE, "in": "query", "schema": size, "description": "Rows of a page."},
            {"name": ORDERING, "in": "query", "schema": order, "description": "`-`: the greatest first."},
        ]


def _ordering(request: Request, orderings: Sequence[str]) -> str:
    asked = request.query_params.get(ORDERING, orderings[0])
    if asked not in orderings:
        message = f"One of: {', '.join(orderings)}."
        raise InvalidRequest(
            "ordering is not valid.", errors=[parameter_error(ORDERING, "bad_value", message)]
        )
    return asked


def _size(request: Request) -> int:
    asked = request.query_params.get(SIZE, str(PAGE_SIZE))
    if not (asked.isascii() and asked.isdecimal() and 1 <= int(asked[:9]) <= LARGEST_PAGE):
        message = f"A number from 1 to {LARGEST_PAGE}."
        raise InvalidRequest("page_size is not valid.", errors=[parameter_error(SIZE, "bad_value", message)])
    return int(asked[:9])


def column_of(ordering: str, view: Any) -> str:
    """The column of an ordering, with its sign."""
    name = ordering.removeprefix("-")
    sign = ordering[: len(ordering) - len(name)]
    return sign + str(getattr(view, "ordered_by", {}).get(name, name))


def _cursor(request: Request, ordering: str, column: "Field[Any, Any]") -> Cursor | None:
    """The cursor that was sent, with its values as the columns have them.

    Raises:
        BadCursor: it is none of ours, or of another ordering.
    """
    text = request.query_params.get(CURSOR)
    if text is None:
        return None
    try:
        padded = text[:LONGEST_CURSOR] + "=" * (-len(text) % 4)
        of, value, key, backwards = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if of != ordering or not isinstance(backwards, bool) or "\x00" in f"{value}{key}":
            raise ValueError
        f"{value}{key}".encode()  # a lone surrogate is no text
        return Cursor(of, column.to_python(value), column.model._meta.pk.to_python(key), backwards)
    except (ValueError, TypeError, binascii.Error, ValidationError, RecursionError) as error:
        raise BadCursor(errors=[parameter_error(CURSOR, "bad_cursor", "Follow `next` instead.")]) from error


def _from(queryset: QuerySet[Any], ordering: str, cursor: Cursor | None) -> QuerySet[Any]:
    """The rows from a place on, in the direction of the cursor."""
    name = ordering.removeprefix("-")
    descends = ordering.startswith("-") != (cursor is not None and cursor.backwards)
    by = [F(column).desc() if descends else F(column).asc() for column in (name, "pk")]
    rows = queryset.order_by(*by)
    if cursor is None:
        return rows
    than = "lt" if descends else "gt"
    # The first condition lets the index begin at the place; the second passes over rows of the same value.
    reached = Q(**{f"{name}__{than}e": cursor.value})
    beyond = Q(**{f"{name}__{than}": cursor.value}) | Q(**{f"pk__{than}": cursor.key})
    return rows.filter(reached & beyond)


def _field(model: type[Model], column_name: str) -> "Field[Any, Any]":
    column = model._meta.get_field(column_name.removeprefix("-"))
    assert isinstance(column, Field)  # noqa: S101 (for the type checker)
    return column


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
