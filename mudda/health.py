"""``/healthz``: the process answers. ``/readyz``: everything it stands on answers too, each with its time.

``/readyz?without=temporal`` is for load balancers: what is read needs no Temporal, and what is launched waits for it. A
site whose replicas were all taken out while Temporal is away would refuse what it can do, and has promised to do.
"""

import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from mudda import temporal
from mudda.errors import MuddaError


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    checks = {"database": _timed(_database)}
    # Without the database there is nothing to ask, and nothing to wait for a second time.
    checks["migrations"] = _timed(_migrations) if checks["database"]["ok"] else dict(checks["database"], ms=0)
    if request.GET.get("without") != "temporal":
        checks["temporal"] = _timed(temporal.ping)
    ready = all(check["ok"] for check in checks.values())
    return JsonResponse(
        {"status": "ready" if ready else "not ready", "checks": checks}, status=200 if ready else 503
    )


def _timed(check: Callable[[], None]) -> dict[str, object]:
    begun = time.perf_counter()
    error = ""
    try:
        check()
    except (DatabaseError, InterfaceError, MuddaError) as problem:
        error = type(problem).__name__  # its text may name hosts and users: that is for the logs and `doctor`
    took = round((time.perf_counter() - begun) * 1000, 1)
    return {"ok": not error, "ms": took, **({"error": error} if error else {})}


_migrated = threading.Event()


class MigrationsMissing(MuddaError):
    code = "migrations_missing"
    status = 503
    title = "The database has not been migrated."


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _migrations() -> None:
    """Asked until it holds: what has been migrated stays so for as long as this process runs."""
    if _migrated.is_set():
        return
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise MigrationsMissing("Run `manage.py migrate`.")
    _migrated.set()
