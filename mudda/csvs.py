"""Tables as CSV: written while they are sent, and harmless in a spreadsheet."""

import csv
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection), also in its wide forms."""
MARK = "\ufeff"
"""Spreadsheets read UTF-8 only where this comes first."""
AT_ONCE = 500
"""Lines that are sent together."""


class _Line:
    """What ``csv.writer`` writes to: gives each line back."""

    def write(self, text: str) -> str:
        return text


def csv_response(
    request: HttpRequest, name: str, heads: Sequence[str], rows: Iterable[Sequence[object]]
) -> StreamingHttpResponse:
    """A table to be saved as ``name``. ``rows`` are read as they are sent, also by several queries."""
    text = _lines(heads, rows)
    content: Any = _asked_for(text) if isinstance(request, ASGIRequest) else text
    response = StreamingHttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


def harmless(value: object) -> object:
    """A value as a cell. A text that a spreadsheet would carry out is marked as text."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value


def _lines(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield MARK + writer.writerow([harmless(head) for head in heads])
    source = iter(rows)
    while some := list(islice(source, AT_ONCE)):
        yield "".join(writer.writerow([harmless(cell) for cell in row]) for row in some)


async def _asked_for(text: Iterator[str]) -> AsyncIterator[str]:
    """The same for a server that serves many at once: each part is read on the request's own thread."""
    while (part := await sync_to_async(_next)(text)) is not None:
        yield part


def _next(text: Iterator[str]) -> str | None:
    return next(text, None)
