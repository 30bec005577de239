"""Noticing what happened to a run outside of it: terminated, or timed out, by Temporal's UI or command line."""

import logging
from datetime import timedelta

from django.utils import timezone

from executions.models import ExecutionStatus, StepRun, WorkflowExecution
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

LOOK_BACK = timedelta(days=1)
"""How long ago a Temporal workflow may have closed to be looked at: longer than no dispatcher should be away."""

WORDS = {
    "terminated": "The run was terminated from outside.",
    "timed_out": "The run was timed out from outside.",
    "ended_unrecorded": "The run ended in Temporal without saying so here.",
}

PREFIX = "mudda-workflow-"


def reconcile_ended() -> int:
    """Fail the runs whose Temporal workflow was ended from outside. Returns how many were found.

    Only Temporal's list of closed workflows is asked, never a workflow itself: that costs no action.
    """
    quoted = ", ".join(f"'{status.title().replace('_', '')}'" for status in OUTSIDE)
    since = (timezone.now() - LOOK_BACK).isoformat(timespec="seconds")
    query = f"WorkflowType = '{PLAN_WORKFLOW}' AND ExecutionStatus IN ({quoted}) AND CloseTime > '{since}'"
    try:
        closed = temporal.list_workflows(query)
    except temporal.TemporalUnavailable:
        return 0  # it will be asked again
    codes = {
        workflow_id.removeprefix(PREFIX): OUTSIDE[status]
        for workflow_id, status in closed
        if workflow_id.startswith(PREFIX)
    }
    live = WorkflowExecution.objects.filter(
        pk__in=codes, status__in=[ExecutionStatus.PENDING, ExecutionStatus.RUNNING]
    )
    for execution in live:
        end_from_outside(execution, codes[str(execution.pk)])
    return len(live)


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
