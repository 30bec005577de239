"""Runs and people's tasks in the admin: launch, follow, decide."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from executions.assigning import claim_task, release_task
from executions.console import telling  # noqa: F401 (registers what an issue's history shows of runs)
from executions.console.following import follow
from executions.console.home import ForWhom, WaitsFor
from executions.console.launching import APPROVE, LAUNCH, data_form, launch_seen
from executions.console.steering import UNDER_WAY, WAYS, ReasonForm, steering_buttons
from executions.console.task_form import TaskForm, posted_form
from executions.console.task_page import (
    DECIDE,
    ensure_may_answer,
    is_overdue,
    labels_of,
    overdue_badge,
    task_buttons,
    task_page,
)
from executions.deciding import GIVES_ANSWER, decide_task
from executions.models import HumanTask, TaskStatus, WorkflowExecution
from executions.steering import STEERING
from executions.targets import late
from issues.admin import WithinMyDepartments
from mudda import console
from mudda.errors import MuddaError
from workflows.console.confirm import changed_meanwhile, confirmation, seen_digest
from workflows.models import PlanStatus, WorkflowPlan
from workflows.plan.durations import seconds_in_words

EFFECTS = "executions.view_effect"
DUE = "D j M Y, H:i"
TO_DO = (TaskStatus.OPEN, TaskStatus.ON_HOLD)
OPEN_FIRST = Case(When(status=TaskStatus.OPEN, then=Value(0)), default=Value(1), output_field=IntegerField())


class Overdue(admin.SimpleListFilter):
    """The runs that should be over."""

    title = "target"
    parameter_name = "target"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("overdue", "Overdue")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(late(timezone.now())) if self.value() == "overdue" else queryset


def _due(when: datetime | None, is_late: bool) -> SafeString | None:
    if when is None:
        return None
    words = date_format(timezone.localtime(when), DUE)
    return format_html("{} {}", words, overdue_badge(is_late)) if is_late else format_html("{}", words)


@admin.register(WorkflowExecution)
class ExecutionAdmin(console.RoomAdmin):
    page_template = "admin/console/execution.html"
    list_display = (
        "plan_column", "issue_column", "status_column", "due_column", "started_at", "completed_at",
    )  # fmt: skip
    list_filter = (
        "status",
        Overdue,
        WaitsFor,
        ("plan__issue__department", WithinMyDepartments),
        "created_at",
    )
    search_fields = ("plan__title", "plan__issue__statement", "plan__issue__address")
    search_help_text = "Words of the plan's title, or of the issue's statement or address."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found = super().get_queryset(request).select_related("plan__issue")
        return found.defer("compiled", "execution_data", "issue_facts")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = WorkflowExecution.objects.visible_to(request.user).defer("compiled", "issue_facts")
        related = ("plan__issue__department", "revision", "approval__approver", "started_by")
        texts = ("revision__document", "revision__canonical_text", "revision__problems")
        return console.find(
            found.select_related(*related).defer("compiled", "issue_facts", *texts), object_id
        )

    def get_urls(self) -> list[URLPattern]:
        launch, steer = (
            self.admin_site.admin_view(self.launch_view),
            self.admin_site.admin_view(self.steer_view),
        )
        name = "executions_workflowexecution"
        return [
            path("launch/<uuid:plan_id>/", launch, name=f"{name}_launch"),
            path("<uuid:execution_id>/steer/<slug:way>/", steer, name=f"{name}_steer"),
            *super().get_urls(),
        ]

    @admin.display(description="Plan", ordering="plan__title")
    def plan_column(self, execution: WorkflowExecution) -> str:
        return execution.plan.title or "A plan without a name"

    @admin.display(description="Issue", ordering="plan__issue")
    def issue_column(self, execution: WorkflowExecution) -> str:
        return execution.plan.issue.reference

    @admin.display(description="Status", ordering="status")
    def status_column(self, execution: WorkflowExecution) -> SafeString:
        return console.badge(execution.status)

    @admin.display(description="Due", ordering="due_at", empty_value="")
    def due_column(self, execution: WorkflowExecution) -> SafeString | None:
        return _due(execution.due_at, execution.is_overdue)

    def page_parts(self, request: HttpRequest, execution: WorkflowExecution) -> Iterable[console.Part]:
        return steering_buttons(execution, console.person(request))

    def page_context(self, request: HttpRequest, execution: WorkflowExecution) -> dict[str, Any]:
        run = follow(execution, with_effects=request.user.has_perm(EFFECTS))
        until = execution.completed_at or timezone.now()
        return {
            "title": execution.plan.title or "A plan without a name",
            "status": console.badge(execution.status),
            "overdue": overdue_badge(execution.is_overdue),
            "run": run,
            "under_way": execution.status in UNDER_WAY,
            "took": seconds_in_words(int((until - execution.started_at).total_seconds()))
            if execution.started_at
            else "",
            "history": console.history_of(execution, {row.step.step_id: row.step.title for row in run.steps}),
        }

    def steer_view(self, request: HttpRequest, execution_id: UUID, way: str) -> HttpResponse:
        """Ask why a run is to be paused, resumed or cancelled, and tell it."""
        execution = self.find_or_deny(request, execution_id, STEERING)
        if execution is None:
            return self.gone(request, execution_id)
        if way not in WAYS:
            raise Http404
        ways, form = WAYS[way], ReasonForm(request.POST if request.method == "POST" else None)
        if request.method != "POST" or not form.is_valid():
            words = {
                "title": ways.title,
                "intro": ways.intro,
                "submit": ways.button,
                "tone": ways.tone or "primary",
            }
            context = {
                **words,
                "form": form,
                "cancel_url": console.page_of(execution),
                "about": execution.plan,
            }
            status = 422 if form.errors else 200
            return self.ask(request, execution, "admin/console/form.html", context, status)
        console.carry_out(
            request,
            lambda: ways.service(
                execution_id=execution.pk, reason=form.cleaned_data["reason"], by=console.person(request)
            ),
            ways.done,
        )
        return redirect(console.page_of(execution))

    def launch_view(self, request: HttpRequest, plan_id: UUID) -> HttpResponse:
        """Approve and launch a draft, or launch a plan that is approved."""
        self.find_or_deny(request, plan_id, LAUNCH)
        plans = WorkflowPlan.objects.visible_to(request.user).select_related("issue__category", "current")
        plan = console.find(plans, plan_id)
        if plan is None:
            messages.warning(request, "There is no such plan.")
            return redirect("admin:workflows_workflowplan_changelist")
        if (back := changed_meanwhile(request, plan)) is not None:
            return back
        may_approve = request.user.has_perm(APPROVE)
        form = data_form(request, plan)
        if request.method != "POST" or not form.is_valid():
            return confirmation(self, request, plan, form, _words(plan, may_approve))
        execution = console.carry_out(
            request,
            lambda: launch_seen(
                plan=plan,
                digest=seen_digest(request),
                data=form.execution_data(),
                may_approve=may_approve,
                by=console.person(request),
            ),
            "Launched. This page follows the run.",
        )
        return redirect(console.page_of(execution if execution is not None else plan))


def _words(plan: WorkflowPlan, may_approve: bool) -> dict[str, str]:
    if plan.status == PlanStatus.DRAFT and may_approve:
        intro = "You give your word for exactly this text, and the city begins to carry it out at once."
        return {"title": "Approve and launch this plan?", "intro": intro, "submit": "Approve and launch"}
    intro = "The plan is approved. The city begins to carry it out at once."
    return {"title": "Launch this plan?", "intro": intro, "submit": "Launch"}


class OpenFirst(admin.SimpleListFilter):
    """Open and held tasks unless something else is asked for."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        ours = [("todo", "To be done"), ("mine", "Claimed by me or given to me"), ("overdue", "Overdue")]
        return [*ours, *((value, console.in_words(value)) for value in TaskStatus.values)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "todo":
            return queryset.filter(status__in=TO_DO)
        if self.value() == "mine":
            return queryset.filter(status__in=TO_DO, assignee=request.user.pk)
        if self.value() == "overdue":
            return queryset.filter(status=TaskStatus.OPEN, due_at__lt=timezone.now())
        return queryset.filter(status=self.value()) if self.value() in TaskStatus.values else queryset


@admin.register(HumanTask)
class TaskAdmin(console.RoomAdmin):
    page_template = "admin/console/task.html"
    list_display = (
        "title", "issue_column", "status_column", "due_column", "group", "assignee", "department", "opened_at",
    )  # fmt: skip
    list_filter = (OpenFirst, ForWhom, "group", ("department", WithinMyDepartments), "kind")
    list_select_related = ("execution__plan__issue", "department", "assignee")
    search_fields = ("title", "question")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        heavy = ("execution__compiled", "execution__execution_data", "execution__issue_facts")
        return super().get_queryset(request).defer(*heavy)

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        return (OPEN_FIRST, "-opened_at", "pk")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        related = ("execution__plan__issue", "department", "decided_by", "assignee")
        heavy = ("execution__compiled", "execution__issue_facts")
        return console.find(
            HumanTask.objects.visible_to(request.user).select_related(*related).defer(*heavy), object_id
        )

    def get_urls(self) -> list[URLPattern]:
        views = {"decide": self.decide_view, "claim": self.claim_view, "release": self.release_view}
        ours = [
            path(
                f"<uuid:task_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"executions_humantask_{name}",
            )
            for name, view in views.items()
        ]
        return [*ours, *super().get_urls()]

    @admin.display(description="Issue", ordering="execution__plan__issue")
    def issue_column(self, task: HumanTask) -> str:
        return task.execution.plan.issue.reference

    @admin.display(description="Status", ordering="status")
    def status_column(self, task: HumanTask) -> SafeString:
        return console.badge(task.status)

    @admin.display(description="Due", ordering="due_at", empty_value="")
    def due_column(self, task: HumanTask) -> SafeString | None:
        return _due(task.due_at, is_overdue(task))

    def page_parts(self, request: HttpRequest, task: HumanTask) -> Iterable[console.Part]:
        return task_buttons(task, console.person(request))

    def page_context(self, request: HttpRequest, task: HumanTask) -> dict[str, Any]:
        return task_page(request, task)

    def claim_view(self, request: HttpRequest, task_id: UUID) -> HttpResponse:
        """Take a task."""
        return self._arrange(request, task_id, claim_task, "The task is yours.")

    def release_view(self, request: HttpRequest, task_id: UUID) -> HttpResponse:
        """Give a task back to its group."""
        return self._arrange(request, task_id, release_task, "Anybody of its group can take the task now.")

    def _arrange(
        self, request: HttpRequest, task_id: UUID, service: Callable[..., HumanTask], done: str
    ) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        task = self.find_or_deny(request, task_id, DECIDE)
        if task is None:
            return self.gone(request, task_id)
        console.carry_out(request, lambda: service(task_id=task.pk, by=console.person(request)), done)
        return redirect(console.page_of(task))

    def decide_view(self, request: HttpRequest, task_id: UUID) -> HttpResponse:
        """Decide a task, or only keep the files that were chosen."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        task = self.find_or_deny(request, task_id, DECIDE)
        if task is None:
            return self.gone(request, task_id)
        form: TaskForm | None = None
        try:
            ensure_may_answer(task, console.person(request))
            if "save" in request.POST or request.POST.get("outcome") in GIVES_ANSWER.intersection(
                task.outcomes
            ):
                form = posted_form(request, task, labels_of(task))
                if "save" in request.POST:
                    return self._saved(request, task, form)
                if not form.is_valid() or form.file_errors:
                    return self._again(request, task, form)
            self._decide(request, task, form)
        except MuddaError as error:
            if form is not None and error.errors:
                form.show(error.errors)
                return self._again(request, task, form)
            console.tell(request, error)
            return redirect(console.page_of(task))
        messages.success(
            request, "Thank you. The run has been told." if task.awaited else "Thank you. It is noted."
        )
        return redirect(console.page_of(task))

    def _decide(self, request: HttpRequest, task: HumanTask, form: TaskForm | None) -> None:
        decide_task(
            task_id=task.pk,
            outcome=request.POST.get("outcome", ""),
            answer=form.answer() if form is not None else None,
            comment=_comment(request),
            by=console.person(request),
        )

    def _saved(self, request: HttpRequest, task: HumanTask, form: TaskForm) -> HttpResponse:
        form.be_quiet()
        if form.file_errors:
            return self._again(request, task, form)
        said = "Saved so far. Send it when everything is filled in."
        return self.render_page(request, task, {"form": form, "comment": _comment(request), "said": said})

    def _again(self, request: HttpRequest, task: HumanTask, form: TaskForm) -> HttpResponse:
        """The page with what was typed, and what is wrong with it."""
        return self.render_page(request, task, {"form": form, "comment": _comment(request)}, status=422)


def _comment(request: HttpRequest) -> str:
    return request.POST.get("comment", "")[:2_000].replace("\x00", "")
