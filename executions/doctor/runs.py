"""Runs that do not get on: not started, or a step that is tried again and again."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, InterfaceError
from django.db.models import Q
from django.utils import timezone
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from executions.figures import NOT_STARTED
from executions.models import ExecutionStatus, StepRun, StepStatus, WorkflowExecution
from mudda.doctor.registry import Finding, counted, error, fine, left_out, register, warning
from mudda.doctor.temporal import with_client
from mudda.monitoring.figures import ask
from mudda.temporal import DEADLINE

NOT_STARTED_SECONDS: Final = 120
"""As the alert MuddaRunsNotStarting has it."""

LONG: Final = timedelta(minutes=1)
"""A step that is at its attempt for longer, or was begun ``ATTEMPTS`` times, is looked at: ``MOST`` of them."""

MOST: Final = 20
ATTEMPTS: Final = 3

WAIT = error(
    "runs_not_started",
    "Launched runs wait for Temporal or for a worker's sweep: see the checks temporal and worker. "
    "docs/runbooks/runs-not-starting.md.",
)
RETRIED = warning(
    "run_retried",
    "The error names what the step waits for: an outside service (its check here, its status page), or a defect "
    "(logs worker). docs/runbooks/run-stuck.md.",
)


def look() -> Iterator[Finding]:
    """The rows say what waits, Temporal says why."""
    try:
        rows: list[Any] = ask(NOT_STARTED)
        busy = _busy()
    except (DatabaseError, InterfaceError):
        yield left_out("The database cannot be asked: see the check database.")
        return
    [[waiting, oldest]] = rows
    if oldest > NOT_STARTED_SECONDS:
        says = f"{counted(waiting, 'run')} launched and not started, the oldest {oldest:.0f} s ago."
        yield WAIT.found(says, waiting=waiting, oldest_seconds=round(oldest))
    else:
        yield fine(f"{counted(waiting, 'run')} waiting to be started.", waiting=waiting)
    if busy:
        yield from with_client(lambda client: _retried(client, busy))


def _busy() -> dict[str, UUID]:
    """The Temporal workflows of runs with such steps."""
    steps = StepRun.objects.filter(
        Q(started_at__lt=timezone.now() - LONG) | Q(attempts__gte=ATTEMPTS),
        status=StepStatus.RUNNING,
        execution__status=ExecutionStatus.RUNNING,
        execution__paused_at__isnull=True,
    ).order_by("started_at")
    chosen = dict.fromkeys(steps.values_list("execution_id", flat=True)[:MOST])
    return {
        run.temporal_workflow_id: run.pk for run in WorkflowExecution.objects.filter(pk__in=chosen).only("pk")
    }


async def _retried(client: Client, busy: dict[str, UUID]) -> list[Finding]:
    found = [finding for name, run in busy.items() for finding in await _of_one(client, name, run)]
    return found or [
        fine(f"{counted(len(busy), 'run')} long at a step, none tried again and again.", busy=len(busy))
    ]


async def _of_one(client: Client, workflow_id: str, run: UUID) -> list[Finding]:
    try:
        told = await client.get_workflow_handle(workflow_id).describe(rpc_timeout=DEADLINE)
    except RPCError as problem:
        if problem.status == RPCStatusCode.NOT_FOUND:  # has ended meanwhile, and is noticed by the sweep
            return []
        raise
    return [
        RETRIED.found(
            f"Run {run}: {waiting.activity_type.name} is at attempt {waiting.attempt}; "
            f"the last ended with {waiting.last_failure.application_failure_info.type or 'no answer in time'}.",
            execution_id=str(run),
            activity=waiting.activity_type.name,
            attempt=waiting.attempt,
            error=waiting.last_failure.application_failure_info.type,
        )
        for waiting in told.raw_description.pending_activities
        if waiting.attempt >= ATTEMPTS
    ]


register("runs", look, words="runs that do not start, steps that are tried again and again", seconds=30.0)
