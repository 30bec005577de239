"""Before a crew does its work it says that it comes, and when; or that it can't. Neither decides the task."""

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from executions.deciding import actor_of, ensure_may_decide, locked_task, origin_of
from executions.models import HumanTask, TaskLink
from mudda import events
from mudda.errors import Conflict, InvalidRequest
from workflows.plan.core import DISPATCH_CREW

LATEST_ARRIVAL = timedelta(days=60)
CLOCKS_DIFFER = timedelta(minutes=10)
"""An arrival may lie this far in the past: the crew may be there already."""


class AlreadyAccepted(Conflict):
    code = "already_accepted"
    title = "A crew has accepted this task already."


class NotForCrews(Conflict):
    code = "not_for_crews"
    title = "Only the dispatch of a crew is accepted or declined."


@transaction.atomic
def accept_task(*, task_id: UUID, crew: str, arrival_at: datetime, by: User | TaskLink) -> HumanTask:
    """Say that a crew comes, and when. Whoever comes second is told who was first.

    Args:
        crew: who comes, in their own words.

    Raises:
        NotFound, TaskClosed, Forbidden, LinkExpired, LinkRevoked: as for ``decide_task``.
        NotForCrews: the task is not a crew's.
        AlreadyAccepted: carries the crew and when it accepted.
        InvalidRequest: nobody is named, or the arrival is long ago or far away.
    """
    task = _crew_task(task_id, by)
    now = timezone.now()
    _ensure_sensible(crew, arrival_at, now)
    if task.accepted_at is not None:
        raise AlreadyAccepted(
            f"{task.crew} has accepted it.",
            extra={"crew": task.crew, "accepted_at": task.accepted_at.isoformat()},
        )
    task.crew, task.accepted_at, task.arrival_at = crew.strip(), now, arrival_at
    task.save(update_fields=["crew", "accepted_at", "arrival_at"])
    said = {"arrival_at": arrival_at.isoformat(timespec="minutes")}
    events.append(task.execution, "task.accepted", {**_facts(task, by), **said}, actor=actor_of(by))
    return task


@transaction.atomic
def decline_task(*, task_id: UUID, reason: str, by: User | TaskLink) -> HumanTask:
    """Say that a crew can't come or can't finish: the task is back in its department's queue, undecided.

    Raises:
        NotFound, TaskClosed, Forbidden, LinkExpired, LinkRevoked, NotForCrews: as for ``accept_task``.
        InvalidRequest: there is no reason.
    """
    task = _crew_task(task_id, by)
    if not reason.strip():
        raise InvalidRequest("Say why.", errors=[_error("reason", "Say why.")])
    task.crew, task.accepted_at, task.arrival_at, task.assignee = "", None, None, None
    task.declined_at, task.decline_reason = timezone.now(), reason.strip()[:2_000]
    task.save(
        update_fields=["crew", "accepted_at", "arrival_at", "assignee", "declined_at", "decline_reason"]
    )
    events.append(task.execution, "task.declined", _facts(task, by), actor=actor_of(by))
    return task


def _crew_task(task_id: UUID, by: User | TaskLink) -> HumanTask:
    task = locked_task(task_id, by)
    ensure_may_decide(task, by)
    if task.kind != DISPATCH_CREW.activity_id:
        raise NotForCrews
    return task


def _ensure_sensible(crew: str, arrival_at: datetime, now: datetime) -> None:
    errors = []
    if not crew.strip():
        errors.append(_error("crew", "Say who comes."))
    if arrival_at < now - CLOCKS_DIFFER:
        errors.append(_error("arrival_at", "This is in the past."))
    if arrival_at > now + LATEST_ARRIVAL:
        errors.append(_error("arrival_at", "This is more than 60 days away."))
    if errors:
        raise InvalidRequest("Some fields are not valid.", errors=errors)


def _error(name: str, message: str) -> dict[str, str]:
    return {"pointer": f"/{name}", "code": "bad_value", "message": message}


def _facts(task: HumanTask, by: User | TaskLink) -> dict[str, str]:
    return {"task": str(task.pk), "step_id": task.step_id, **origin_of(by)}
