"""Noticing what happened to a run outside of it: terminated, or timed out, by Temporal's UI or command line."""

import logging

from executions.models import ExecutionStatus, StepRun, WorkflowExecution
from executions.temporal.contracts import PLAN_WORKFLOW, Carried, FinishCall
from executions.temporal.finishing import finish_execution
from executions.temporal.recording import ENDED
from mudda import temporal

logger = logging.getLogger(__name__)

OUTSIDE = {"TERMINATED": "terminated", "TIMED_OUT": "timed_out"}
"""Temporal's status to our code of the failure."""

PREFIX = "mudda-workflow-"


def reconcile_ended() -> int:
    """Fail the runs whose Temporal workflow was ended from outside. Returns how many were found.

    Only Temporal's list of closed workflows is asked, never a workflow itself: that costs no action. The list is
    short, because a run that ends by itself is neither terminated nor timed out.
    """
    quoted = ", ".join(f"'{status.title().replace('_', '')}'" for status in OUTSIDE)
    query = f"WorkflowType = '{PLAN_WORKFLOW}' AND ExecutionStatus IN ({quoted})"
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
    logger.warning("execution %s was %s from outside", execution.pk, code)
    reason = f"The run was {code.replace('_', ' ')} from outside."
    left = StepRun.objects.filter(execution=execution).exclude(status__in=ENDED)
    finish_execution(
        FinishCall(
            execution_id=str(execution.pk),
            outcome=ExecutionStatus.FAILED.value,
            failure={"code": code, "message": f"{reason} Nothing was undone."},
            carried=[Carried(step.step_id, "cancelled", reason=reason) for step in left],
        )
    )
