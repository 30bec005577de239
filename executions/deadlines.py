"""What happens to a task that nobody has done in time: rows that the dispatcher sweeps, no timers in Temporal.

When a task is due, what the plan says in ``overdue`` happens one thing after the other, as long as it is open:

1. a reminder, if the plan asks for reminders or for nothing else;
2. it goes to the group of ``escalate_to``;
3. ``then``: the step fails, or gets the answer that the plan has for this case. With ``wait``, further reminders.

From one to the next goes by the working time of ``remind``, else as long as the task had in the first place. The
row's lock decides between a deadline and a person who answers just then.
"""

import logging
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from executions.calendars import calendar_of
from executions.deciding import keep_output, tell_run
from executions.models import HumanTask, TaskStatus, WorkflowExecution
from executions.reminders import put_letters
from executions.tasks import APPROVAL
from executions.worktime import NoWorkingTime, due_at
from mudda import events
from workflows.plan.durations import BadDuration
from workflows.plan.schema import GROUPS, Overdue

logger = logging.getLogger(__name__)

AT_ONCE = 100
"""The most tasks of one sweep: the dispatcher has other things to do as well."""

MOST_REMINDERS = 30
"""Whom thirty letters didn't move, the next won't. The task stays open, and in the list of what is overdue."""

AFTER_A_DEFECT = timedelta(hours=1)
"""When a task is looked at again with which something was wrong; the others must not wait for it."""

OVERDUE = "overdue"
"""The code of the failure of a step that nobody did in time."""


class Move(Enum):
    REMIND = "remind"
    ESCALATE = "escalate"
    EXPIRE = "expire"


def sweep_deadlines() -> int:
    """Do what is due with the tasks that are late, each once, whoever else sweeps. Returns with how many."""
    late = HumanTask.objects.filter(status=TaskStatus.OPEN, next_look_at__lte=timezone.now())
    found = late.order_by("next_look_at").values_list("pk", "execution_id")[:AT_ONCE]
    return sum(_look_at_safely(task, execution) for task, execution in found)


def next_move(task: HumanTask) -> Move:
    """What happens next with a task whose time is up."""
    overdue = Overdue.from_json(task.overdue)
    hands_over = bool(overdue.escalate_to) and task.escalated_at is None
    ends = overdue.then != "wait"
    if task.reminders == 0 and task.escalated_at is None and (overdue.remind or not (hands_over or ends)):
        return Move.REMIND
    if hands_over:
        return Move.ESCALATE
    return Move.EXPIRE if ends else Move.REMIND


def _look_at_safely(task_id: UUID, execution_id: UUID) -> bool:
    try:
        return look_at(task_id, execution_id)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("task %s: a defect, looked at again later", task_id)
        HumanTask.objects.filter(pk=task_id).update(next_look_at=timezone.now() + AFTER_A_DEFECT)
        return False


@transaction.atomic
def look_at(task_id: UUID, execution_id: UUID) -> bool:
    """Do what is due with one task, unless somebody was first or is at it. Returns whether anything was done.

    The run's row is locked first, then the task's, as everybody does. Another worker's run is passed by; whoever
    holds only the task's row is waited for.
    """
    run = (
        WorkflowExecution.objects.select_for_update(skip_locked=True)
        .only("pk")
        .filter(pk=execution_id)
        .first()
    )
    if run is None:
        return False
    now = timezone.now()
    task = HumanTask.objects.select_for_update(of=("self",)).filter(pk=task_id).first()
    if task is None or task.status != TaskStatus.OPEN or task.next_look_at is None or task.next_look_at > now:
        return False
    task.execution = run
    {Move.REMIND: _remind, Move.ESCALATE: _escalate, Move.EXPIRE: _expire}[next_move(task)](task, now)
    return True


def _remind(task: HumanTask, now: datetime) -> None:
    task.reminders += 1
    letters = put_letters(task, "reminder")
    task.next_look_at = _next_look(task, now)
    task.save(update_fields=["reminders", "next_look_at"])
    _tell(task, "task.reminded", {"reminders": task.reminders, "letters": letters})


def _escalate(task: HumanTask, now: datetime) -> None:
    before, to = task.group, Overdue.from_json(task.overdue).escalate_to
    # Never to less say: not by a plan from before that was a problem of it, nor after a person has handed it up.
    task.group = stronger_group(before, to) if before in GROUPS else to
    task.assignee, task.assigned_at, task.escalated_at = None, None, now
    letters = put_letters(task, "escalated")
    task.next_look_at = _next_look(task, now)
    task.save(update_fields=["group", "assignee", "assigned_at", "escalated_at", "next_look_at"])
    _tell(task, "task.escalated", {"from": before, "to": task.group, "letters": letters})


def _expire(task: HumanTask, now: datetime) -> None:
    overdue = Overdue.from_json(task.overdue)
    # Silence is never approval, whatever a document says.
    answers = overdue.then == "answer" and task.kind != APPROVAL
    task.status, task.decided_at, task.next_look_at = TaskStatus.EXPIRED, now, None
    task.answer = overdue.answer if answers else None
    task.save(update_fields=["status", "decided_at", "next_look_at", "answer"])
    then = "answer" if answers else "fail"
    _tell(task, "task.expired", {"then": then})
    if not task.awaited:
        return
    if answers:
        keep_output(task)
        tell_run(task, then=then)
    else:
        tell_run(task, then=then, code=OVERDUE, reason=f"Nobody did it in time: it was due {_when(task)}.")


def _next_look(task: HumanTask, now: datetime) -> datetime | None:
    """When the next thing happens; None when nothing more will."""
    overdue = Overdue.from_json(task.overdue)
    if next_move(task) == Move.REMIND and (overdue.remind is None or task.reminders >= MOST_REMINDERS):
        return None
    try:
        return due_at(now, overdue.remind or task.due, calendar_of(task.department))
    except (BadDuration, NoWorkingTime) as error:
        logger.warning("task %s: nothing more will happen by itself (%s)", task.pk, error)
        return None


def stronger_group(one: str, other: str) -> str:
    """The one of two groups that has more say; any is more than nobody in particular."""
    return max(one, other, key=("", *GROUPS).index)


def _when(task: HumanTask) -> str:
    return timezone.localtime(task.due_at).isoformat(" ", "minutes") if task.due_at else "long ago"


def _tell(task: HumanTask, happened: str, data: dict[str, Any]) -> None:
    events.append(task.execution, happened, {"task": str(task.pk), "step_id": task.step_id, **data})
