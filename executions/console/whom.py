"""Whose a task is, in words; and what is said where the account that it was is gone."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from django.contrib.auth.models import User
from django.db.models import Prefetch
from django.utils.translation import gettext as _

from executions.models import HumanTask, TaskLink, TaskStatus
from executions.withholding import USER
from issues.models import Department

REPORTER, DEPARTMENT = "issue.reporter", "department:"

GOOD_LINKS = Prefetch(
    "links",
    queryset=TaskLink.objects.filter(revoked_at=None).only("task_id", "role"),
    to_attr="good_links",
)
"""The links that ``whom`` asks for, for all tasks of a list in one query."""


def whom(task: HumanTask) -> str:
    """Who is to do a task now: whoever has it, the crew that comes, its group, whoever has a link to it, or its
    department. The task was read with ``GOOD_LINKS``."""
    if task.assignee is not None:
        return task.assignee.get_username()
    if task.accepted_at is not None and task.crew:
        return _("%(crew)s (a crew that has accepted)") % {"crew": task.crew}
    if task.group:
        return _("the group %(group)s") % {"group": task.group}
    links: Iterable[TaskLink] = getattr(task, "good_links", ())
    if roles := sorted({link.role for link in links}):
        return ", ".join(role_named(role, named(task.department)) for role in roles)
    return _of_department(task.department)


def lost_its_assignee(task: HumanTask) -> bool:
    """Whether the account that had the task was deleted: giving it back would have cleared the time as well."""
    return task.assignee_id is None and task.assigned_at is not None


def role_named(role: str, departments: Mapping[str, str] = MappingProxyType({})) -> str:
    """``issue.reporter``, ``department:<code>`` or ``user:<key>`` as people say it.

    Args:
        departments: the names that are known, by code.
    """
    if role == REPORTER:
        return _("the reporter")
    if role.startswith(USER):
        return _("a member of staff")
    code = role.removeprefix(DEPARTMENT)
    return _("the department %(name)s") % {"name": departments.get(code, code)}


def named(department: Department | None) -> dict[str, str]:
    """A department's name by its code."""
    return {department.code: department.name} if department is not None else {}


def decider_of(task: HumanTask) -> str:
    """Who decided: the user, or whose link it was; "" where the clock or the run did."""
    if task.decided_by is not None:
        return task.decided_by.get_username()
    if task.decided_role:
        who = role_named(task.decided_role, named(task.department))
        return _("%(who)s, through a signed link") % {"who": who}
    return gone() if task.status == TaskStatus.DECIDED else ""


def name_of(user: User | None) -> str:
    """A user's name, also where the account that an approved, launched or steered run names is gone."""
    return user.get_username() if user is not None else gone()


def gone() -> str:
    return _("an account that was deleted")


def _of_department(department: Department | None) -> str:
    if department is None:
        return _("anybody who may decide tasks")
    return _("anybody who may decide, in %(department)s") % {"department": department.name}
