"""The door to a stream of events: as JSON, page by page. ``mudda.streaming`` makes server-sent events of it."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from mudda.errors import InvalidRequest
from mudda.models import Event, EventStream
from mudda.views import Door

PAGE = 200
"""Events of one answer."""

STREAM_HEADER = "X-Event-Stream"
"""Names the stream that an answer is of: how ``mudda.streaming`` knows that it may be followed."""

SEQ = re.compile(r"[0-9]{1,18}")
"""How the number of an event is written. No stream gets further."""

View = TypeVar("View", bound=Callable[..., Any])


class EventOutput(serializers.Serializer[Any]):
    seq = serializers.IntegerField(help_text="1, 2, 3, ... within the stream, without gaps.")
    type = serializers.CharField(help_text="What happened, such as `plan.drafted`.")
    at = serializers.DateTimeField()
    actor = serializers.IntegerField(allow_null=True, help_text="The id of the account that did it.")
    data = serializers.DictField(help_text="Ids and codes.")  # type: ignore[assignment]
    sandbox = serializers.BooleanField(help_text="Whether it happened in a sandbox, so that it isn't real.")


class EventsOutput(serializers.Serializer[Any]):
    """A page of a stream, oldest first."""

    stream = serializers.CharField(help_text="Its name, such as `plan:<id>`.")
    events = EventOutput(many=True)
    last = serializers.IntegerField(help_text="Ask for what comes `after` this.")
    more = serializers.BooleanField(help_text="Whether there is more by now.")


AFTER = OpenApiParameter(
    "after",
    {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
    description="Only events with a greater `seq`.",
)
LAST_EVENT_ID = OpenApiParameter(
    "Last-Event-ID",
    {"type": "string", "pattern": "^[0-9]{0,18}$"},
    OpenApiParameter.HEADER,
    description="The same, as browsers send it when they connect again; it wins over `after`.",
)


def documented(operation_id: str, summary: str) -> Callable[[View], View]:
    """How the OpenAPI document describes a stream."""
    described: Callable[[View], View] = extend_schema(
        operation_id=operation_id,
        summary=summary,
        description=(
            "As server-sent events (`Accept: text/event-stream`, and for `*/*`), with the `seq` as the id: what has "
            "happened, then what happens, with a comment as a heartbeat every 15 s. The server ends a stream after "
            "about ten minutes; connect again with `Last-Event-ID` and miss nothing. "
            "As a page of JSON with `Accept: application/json`."
        ),
        parameters=[AFTER, LAST_EVENT_ID],
        responses={
            (200, "application/json"): EventsOutput,
            (200, "text/event-stream"): OpenApiResponse(str, description="Events until the connection ends."),
        },
    )
    return described


class EventsView(Door):
    """``scopes`` and ``owner_of`` say who may read whose events."""

    def owner_of(self, request: Request, **named: Any) -> EventStream:
        """The owner of the stream that the path names.

        Raises:
            NotFound: there is none, or the caller may not see it.
        """
        raise NotImplementedError

    def page(self, request: Request, **named: Any) -> Response:
        """What ``get`` answers: events after the one that the caller has, ``PAGE`` at most."""
        after = _after(request)
        owner = self.owner_of(request, **named)
        found = events_after(owner.stream, after)
        data = {
            "stream": owner.stream,
            "events": found,
            "last": found[-1]["seq"] if found else after,
            "more": len(found) == PAGE,
        }
        return Response(data, headers={STREAM_HEADER: owner.stream, "Cache-Control": "no-store"})


def events_after(stream: str, seq: int) -> list[dict[str, Any]]:
    """The next events of a stream as ``EventOutput`` has them, ``PAGE`` at most."""
    rows = Event.objects.filter(stream=stream, seq__gt=seq).order_by("seq")
    return [
        {
            "seq": row.seq,
            "type": row.type,
            "at": row.at.isoformat(),
            "actor": row.actor_id,
            "data": row.data,
            "sandbox": row.sandbox_id is not None,
        }
        for row in rows[:PAGE]
    ]


def _after(request: Request) -> int:
    given = {
        "after": request.query_params.get("after", "0"),
        "Last-Event-ID": request.headers.get("Last-Event-ID", "").strip() or "0",
    }
    wrong = [name for name, text in given.items() if not SEQ.fullmatch(text)]
    if wrong:
        message = "The number of an event, or 0."
        errors = [{"pointer": f"/{name}", "code": "invalid", "message": message} for name in wrong]
        raise InvalidRequest("There is no event with this number.", errors=errors)
    return int(given["Last-Event-ID"] if request.headers.get("Last-Event-ID") else given["after"])
