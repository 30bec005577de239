"""Noticing what happened to a run outside of it: terminated, or timed out, by Temporal's UI or command line."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models.functions import Coalesce
from django.utils import timezone

from executions.models import ExecutionStatus, LastLook, StepRun, WorkflowExecution
from executions.temporal.contracts import PLAN_WORKFLOW, Carried, FinishCall
from executions.temporal.finishing import finish_execution
from executions.temporal.recording import ENDED
from mudda import temporal

logger = logging.getLogger(__name__)

OUTSIDE = {
    "TERMINATED": "terminated",
    "TIMED_OUT": "timed_out",
    "FAILED": "ended_unrecorded",
    "CANCELED": "ended_unrecorded",
}
"""Temporal's status to our code of the failure. A run that ends by itself has written so before it closes; one that
has not, and is closed, met a defect."""

OVERLAP = timedelta(hours=1)
"""How far before the last look the next one begins: clocks differ, and Temporal lists what closed a while later."""

SILENCE = timedelta(days=1)
"""How often each run is looked for that Temporal has not listed as closed: it forgets what closed long ago."""

LOOKED_FOR = 20
"""The most runs that one sweep looks for."""

WORDS = {
    "terminated": "The run was terminated from outside.",
    "timed_out": "The run was timed out from outside.",
    "ended_unrecorded": "The run ended in Temporal without saying so here.",
    "lost": "Temporal does not know the run any more.",
}

CLOSED = {**OUTSIDE, "COMPLETED": "ended_unrecorded"}

PREFIX = "mudda-workflow-"
LOOK = "runs ended in Temporal"
LIVE = (ExecutionStatus.PENDING, ExecutionStatus.RUNNING)


def reconcile_ended() -> int:
    """Fail the runs whose Temporal workflow was ended from outside. Returns how many were found.

    Temporal is asked to list and to describe, never a workflow itself: that costs no action.
    """
    try:
        return _closed_since_last_look() + _not_heard_of()
    except temporal.TemporalUnavailable:
        return 0  # it will be asked again


def _closed_since_last_look() -> int:
    """What Temporal lists as closed since it was last asked, however long ago that was."""
    now = timezone.now()
    last = LastLook.objects.filter(name=LOOK).values_list("at", flat=True).first()
    named = (execution_id_of(workflow_id) for workflow_id, _ in temporal.list_workflows(_query(last)))
    closed = {execution_id for execution_id in named if execution_id is not None}
    found = WorkflowExecution.objects.filter(pk__in=closed, status__in=LIVE).only("pk")
    ended = sum(_end_if_over(execution) for execution in found)
    LastLook.objects.update_or_create(name=LOOK, defaults={"at": now})
    return ended


def _query(last: datetime | None) -> str:
    quoted = ", ".join(f"'{status.title().replace('_', '')}'" for status in OUTSIDE)
    query = f"WorkflowType = '{PLAN_WORKFLOW}' AND ExecutionStatus IN ({quoted})"
    if last is None:
        return query
    return f"{query} AND CloseTime > '{(last - OVERLAP).isoformat(timespec='seconds')}'"


def execution_id_of(workflow_id: str) -> UUID | None:
    """None for a Temporal workflow that isn't ours."""
    try:
        return UUID(workflow_id.removeprefix(PREFIX)) if workflow_id.startswith(PREFIX) else None
    except ValueError:
        return None


def _not_heard_of() -> int:
    """Look for those runs that were started, or looked for, longest ago: each once in ``SILENCE``."""
    heard = Coalesce("looked_for_at", "created_at")
    started = WorkflowExecution.objects.filter(status__in=LIVE).exclude(temporal_run_id="").only("pk")
    silent = started.alias(heard=heard).filter(heard__lt=timezone.now() - SILENCE).order_by("heard")
    return sum(_end_if_over(execution) for execution in silent[:LOOKED_FOR])


def _end_if_over(execution: WorkflowExecution) -> bool:
    """Fail a run if the latest Temporal workflow of its id is over: a reset closes one and goes on as another."""
    status = temporal.status_of(execution.temporal_workflow_id)
    if status is not None and status not in CLOSED:
        WorkflowExecution.objects.filter(pk=execution.pk).update(looked_for_at=timezone.now())
        return False
    end_from_outside(execution, "lost" if status is None else CLOSED[status])
    return True


def end_from_outside(execution: WorkflowExecution, code: str) -> None:
    """Write that a run is over, what it left undone, and why."""
    logger.warning("execution %s is over in Temporal: %s", execution.pk, code)
    reason = WORDS[code]
    left = StepRun.objects.filter(execution=execution).exclude(status__in=ENDED)
    finish_execution(
        FinishCall(
            execution_id=str(execution.pk),
            outcome=ExecutionStatus.FAILED.value,
            failure={"code": code, "message": f"{reason} Nothing was undone."},
            carried=[Carried(step.step_id, "cancelled", reason=reason) for step in left],
        )
    )
