"""The read side of what the workflow itself decides: progress without a step, and the end of a run."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from executions.models import ExecutionStatus, StepRun, StepStatus, WorkflowExecution
from executions.services import RESULTS
from executions.temporal.contracts import FinishCall, ProgressCall
from executions.temporal.recording import apply_carried, locked_execution, mark_running
from mudda import events

OVER = (ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED)


@transaction.atomic
def note_progress(call: ProgressCall) -> None:
    """Write what the workflow decided since the last activity."""
    execution = locked_execution(call.execution_id)
    mark_running(execution)
    apply_carried(execution, call.carried)


@transaction.atomic
def finish_execution(call: FinishCall) -> None:
    """Write how a run ended, with the outputs of its steps under ``results``; once."""
    execution = locked_execution(call.execution_id)
    if execution.status in OVER:
        return
    mark_running(execution)
    apply_carried(execution, call.carried)
    execution.status, execution.completed_at = call.outcome, timezone.now()
    execution.execution_data = {**execution.execution_data, RESULTS: results_of(execution)}
    if call.failure is not None:
        execution.failure = {**call.failure, "step_id": call.step_id}
    execution.save(update_fields=["status", "completed_at", "execution_data", "failure"])
    data = {"code": call.failure["code"], "step_id": call.step_id} if call.failure else {}
    events.append(execution, f"execution.{call.outcome}", data)


def results_of(execution: WorkflowExecution) -> dict[str, Any]:
    """Step id to output, of the steps that completed, in the plan's order."""
    done = StepRun.objects.filter(execution=execution, status=StepStatus.COMPLETED).order_by("position")
    return dict(done.values_list("step_id", "output"))
