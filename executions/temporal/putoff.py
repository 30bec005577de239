"""A step that was put off, its last attempt having failed, in a run that stops: what another attempt is still worth.

One that stops because another step has failed withdraws what was put off, unless something would be lost by it. One
that a person cancels, and what isn't withdrawn, is tried again soon: the run waits for nothing else.
"""

from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from executions.models import Effect, EffectStatus, HumanTask, StepRun, StepStatus, WorkflowExecution
from executions.tasks import ESCALATION, answered_task, withdraw_tasks
from mudda import events

TIMED_OUT = "timed_out"
"""The code of an attempt that has run out of its time while its worker was alive: its thread can't be ended from
outside, and may go on."""

WHILE_STOPPING = timedelta(seconds=5)
"""Between two attempts of a step whose run stops."""

WHY = "Withdrawn because the run stopped."


def wait_while_stopping(step: StepRun) -> timedelta | None:
    """The wait for the next attempt, where it isn't the step's own."""
    cancelled = WorkflowExecution.objects.filter(pk=step.execution_id, cancel_requested_at__isnull=False)
    return WHILE_STOPPING if cancelled.exists() or has_failed(step.execution_id) else None


def withdraw_put_off(step: StepRun) -> bool:
    """Write that the step is withdrawn, under the lock of its run; returns False where its run goes on, or something
    would be lost."""
    if not has_failed(step.execution_id) or loses_something(step):
        return False
    step.status, step.reason, step.ended_at = StepStatus.CANCELLED, WHY, timezone.now()
    step.save(update_fields=["status", "reason", "ended_at"])
    events.append(step.execution, "step.cancelled", {"step_id": step.step_id})
    withdraw_tasks(step.execution, WHY, step_id=step.step_id)
    return True


def has_failed(execution_id: UUID) -> bool:
    """Whether a step of the run has failed, and stops it with that. The run itself may hear of it a moment later."""
    failed = StepRun.objects.with_compiled().filter(execution=execution_id, status=StepStatus.FAILED)
    if any(step.compiled["on_failure"] == "fail" for step in failed):
        return True
    asked = HumanTask.objects.filter(execution=execution_id, kind=ESCALATION)
    return asked.filter(outcome="stop").exists()


def loses_something(step: StepRun) -> bool:
    """Whether withdrawing the step would lose something: it is undone by the plan, and may have been done in part; it
    has done something outside, or may have; its attempt hangs, and may do it yet; or a person has answered."""
    effects = Effect.objects.filter(execution=step.execution_id, step_id=step.step_id)
    # Only of effects that are tried once does "failed" say that nothing happened; the others are asked or done again.
    harmless = Q(status=EffectStatus.FAILED, effect_class="at_most_once")
    return (
        step.compiled["compensate"] is not None
        or (step.error or {}).get("code") == TIMED_OUT
        or effects.exclude(harmless).exists()
        or answered_task(step) is not None
    )
