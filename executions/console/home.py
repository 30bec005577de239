"""What the console's home page says of runs and tasks: what is mine to do, what waits for somebody, what failed."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from executions.console.inbox import is_mine, mine
from executions.models import ExecutionStatus, HumanTask, TaskStatus, WorkflowExecution
from executions.targets import late
from mudda import console

RUNS, TASKS = "admin:executions_workflowexecution_changelist", "admin:executions_humantask_changelist"
DUE = "D j M, H:i"
FAILED_LATELY = timedelta(days=30)
"""How far back a failed run is something to look at, and not history."""


class WaitsFor(admin.SimpleListFilter):
    """The runs that go on only once a person has done something."""

    title = gettext_lazy("what it waits for")
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("person", _("A person"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return waiting_for_people(queryset) if self.value() == "person" else queryset


class ForWhom(admin.SimpleListFilter):
    """What the inbox *My tasks* has for this person, but for what is on hold."""

    title = gettext_lazy("for whom")
    parameter_name = "for"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("me", _("For me and my groups"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(is_mine(cast(User, request.user))) if self.value() == "me" else queryset


def waiting_for_people(runs: QuerySet[Any]) -> QuerySet[Any]:
    """Those under way with an open task that they wait for."""
    asked = HumanTask.objects.filter(execution=OuterRef("pk"), awaited=True, status=TaskStatus.OPEN)
    return runs.filter(Exists(asked), status=ExecutionStatus.RUNNING)


@console.on_home
def tasks_to_do(request: HttpRequest) -> Iterable[console.Waiting]:
    """My own first, by when they are due."""
    if not request.user.has_perm("executions.view_humantask"):
        return
    now, todo = timezone.now(), mine(cast(User, request.user))
    rows = tuple(
        (task.title, console.page_of(task), _due(task, now))
        for task in todo.only("title", "due_at", "group")[: console.SHOWN_WAITING]
    )
    overdue = todo.filter(due_at__lt=now).count()
    words = ngettext("%(count)d task is overdue", "%(count)d tasks are overdue", overdue) % {"count": overdue}
    yield console.Waiting(
        _("My open tasks"),
        f"{reverse(TASKS)}?for=me",
        todo.count(),
        rows,
        _("Nothing for you or your groups. Runs open tasks when they need a person."),
        more=((words, f"{reverse(TASKS)}?for=me&state=overdue"),) if overdue else (),
        rank=10,
    )


def _due(task: HumanTask, now: Any) -> str:
    if task.due_at is None:
        return task.group
    words = date_format(timezone.localtime(task.due_at), DUE)
    return (_("Overdue: was due %(when)s") if task.due_at < now else _("Due %(when)s")) % {"when": words}


@console.on_home
def runs_to_watch(request: HttpRequest) -> Iterable[console.Waiting]:
    if not request.user.has_perm("executions.view_workflowexecution"):
        return
    now, visible = timezone.now(), WorkflowExecution.objects.visible_to(request.user)
    overdue = visible.filter(late(now)).count()
    words = ngettext("%(count)d run is overdue", "%(count)d runs are overdue", overdue) % {"count": overdue}
    yield _tile(
        _("Runs waiting for a person"),
        waiting_for_people(visible),
        "?waits=person",
        _("No run waits for anybody. Those that ask a person appear here until they are answered."),
        more=((words, f"{reverse(RUNS)}?target=overdue"),) if overdue else (),
        rank=30,
    )
    failed, since = f"?status__exact={ExecutionStatus.FAILED.value}", now - FAILED_LATELY
    yield _tile(
        _("Runs that failed in the last 30 days"),
        visible.filter(status=ExecutionStatus.FAILED, completed_at__gte=since),
        f"{failed}&{console.since('completed_at', since)}",
        _("No run has failed in the last 30 days. One that can't go on appears here, with the reason."),
        more=((_("All that failed"), f"{reverse(RUNS)}{failed}"),),
        rank=35,
        urgent=True,
    )


def _tile(title: str, found: QuerySet[Any], query: str, empty: str, **more: Any) -> console.Waiting:
    shown = found.select_related("plan__issue").only("status", "plan__title", "plan__issue_id")
    rows = tuple(
        (run.plan.title or _("A plan without a name"), console.page_of(run), run.plan.issue.reference)
        for run in shown[: console.SHOWN_WAITING]
    )
    return console.Waiting(title, reverse(RUNS) + query, found.count(), rows, empty, **more)
