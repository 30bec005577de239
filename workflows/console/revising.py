"""Changing a plan in words, and what differs between its revisions, in the admin."""

from collections.abc import Iterable
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issues.models import Department
from mudda import console
from mudda.errors import NotFound
from workflows import asking
from workflows.console.differing import Part, parts_of
from workflows.console.gaps import author_of
from workflows.console.insight import made_panel, shown_revision
from workflows.drafting import has_model
from workflows.models import PlannerRun, PlanRevision, PlanStatus, WorkflowPlan
from workflows.revising import LONGEST_INSTRUCTION, REVISE, ask_for_revision, revision_run
from workflows.revisions import difference, revision_of
from workflows.services import PlanExecuted, ensure_not_executed

EDIT = "workflows.change_workflowplan"
SHOWN_REVISIONS = 20
"""Newest revisions that a plan's page lists; any two can be compared."""
SHOWN_RUNS = 3
"""Earlier revisions in words that a plan's page names."""

FAILED = {
    "stale_digest": gettext_lazy(
        "The plan was changed while the revision was being written, so nothing was stored."
    ),
    "already_executed": gettext_lazy(
        "The plan was launched while the revision was being written, so it stays as it is."
    ),
    "plan_not_editable": gettext_lazy("The plan cannot be changed any more."),
}
"""What staff are told beside the code; other failures have a sentence of the planner's."""


class InstructionForm(forms.Form):
    instruction = forms.CharField(max_length=LONGEST_INSTRUCTION)


class RevisesInWords(console.RoomAdmin):
    """The pages of a plan's admin that are about revisions."""

    def get_urls(self) -> list[URLPattern]:
        views = (
            ("<uuid:plan_id>/revise/", self.revise_view, "revise"),
            ("<uuid:plan_id>/revise/<uuid:run_id>/", self.revision_run_view, "revision_run"),
            ("<uuid:plan_id>/diff/", self.diff_view, "diff"),
        )
        ours = [
            path(route, self.admin_site.admin_view(view), name=f"workflows_workflowplan_{name}")
            for route, view, name in views
        ]
        return [*ours, *super().get_urls()]

    def revise_view(self, request: HttpRequest, plan_id: UUID) -> HttpResponse:
        """Ask, and go to the page that shows how far it is."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        plan = self.find_or_deny(request, plan_id, EDIT)
        if plan is None:
            return self.gone(request, plan_id)
        form = InstructionForm(request.POST)
        if not form.is_valid():
            words = _("Say what should be different, in at most %(most)s characters.")
            messages.error(request, words % {"most": f"{LONGEST_INSTRUCTION:,}"})
            return redirect(console.page_of(plan))
        run = console.carry_out(
            request,
            lambda: ask_for_revision(
                plan_id=plan.pk,
                instruction=form.cleaned_data["instruction"],
                expected_digest=request.POST.get("digest", ""),
                by=console.person(request),
            ),
            _("Asked. The plan stays as it is until the change is written."),
        )
        return redirect(page_of_run(run) if run is not None else console.page_of(plan))

    def revision_run_view(self, request: HttpRequest, plan_id: UUID, run_id: UUID) -> HttpResponse:
        plan = self.find_or_deny(request, plan_id)
        if plan is None:
            return self.gone(request, plan_id)
        try:
            run = revision_run(plan_id=plan_id, run_id=run_id, by=request.user)
        except NotFound as error:
            console.tell(request, error)
            return redirect(console.page_of(plan))
        context = {
            "title": _("A change in words"),
            "plan": plan,
            "run": run,
            "status": console.badge(run.status),
            "under_way": not asking.is_over(run),
            "failure": failure_of(run),
            "account": run.account.splitlines(),
            "parts": _parts(run.base, run.revision),
            "newer": run.revision is not None and run.revision.pk != plan.current_id,
            "plan_url": console.page_of(plan),
            "made": made_panel(request, run.revision, run) if asking.is_over(run) else None,
        }
        return self.ask(request, plan, "admin/console/revision_run.html", context)

    def diff_view(self, request: HttpRequest, plan_id: UUID) -> HttpResponse:
        plan = self.find_or_deny(request, plan_id)
        if plan is None:
            return self.gone(request, plan_id)
        try:
            newer = revision_of(plan_id=plan_id, number=_number(request, "to"), by=request.user)
            older = revision_of(
                plan_id=plan_id, number=_number(request, "from") or max(newer.number - 1, 1), by=request.user
            )
        except NotFound as error:
            console.tell(request, error)
            return redirect(console.page_of(plan))
        run = getattr(newer, "planner_run", None)
        context = {
            "title": _("Revision %(older)s and revision %(newer)s")
            % {"older": older.number, "newer": newer.number},
            "plan": plan,
            "older": older,
            "newer": newer,
            "parts": _parts(older, newer),
            "run": run if run is not None and run.purpose == REVISE and run.base_id == older.pk else None,
            "account": run.account.splitlines() if run is not None else [],
            "both": [(one, author_of(one)) for one in (older, newer)],
            "numbers": list(plan.revisions.order_by("number").values_list("number", flat=True)),
            "plan_url": console.page_of(plan),
        }
        return self.ask(request, plan, "admin/console/diff.html", context)


def _parts(older: PlanRevision | None, newer: PlanRevision | None) -> list[Part]:
    if older is None or newer is None:
        return []
    return parts_of(difference(older, newer), dict(Department.objects.values_list("code", "name")))


def page_of_run(run: PlannerRun) -> str:
    return reverse("admin:workflows_workflowplan_revision_run", args=[run.plan_id, run.pk])


def failure_of(run: PlannerRun) -> str:
    """Why a run made no revision, in words; "" for one that has not failed."""
    if not run.problem:
        return ""
    code = str(run.problem.get("code", ""))
    return str(FAILED.get(code, "")) or str(run.problem.get("message", "")) or code


def revision_rows(plan: WorkflowPlan) -> list[tuple[PlanRevision, str]]:
    """A plan's newest revisions for its page, without their texts, each with who wrote it."""
    revisions = plan.revisions.select_related("author", "planner_run").order_by("-number")
    found = revisions.defer("document", "canonical_text", "planner_run__exchanges")[:SHOWN_REVISIONS]
    return [(revision, author_of(revision)) for revision in found]


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 8 else None


@console.adds_to(WorkflowPlan)
def change_in_words(request: HttpRequest, plan: WorkflowPlan) -> Iterable[console.Part]:
    """The box to ask in, and what was asked before."""
    if plan.current is None or shown_revision(request, plan) is not None:
        return
    runs = plan.planner_runs.filter(purpose=REVISE).defer("exchanges").order_by("-created_at")[:SHOWN_RUNS]
    rows = [(run, page_of_run(run), console.badge(run.status), failure_of(run)) for run in runs]
    may_ask = request.user.has_perm(EDIT) and plan.status != PlanStatus.ARCHIVED and not _executed(plan)
    if not (rows or may_ask):
        return
    context = {
        "rows": rows,
        "may_ask": may_ask,
        "has_model": has_model(),
        "url": reverse("admin:workflows_workflowplan_revise", args=[plan.pk]),
        "digest": plan.current.digest,
        "longest": LONGEST_INSTRUCTION,
    }
    yield console.Panel(_("Ask for a change in words"), "admin/console/panels/revise.html", context)


def _executed(plan: WorkflowPlan) -> bool:
    try:
        ensure_not_executed(plan)
    except PlanExecuted:
        return True
    return False


__all__ = ["RevisesInWords", "failure_of", "page_of_run", "revision_rows"]
