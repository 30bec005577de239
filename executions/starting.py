"""Starting a launched run in Temporal: now, or by the dispatcher when Temporal is back."""

import logging
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from executions.models import ExecutionQuerySet, ExecutionStatus, StepRun, StepStatus, WorkflowExecution
from executions.temporal.contracts import PLAN_WORKFLOW, RunInput, RunState
from executions.temporal.handles import LARGEST_RUN, sent_size
from mudda import events, prepared, search_attributes, temporal
from mudda.errors import MuddaError, Unprocessable
from mudda.monitoring import tracing
from mudda.monitoring.about import about
from workflows.plan.references import Reference, find

logger = logging.getLogger(__name__)

NOTE_RUN = """
    UPDATE workflow_executions SET temporal_run_id = %(run)s::text
    WHERE id = %(execution)s::uuid AND temporal_run_id = ''
"""
LARGEST_START = LARGEST_RUN - 400_000
"""Bytes of JSON that a run may start with: what it has come to know has to fit too when it continues as new."""

IN_THE_ROW = ("input_schema", "output_schema")
"""What of a compiled step only its activities need, which read it from the run's row: most of a plan's size."""

START_GRACE = timedelta(seconds=10)
"""How long the dispatcher leaves a pending execution to the request that launched it."""

SHORTEST_RETENTION = timedelta(hours=1)
"""The least that a namespace remembers what is over: what is younger than this needs no question."""

WIPED = "The sandbox was wiped."
"""Why a run is terminated."""


class DataTooLarge(Unprocessable):
    code = "data_too_large"
    title = "execution_data, with the plan, is more than a run can carry."


def run_input(execution: WorkflowExecution) -> RunInput:
    """What the Temporal workflow of an execution starts with: the compiled plan without what stays in the row, and of
    the issue and the data only what the plan reads."""
    steps = [_as_carried(step) for step in execution.compiled["steps"]]
    read = {reference.path[:2] for _, _, reference in find(steps) if isinstance(reference, Reference)}
    return RunInput(
        execution_id=str(execution.pk),
        compiled={**execution.compiled, "steps": steps},
        issue={name: value for name, value in execution.issue_facts.items() if ("issue", name) in read},
        data={name: value for name, value in execution.execution_data.items() if ("data", name) in read},
        state=RunState(
            paused=execution.paused_at is not None, cancelling=execution.cancel_requested_at is not None
        ),
    )


def _as_carried(step: dict[str, Any]) -> dict[str, Any]:
    carried = {name: value for name, value in step.items() if name not in IN_THE_ROW}
    if carried.get("compensate"):
        carried["compensate"] = _as_carried(carried["compensate"])
    return carried


def ensure_fits(given: RunInput) -> None:
    """Raises:
    DataTooLarge: Temporal would refuse to start it, now and later.
    """
    size = sent_size({**vars(given), "state": asdict(given.state)})
    if size > LARGEST_START:
        raise DataTooLarge(
            f"{size:,} bytes of {LARGEST_START:,}: every character outside ASCII counts as six or twelve.",
            errors=[{"pointer": "/execution_data", "code": "data_too_large", "message": "Too large."}],
        )


def found_by(execution: WorkflowExecution) -> dict[str, str]:
    """What the run can be found by in Temporal: codes and a digest, nothing about people. Empty where it is off."""
    if not settings.TEMPORAL_SEARCH_ATTRIBUTES:
        return {}
    issue = execution.plan.issue
    return {
        search_attributes.PLAN_DIGEST: execution.compiled["digest"],
        search_attributes.CATEGORY: issue.category.code if issue.category else "",
        search_attributes.DEPARTMENT: issue.department.code if issue.department else "",
    }


def trace_key(execution: WorkflowExecution) -> str:
    """What the trace of its launch is remembered by."""
    return f"execution:{execution.pk}"


def start_or_leave(execution: WorkflowExecution, given: RunInput) -> None:
    """Start a launched execution now with its ``run_input``; if Temporal is away, leave it to the dispatcher. To be
    called after commit."""
    ids = {
        "workflow_id": str(execution.plan_id),
        "execution_id": str(execution.pk),
        "user_id": execution.started_by_id,
    }
    logger.info("Workflow triggered", extra=ids)
    try:
        start_execution(execution, given)
    except temporal.TemporalRefused as error:
        fail_unstarted(execution, error)
    except temporal.TemporalUnavailable:
        logger.warning("execution %s stays pending: Temporal is away", execution.pk)


def start_execution(execution: WorkflowExecution, given: RunInput) -> None:
    """Start the Temporal workflow of a launched execution with its ``run_input``; starting it twice is harmless.

    Raises:
        TemporalUnavailable: it was not acknowledged in time.
        TemporalRefused: it can never be started.
    """
    run_id = temporal.start_workflow(
        PLAN_WORKFLOW, given, workflow_id=execution.temporal_workflow_id, found_by=found_by(execution)
    )
    prepared.execute(NOTE_RUN, {"run": run_id, "execution": execution.pk})
    if not WorkflowExecution.objects.filter(pk=execution.pk).exists():
        temporal.terminate_workflow(
            execution.temporal_workflow_id, reason=WIPED
        )  # while it was being started


@transaction.atomic
def fail_unstarted(execution: WorkflowExecution, error: MuddaError) -> None:
    """Write that an execution can never be started, so that its plan may be launched again otherwise."""
    logger.error("execution %s cannot be started: %s", execution.pk, error.detail)
    failure = {"code": error.code, "message": error.detail, "step_id": None}
    changed = WorkflowExecution.objects.filter(pk=execution.pk, status=ExecutionStatus.PENDING).update(
        status=ExecutionStatus.FAILED, completed_at=timezone.now(), failure=failure
    )
    if changed:
        StepRun.objects.filter(execution=execution).update(
            status=StepStatus.CANCELLED, reason="The run could not be started.", ended_at=timezone.now()
        )
        events.append(execution, "execution.failed", {"code": error.code})


def unstarted() -> ExecutionQuerySet:
    """What was launched and never acknowledged by Temporal."""
    return WorkflowExecution.objects.filter(status=ExecutionStatus.PENDING, temporal_run_id="")


def unagreed(before: datetime) -> Q:
    """What was launched before a moment and still waits for a person's word that it may begin."""
    return Q(created_at__lt=before, start_agreed_at=None)


def forgotten_since() -> datetime:
    """What was launched before this may have run to its end and be forgotten by Temporal: that it would refuse to start
    it a second time can't be relied on.

    Raises:
        TemporalUnavailable: it has to be asked how long it remembers.
    """
    return timezone.now() - temporal.retention()


def start_pending() -> int:
    """Start what was launched and never acknowledged by Temporal. Returns how many were started.

    What is older than Temporal's memory waits for a person's word (``manage.py reconcile --start``).
    """
    waiting = unstarted().filter(created_at__lt=timezone.now() - START_GRACE)
    try:
        if waiting.filter(unagreed(timezone.now() - SHORTEST_RETENTION)).exists():
            waiting = waiting.exclude(unagreed(forgotten_since()))
    except temporal.TemporalUnavailable:
        return 0
    started = 0
    for execution in waiting.order_by("created_at")[:100]:
        try:
            with about(execution=execution.pk), tracing.resumed(trace_key(execution), "start a pending run"):
                start_execution(execution, run_input(execution))
        except temporal.TemporalRefused as error:
            fail_unstarted(execution, error)
            continue
        except temporal.TemporalUnavailable:
            break  # none of the others would fare better
        started += 1
    return started
