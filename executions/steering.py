"""Steering a run: pause, resume, cancel. Written here first; the run hears of it through the outbox."""

from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from executions.models import ExecutionStatus, HumanTask, Steering, TaskStatus, WorkflowExecution
from executions.tasks import ESCALATION
from executions.temporal.contracts import CANCEL, PAUSE, RESUME, STEER, Steer
from mudda import events, outbox, temporal
from mudda.errors import Conflict, Forbidden, NotFound, Unavailable
from mudda.etags import Expected, ensure_current
from mudda.models import OutboxMessage

STEERING = "executions.change_workflowexecution"

HURRY = "hurry"
"""The kind of message that lets a run begin at once what it has put off."""


class ExecutionOver(Conflict):
    code = "execution_over"
    title = "The run has ended."


class AlreadyPaused(Conflict):
    code = "already_paused"
    title = "The run is paused already."


class NotPaused(Conflict):
    code = "not_paused"
    title = "The run is not paused."


class AlreadyCancelling(Conflict):
    code = "already_cancelling"
    title = "The run is being cancelled already."


class NothingFailed(Conflict):
    code = "nothing_failed"
    title = "The step has not failed, or its failure was not escalated, or it was decided already."


class NotStartedYet(Unavailable):
    """Temporal hasn't got the run yet: nobody is there to hear, but somebody will be."""

    code = "execution_not_started"
    title = "The run has not been started in Temporal yet."


@transaction.atomic
def pause_execution(
    *, execution_id: UUID, reason: str, by: User, expected: Expected = None
) -> WorkflowExecution:
    """Let no new step start. Clocks and open tasks run on; steps in flight end.

    Args:
        expected: the number of the last event that was read (``If-Match``), or None.

    Raises:
        NotFound, ExecutionOver, PreconditionFailed, AlreadyPaused, AlreadyCancelling.
    """
    execution = _live(execution_id, by, expected)
    if execution.paused_at is not None:
        raise AlreadyPaused(extra={"paused_at": execution.paused_at.isoformat()})
    _ensure_not_cancelling(execution)
    execution.paused_at = timezone.now()
    return _steer(execution, PAUSE, reason, by)


@transaction.atomic
def resume_execution(
    *, execution_id: UUID, reason: str, by: User, expected: Expected = None
) -> WorkflowExecution:
    """Let a paused run go on.

    Args:
        expected: as for ``pause_execution``.

    Raises:
        NotFound, ExecutionOver, PreconditionFailed, NotPaused.
    """
    execution = _live(execution_id, by, expected)
    if execution.paused_at is None:
        raise NotPaused
    execution.paused_at = None
    return _steer(execution, RESUME, reason, by)


@transaction.atomic
def cancel_execution(
    *, execution_id: UUID, reason: str, by: User, expected: Expected = None
) -> WorkflowExecution:
    """End a run: nothing new starts, waiting tasks are withdrawn, what can be undone is undone.

    Args:
        expected: as for ``pause_execution``.

    Raises:
        NotFound, ExecutionOver, PreconditionFailed, AlreadyCancelling.
    """
    execution = _live(execution_id, by, expected)
    _ensure_not_cancelling(execution)
    execution.cancel_requested_at = timezone.now()
    return _steer(execution, CANCEL, reason, by)


def _live(execution_id: UUID, by: User, expected: Expected) -> WorkflowExecution:
    """The execution, locked until commit, if it goes on still and ``by`` may steer it."""
    if not by.has_perm(STEERING):
        raise Forbidden("Steering a run needs the permission to change runs; supervisors have it.")
    visible = WorkflowExecution.objects.visible_to(by).filter(pk=execution_id)
    locked = WorkflowExecution.objects.select_for_update(of=("self",))
    execution = locked.filter(pk__in=visible.values("pk")).first()
    if execution is None:
        raise NotFound("There is no such execution.")
    if execution.status not in {ExecutionStatus.PENDING, ExecutionStatus.RUNNING}:
        raise ExecutionOver(f"The run is {execution.status}.", extra={"execution_status": execution.status})
    ensure_current(expected, execution.event_seq)
    return execution


def _ensure_not_cancelling(execution: WorkflowExecution) -> None:
    if execution.cancel_requested_at is not None:
        raise AlreadyCancelling(extra={"since": _text(execution.cancel_requested_at)})


def _text(moment: datetime) -> str:
    return moment.isoformat()


def _steer(execution: WorkflowExecution, action: str, reason: str, by: User) -> WorkflowExecution:
    """Write what was told and why, and tell the run after commit."""
    execution.save(update_fields=["paused_at", "cancel_requested_at"])
    row = Steering.objects.create(execution=execution, action=action, reason=reason, by=by)
    names = {PAUSE: "execution.paused", RESUME: "execution.resumed", CANCEL: "execution.cancel_requested"}
    events.append(execution, names[action], {"steering": row.pk}, actor=by)
    # Written under the lock of the run's row: a later wish has a larger number.
    outbox.put(STEER, {"execution_id": str(execution.pk), "action": action, "number": row.pk})
    return execution


def open_escalation(*, execution_id: UUID, step_id: str, by: User) -> HumanTask:
    """The open question what to do about a failed step, to be decided with retry, skip, answer or stop.

    Raises:
        NotFound: there is no such execution, or ``by`` may not see it.
        NothingFailed: nobody is being asked about this step.
    """
    if not WorkflowExecution.objects.visible_to(by).filter(pk=execution_id).exists():
        raise NotFound("There is no such execution.")
    asked = HumanTask.objects.filter(execution=execution_id, step_id=step_id, kind=ESCALATION)
    task = asked.filter(status__in=[TaskStatus.OPEN, TaskStatus.ON_HOLD]).first()
    if task is None:
        raise NothingFailed(f"Nobody is being asked about a failure of {step_id[:63]!r}.")
    return task


def deliver_steering(message: OutboxMessage) -> None:
    """The outbox's handler: tell the run as a Temporal signal with the message's id, or cancel it.

    Raises:
        NotStartedYet, TemporalUnavailable: to be tried again.
        WorkflowGone: the run has ended.
    """
    payload: dict[str, Any] = message.payload
    execution = WorkflowExecution.objects.filter(pk=payload["execution_id"]).first()
    if execution is None:
        return  # its sandbox was wiped
    if execution.status == ExecutionStatus.PENDING and not execution.temporal_run_id:
        raise NotStartedYet
    if payload["action"] == CANCEL:
        temporal.cancel_workflow(execution.temporal_workflow_id)
        # The run awaits what it has begun: a letter that was put off must not keep it for a quarter of an hour.
        temporal.try_again_now(execution.temporal_workflow_id)
        return
    if payload["action"] != (RESUME if execution.paused_at is None else PAUSE):
        return  # it had to be tried again, and a person has told the opposite since: that may be there already
    steer = Steer(message_id=str(message.pk), action=payload["action"], number=payload.get("number", 0))
    temporal.signal_workflow(execution.temporal_workflow_id, STEER, steer)


def deliver_hurry(message: OutboxMessage) -> None:
    """The outbox's handler: let a run that stops by itself go on at once with what was put off.

    Raises:
        TemporalUnavailable: to be tried again.
    """
    execution = WorkflowExecution.objects.filter(pk=message.payload["execution_id"]).only("pk").first()
    if execution is not None:  # or its sandbox was wiped
        with suppress(temporal.WorkflowGone):  # nothing is put off in it any more
            temporal.try_again_now(execution.temporal_workflow_id)
