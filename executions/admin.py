"""Runs in the admin: launch, follow, steer. People's tasks are in ``console.task_admin``."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from executions.console import (  # noqa: F401 (register what an issue's history shows of runs, and a page)
    holidays,
    telling,
)
from executions.console.clock import between
from executions.console.columns import due_words
from executions.console.following import follow, in_short
from executions.console.home import WaitsFor
from executions.console.keys import RUN_KEYS
from executions.console.launching import APPROVE, LAUNCH, data_form, launch_seen
from executions.console.ops import temporal_link
from executions.console.steering import (
    DECIDE,
    FAILURE_WAYS,
    UNDER_WAY,
    WAYS,
    ReasonForm,
    Way,
    asking,
    steering_buttons,
)
from executions.console.task_admin import TaskAdmin
from executions.console.task_page import overdue_badge
from executions.console.whom import name_of
from executions.models import WorkflowExecution
from executions.steering import STEERING
from executions.targets import late
from issues.admin import WithinMyDepartments
from mudda import console
from mudda.event_types import known
from workflows.console.confirm import changed_meanwhile, confirmation, seen_digest
from workflows.console.finding import with_words
from workflows.models import PlanStatus, WorkflowPlan

EFFECTS = "executions.view_effect"
FAMILIES = frozenset({"execution", "step", "task"})
"""What happens in a run's stream: a browser hears only the types of events that it has asked for."""

__all__ = ["ExecutionAdmin", "TaskAdmin"]


class Overdue(admin.SimpleListFilter):
    """The runs that should be over."""

    title = gettext_lazy("target")
    parameter_name = "target"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("overdue", _("Overdue"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(late(timezone.now())) if self.value() == "overdue" else queryset


@admin.register(WorkflowExecution)
class ExecutionAdmin(console.RoomAdmin):
    page_template = "admin/console/execution.html"
    empty_says = gettext_lazy(
        "A run begins when an approved plan is launched, from the plan's page or by the API."
    )
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
    search_help_text = gettext_lazy("Words of the plan's title, or of the issue's statement or address.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found = super().get_queryset(request).select_related("plan__issue")
        return found.defer("compiled", "execution_data", "issue_facts")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return with_words(queryset, search_term, "plan"), False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = WorkflowExecution.objects.visible_to(request.user).defer("compiled", "issue_facts")
        related = (
            "plan__issue__department", "plan__issue__category", "revision", "approval__approver", "started_by",
        )  # fmt: skip
        heavy = ("compiled", "issue_facts", "revision__canonical_text", "revision__problems")
        return console.find(found.select_related(*related).defer(*heavy), object_id)

    def get_urls(self) -> list[URLPattern]:
        name, ours = "executions_workflowexecution", self.admin_site.admin_view
        return [
            path("launch/<uuid:plan_id>/", ours(self.launch_view), name=f"{name}_launch"),
            path("<uuid:execution_id>/steer/<slug:way>/", ours(self.steer_view), name=f"{name}_steer"),
            path(
                "<uuid:execution_id>/steps/<slug:run_step>/<slug:failure_way>/",
                ours(self.step_view),
                name=f"{name}_step",
            ),
            *super().get_urls(),
        ]

    @admin.display(description=gettext_lazy("Plan"), ordering="plan__title")
    def plan_column(self, execution: WorkflowExecution) -> str:
        return execution.plan.title or _("A plan without a name")

    @admin.display(description=gettext_lazy("Issue"), ordering="plan__issue")
    def issue_column(self, execution: WorkflowExecution) -> str:
        return execution.plan.issue.reference

    @admin.display(description=gettext_lazy("Status"), ordering="status")
    def status_column(self, execution: WorkflowExecution) -> SafeString:
        return console.badge(execution.status)

    @admin.display(description=gettext_lazy("Due"), ordering="due_at", empty_value="")
    def due_column(self, execution: WorkflowExecution) -> SafeString | None:
        return due_words(execution.due_at, execution.is_overdue)

    def page_parts(self, request: HttpRequest, execution: WorkflowExecution) -> Iterable[console.Part]:
        return steering_buttons(execution, console.person(request))

    def page_context(self, request: HttpRequest, execution: WorkflowExecution) -> dict[str, Any]:
        run = follow(execution, by=console.person(request), with_effects=request.user.has_perm(EFFECTS))
        until = execution.completed_at or timezone.now()
        return {
            "title": execution.plan.title or _("A plan without a name"),
            "status": console.badge(execution.status),
            "overdue": overdue_badge(execution.is_overdue),
            "run": run,
            "under_way": execution.status in UNDER_WAY,
            "took": between(execution.started_at, until) if execution.started_at else "",
            "launched_by": name_of(execution.started_by),
            "event_types": " ".join(name for name, kind in known().items() if kind.family in FAMILIES),
            "said": in_short(run),
            "keys": RUN_KEYS,
            "temporal_url": temporal_link(execution, console.person(request)),
            "history": console.history_of(execution, {row.step.step_id: row.step.title for row in run.steps}),
        }

    def steer_view(self, request: HttpRequest, execution_id: UUID, way: str) -> HttpResponse:
        """Ask why a run is to be paused, resumed or cancelled, and tell it."""
        execution = self.find_or_deny(request, execution_id, STEERING)
        if execution is None:
            return self.gone(request, execution_id)
        if way not in WAYS:
            raise Http404
        return self._ask_why(request, execution, WAYS[way], about=execution.plan)

    def step_view(
        self, request: HttpRequest, execution_id: UUID, run_step: str, failure_way: str
    ) -> HttpResponse:
        """Ask why a failed step is to be tried again, left out, or to end the run, and say so."""
        execution = self.find_or_deny(request, execution_id, DECIDE)
        if execution is None:
            return self.gone(request, execution_id)
        step = execution.steps.filter(step_id=run_step).first()
        if failure_way not in FAILURE_WAYS or step is None:
            raise Http404
        way = FAILURE_WAYS[failure_way]
        return self._ask_why(request, execution, way, about=step.title, step_id=run_step)

    def _ask_why(
        self, request: HttpRequest, execution: WorkflowExecution, way: Way, *, about: Any, **step: str
    ) -> HttpResponse:
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if request.method != "POST" or not form.is_valid():
            context = asking(way, form, back=console.page_of(execution), about=about)
            status = 422 if form.errors else 200
            return self.ask(request, execution, "admin/console/form.html", context, status)
        console.carry_out(
            request,
            lambda: way.service(
                execution_id=execution.pk,
                reason=form.cleaned_data["reason"],
                by=console.person(request),
                **step,
            ),
            str(way.done),
        )
        return redirect(console.page_of(execution))

    def launch_view(self, request: HttpRequest, plan_id: UUID) -> HttpResponse:
        """Approve and launch a draft, or launch a plan that is approved."""
        self.find_or_deny(request, plan_id, LAUNCH)
        plans = WorkflowPlan.objects.visible_to(request.user).select_related("issue__category", "current")
        plan = console.find(plans, plan_id)
        if plan is None:
            messages.warning(request, _("There is no such plan."))
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
            _("Launched. This page follows the run."),
        )
        return redirect(console.page_of(execution if execution is not None else plan))


def _words(plan: WorkflowPlan, may_approve: bool) -> dict[str, str]:
    if plan.status == PlanStatus.DRAFT and may_approve:
        intro = _("You give your word for exactly this text, and the city begins to carry it out at once.")
        return {
            "title": _("Approve and launch this plan?"),
            "intro": intro,
            "submit": _("Approve and launch"),
        }
    intro = _("The plan is approved. The city begins to carry it out at once.")
    return {"title": _("Launch this plan?"), "intro": intro, "submit": _("Launch")}
