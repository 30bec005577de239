"""Undoing a completed step, and asking people when that, or a step, has failed."""

import time
from functools import partial
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from temporalio.exceptions import ApplicationError

from executions.activities.registry import Implementation, StepContext, StepFailed, effect_of
from executions.effects import Effects, LeaseHeld, UncertainEffect
from executions.models import HumanTask, StepRun, StepStatus
from executions.tasks import (
    ask_about_failed_compensation,
    ask_about_failed_step,
    asked_about_failure,
    withdraw_tasks,
)
from executions.temporal import recording
from executions.temporal.contracts import EscalateCall, StepAnswer, StepCall
from executions.temporal.large import restore
from executions.temporal.putoff import TIMED_OUT
from executions.temporal.watching import watchdog
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
    ends_at = time.monotonic() + call.timeout_seconds
    step = begin_undoing(call)
    if step.status == StepStatus.COMPENSATED:
        return StepAnswer()
    ensure_may_undo(call, step)
    declared = effect_of(call.activity_id)
    effects = Effects(step, lease_seconds=call.timeout_seconds, prefix="undo-", declared=declared)
    watched = watchdog.watching(
        ends_at - time.monotonic(),
        partial(record_undoing_overrun, call, step.pk, step.undo_failures),
        heartbeat_seconds=compensation_of(step).get("heartbeat_seconds"),
    )
    try:
        inputs = restore(call.execution_id, call.inputs)
        ensure_inputs(step, inputs)
        with watched as attempt:
            implementation(StepContext(step.execution, step, inputs, effects, attempt.beat))
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
    execution = recording.live_execution(call.execution_id)
    recording.apply_carried(execution, call.carried)
    step = StepRun.objects.get(execution=execution, step_id=call.step_id)
    step.execution = execution
    if step.status != StepStatus.COMPENSATED and step.undo_failures < call.max_attempts:
        events.append(execution, "step.undoing", {"step_id": step.step_id, "activity": call.activity_id})
    return step


def ensure_may_undo(call: StepCall, step: StepRun) -> None:
    """Raises:
    ApplicationError: the attempts before were all that it had, and the run was not told, or doesn't know yet.
    """
    if step.undo_failures >= call.max_attempts:
        raise ApplicationError("It could not be undone.", type="compensation_failed", non_retryable=True)


def compensation_of(step: StepRun) -> dict[str, Any]:
    """How the step is undone, as the plan and the catalogue had it at launch."""
    return step.compiled["compensate"] or {}


def ensure_inputs(step: StepRun, inputs: dict[str, Any]) -> None:
    schema = compensation_of(step).get("input_schema") or {}
    for pointer, _, message in schema_problems(inputs, schema, "/compensate/inputs"):
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
    now = StepRun.objects.values_list("undo_failures", flat=True).get(pk=step.pk)
    if now != step.undo_failures:  # it has run out of time before, which was counted
        return ApplicationError(error.detail[: recording.LONGEST_ERROR], type=error.code)
    final = _count(call, step, error.code, error.detail, permanent=recording.is_permanent(error))
    return ApplicationError(error.detail[: recording.LONGEST_ERROR], type=error.code, non_retryable=final)


@transaction.atomic
def record_undoing_overrun(call: StepCall, step_pk: int, failures: int) -> None:
    """Count that undoing has run out of time, while it hangs; as ``recording.record_overrun``."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
    execution = recording.locked_execution(call.execution_id)
    step = StepRun.objects.get(pk=step_pk)
    step.execution = execution
    if step.status != StepStatus.COMPENSATED and step.undo_failures == failures:
        _count(call, step, TIMED_OUT, recording.overrun_message(call), permanent=False)


def _count(call: StepCall, step: StepRun, code: str, message: str, *, permanent: bool) -> bool:
    """Count a failure of undoing; returns whether it was the last."""
    step.undo_failures = call.max_attempts if permanent else step.undo_failures + 1
    step.save(update_fields=["undo_failures"])
    final = step.undo_failures >= call.max_attempts
    if final:
        events.append(step.execution, "step.undoing_failed", {"step_id": step.step_id, "code": code})
        ask_about_failed_compensation(step, message)
    return final


def escalate(call: EscalateCall) -> StepAnswer:
    """Ask a group what to do about a step that has finally failed."""
    return recording.with_database(lambda: _escalate(call))


@transaction.atomic
def _escalate(call: EscalateCall) -> StepAnswer:
    execution = recording.live_execution(call.execution_id)
    step = StepRun.objects.get(execution=execution, step_id=call.step_id)
    step.execution = execution
    task = asked_about_failure(step, call.asking) or _ask_about_failure(call, step)
    return StepAnswer(task_id=str(task.pk))


def _ask_about_failure(call: EscalateCall, step: StepRun) -> HumanTask:
    recording.mark_running(step.execution)
    recording.apply_carried(step.execution, call.carried)
    withdraw_tasks(step.execution, recording.STEP_FAILED, step_id=step.step_id)
    if not StepRun.objects.filter(pk=step.pk, status=StepStatus.FAILED).exists():
        events.append(step.execution, "step.failed", {"step_id": step.step_id, "code": call.failure["code"]})
    step.status, step.error, step.ended_at = StepStatus.WAITING, call.failure, None
    step.save(update_fields=["status", "error", "ended_at"])
    output_schema = step.compiled["output_schema"]
    return ask_about_failed_step(step, call.group, call.failure, output_schema, call.asking)
