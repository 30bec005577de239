"""Plans in the admin: read, edit, approve, reject. Launching is added by the room that runs them."""

from collections.abc import Iterable
from typing import Any, get_args
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issues.admin import WithinMyDepartments
from issues.models import Issue
from mudda import console
from mudda.errors import MuddaError
from mudda.long_lists import offering
from workflows.asking import is_over
from workflows.console import home, playbooks, reports, telling, told  # noqa: F401 (register what other pages show)
from workflows.console.confirm import (
    WRITING,
    CommentForm,
    ReasonForm,
    address,
    changed_meanwhile,
    confirmation,
    contacts_of,
    ensure_unchanged,
    refused_as_changed,
    review_of,
    seen_digest,
)
from workflows.console.editing import EditsText, as_text
from workflows.console.finding import with_words
from workflows.console.gaps import author_of, gaps_of, own_work
from workflows.console.graph import draw, steps_of_cards
from workflows.console.insight import UNDERSTOOD, shown_revision
from workflows.console.revising import SHOWN_REVISIONS, RevisesInWords, revision_rows
from workflows.console.simulating import Simulates
from workflows.console.steps import EditsSteps
from workflows.drafting import ask_for_draft
from workflows.models import PlanApproval, PlanStatus, WorkflowPlan
from workflows.plan.catalogue import offered
from workflows.planning.base import PlannerName
from workflows.policies.admin import PolicyAdmin
from workflows.services import (
    PlanExecuted,
    StaleDigest,
    approve_plan,
    ensure_not_executed,
    reject_plan,
)

APPROVE, EDIT, DRAFT = (
    "workflows.approve_workflowplan",
    "workflows.change_workflowplan",
    "workflows.add_workflowplan",
)

PLANNERS = (*get_args(PlannerName), "staff")
"""Who writes revisions of plans."""


@admin.register(WorkflowPlan)
class PlanAdmin(EditsSteps, EditsText, Simulates, RevisesInWords):
    page_template = "admin/console/plan.html"
    list_display = ("title_column", "issue_column", "status_column", "planner", "created_at")
    list_filter = (
        "status",
        home.Approved,
        ("current__planner", offering(lambda: PLANNERS)),
        ("issue__department", WithinMyDepartments),
        "created_at",
    )
    search_fields = ("title", "issue__statement", "issue__address")
    search_help_text = gettext_lazy("Words of the plan’s title, or of the issue’s statement or address.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        texts = ("current__document", "current__canonical_text", "current__problems")
        rows = WorkflowPlan.objects.listed_for(request.user)
        return rows.select_related("issue", "current").defer(*texts)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        related = ("issue__category", "issue__department", "issue__reporter", "current__author", "created_by")
        return console.find(WorkflowPlan.objects.visible_to(request.user).select_related(*related), object_id)

    def get_urls(self) -> list[URLPattern]:
        views = (
            ("<uuid:plan_id>/approve/", self.approve_view, "approve"),
            ("<uuid:plan_id>/reject/", self.reject_view, "reject"),
            ("draft/<int:issue_id>/", self.draft_view, "draft"),
        )
        ours = [
            path(route, self.admin_site.admin_view(view), name=f"workflows_workflowplan_{name}")
            for route, view, name in views
        ]
        return [*ours, *super().get_urls()]

    @admin.display(description=gettext_lazy("Plan"), ordering="title")
    def title_column(self, plan: WorkflowPlan) -> str:
        return plan.title or _("A plan without a name")

    @admin.display(description=gettext_lazy("Issue"), ordering="issue")
    def issue_column(self, plan: WorkflowPlan) -> str:
        return plan.issue.reference

    @admin.display(description=gettext_lazy("Status"), ordering="status")
    def status_column(self, plan: WorkflowPlan) -> SafeString:
        return console.badge(plan.status)

    @admin.display(description=gettext_lazy("Written by"), ordering="current__planner")
    def planner(self, plan: WorkflowPlan) -> str:
        return plan.current.planner if plan.current else "-"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return with_words(queryset, search_term), False

    # --- reading ------------------------------------------------------------------------------------

    def page_parts(self, request: HttpRequest, plan: WorkflowPlan) -> Iterable[console.Part]:
        if plan.current is None or shown_revision(request, plan) is not None:
            return
        may, executed = request.user.has_perm, is_executed(plan)
        if may(APPROVE) and plan.status == PlanStatus.DRAFT and not own_work(plan, console.person(request)):
            yield console.Button(_("Approve"), address("workflows_workflowplan_approve", plan), decides=True)
        if may(EDIT) and plan.status != PlanStatus.ARCHIVED and not executed:
            yield console.Button(_("Edit"), reverse("admin:workflows_workflowplan_steps", args=[plan.pk]))
        if may(APPROVE) and plan.status in {PlanStatus.DRAFT, PlanStatus.APPROVED} and not executed:
            reject = address("workflows_workflowplan_reject", plan)
            yield console.Button(_("Reject"), reject, "danger", decides=True)

    def page_context(self, request: HttpRequest, plan: WorkflowPlan) -> dict[str, Any]:
        older = shown_revision(request, plan)
        revision = older or plan.current
        approval = PlanApproval.objects.filter(revision=revision).select_related("approver").first()
        read = review_of(plan, revision.document) if revision else None
        may_edit = older is None and request.user.has_perm(EDIT) and plan.status != PlanStatus.ARCHIVED
        return {
            "title": plan.title or _("A plan without a name"),
            "status": console.badge(plan.status),
            "revision": revision,
            "author": author_of(revision) if revision else "",
            "older": older is not None,
            "review": read,
            "graph": draw(steps_of_cards(read.cards)) if read else "",
            "contacts": contacts_of(plan, read) if read else [],
            "gaps": gaps_of(plan, read),
            "own_work": own_work(plan, console.person(request)) if plan.status == PlanStatus.DRAFT else "",
            "understood": UNDERSTOOD,
            "may_edit": may_edit and not is_executed(plan),
            "document": as_text(revision.document) if revision else "",
            "approval": approval,
            "catalogue_changed": approval is not None and approval.catalogue_digest != offered().digest,
            "revisions": revision_rows(plan),
            "revisions_left_out": _left_out(plan),
            "history": console.history_of(plan),
        }

    # --- deciding -----------------------------------------------------------------------------------

    def approve_view(self, request: HttpRequest, plan_id: UUID) -> HttpResponse:
        words = {
            "title": _("Approve this plan?"),
            "intro": _("You give your word for exactly this text. It runs only once somebody launches it."),
            "submit": _("Approve"),
        }

        def approve(digest: str, form: forms.Form) -> WorkflowPlan:
            return approve_plan(
                plan_id=plan_id,
                digest=digest,
                by=console.person(request),
                comment=form.cleaned_data["comment"],
            )

        return self._decide(
            request, plan_id, CommentForm(request.POST or None), words, approve, _("Approved.")
        )

    def reject_view(self, request: HttpRequest, plan_id: UUID) -> HttpResponse:
        words = {
            "title": _("Reject this plan?"),
            "intro": _("It will not run. A new version may be written and approved later."),
            "submit": _("Reject"),
            "tone": "danger",
        }

        @transaction.atomic
        def reject(digest: str, form: forms.Form) -> WorkflowPlan:
            ensure_unchanged(plan_id=plan_id, digest=digest, by=console.person(request))
            return reject_plan(
                plan_id=plan_id, reason=form.cleaned_data["reason"], by=console.person(request)
            )

        return self._decide(request, plan_id, ReasonForm(request.POST or None), words, reject, _("Rejected."))

    def _decide(
        self,
        request: HttpRequest,
        plan_id: UUID,
        form: forms.Form,
        words: dict[str, str],
        work: Any,
        done: str,
    ) -> HttpResponse:
        plan = self.find_or_deny(request, plan_id, APPROVE)
        if plan is None:
            return self.gone(request, plan_id)
        if (back := changed_meanwhile(request, plan)) is not None:
            return back
        if request.method != "POST" or not form.is_valid():
            return confirmation(self, request, plan, form, words)
        try:
            work(seen_digest(request), form)
        except StaleDigest:
            plan.refresh_from_db(fields=["current"])
            return refused_as_changed(request, plan)
        except MuddaError as error:
            console.tell(request, error)
        else:
            messages.success(request, done)
        return redirect(console.page_of(plan))

    # --- drafting -----------------------------------------------------------------------------------

    def draft_view(self, request: HttpRequest, issue_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perms(["issues.view_issue", DRAFT]):
            raise PermissionDenied
        issue = console.find(Issue.objects.visible_to(request.user).select_related("category"), issue_id)
        if issue is None:
            messages.warning(request, _("There is no such issue."))
            return redirect("admin:issues_issue_changelist")

        run = console.carry_out(
            request,
            lambda: ask_for_draft(statement=issue.statement, issue=issue, by=request.user),
            "",
        )
        if run is None:
            return redirect(console.page_of(issue))
        ready = _("A draft is ready: please read it, then approve or change it.")
        words = ready if is_over(run) else WRITING
        messages.success(request, words)
        return redirect(console.page_of(run.plan))


def _left_out(plan: WorkflowPlan) -> int:
    """How many revisions the page doesn't list. They are numbered without gaps."""
    return max(0, plan.current.number - SHOWN_REVISIONS) if plan.current else 0


def is_executed(plan: WorkflowPlan) -> bool:
    """Whether it runs or has run, so that it stays as it is."""
    try:
        ensure_not_executed(plan)
    except PlanExecuted:
        return True
    return False


@console.adds_to(Issue)
def plans_of_issue(request: HttpRequest, issue: Issue) -> Iterable[console.Part]:
    if request.user.has_perm(DRAFT):
        address_of_draft = reverse("admin:workflows_workflowplan_draft", args=[issue.pk])
        yield console.Button(_("Draft a plan"), address_of_draft, "primary", post=True)
    if request.user.has_perm("workflows.view_workflowplan"):
        plans = issue.plans.select_related("current").defer("current__document", "current__canonical_text")
        rows = [(plan, console.page_of(plan), console.badge(plan.status)) for plan in plans]
        yield console.Panel(_("Plans"), "admin/console/panels/plans.html", {"rows": rows})


__all__ = ["PlanAdmin", "PolicyAdmin", "is_executed"]
