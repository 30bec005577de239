"""What this process counts and times, in Prometheus' names and units.

Labels are names of ours (a route's template, a type of event), never what a caller sent: that bounds how many series
there can be, and keeps personal data out.
"""

from collections import Counter as Counts
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.x509 import load_pem_x509_certificate
from django.db import transaction
from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
STATEMENT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30)

# --- HTTP -------------------------------------------------------------------------------------------

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"
"""The route of a request that no address of ours answers."""

requests = Counter("mudda_http_requests", "Requests answered, by route.", ("method", "route", "status"))
request_seconds = Histogram(
    "mudda_http_request_seconds",
    "Time from the first byte of a request's work to its answer.",
    ("method", "route"),
    buckets=REQUEST_SECONDS,
)
requests_in_progress = Gauge("mudda_http_requests_in_progress", "Requests that are being answered.")


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """A request was answered. ``route`` is a template of ours, or ``UNMATCHED``."""
    method = method if method in METHODS else "OTHER"
    requests.labels(method, route, status).inc()
    request_seconds.labels(method, route).observe(seconds)


# --- signing in -------------------------------------------------------------------------------------

sign_ins = Counter(
    "mudda_sign_ins", "Staff who signed in or out, or tried to, by what came of it.", ("outcome",)
)

# --- the database -----------------------------------------------------------------------------------

OPERATIONS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "OTHER")

statement_seconds = Histogram(
    "mudda_database_statement_seconds",
    "Time of a statement, as the process sees it.",
    ("operation",),
    buckets=STATEMENT_SECONDS,
)
statement_errors = Counter(
    "mudda_database_errors", "Statements that failed, by the class of the error.", ("error",)
)
_by_operation = {operation: statement_seconds.labels(operation) for operation in OPERATIONS}


def operation_of(statement: object) -> str:
    """One of ``OPERATIONS``."""
    word = statement.lstrip()[:6].upper() if isinstance(statement, str) else ""
    word = "WITH" if word.startswith("WITH") else word
    return word if word in _by_operation else "OTHER"


def time_statement(operation: str, seconds: float) -> None:
    """A statement has ended, well or not."""
    _by_operation[operation].observe(seconds)


class Pool(Collector):
    """psycopg's pool, as it counts itself; nothing where none was opened yet."""

    GAUGES = {  # noqa: RUF012 - never changed
        "pool_size": ("size", "Connections that the pool has."),
        "pool_available": ("available", "Connections that nobody uses."),
        "pool_max": ("max", "Connections that it may have."),
        "requests_waiting": ("waiting", "Those who wait for a connection now."),
    }
    COUNTERS = {  # noqa: RUF012 - never changed
        "requests_num": ("requests", "Connections asked for."),
        "requests_queued": ("waits", "Connections that had to be waited for."),
        "requests_errors": ("timeouts", "Connections that were not to be had in time."),
        "connections_errors": ("connection_errors", "Attempts to connect that failed."),
        "connections_lost": ("lost", "Connections that were found to be lost."),
    }

    def collect(self) -> Iterator[Metric]:
        from django.db.backends.postgresql.base import DatabaseWrapper

        pools: dict[str, Any] = dict(vars(DatabaseWrapper)["_connection_pools"])
        stats = {alias: pool.get_stats() for alias, pool in pools.items()}
        for key, (name, words) in self.GAUGES.items():
            gauge = GaugeMetricFamily(f"mudda_database_pool_{name}", words, labels=("database",))
            for alias, found in stats.items():
                gauge.add_metric((alias,), found.get(key, 0))
            yield gauge
        for key, (name, words) in self.COUNTERS.items():
            counter = CounterMetricFamily(f"mudda_database_pool_{name}", words, labels=("database",))
            for alias, found in stats.items():
                counter.add_metric((alias,), found.get(key, 0))
            yield counter
        waited = CounterMetricFamily(
            "mudda_database_pool_wait_seconds", "Time that was waited for connections.", labels=("database",)
        )
        for alias, found in stats.items():
            waited.add_metric((alias,), found.get("requests_wait_ms", 0) / 1000)
        yield waited


REGISTRY.register(Pool())

# --- what happens, the outbox, the sweep ------------------------------------------------------------

events = Counter(
    "mudda_events",
    "Events that this process has written, by type, without those of sandboxes: plan.approved, execution.failed, ...",
    ("type",),
)


def count_events(types: Sequence[str]) -> None:
    """Count events once the transaction that has written them is committed."""
    if types:
        transaction.on_commit(partial(_count_events, types), robust=True)


def _count_events(types: Iterable[str]) -> None:
    for kind, count in Counts(types).items():
        events.labels(kind).inc(count)


deliveries = Counter(
    "mudda_outbox_deliveries",
    "Attempts to deliver a message of the outbox: delivered, retried, or given_up.",
    ("kind", "outcome"),
)
webhook_attempts = Counter(
    "mudda_webhook_attempts", "Attempts to send an event to a webhook, by what came of it.", ("outcome",)
)
# (`job` is Prometheus' own name for a label.)
jobs = Counter(
    "mudda_dispatcher_jobs", "Jobs of the sweep that were run: done or failed.", ("name", "outcome")
)
job_seconds = Counter("mudda_dispatcher_job_seconds", "Time that the jobs of the sweep took.", ("name",))
last_sweep = Gauge(
    "mudda_dispatcher_last_sweep_timestamp_seconds", "When the last sweep ended; 0: none was made."
)

# --- Temporal and its certificate -------------------------------------------------------------------

temporal_up = Gauge("mudda_temporal_up", "Whether the worker reaches Temporal: asked every 5 seconds.")


class Certificates(Collector):
    """Until when the client certificate for Temporal is good, read from its file each time, since it is replaced."""

    def collect(self) -> Iterator[Metric]:
        from django.conf import settings

        tls = settings.TEMPORAL_CLIENT.tls
        source = tls.client_cert if tls is not None else None
        if not isinstance(source, Path):
            return
        metric = GaugeMetricFamily(
            "mudda_certificate_expires_timestamp_seconds",
            "When a certificate expires; 0: its file cannot be read.",
            labels=("name",),
        )
        metric.add_metric(("TEMPORAL_TLS_CERT",), _expiry_of(source))
        yield metric


def _expiry_of(file: Path) -> float:
    try:
        return load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc.timestamp()
    except (OSError, ValueError):
        return 0.0


def begin_at_zero(event_types: Iterable[str], job_names: Iterable[str]) -> None:
    """Tell what has not happened yet as 0: of a series that begins with 1 Prometheus sees no increase."""
    for kind in event_types:
        events.labels(kind)
    for name in job_names:
        jobs.labels(name, "failed")
