"""Reading where a city's whole history is stored: one execution, and lists of them."""

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.utils import timezone

from benchmarks.figures import table
from benchmarks.filling import analyze, fill
from benchmarks.reading import YARDSTICK_HEAD, read_in_turns
from benchmarks.stack import Stack
from executions.models import WorkflowExecution


def measure(stack: Stack, *, executions: int, reads: int) -> str:
    """Reads with what was there, and with ``executions`` stored; each of ``reads`` executions is another one."""
    rows: list[Sequence[object]] = []
    have = WorkflowExecution.objects.count()
    for count in (have, executions):
        begun = time.monotonic()
        if count > have:
            fill(count - have)
            analyze()
        took = time.monotonic() - begun
        rows.append([f"{count:,}", f"{took:.0f} s", *read_in_turns(stack, list(_paths(reads)))])
    heads = [
        "executions stored",
        "filled in",
        "read one",
        "list",
        "list those running",
        "list those of a week ago",
        YARDSTICK_HEAD,
    ]
    return table(heads, rows)


def _paths(reads: int) -> Iterator[list[str]]:
    """What is read, for each column: executions from all over the table, and first pages."""
    some = WorkflowExecution.objects.order_by("pk").values_list("pk", flat=True)[:reads]
    yield [f"/workflows/executions/{pk}" for pk in some]
    week = f"?created_before={timezone.now() - timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}"
    for query in ("", "?status=running", week):
        yield [f"/workflows/executions{query}"] * len(some)
