"""Traces: from a request through the outbox and Temporal into each activity and query.

Switched on by OpenTelemetry's own variables, and told over OTLP (HTTP/protobuf). While they are off nothing of
OpenTelemetry's SDK is loaded, and a span is one comparison.

What leaves is what ``mudda.monitoring.leaving`` lets out. A trace is carried over what is committed by a row of
``TraceContext``: the run that is launched, the message that waits in the outbox.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from mudda.monitoring.wanted import is_wanted

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

KEPT = timedelta(days=7)
"""How long it is known what a message or a launch belonged to: after that it begins a trace of its own."""

LONGEST_STATEMENT = 2_000
"""Characters of a statement that are told."""

_api: Any = None
"""``opentelemetry.trace``, once it is needed: not imported where it is used, which may be in a workflow's sandbox."""
_tracer: "Tracer | None" = None
_provider: "TracerProvider | None" = None


def start(service: str) -> None:
    """Begin to trace, if the variables ask for it. ``service`` is the name where ``OTEL_SERVICE_NAME`` has none."""
    global _api, _provider, _tracer
    if _tracer is not None or not is_wanted(os.environ):
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from mudda.monitoring.leaving import Harmless

    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    resource = Resource.create({} if named else {"service.name": service})
    _provider = TracerProvider(resource=resource)
    _provider.add_span_processor(BatchSpanProcessor(Harmless(OTLPSpanExporter())))
    trace.set_tracer_provider(_provider)
    _api, _tracer = trace, trace.get_tracer("mudda")


def stop() -> None:
    """Send what has not been sent."""
    if _provider is not None:
        _provider.shutdown()


def tracer() -> "Tracer | None":
    """The tracer, while traces are on."""
    return _tracer


def ids() -> dict[str, str]:
    """The ids of the current trace and span, for log lines; empty where there is none."""
    span = _current()
    if span is None:
        return {}
    context = span.get_span_context()
    return {"trace": f"{context.trace_id:032x}", "span": f"{context.span_id:016x}"}


def note(**attributes: Any) -> None:
    """Say more of the current span. Names with ``__`` for a dot; those that ``leaving`` doesn't know don't leave."""
    span = _current()
    if span is not None:
        span.set_attributes({name.replace("__", "."): value for name, value in attributes.items() if value})


def _current() -> "Span | None":
    if _tracer is None:
        return None
    span: Span = _api.get_current_span()
    return span if span.get_span_context().is_valid else None


@contextmanager
def serving(method: str, traceparent: str) -> "Iterator[Span | None]":
    """A request is being answered. Of the caller's context only the ids are taken: baggage may be about people."""
    if _tracer is None:
        yield None
        return
    with _tracer.start_as_current_span(
        method, context=_context_of(traceparent), kind=_api.SpanKind.SERVER, record_exception=False
    ) as span:
        yield span


@contextmanager
def querying(operation: str, statement: object) -> Iterator[None]:
    """A statement is being executed, in a trace that is told: what nobody has asked for has no trace."""
    if _tracer is None:
        yield
        return
    if not _api.get_current_span().is_recording():
        yield
        return
    attributes = {"db.system.name": "postgresql", "db.operation.name": operation}
    if isinstance(statement, str):  # as it is written, with places for its values
        attributes["db.query.text"] = " ".join(statement.split())[:LONGEST_STATEMENT]
    with _tracer.start_as_current_span(
        operation, kind=_api.SpanKind.CLIENT, attributes=attributes, record_exception=False
    ):
        yield


# --- over what is committed -------------------------------------------------------------------------


def remember(key: str) -> None:
    """Write which trace something belongs to, in the transaction that makes it. See ``TraceContext`` for keys."""
    span = _current()
    if span is None:
        return
    from mudda.models import TraceContext

    context = span.get_span_context()
    text = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"
    TraceContext.objects.update_or_create(key=key, defaults={"traceparent": text})


@contextmanager
def resumed(key: str, name: str) -> Iterator[None]:
    """Go on with the trace that ``key`` belongs to, in a span called ``name``; without one, just go on."""
    if _tracer is None:
        yield
        return
    from mudda.models import TraceContext

    found = TraceContext.objects.filter(key=key).values_list("traceparent", flat=True).first()
    if not found:
        yield
        return
    with _tracer.start_as_current_span(
        name, context=_context_of(found), kind=_api.SpanKind.CONSUMER, record_exception=False
    ):
        yield


def forget_old() -> None:
    """Delete what is older than ``KEPT``."""
    from mudda.models import TraceContext

    TraceContext.objects.filter(created_at__lt=timezone.now() - KEPT).delete()


def _context_of(traceparent: str) -> Any:
    """A context with the span that a W3C ``traceparent`` names as its parent; an empty one where it names none."""
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": traceparent}, context=Context())
