"""Approving and launching a plan, or launching an approved one, through a page that asks."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from executions.models import WorkflowExecution
from executions.services import launch_execution
from issues.models import Issue
from mudda import console
from workflows.console.confirm import address, ensure_unchanged
from workflows.console.data import DataForm
from workflows.models import PlanStatus, WorkflowPlan
from workflows.plan.validation import required_data
from workflows.services import current_revision

APPROVE, LAUNCH, SEE = (
    "workflows.approve_workflowplan",
    "executions.add_workflowexecution",
    "executions.view_workflowexecution",
)
LAUNCH_VIEW = "executions_workflowexecution_launch"


def data_form(request: HttpRequest, plan: WorkflowPlan) -> DataForm:
    return DataForm(required_data(current_revision(plan).document), request.POST or None)


@transaction.atomic
def launch_seen(
    *, plan: WorkflowPlan, digest: str, data: dict[str, Any], may_approve: bool, by: User
) -> WorkflowExecution:
    """Launch exactly what ``by`` has read, approving it in the same breath where ``by`` may.

    Raises:
        StaleDigest: the plan was changed; and what ``launch_execution`` raises.
    """
    ensure_unchanged(plan_id=plan.pk, digest=digest, by=by)
    return launch_execution(
        plan_id=plan.pk,
        execution_data=data,
        by=by,
        approve=may_approve,
        digest=digest if may_approve else None,
    )


@console.adds_to(WorkflowPlan)
def runs_of_plan(request: HttpRequest, plan: WorkflowPlan) -> Iterable[console.Part]:
    may = request.user.has_perm
    runs = list(_runs(plan=plan))
    live = any(run.status in {"pending", "running", "completed"} for run in runs)
    if may(LAUNCH) and plan.current is not None and not live and "revision" not in request.GET:
        if plan.status == PlanStatus.DRAFT and may(APPROVE):
            yield console.Button(_("Approve and launch"), address(LAUNCH_VIEW, plan), "primary", decides=True)
        elif plan.status == PlanStatus.APPROVED:
            yield console.Button(_("Launch"), address(LAUNCH_VIEW, plan), "primary", decides=True)
    if may(SEE):
        yield _panel(runs, _("This plan has not run yet."))


@console.adds_to(Issue)
def runs_of_issue(request: HttpRequest, issue: Issue) -> Iterable[console.Part]:
    if request.user.has_perm(SEE):
        yield _panel(list(_runs(plan__issue=issue)), _("Nothing has run for this issue yet."))


def _runs(**of: Any) -> Iterable[WorkflowExecution]:
    found = WorkflowExecution.objects.filter(**of).select_related("plan")
    return found.only("status", "created_at", "plan__title", "plan__issue_id")


def _panel(runs: list[WorkflowExecution], empty: str) -> console.Panel:
    rows = [(run, console.page_of(run), console.badge(run.status)) for run in runs]
    return console.Panel(_("Runs"), "admin/console/panels/runs.html", {"rows": rows, "empty": empty})
