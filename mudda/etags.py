"""``ETag``, ``If-Match`` and ``If-None-Match`` (RFC 9110, sections 8.8 and 13): changing only what was read.

An ETag names what a caller has read. Services are told what a change is meant for as ``Expected`` and compare it under
the lock of the row, so that no change slips in between.
"""

import hashlib
import json
import re
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from mudda.errors import PreconditionFailed

Expected = str | int | frozenset[str] | None
"""What a change is meant for: the tag of what was read, several of which any will do, or None for whatever is there."""

TAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')
NEVER = ""
"""A tag that nothing has: what is left of an ``If-Match`` that names nothing of ours."""

IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The `ETag` that was read: change it only if it is still that, else 412.",
)


def quoted(tag: object) -> str:
    """A tag as the header has it."""
    return f'"{tag}"'


def hash_of(data: Any) -> str:
    """A tag of something without a version: another one for every other representation of it."""
    text = json.dumps(data, cls=DjangoJSONEncoder, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def if_match(request: Request) -> Expected:
    """What a change is meant for. Weak tags match nothing (section 13.1.1)."""
    given = request.headers.get("If-Match", "").strip()
    if given in {"", "*"}:
        return None
    strong = frozenset(tag for weak, tag in _tags(given) if not weak)
    return strong or frozenset({NEVER})


def ensure_current(expected: Expected, tag: object, *also: object, **extra: Any) -> None:
    """Refuse a change that is meant for something else than what is there.

    Args:
        tag: of what is there.
        also: what names it too, such as a digest that a form has read.
        extra: further members of the problem document.

    Raises:
        PreconditionFailed: carries the current ``etag``.
    """
    if expected is None:
        return
    wanted = expected if isinstance(expected, frozenset) else {str(expected)}
    if wanted.isdisjoint({str(tag), *map(str, also)}):
        raise PreconditionFailed(extra={**extra, "etag": quoted(tag)})


def or_not_modified(request: Request, response: Response) -> Response:
    """The answer to a read; 304 without a body where the caller has that already. Weak tags do for this."""
    if "ETag" not in response or request.method not in {"GET", "HEAD"} or response.status_code != 200:
        return response
    return not_modified(response["ETag"]) if has_already(request, response["ETag"]) else response


def has_already(request: Request, etag: str) -> bool:
    """Whether the caller has what has this ``ETag``, and says so: a view need not read more then."""
    given = request.headers.get("If-None-Match", "").strip()
    return given == "*" or (bool(given) and etag.strip('"') in {tag for _, tag in _tags(given)})


def not_modified(etag: str) -> Response:
    """The answer to somebody who has it already."""
    return Response(status=304, headers={"ETag": etag})


def _tags(header: str) -> list[tuple[str, str]]:
    """The tags of a list, each with its sign of weakness; one without quotation marks is taken as it is."""
    return TAG.findall(header) or ([("", header)] if '"' not in header else [])
