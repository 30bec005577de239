"""Runs and people's tasks in the admin: launch, follow, decide."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from executions.console.answers import AnswerForm
from executions.console.following import follow
from executions.console.launching import APPROVE, LAUNCH, data_form, launch_seen
from executions.deciding import decide_task, ensure_may_decide
from executions.models import ExecutionStatus, HumanTask, StepRun, TaskStatus, WorkflowExecution
from executions.tasks import DONE
from issues.admin import WithinMyDepartments
from mudda import console
from mudda.errors import Forbidden, MuddaError
from workflows.console.confirm import changed_meanwhile, confirmation, seen_digest
from workflows.console.words import seconds_in_words, working_time
from workflows.models import PlanStatus, WorkflowPlan

DECIDE, EFFECTS = "executions.decide_humantask", "executions.view_effect"
OUTCOMES = {
    DONE: ("Send the answer", "primary"),
    "approve": ("Approve", "primary"),
    "reject": ("Reject", "danger"),
    "it_happened": ("It happened: go on", ""),
    "do_it_again": ("It did not happen: do it again", ""),
    "stop": ("Stop the run", "danger"),
}
"""What the buttons say; an outcome that isn't here is shown by its own name."""
OPEN_FIRST = Case(When(status=TaskStatus.OPEN, then=Value(0)), default=Value(1), output_field=IntegerField())
UNDER_WAY = (ExecutionStatus.PENDING, ExecutionStatus.RUNNING)


@admin.register(WorkflowExecution)
class ExecutionAdmin(console.RoomAdmin):
    page_template = "admin/console/execution.html"
    list_display = ("plan_column", "issue_column", "status_column", "started_at", "completed_at")
    list_filter = ("status", ("plan__issue__department", WithinMyDepartments), "created_at")
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
        launch = self.admin_site.admin_view(self.launch_view)
        name = "executions_workflowexecution_launch"
        return [path("launch/<uuid:plan_id>/", launch, name=name), *super().get_urls()]

    @admin.display(description="Plan", ordering="plan__title")
    def plan_column(self, execution: WorkflowExecution) -> str:
        return execution.plan.title or "A plan without a name"

    @admin.display(description="Issue", ordering="plan__issue")
    def issue_column(self, execution: WorkflowExecution) -> str:
        return execution.plan.issue.reference

    @admin.display(description="Status", ordering="status")
    def status_column(self, execution: WorkflowExecution) -> SafeString:
        return console.badge(execution.status)

    def page_context(self, request: HttpRequest, execution: WorkflowExecution) -> dict[str, Any]:
        run = follow(execution, with_effects=request.user.has_perm(EFFECTS))
        until = execution.completed_at or timezone.now()
        return {
            "title": execution.plan.title or "A plan without a name",
            "status": console.badge(execution.status),
            "run": run,
            "under_way": execution.status in UNDER_WAY,
            "took": seconds_in_words(int((until - execution.started_at).total_seconds()))
            if execution.started_at
            else "",
            "history": console.history_of(execution, {row.step.step_id: row.step.title for row in run.steps}),
        }

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
        return [("todo", "To be done"), *((value, console.in_words(value)) for value in TaskStatus.values)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "todo":
            return queryset.filter(status__in=[TaskStatus.OPEN, TaskStatus.ON_HOLD])
        return queryset.filter(status=self.value()) if self.value() in TaskStatus.values else queryset


@admin.register(HumanTask)
class TaskAdmin(console.RoomAdmin):
    page_template = "admin/console/task.html"
    list_display = ("title", "issue_column", "status_column", "group", "department", "opened_at")
    list_filter = (OpenFirst, "group", ("department", WithinMyDepartments), "kind")
    list_select_related = ("execution__plan__issue", "department")
    search_fields = ("title", "question")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        heavy = ("execution__compiled", "execution__execution_data", "execution__issue_facts")
        return super().get_queryset(request).defer(*heavy)

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        return (OPEN_FIRST, "-opened_at", "pk")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        related = ("execution__plan__issue", "department", "decided_by")
        heavy = ("execution__compiled", "execution__issue_facts")
        return console.find(
            HumanTask.objects.visible_to(request.user).select_related(*related).defer(*heavy), object_id
        )

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(self.decide_view)
        return [
            path("<uuid:task_id>/decide/", decide, name="executions_humantask_decide"),
            *super().get_urls(),
        ]

    @admin.display(description="Issue", ordering="execution__plan__issue")
    def issue_column(self, task: HumanTask) -> str:
        return task.execution.plan.issue.reference

    @admin.display(description="Status", ordering="status")
    def status_column(self, task: HumanTask) -> SafeString:
        return console.badge(task.status)

    def page_context(self, request: HttpRequest, task: HumanTask) -> dict[str, Any]:
        why_not = _why_not(request, task)
        labels = _labels(task)
        return {
            "title": task.title,
            "status": console.badge(task.status),
            "due": working_time(task.due) if task.due else "",
            "why_not": why_not,
            "asks": DONE in task.outcomes,
            "form": AnswerForm(task.form, labels) if not why_not and DONE in task.outcomes else None,
            "outcomes": [
                (value, *OUTCOMES.get(value, (console.in_words(value), ""))) for value in task.outcomes
            ],
            "decide_url": reverse("admin:executions_humantask_decide", args=[task.pk]),
            "answer": _shown_answer(task, labels),
            "run_url": console.page_of(task.execution),
            "issue_url": console.page_of(task.execution.plan.issue),
        }

    def decide_view(self, request: HttpRequest, task_id: UUID) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        task = self.find_or_deny(request, task_id, DECIDE)
        if task is None:
            return self.gone(request, task_id)
        outcome, comment = request.POST.get("outcome", ""), request.POST.get("comment", "")[:2_000]
        form = AnswerForm(task.form, _labels(task), request.POST) if outcome == DONE else None
        if form is not None and not form.is_valid():
            return self.render_page(request, task, {"form": form, "comment": comment}, status=422)
        try:
            decide_task(
                task_id=task.pk,
                outcome=outcome,
                answer=form.answer() if form is not None else None,
                comment=comment.replace("\x00", ""),
                by=console.person(request),
            )
        except MuddaError as error:
            if form is not None and error.errors:
                form.show(error.errors)
                return self.render_page(request, task, {"form": form, "comment": comment}, status=422)
            console.tell(request, error)
            return redirect(console.page_of(task))
        messages.success(
            request, "Thank you. The run has been told." if task.awaited else "Thank you. It is noted."
        )
        return redirect(console.page_of(task))


@console.on_home
def tasks_to_do(request: HttpRequest) -> Iterable[console.Waiting]:
    if not request.user.has_perm("executions.view_humantask"):
        return
    found = HumanTask.objects.visible_to(request.user).filter(status=TaskStatus.OPEN)
    rows = tuple((task.title, console.page_of(task), task.group) for task in found[: console.SHOWN_WAITING])
    url = reverse("admin:executions_humantask_changelist") + "?state=todo"
    yield console.Waiting(
        "Open tasks", url, found.count(), rows, "Nothing to do. Runs open tasks when they need a person."
    )


@console.on_home
def runs_to_watch(request: HttpRequest) -> Iterable[console.Waiting]:
    if not request.user.has_perm("executions.view_workflowexecution"):
        return
    for title, status, empty in (
        ("Runs under way", ExecutionStatus.RUNNING, "Nothing is running. An approved plan can be launched."),
        ("Runs that failed", ExecutionStatus.FAILED, "No run has failed."),
    ):
        found = (
            WorkflowExecution.objects.visible_to(request.user)
            .filter(status=status)
            .select_related("plan__issue")
        )
        shown = found.only("status", "plan__title", "plan__issue_id")[: console.SHOWN_WAITING]
        rows = tuple(
            (run.plan.title or "A plan", console.page_of(run), run.plan.issue.reference) for run in shown
        )
        url = reverse("admin:executions_workflowexecution_changelist") + f"?status__exact={status}"
        yield console.Waiting(title, url, found.count(), rows, empty)


def _why_not(request: HttpRequest, task: HumanTask) -> str:
    """Why this person cannot decide the task now; "" where they can."""
    if task.status not in {TaskStatus.OPEN, TaskStatus.ON_HOLD}:
        return "closed"
    if not request.user.has_perm(DECIDE):
        return "You may read tasks, but not decide them."
    try:
        ensure_may_decide(task, console.person(request))
    except Forbidden as error:
        return error.detail
    return ""


def _labels(task: HumanTask) -> Mapping[str, str]:
    """The questions in the plan's own words, by the name of the answer."""
    step = StepRun.objects.filter(execution=task.execution_id, step_id=task.step_id).only("inputs").first()
    asked = step.inputs.get("questions") if step is not None and isinstance(step.inputs, dict) else None
    if not isinstance(asked, dict):
        return {}
    return {name: str(one["ask"]) for name, one in asked.items() if isinstance(one, dict) and one.get("ask")}


def _shown_answer(task: HumanTask, labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """A decided task's answer, name and value in words."""
    if not isinstance(task.answer, dict):
        return []
    return [
        (labels.get(name) or console.in_words(name), _value(value)) for name, value in task.answer.items()
    ]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return (
        ", ".join(map(str, value)) if isinstance(value, list) else "nothing" if value is None else str(value)
    )
