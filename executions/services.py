"""Launching a run of an approved plan."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from executions.models import (
    LIVE,
    StepRun,
    WorkflowExecution,
)
from executions.starting import ensure_fits, run_input, start_or_leave, trace_key
from executions.targets import target_of
from mudda import events, prepared
from mudda.errors import Conflict
from mudda.etags import Expected
from mudda.monitoring import tracing
from mudda.transactions import whole
from workflows.launching import ensure_data, issue_facts
from workflows.models import PlanApproval, PlanRevision, PlanStatus, WorkflowPlan
from workflows.plan.catalogue import offered
from workflows.remembered import compiled as compile_text
from workflows.services import (
    approve_locked,
    current_approval,
    current_revision,
    ensure_unchanged,
    locked_plan,
    target_for,
)

FIND_LIVE = """
    SELECT id FROM workflow_executions WHERE plan_id = %(plan)s::uuid AND status = ANY(%(live)s::text[]) LIMIT 1
"""


class PlanNotApproved(Conflict):
    code = "plan_not_approved"
    title = "The plan is not approved."


class AlreadyExecuted(Conflict):
    code = "already_executed"
    title = "This plan runs, or has run, already."


class CatalogueChanged(Conflict):
    code = "catalogue_changed"
    title = "The activities have changed since the approval: the plan needs to be approved again."


LOCK_RUNS = """
    SELECT run.id FROM workflow_executions run JOIN workflow_plans plan ON plan.id = run.plan_id
    WHERE plan.issue_id = %(issue)s::bigint ORDER BY run.id FOR NO KEY UPDATE OF run
"""


def lock_runs(issue: int) -> None:
    """Lock the runs for the issue with this key until commit."""
    prepared.fetch(LOCK_RUNS, {"issue": issue})


# --- launching --------------------------------------------------------------------------------------


@whole()
def launch_execution(
    *,
    plan_id: UUID,
    execution_data: Mapping[str, Any],
    by: User,
    approve: bool = False,
    digest: str | None = None,
    expected: Expected = None,
) -> WorkflowExecution:
    """Launch an approved plan, once. Temporal is called after commit; if it is away, the dispatcher starts it later.

    Args:
        execution_data: the caller's own keys, which plans read as ``data``.
        approve: approve the revision with ``digest`` in the same breath; the door has checked that ``by`` may.
        expected: the plan's tag or digest that ``by`` has read (``If-Match``), or None.

    Raises:
        PreconditionFailed: the plan is another by now.
        NotFound: there is no such plan, or ``by`` may not see it.
        AlreadyExecuted: carries the execution's id.
        PlanNotApproved, CatalogueChanged: the plan needs an approval; also all that ``approve_plan`` raises.
        IssueMismatch, MissingData, ReservedKey: about ``execution_data``; names every key.
        DataTooLarge: it doesn't fit into the start of a run.
    """
    plan = locked_plan(plan_id, by)
    ensure_not_live(plan)
    ensure_unchanged(plan, expected)
    with events.together():
        approval = approve_locked(plan, digest=digest, by=by) if approve else valid_approval(plan)
        revision = current_revision(plan)
        ensure_data(revision, plan.issue, execution_data)
        execution = _create_execution(plan, revision, approval, execution_data, by)
    given = run_input(execution)
    ensure_fits(given)
    tracing.remember(trace_key(execution))
    # Robust: what is committed is promised, whatever happens to us now; the dispatcher starts it then.
    transaction.on_commit(lambda: start_or_leave(execution, given), robust=True)
    return execution


def ensure_not_live(plan: WorkflowPlan) -> None:
    found = live_execution(plan)
    if found is not None:
        raise AlreadyExecuted(extra={"execution_id": str(found)})


def live_execution(plan: WorkflowPlan) -> UUID | None:
    """The id of the plan's pending, running or completed execution, if it has one."""
    found = prepared.fetch(FIND_LIVE, {"plan": plan.pk, "live": list(LIVE)})
    return found[0][0] if found else None


def valid_approval(plan: WorkflowPlan) -> PlanApproval:
    """The approval that lets this plan run now."""
    if plan.status != PlanStatus.APPROVED:
        raise PlanNotApproved(f"The plan is {plan.status}.", extra={"digest": current_revision(plan).digest})
    approval = current_approval(plan)
    if approval.catalogue_digest != offered().digest:
        raise CatalogueChanged
    return approval


def _create_execution(
    plan: WorkflowPlan,
    revision: PlanRevision,
    approval: PlanApproval,
    execution_data: Mapping[str, Any],
    by: User,
) -> WorkflowExecution:
    compiled = compile_text(revision.document, revision.digest, category_target=target_for(plan.issue))
    now = timezone.now()
    execution = WorkflowExecution(
        plan=plan,
        sandbox_id=plan.sandbox_id,
        revision=revision,
        approval=approval,
        execution_data=dict(execution_data),
        compiled=compiled.to_json(),
        issue_facts=issue_facts(plan.issue),
        started_by=by,
        created_at=now,
        due_at=target_of(compiled, plan.issue, now),
    )
    prepared.insert(execution)
    prepared.insert_all(
        [
            StepRun(
                execution=execution,
                step_id=step.step_id,
                position=at,
                activity_id=step.activity_id,
                title=step.title,
            )
            for at, step in enumerate(compiled.steps)
        ]
    )
    data = {"execution": str(execution.pk), "digest": revision.digest}
    events.append(execution, "execution.launched", data, actor=by)
    events.append(plan, "plan.launched", data, actor=by)
    return execution
