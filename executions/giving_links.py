"""What staff do with the signed links to a task: give one to somebody anew, and withdraw them all."""

from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from executions.activities.recipients import DEPARTMENT, REPORTER
from executions.deciding import ensure_may_decide, ensure_not_taken, locked_task
from executions.links import make_link, revoke_links
from executions.models import HumanTask, TaskLink
from issues.models import Department
from mudda import events
from mudda.errors import InvalidRequest


@transaction.atomic
def give_link(*, task_id: UUID, role: str = "", by: User) -> tuple[TaskLink, str]:
    """A new signed link to an open task, for a letter that was lost or a crew that is called by phone.

    The links before it stay good. The URL is in what is returned and nowhere else.

    Args:
        role: whom it is for, ``issue.reporter`` or ``department:<code>``; "" for whoever had the last link, or the
            task's own department where there was none.

    Raises:
        NotFound, TaskClosed, Forbidden, TaskTaken: as for ``decide_task``.
        NotForLinks: the task asks for a certain group, or for four eyes.
        InvalidRequest: ``role`` is nobody of ours.
    """
    task = locked_task(task_id, by)
    ensure_may_decide(task, by)
    ensure_not_taken(task, by)
    link, url = make_link(task, role or _last_role(task))
    _ensure_role(link.role)
    data = {"task": str(task.pk), "step_id": task.step_id, "link": str(link.pk), "role": link.role}
    events.append(task.execution, "task.link_given", data, actor=by)
    return link, url


@transaction.atomic
def withdraw_links(*, task_id: UUID, by: User) -> int:
    """Withdraw every signed link to an open task; how many were still good.

    Raises:
        NotFound, TaskClosed, Forbidden: as for ``decide_task``.
    """
    task = locked_task(task_id, by)
    ensure_may_decide(task, by)
    return revoke_links(task, by=by)


def _last_role(task: HumanTask) -> str:
    """Newest first is the order of links."""
    last = task.links.values_list("role", flat=True).first()
    return last or (f"{DEPARTMENT}{task.department.code}" if task.department else "")


def _ensure_role(role: str) -> None:
    code = role.removeprefix(DEPARTMENT)
    known = code != role and Department.objects.filter(code=code, active=True).exists()
    if role != REPORTER and not known:
        message = "Say issue.reporter, or department: and the code of a department."
        raise InvalidRequest(errors=[{"pointer": "/role", "code": "bad_value", "message": message}])
