"""What of a span leaves this process: names, ids, codes and numbers of ours, and statements without their values.

An exporter that lets out what is listed, in front of the one that sends. A list of what may leave holds also for what
a library adds in its next version; a list of what may not would not.
"""

from collections.abc import Sequence

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Status

ATTRIBUTES = frozenset(
    {
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "db.system.name",
        "db.operation.name",
        "db.query.text",
        "error.type",
        "temporalWorkflowID",
        "temporalRunID",
        "temporalActivityID",
        "mudda.request",
        "mudda.user",
        "mudda.workflow",
        "mudda.execution",
        "mudda.step",
        "mudda.activity",
        "mudda.attempt",
        "mudda.planner_run",
    }
)
OF_EVENTS = frozenset({"exception.type"})
"""An exception's class. Its message and its stack may quote anything."""


class Harmless(SpanExporter):
    """Sends spans by ``inner``, without what may be personal or secret."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._inner.export([harmless(span) for span in spans])

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


def harmless(span: ReadableSpan) -> ReadableSpan:
    """A copy with the attributes that are listed, events and links with as much, and no words about its end."""
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={name: value for name, value in (span.attributes or {}).items() if name in ATTRIBUTES},
        events=[_harmless_event(event) for event in span.events],
        links=[Link(link.context) for link in span.links],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _harmless_event(event: Event) -> Event:
    kept = {name: value for name, value in (event.attributes or {}).items() if name in OF_EVENTS}
    return Event(event.name, kept, event.timestamp)
