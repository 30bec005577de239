"""What can be done with a plan once it is drafted: change it, approve it, reject it."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Model

from issues.models import Category, Department, Issue
from mudda import events, prepared
from mudda.errors import Conflict, Forbidden, NotFound, Unprocessable
from mudda.etags import Expected, ensure_current
from mudda.events import Actor
from mudda.reach import holds
from workflows.departments import names_departments, unknown_departments
from workflows.models import PlanApproval, PlanRevision, PlanStatus, WorkflowPlan, plans_seen_by
from workflows.plan.catalogue import offered
from workflows.plan.changes import compare
from workflows.plan.schema import canonical_text, digest, normalise
from workflows.plan.validation import Problem, has_errors, validate
from workflows.policies.checking import policy_problems
from workflows.remembered import problems_of

PLAN_PARTS: dict[str, type[Model]] = {
    "plan": WorkflowPlan,
    "issue": Issue,
    "category": Category,
    "department": Department,
    "revision": PlanRevision,
}
FIND_PLAN = """
    FROM workflow_plans plan
    JOIN issues_issue issue ON issue.id = plan.issue_id
    LEFT JOIN issues_category category ON category.id = issue.category_id
    LEFT JOIN issues_department department ON department.id = issue.department_id
    LEFT JOIN plan_revisions revision ON revision.id = plan.current_id
    WHERE plan.id = %(id)s::uuid
"""


class StaleDigest(Conflict):
    code = "stale_digest"
    title = "The plan was changed since you read it."


class DigestNeeded(Conflict):
    code = "digest_needed"
    title = "Say which revision you approve: this plan has more than one."


class PlanHasProblems(Unprocessable):
    code = "plan_has_problems"
    title = "The plan has errors."


class StillDrafting(Conflict):
    code = "still_drafting"
    title = "The plan is still being written: its `events` tell how far it is."
    retryable = True
    retry_after = 5


class PlanNotEditable(Conflict):
    code = "plan_not_editable"
    title = "This plan cannot be changed any more."


class PlanExecuted(Conflict):
    code = "already_executed"
    title = "This plan runs, or has run, already."


# --- changing ---------------------------------------------------------------------------------------


@transaction.atomic
def replace_plan(*, plan_id: UUID, document: Any, expected_digest: Expected, by: User) -> WorkflowPlan:
    """Store another text for a plan as a new revision. An approved plan returns to DRAFT.

    Args:
        expected_digest: the tag or the digest that the editor read (``If-Match``), or None to overwrite whatever
            is there.

    Raises:
        NotFound, PreconditionFailed: somebody else changed it meanwhile; carries the current digest.
        StillDrafting: there is nothing to replace yet.
        PlanNotEditable: it is archived.
        PlanExecuted: it runs or has run.
    """
    plan = locked_plan(plan_id, by)
    ensure_unchanged(plan, expected_digest)
    if plan.status == PlanStatus.ARCHIVED:
        raise PlanNotEditable
    ensure_not_executed(plan)
    if digest(normalise(document, offered())) == current_revision(plan).digest:
        return plan
    add_revision(plan, document, planner="staff", detail={}, by=by)
    return plan


def ensure_not_executed(plan: WorkflowPlan) -> None:
    """A plan that runs or has run stays as it was approved: rooms that run plans say whether it does."""
    for find_execution in _execution_finders:
        if (found := find_execution(plan)) is not None:
            raise PlanExecuted(extra={"execution_id": str(found)})


_execution_finders: list[Any] = []


def tell_executions_by(find_execution: Any) -> None:
    """Register a function from a plan to the id of its pending, running or completed execution, or None."""
    _execution_finders.append(find_execution)


def add_revision(
    plan: WorkflowPlan, document: Any, *, planner: str, detail: Mapping[str, Any], by: Actor
) -> PlanRevision:
    """Store another text for a plan that the caller has locked, with what validation finds; it is DRAFT then."""
    saved = normalise(document, offered())
    sha = digest(saved)
    problems = validate_document(saved, plan.issue, sha=sha)
    last = plan.revisions.order_by("-number").first()
    revision = PlanRevision.objects.create(
        plan=plan,
        number=last.number + 1 if last else 1,
        document=saved,
        canonical_text=canonical_text(saved),
        digest=sha,
        problems=[problem.as_dict() for problem in problems],
        planner=planner,
        planner_detail=dict(detail),
        changes=[change.as_dict() for change in compare(last.document, saved)] if last else [],
        author_id=user_id(by),
    )
    plan.current = revision
    plan.status = PlanStatus.DRAFT
    plan.title = _title(saved)
    plan.rejection_reason = ""
    plan.save(update_fields=["current", "status", "title", "rejection_reason", "updated_at"])
    data = {"revision": revision.number, "digest": revision.digest, "planner": planner}
    events.append(plan, "plan.drafted" if revision.number == 1 else "plan.edited", data, actor=by)
    return revision


def validate_document(document: Any, issue: Issue | None = None, *, sha: str = "") -> list[Problem]:
    """Everything that is wrong with a plan, the departments and policies it names included.

    Args:
        sha: the digest of a document that is normalised, where the caller knows it.
    """
    target = target_for(issue)
    if sha:
        found: Sequence[Problem] = problems_of(document, sha, category_target=target)
    else:
        found = validate(document, offered(), category_target=target)
    sandbox = issue.sandbox_id if issue else None
    return [*found, *_department_problems(document), *policy_problems(document, sandbox=sandbox)]


def target_for(issue: Issue | None) -> str | None:
    """The target that the city has set itself for issues of this kind."""
    return issue.category.target or None if issue and issue.category else None


def _department_problems(document: Any) -> list[Problem]:
    if not names_departments(document):
        return []
    known = Department.objects.filter(active=True).values_list("code", flat=True)
    return unknown_departments(document, frozenset(known))


def _title(document: Any) -> str:
    name = document.get("workflow_name") if isinstance(document, dict) else None
    return name[:120] if isinstance(name, str) else ""


# --- deciding ---------------------------------------------------------------------------------------


@transaction.atomic
def approve_plan(
    *, plan_id: UUID, digest: str | None, by: User, comment: str = "", expected: Expected = None
) -> WorkflowPlan:
    """Approve exactly the revision that ``by`` has read. Approving the same once more changes nothing.

    Args:
        digest: the digest of what was read; may be left out only while the plan has a single revision.
        expected: as for ``replace_plan``.

    Raises:
        NotFound, PreconditionFailed: as for ``replace_plan``.
        StillDrafting: there is nothing to approve yet.
        StaleDigest: the plan was changed since; carries the current digest.
        DigestNeeded: no digest was given and the plan has several revisions.
        PlanHasProblems: the revision does not validate; carries the problems.
        PlanNotEditable: the plan was rejected or archived.
        Forbidden: the city asks for four eyes, and ``by`` asked for the plan or wrote a part of it.
    """
    plan = locked_plan(plan_id, by)
    ensure_unchanged(plan, expected)
    approve_locked(plan, digest=digest, by=by, comment=comment)
    return plan


def approve_locked(plan: WorkflowPlan, *, digest: str | None, by: User, comment: str = "") -> PlanApproval:
    """``approve_plan`` for a plan that ``locked_plan`` gave in this transaction; returns what then lets it run."""
    revision = current_revision(plan)
    if digest is None and revision.number > 1:
        raise DigestNeeded(extra={"digest": revision.digest})
    if digest is not None and digest != revision.digest:
        raise StaleDigest(extra={"digest": revision.digest})
    if plan.status not in {PlanStatus.DRAFT, PlanStatus.APPROVED}:
        raise PlanNotEditable(f"The plan is {plan.status}; a new revision can be approved.")
    problems = validate_document(revision.document, plan.issue, sha=revision.digest)
    if has_errors(problems):
        errors = [problem.as_dict() for problem in problems if problem.severity == "error"]
        raise PlanHasProblems(errors=errors)
    if plan.status == PlanStatus.APPROVED:
        approval = current_approval(plan)
        if approval.catalogue_digest == offered().digest:
            return approval
    ensure_other_eyes(plan, by)
    approval = PlanApproval(
        revision=revision,
        digest=revision.digest,
        catalogue_digest=offered().digest,
        approver=by,
        comment=comment,
    )
    prepared.insert(approval)
    plan.status = PlanStatus.APPROVED
    prepared.update(plan, "status", "updated_at")
    events.append(plan, "plan.approved", {"approval": approval.pk, "digest": approval.digest}, actor=by)
    return approval


def ensure_other_eyes(plan: WorkflowPlan, by: Actor) -> None:
    """Where the city asks for four eyes, nobody approves what they have written themselves.

    Raises:
        Forbidden: ``by`` asked for the plan, or wrote a part of it.
    """
    if settings.PLAN_FOUR_EYES and wrote_part_of(plan, by):
        raise Forbidden(
            "You asked for this plan or wrote a part of it; here somebody else has to approve it."
        )


def wrote_part_of(plan: WorkflowPlan, who: Actor) -> bool:
    """Whether a person asked for a plan, or wrote any revision of it."""
    key = user_id(who)
    return key is not None and (plan.created_by_id == key or plan.revisions.filter(author=key).exists())


@transaction.atomic
def reject_plan(*, plan_id: UUID, reason: str, by: User, expected: Expected = None) -> WorkflowPlan:
    """Say no to a plan, and why. A new revision may follow.

    Args:
        expected: as for ``replace_plan``.

    Raises:
        NotFound, PreconditionFailed: as for ``replace_plan``.
        StillDrafting: there is nothing to reject yet.
        PlanNotEditable: it is archived.
        PlanExecuted: it runs or has run.
    """
    plan = locked_plan(plan_id, by)
    revision = current_revision(plan)
    ensure_unchanged(plan, expected)
    if plan.status not in {PlanStatus.DRAFT, PlanStatus.APPROVED}:
        raise PlanNotEditable(f"The plan is {plan.status}.")
    ensure_not_executed(plan)
    plan.status = PlanStatus.REJECTED
    plan.rejection_reason = reason
    plan.save(update_fields=["status", "rejection_reason", "updated_at"])
    events.append(plan, "plan.rejected", {"digest": revision.digest}, actor=by)
    return plan


@transaction.atomic
def archive_plan(*, plan_id: UUID, by: User, expected: Expected = None) -> WorkflowPlan:
    """Put a plan away for good: nobody edits, approves or launches it any more. The same once more changes nothing.

    Args:
        expected: as for ``replace_plan``.

    Raises:
        NotFound, PreconditionFailed, StillDrafting: as for ``replace_plan``.
        PlanExecuted: it runs or has run.
    """
    plan = locked_plan(plan_id, by)
    revision = current_revision(plan)
    ensure_unchanged(plan, expected)
    if plan.status == PlanStatus.ARCHIVED:
        return plan
    ensure_not_executed(plan)
    plan.status = PlanStatus.ARCHIVED
    plan.save(update_fields=["status", "updated_at"])
    events.append(plan, "plan.archived", {"digest": revision.digest}, actor=by)
    return plan


# --- shared -----------------------------------------------------------------------------------------


def ensure_unchanged(plan: WorkflowPlan, expected: Expected) -> None:
    """Refuse a change that is meant for another text or status of a plan that the caller has locked.

    Raises:
        PreconditionFailed: carries the current ``etag`` and ``digest``.
    """
    digest = current_revision(plan).digest
    ensure_current(expected, plan.tag, digest, digest=digest)


def locked_plan(plan_id: UUID, by: User) -> WorkflowPlan:
    """The plan, locked until commit, with its text and its issue; NotFound when ``by`` may not see it."""
    prepared.fetch("SELECT id FROM workflow_plans WHERE id = %(id)s::uuid FOR UPDATE", {"id": plan_id})
    # Read only once it is locked: rows joined to a row that had to be waited for would be those from before.
    plan = _whole_plan(plan_id)
    if plan is None or not holds(plans_seen_by(by), plan):
        raise NotFound("There is no such plan.")
    return plan


def _whole_plan(plan_id: UUID) -> WorkflowPlan | None:
    """A plan with its text and its issue, whosoever may see it."""
    rows = prepared.fetch_models(PLAN_PARTS, FIND_PLAN, {"id": plan_id})
    if not rows:
        return None
    plan, issue = rows[0]["plan"], rows[0]["issue"]
    issue.category, issue.department = rows[0]["category"], rows[0]["department"]
    plan.issue, plan.current = issue, rows[0]["revision"]
    return cast(WorkflowPlan, plan)


def current_revision(plan: WorkflowPlan) -> PlanRevision:
    """The text that the plan is now; StillDrafting while its first one is being written."""
    if plan.current is None:
        raise StillDrafting
    return plan.current


def current_approval(plan: WorkflowPlan) -> PlanApproval:
    """The newest approval of the current revision; NotFound when nobody approved it."""
    approval = PlanApproval.objects.filter(revision=current_revision(plan)).first()
    if approval is None:
        raise NotFound("Nobody approved this revision.")
    return approval


def user_id(by: Actor) -> Any:
    """The key of who acts, None for the system itself."""
    return by.pk if by is not None and by.is_authenticated else None
