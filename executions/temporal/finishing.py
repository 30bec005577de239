"""The read side of what the workflow itself decides: progress without a step, and the end of a run."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from executions.models import OVER, StepRun, StepStatus, WorkflowExecution
from executions.tasks import ask_about_failed_compensation, withdraw_tasks
from executions.temporal.contracts import Carried, FinishCall, ProgressCall
from executions.temporal.recording import (
    ENDED,
    RUN_OVER,
    apply_carried,
    live_execution,
    locked_execution,
    mark_running,
)
from mudda import events
from workflows.launching import RESULTS


@transaction.atomic
def note_progress(call: ProgressCall) -> None:
    """Write what the workflow decided since the last activity."""
    execution = live_execution(call.execution_id)
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
    close_steps(execution)
    withdraw_tasks(execution, RUN_OVER, awaited=True)  # undoing by hand is not over with the run
    execution.status, execution.completed_at = call.outcome, timezone.now()
    execution.execution_data = {**execution.execution_data, RESULTS: results_of(execution)}
    if call.failure is not None or call.compensation_failed:
        execution.failure = _failure(call)
    _ask_for_undoing(execution, call.compensation_failed)
    execution.save(update_fields=["status", "completed_at", "execution_data", "failure"])
    data = {"code": call.failure["code"], "step_id": call.step_id} if call.failure else {}
    events.append(execution, f"execution.{call.outcome}", data)


def close_steps(execution: WorkflowExecution) -> None:
    """End what a question that was being asked while the run stopped has left waiting, and withdraw the question."""
    left = StepRun.objects.filter(execution=execution).exclude(status__in=ENDED)
    ends = [
        Carried(
            step.step_id, "failed" if step.error else "cancelled", step.output, step.error, "The run ended."
        )
        for step in left
    ]
    apply_carried(execution, ends)


def _failure(call: FinishCall) -> dict[str, Any]:
    """``code``, ``message``, ``step_id`` of what made it fail, and ``compensation_failed``: what was not undone."""
    why = call.failure or {"code": "compensation_failed", "message": "Not everything could be undone."}
    left = {"compensation_failed": call.compensation_failed} if call.compensation_failed else {}
    return {**why, "step_id": call.step_id, **left}


def _ask_for_undoing(execution: WorkflowExecution, step_ids: list[str]) -> None:
    """A compensation that could not even begin has told nobody yet."""
    for step in StepRun.objects.filter(execution=execution, step_id__in=step_ids):
        step.execution = execution
        ask_about_failed_compensation(step, "what it needs to be undone is missing.")


def results_of(execution: WorkflowExecution) -> dict[str, Any]:
    """Step id to output, of the steps that completed, in the plan's order."""
    done = StepRun.objects.filter(execution=execution, status=StepStatus.COMPLETED).order_by("position")
    return dict(done.values_list("step_id", "output"))
