"""Whose a task is, and when its clock stands still: claim, release, reassign, hold, resume.

Each is a conditional change of the task's row under its lock, and an event with who did it. Why somebody did it is
in the row, which can be erased, and not in the event.
"""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils import timezone

from executions.calendars import calendar_of
from executions.deadlines import stronger_group
from executions.deciding import ensure_may_decide, ensure_not_taken, locked_task
from executions.links import revoke_links
from executions.models import HumanTask, TaskStatus
from executions.reminders import put_letters
from executions.worktime import NoWorkingTime, add_work, work_between
from mudda import events
from mudda.errors import Conflict, Forbidden, InvalidRequest, Unprocessable
from mudda.reach import Reach, narrow
from workflows.plan.schema import GROUPS

DECIDE = "executions.decide_humantask"
LEADERS = ("supervisor", "administrator")
"""The groups that may hand on, hold and release tasks that are other people's."""


class TaskNotTaken(Conflict):
    code = "task_not_taken"
    title = "Nobody has this task."


class TaskOnHold(Conflict):
    code = "task_on_hold"
    title = "The task is on hold already."


class TaskNotOnHold(Conflict):
    code = "task_not_on_hold"
    title = "The task is not on hold."


class BadAssignee(Unprocessable):
    code = "bad_assignee"
    title = "The task cannot be given to them."


@transaction.atomic
def claim_task(*, task_id: UUID, by: User) -> HumanTask:
    """Take a task: until it is released or reassigned nobody else of the group decides it. Twice is as once.

    Raises:
        NotFound, TaskClosed: as for ``decide_task``.
        Forbidden: ``by`` may not decide it.
        TaskTaken: somebody else has it.
    """
    task = locked_task(task_id, by)
    ensure_may_decide(task, by)
    ensure_not_taken(task, by)
    if task.assignee is not None:
        return task
    task.assignee, task.assigned_at, task.assign_reason = by, timezone.now(), ""
    task.save(update_fields=["assignee", "assigned_at", "assign_reason"])
    _tell(task, "task.claimed", by)
    return task


@transaction.atomic
def release_task(*, task_id: UUID, by: User, reason: str = "") -> HumanTask:
    """Give a claimed task back to its group. Whoever has it may, and supervisors and administrators.

    Raises:
        NotFound, TaskClosed: as for ``decide_task``.
        TaskNotTaken: it is nobody's.
        TaskTaken: it is somebody else's.
    """
    task = locked_task(task_id, by)
    if task.assignee is None:
        raise TaskNotTaken
    if not leads(by):
        ensure_not_taken(task, by)
    before = task.assignee
    task.assignee, task.assigned_at, task.assign_reason = None, None, reason
    task.save(update_fields=["assignee", "assigned_at", "assign_reason"])
    _tell(task, "task.released", by, was=before.pk)
    return task


@transaction.atomic
def reassign_task(*, task_id: UUID, reason: str, by: User, user: str = "", group: str = "") -> HumanTask:
    """Hand a task to one person or to another group, and write to them. Links to it are withdrawn.

    Whoever may decide it may hand it on; somebody else's only supervisors and administrators.

    Args:
        user: a username; they have to be ones who may decide the task.
        group: a group of staff; a task that a plan, or mudda, gives to a group never goes to one with less say.

    Raises:
        NotFound, TaskClosed, TaskTaken, Forbidden: as for ``claim_task``.
        InvalidRequest: neither or both are given, or no reason.
        BadAssignee: they could not do it.
    """
    if bool(user) == bool(group):
        raise InvalidRequest("Name a user or a group.", errors=[_error("user", "Name a user or a group.")])
    _ensure_reason(reason)
    task = locked_task(task_id, by)
    _ensure_may_arrange(task, by)
    data = {"from_group": task.group, "from_user": task.assignee_id}
    if user:
        task.assignee = _ensure_assignee(task, user)
        task.assigned_at = timezone.now()
    else:
        task.group = _ensure_group(task, group)
        task.assignee = task.assigned_at = None
    task.assign_reason = reason
    task.crew, task.accepted_at, task.arrival_at = "", None, None  # whoever has it now says so anew
    task.save(
        update_fields=[
            "assignee", "assigned_at", "assign_reason", "group", "crew", "accepted_at", "arrival_at",
        ]
    )  # fmt: skip
    _tell(task, "task.reassigned", by, group=task.group, user=task.assignee_id, **data)
    revoke_links(task, by=by)
    if task.assignee_id != by.pk:
        put_letters(task, "assigned" if user else "handed")
    return task


@transaction.atomic
def hold_task(*, task_id: UUID, reason: str, by: User) -> HumanTask:
    """Stop a task's clock: nobody is reminded and it doesn't expire. It may still be decided.

    Raises:
        NotFound, TaskClosed, TaskTaken, Forbidden: as for ``claim_task``.
        InvalidRequest: there is no reason.
        TaskOnHold: carries since when.
    """
    _ensure_reason(reason)
    task = locked_task(task_id, by)
    _ensure_may_arrange(task, by)
    if task.status == TaskStatus.ON_HOLD:
        raise TaskOnHold(extra={"held_at": task.held_at.isoformat() if task.held_at else None})
    task.status, task.held_at, task.hold_reason = TaskStatus.ON_HOLD, timezone.now(), reason
    task.save(update_fields=["status", "held_at", "hold_reason"])
    _tell(task, "task.held", by)
    return task


@transaction.atomic
def resume_task(*, task_id: UUID, by: User) -> HumanTask:
    """Let a held task's clock go on: as much working time is left as when it was held.

    Raises:
        NotFound, TaskClosed, TaskTaken, Forbidden: as for ``claim_task``.
        TaskNotOnHold: its clock runs.
    """
    task = locked_task(task_id, by)
    _ensure_may_arrange(task, by)
    if task.status != TaskStatus.ON_HOLD:
        raise TaskNotOnHold
    now, held_at = timezone.now(), task.held_at or timezone.now()
    task.due_at = _moved_on(task, task.due_at, held_at, now)
    task.next_look_at = _moved_on(task, task.next_look_at, held_at, now)
    task.status, task.held_at, task.hold_reason = TaskStatus.OPEN, None, ""
    task.save(update_fields=["status", "held_at", "hold_reason", "due_at", "next_look_at"])
    _tell(task, "task.resumed", by, due_at=task.due_at.isoformat() if task.due_at else None)
    return task


def leads(by: User) -> bool:
    """Whether a user may arrange other people's tasks."""
    return by.is_superuser or by.groups.filter(name__in=LEADERS).exists()


def _ensure_may_arrange(task: HumanTask, by: User) -> None:
    if leads(by):
        return
    ensure_may_decide(task, by)
    ensure_not_taken(task, by)


def _ensure_assignee(task: HumanTask, username: str) -> User:
    """The user of that name, if they may decide the task. Otherwise the refusal says no more than that."""
    refused = BadAssignee(errors=[_error("user", "Nobody of this name may decide this task.")])
    found = User.objects.filter(username=username, is_active=True).first()
    if found is None or not found.has_perm(DECIDE):
        raise refused
    narrow(
        found, Reach(sandbox=task.sandbox_id)
    )  # in a sandbox, colleagues have the part that they have in reality
    if not HumanTask.objects.visible_to(found).filter(pk=task.pk).exists():
        raise refused
    try:
        ensure_may_decide(task, found)
    except Forbidden as error:
        raise refused from error
    return found


def _ensure_group(task: HumanTask, group: str) -> str:
    if not Group.objects.filter(name=group).exists():
        raise BadAssignee(errors=[_error("group", "There is no such group.")])
    asked_for = task.group in GROUPS  # a group of the city's own has no more say than another
    if asked_for and (group not in GROUPS or stronger_group(task.group, group) != group):
        message = f"This was asked of the group {task.group}: not less than that may decide it."
        raise BadAssignee(errors=[_error("group", message)])
    return group


def _ensure_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidRequest("Say why.", errors=[_error("reason", "Say why.")])


def _moved_on(task: HumanTask, moment: datetime | None, held_at: datetime, now: datetime) -> datetime | None:
    """A moment that lay ahead when the clock stopped, as much working time from now; a past one stays."""
    if moment is None or moment <= held_at:
        return moment
    calendar = calendar_of(task.department)
    try:
        return add_work(now, work_between(held_at, moment, calendar), calendar)
    except NoWorkingTime:  # the department's hours were changed meanwhile, to almost nothing
        return moment + (now - held_at)


def _error(name: str, message: str) -> dict[str, str]:
    return {"pointer": f"/{name}", "code": "bad_value", "message": message}


def _tell(task: HumanTask, happened: str, by: User, **data: object) -> None:
    facts = {"task": str(task.pk), "step_id": task.step_id, **data}
    events.append(task.execution, happened, facts, actor=by)
