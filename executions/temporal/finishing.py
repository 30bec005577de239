"""The read side of what the workflow itself decides: progress without a step, and the end of a run."""

import json
from typing import Any

from django.db import transaction
from django.utils import timezone

from executions.models import OVER, StepRun, WorkflowExecution
from executions.steering import HURRY
from executions.tasks import STILL_OPEN, ask_about_failed_compensation, withdraw_tasks
from executions.temporal.contracts import Carried, FinishCall, ProgressCall
from executions.temporal.recording import (
    ENDED,
    RUN_OVER,
    apply_carried,
    live_execution,
    locked_execution,
    mark_running,
)
from mudda import events, outbox, prepared
from workflows.launching import RESULTS

IS_LEFT = """
    SELECT EXISTS (SELECT FROM step_runs WHERE execution_id = %(run)s::uuid AND status <> ALL(%(ended)s::text[]))
        OR EXISTS (SELECT FROM human_tasks WHERE execution_id = %(run)s::uuid AND status = ANY(%(open)s::text[]))
"""
# The outputs are put together where they are: step id to output, of the steps that completed.
FINISH = """
    UPDATE workflow_executions
    SET status = %(outcome)s::text, completed_at = %(now)s::timestamptz, failure = %(failure)s::jsonb,
        execution_data = execution_data || jsonb_build_object(%(key)s::text, (
            SELECT coalesce(jsonb_object_agg(step_id, output), '{}') FROM step_runs
            WHERE execution_id = %(run)s::uuid AND status = 'completed'
        ))
    WHERE id = %(run)s::uuid
"""


@transaction.atomic
def note_progress(call: ProgressCall) -> None:
    """Write what the workflow decided since the last activity."""
    execution = live_execution(call.execution_id)
    mark_running(execution)
    apply_carried(execution, call.carried)
    if call.hurry:
        outbox.put(HURRY, {"execution_id": call.execution_id})


@transaction.atomic
@events.together()
def finish_execution(call: FinishCall) -> None:
    """Write how a run ended, with the outputs of its steps under ``results``; once."""
    execution = locked_execution(call.execution_id)
    if execution.status in OVER:
        return
    mark_running(execution)
    apply_carried(execution, call.carried)
    left = {"run": execution.pk, "ended": list(ENDED), "open": list(STILL_OPEN)}
    if prepared.fetch(IS_LEFT, left)[0][0]:
        close_steps(execution)
        withdraw_tasks(execution, RUN_OVER, awaited=True)  # undoing by hand is not over with the run
    _ask_for_undoing(execution, call.compensation_failed)
    prepared.execute(FINISH, _ending(call))
    execution.status = call.outcome
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


def _ending(call: FinishCall) -> dict[str, Any]:
    failed = call.failure is not None or call.compensation_failed
    return {
        "run": call.execution_id,
        "outcome": call.outcome,
        "now": timezone.now(),
        "failure": json.dumps(_failure(call)) if failed else None,
        "key": RESULTS,
    }


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
