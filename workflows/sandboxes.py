"""What this room holds of a sandbox, for ``mudda.sandboxes``."""

from uuid import UUID

from mudda.sandboxes import Contents, Kind, Removed, delete_kinds, forget_messages, lock_all
from workflows.asking import ASK_PLANNER
from workflows.models import (
    PlanApproval,
    PlannerRun,
    PlanRevision,
    PolicyDocument,
    PolicyPassage,
    PolicyVersion,
    WorkflowPlan,
)


def _lock(sandbox_id: UUID) -> None:
    lock_all(WorkflowPlan.objects.filter(sandbox=sandbox_id))
    lock_all(PolicyDocument.objects.filter(sandbox=sandbox_id))


def _delete(sandbox_id: UUID) -> Removed:
    """A plan and its revisions name each other, as a policy and its versions do: that is looked at on commit."""
    runs = PlannerRun.objects.filter(plan__sandbox=sandbox_id)
    messages = forget_messages(ASK_PLANNER, "run", runs.values_list("pk", flat=True))
    return delete_kinds(*_kinds(sandbox_id)) | {"planner_messages": messages}


def _kinds(sandbox_id: UUID) -> tuple[Kind, ...]:
    plans = WorkflowPlan.objects.filter(sandbox=sandbox_id)
    policies = PolicyDocument.objects.filter(sandbox=sandbox_id)
    return (
        ("approvals", PlanApproval.objects.filter(revision__plan__in=plans)),
        ("planner_runs", PlannerRun.objects.filter(plan__in=plans)),
        ("revisions", PlanRevision.objects.filter(plan__in=plans)),
        ("plans", plans),
        ("policy_passages", PolicyPassage.objects.filter(version__document__in=policies)),
        ("policy_versions", PolicyVersion.objects.filter(document__in=policies)),
        ("policies", policies),
    )


CONTENTS = Contents(_lock, _delete, _kinds)
