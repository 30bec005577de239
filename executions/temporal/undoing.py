"""Undoing a completed step, and asking people when that, or a step, has failed."""

from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from temporalio.exceptions import ApplicationError

from executions.activities.registry import Implementation, StepContext, StepFailed
from executions.effects import Effects, LeaseHeld, UncertainEffect
from executions.models import StepRun, StepStatus
from executions.tasks import ask_about_failed_compensation, ask_about_failed_step
from executions.temporal import recording
from executions.temporal.contracts import EscalateCall, StepAnswer, StepCall
from executions.temporal.large import restore
from mudda import events
from mudda.errors import MuddaError
from workflows.plan.checks.inputs import schema_problems


def undo_step(call: StepCall, implementation: Implementation) -> StepAnswer:
    """Do what compensates a step, by the step's own effects under names of their own.

    Raises:
        ApplicationError: as ``recording.run_step``.
    """
    return recording.with_database(lambda: _undo_step(call, implementation))


def _undo_step(call: StepCall, implementation: Implementation) -> StepAnswer:
    step = begin_undoing(call)
    if step.status == StepStatus.COMPENSATED:
        return StepAnswer()
    inputs = restore(call.execution_id, call.inputs)
    effects = Effects(step, lease_seconds=call.timeout_seconds, prefix="undo-")
    try:
        ensure_inputs(step, inputs)
        implementation(StepContext(step.execution, step, inputs, effects))
    except UncertainEffect as error:
        unknown = StepFailed("uncertain_effect", str(error), permanent=True)
        raise record_undoing_failed(call, step, unknown) from None
    except (OperationalError, InterfaceError, LeaseHeld):
        raise
    except MuddaError as error:
        raise record_undoing_failed(call, step, error) from None
    except Exception as error:
        recording.logger.exception("undoing %s of execution %s: a defect", call.step_id, call.execution_id)
        raise record_undoing_failed(call, step, recording.defect(error)) from None
    record_undone(step)
    return StepAnswer()


@transaction.atomic
def begin_undoing(call: StepCall) -> StepRun:
    """Write that a completed step is being undone."""
    execution = recording.locked_execution(call.execution_id)
    recording.apply_carried(execution, call.carried)
    step = StepRun.objects.get(execution=execution, step_id=call.step_id)
    step.execution = execution
    if step.status != StepStatus.COMPENSATED:
        events.append(execution, "step.undoing", {"step_id": step.step_id, "activity": call.activity_id})
    return step


def ensure_inputs(step: StepRun, inputs: dict[str, Any]) -> None:
    compensation = recording.compiled_step(step)["compensate"] or {}
    for pointer, _, message in schema_problems(
        inputs, compensation.get("input_schema") or {}, "/compensate/inputs"
    ):
        raise StepFailed("bad_input", f"{pointer}: {message}"[: recording.LONGEST_ERROR], permanent=True)


@transaction.atomic
def record_undone(step: StepRun) -> None:
    recording.locked_execution(str(step.execution_id))
    step.status = StepStatus.COMPENSATED
    step.save(update_fields=["status"])
    events.append(step.execution, "step.compensated", {"step_id": step.step_id})


@transaction.atomic
def record_undoing_failed(call: StepCall, step: StepRun, error: MuddaError) -> ApplicationError:
    """Count a failure of undoing; when it was the last, the supervisors are asked to do it by hand."""
    recording.locked_execution(str(step.execution_id))
    step.undo_failures += 1
    step.save(update_fields=["undo_failures"])
    final = recording.is_permanent(error) or step.undo_failures >= call.max_attempts
    if final:
        events.append(step.execution, "step.undoing_failed", {"step_id": step.step_id, "code": error.code})
        ask_about_failed_compensation(step, error.detail)
    return ApplicationError(error.detail[: recording.LONGEST_ERROR], type=error.code, non_retryable=final)


def escalate(call: EscalateCall) -> StepAnswer:
    """Ask a group what to do about a step that has finally failed."""
    return recording.with_database(lambda: _escalate(call))


@transaction.atomic
def _escalate(call: EscalateCall) -> StepAnswer:
    execution = recording.locked_execution(call.execution_id)
    recording.mark_running(execution)
    recording.apply_carried(execution, call.carried)
    step = StepRun.objects.get(execution=execution, step_id=call.step_id)
    step.execution = execution
    step.status, step.error, step.ended_at = StepStatus.WAITING, call.failure, None
    step.save(update_fields=["status", "error", "ended_at"])
    output_schema = recording.compiled_step(step)["output_schema"]
    task = ask_about_failed_step(step, call.group, call.failure, output_schema)
    return StepAnswer(task_id=str(task.pk))
