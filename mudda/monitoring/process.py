"""What a long-running process does for whoever watches it: told at its start and at its end."""

import logging
import os
import socket
from collections.abc import Iterable
from functools import cache
from http.server import ThreadingHTTPServer

from django.conf import settings
from prometheus_client import REGISTRY
from temporalio.client import Interceptor
from temporalio.runtime import LogForwardingConfig, LoggingConfig, PrometheusConfig, Runtime, TelemetryConfig

from mudda import event_types
from mudda.monitoring import metrics, serving, tracing

_server: ThreadingHTTPServer | None = None
_sdk_port = 0

SDK_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Buckets of the latencies of Temporal's SDK: its own end at 10 s, where an alert begins to be interesting."""

LATENCIES = (
    "activity_schedule_to_start_latency",
    "activity_execution_latency",
    "activity_succeed_endtoend_latency",
    "local_activity_execution_latency",
    "workflow_task_schedule_to_start_latency",
    "workflow_task_execution_latency",
    "workflow_endtoend_latency",
    "request_latency",
)


def start(service: str, *, job_names: Iterable[str] = ()) -> None:
    """Begin to tell: metrics on ``METRICS_PORT``, traces where the OTEL variables ask for them.

    Args:
        service: what the process is called in traces, unless ``OTEL_SERVICE_NAME`` says otherwise.
        job_names: the jobs of its sweep, if it sweeps.

    Raises:
        ImproperlyConfigured: the port is not to be had.
    """
    global _server
    logging.captureWarnings(True)
    tracing.start(service)
    if settings.METRICS_PORT and _server is None:
        metrics.begin_at_zero(event_types.known(), job_names)
        REGISTRY.register(metrics.Certificates())
        _server = serving.serve(settings.API_HOST, settings.METRICS_PORT, lambda: _sdk_port)


def stop() -> None:
    """Tell what is left, and end."""
    global _server
    tracing.stop()
    if _server is not None:
        _server.shutdown()
        _server.server_close()
        _server = None


def temporal_interceptors() -> list[Interceptor]:
    """What carries traces through Temporal, while they are on."""
    if (tracer := tracing.tracer()) is None:
        return []
    from temporalio.contrib.opentelemetry import TracingInterceptor

    return [TracingInterceptor(tracer)]


def temporal_runtime() -> Runtime | None:
    """What Temporal's SDK runs on in this process: with its metrics and log lines where ours are, or None for its own
    default, where nobody asked for either."""
    if not settings.METRICS_PORT and not settings.JSON_LOGS:
        return None
    return _runtime(os.getpid())


@cache
def _runtime(pid: int) -> Runtime:
    """One for each process: it has threads, which do not outlive a fork."""
    global _sdk_port
    metrics = None
    if settings.METRICS_PORT:
        _sdk_port = _free_port()
        metrics = PrometheusConfig(
            bind_address=f"127.0.0.1:{_sdk_port}",
            counters_total_suffix=True,
            unit_suffix=True,
            durations_as_seconds=True,
            histogram_bucket_overrides={f"temporal_{name}": SDK_SECONDS for name in LATENCIES},
        )
    # Without the fields of a line: they may quote what a workflow's error says.
    forwarding = LogForwardingConfig(logging.getLogger("temporalio.core"), append_log_fields_to_message=False)
    how = LoggingConfig(filter=LoggingConfig.default.filter, forwarding=forwarding)
    return Runtime(telemetry=TelemetryConfig(logging=how, metrics=metrics))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
