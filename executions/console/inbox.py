"""My tasks: what somebody has to do, what is due first at the top."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from executions.console.arranging import CLAIM, button_for
from executions.console.whom import GOOD_LINKS, whom
from executions.models import HumanTask, TaskStatus
from mudda import console
from workflows.models import PlanApproval, PlanRevision, WorkflowPlan

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

DECIDE = "executions.decide_humantask"
SHOWN = 50
"""Tasks of one section. The list of all tasks has the others."""
TODO = (TaskStatus.OPEN, TaskStatus.ON_HOLD)
BY_DUE = ("due_order", "pk")
HEAVY = ("form", "answer", "execution__compiled", "execution__execution_data", "execution__issue_facts")


@dataclass(frozen=True)
class Row:
    """A task as the inbox shows it."""

    task: HumanTask
    url: str
    reference: str
    address: str
    whom: str
    due: datetime | None
    is_late: bool
    claim: console.Button | None


@dataclass(frozen=True)
class Section:
    """``empty`` says what would fill it; ``more`` whether there are more than are shown."""

    name: str
    title: "StrOrPromise"
    empty: "StrOrPromise"
    rows: tuple[Row, ...]
    more: bool
    all_url: str


def mine(by: User) -> QuerySet[HumanTask]:
    """The open tasks that somebody has, and those that nobody has and they may decide, what is due first at the top.
    What belongs to a sandbox isn't among them."""
    return HumanTask.objects.visible_to(by).filter(is_mine(by)).order_by(*BY_DUE)


def is_mine(by: User) -> Q:
    """Whether a task is one of ``mine``: for whoever may not decide tasks, only what somebody gave them."""
    todo = _with(by) | _to_take(by) if by.has_perm(DECIDE) else _with(by)
    return Q(sandbox=None, status=TaskStatus.OPEN) & todo


def next_task(by: User, after: HumanTask) -> HumanTask | None:
    """What to do next, once ``after`` is done."""
    found = mine(by).exclude(pk=after.pk).only("title", "due_at")
    return found.first() if by.has_perm(DECIDE) else None


def sections_for(by: User, all_tasks: str, now: datetime) -> tuple[Section, ...]:
    """The inbox, in four queries and one for the names of the links.

    Args:
        all_tasks: the address of the list of all tasks.
    """
    may = by.has_perm(DECIDE)
    real = _real(by).defer(*HEAVY).select_related("execution__plan__issue", "assignee", "department")
    real = real.prefetch_related(GOOD_LINKS).order_by(*BY_DUE)
    opened = real.filter(status=TaskStatus.OPEN)
    held = real.filter(status=TaskStatus.ON_HOLD).filter(_with(by) | _to_take(by))
    return (
        _section(
            "mine",
            _("With me"),
            _("Nothing is with you. Claim a task below, or wait until somebody hands you one."),
            opened.filter(_with(by)),
            f"{all_tasks}?state=mine",
            now,
        ),
        _section(
            "groups",
            _("To take, for my groups"),
            _("Nothing waits for your groups. Runs open tasks when they need a person.")
            if may
            else _("You may read tasks, but not decide them; the groups dispatcher and above may."),
            opened.filter(_to_take(by)) if may else HumanTask.objects.none(),
            f"{all_tasks}?for=me",
            now,
            claim=may,
        ),
        _section(
            "held",
            _("On hold"),
            _("Nothing is on hold. A task whose clock somebody stops comes here."),
            held if may else HumanTask.objects.none(),
            f"{all_tasks}?state=on_hold",
            now,
        ),
    )


def _section(
    name: str,
    title: "StrOrPromise",
    empty: "StrOrPromise",
    tasks: QuerySet[HumanTask],
    all_url: str,
    now: datetime,
    *,
    claim: bool = False,
) -> Section:
    found = list(tasks[: SHOWN + 1])
    rows = tuple(_row(task, now, claim) for task in found[:SHOWN])
    return Section(name, title, empty, rows, len(found) > SHOWN, all_url)


def _row(task: HumanTask, now: datetime, claim: bool) -> Row:
    issue = task.execution.plan.issue
    return Row(
        task=task,
        url=console.page_of(task),
        reference=issue.reference,
        address=issue.address,
        whom=whom(task),
        due=task.due_at,
        is_late=task.status == TaskStatus.OPEN and task.due_at is not None and task.due_at < now,
        claim=button_for(CLAIM, task) if claim else None,
    )


def _real(by: User) -> QuerySet[HumanTask]:
    return HumanTask.objects.visible_to(by).filter(sandbox=None)


def _with(by: User) -> Q:
    return Q(assignee=by.pk)


def _to_take(by: User) -> Q:
    """What nobody has and ``ensure_may_decide`` lets this person decide."""
    found = Q(assignee=None)
    if not by.is_superuser:
        found &= Q(group="") | Q(group__in=_groups_of(by))
    return found & (Q(four_eyes=False) | ~_wrote(by))


def _groups_of(by: User) -> list[str]:
    return list(by.groups.values_list("name", flat=True))


def _wrote(by: User) -> Q:
    """Whether the plan of a task's run was made, changed or approved by this person (``plan_authors``)."""
    plan = OuterRef("execution__plan")
    return (
        Q(Exists(WorkflowPlan.objects.filter(pk=plan, created_by=by)))
        | Q(Exists(PlanRevision.objects.filter(plan=plan, author=by)))
        | Q(Exists(PlanApproval.objects.filter(revision__plan=plan, approver=by)))
    )
