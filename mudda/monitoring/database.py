"""Cursors that time and trace what they execute: those of Django's models and those of ``mudda.prepared``.

Turned down: OpenTelemetry's instrumentation of psycopg, which replaces the cursors that a connection makes and so does
not see those that ``mudda.prepared`` makes itself, and counts nothing.
"""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import psycopg
from django.db.backends.postgresql import base

from mudda.monitoring import metrics, tracing


class _Observed:
    def execute(self, query: Any, *args: Any, **named: Any) -> Any:
        return _observed(super().execute, query, args, named)  # type: ignore[misc]

    def executemany(self, query: Any, *args: Any, **named: Any) -> Any:
        return _observed(super().executemany, query, args, named)  # type: ignore[misc]


def _observed(
    execute: Callable[..., Any], query: Any, args: tuple[Any, ...], named: Mapping[str, Any]
) -> Any:
    """Every statement comes by here: so no more than has to be is done for one."""
    operation = metrics.operation_of(query)
    begun = perf_counter()
    try:
        if tracing.tracer() is None:
            return execute(query, *args, **named)
        with tracing.querying(operation, query):
            return execute(query, *args, **named)
    except Exception as error:
        metrics.statement_errors.labels(type(error).__name__).inc()
        raise
    finally:
        metrics.time_statement(operation, perf_counter() - begun)


class Cursor(_Observed, base.Cursor):
    """Django's, which puts the values into the text."""


class PreparingCursor(_Observed, psycopg.Cursor[Any]):
    """psycopg's, which sends the values apart from the text."""
