"""What this room holds of a sandbox, for ``mudda.sandboxes``."""

from uuid import UUID

from mudda.sandboxes import Contents, Removed, delete_kinds, forget_messages, lock_all
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
    plans = WorkflowPlan.objects.filter(sandbox=sandbox_id)
    policies = PolicyDocument.objects.filter(sandbox=sandbox_id)
    runs = PlannerRun.objects.filter(plan__in=plans)
    messages = forget_messages(ASK_PLANNER, "run", runs.values_list("pk", flat=True))
    removed = delete_kinds(
        ("approvals", PlanApproval.objects.filter(revision__plan__in=plans)),
        ("planner_runs", runs),
        ("revisions", PlanRevision.objects.filter(plan__in=plans)),
        ("plans", plans),
        ("policy_passages", PolicyPassage.objects.filter(version__document__in=policies)),
        ("policy_versions", PolicyVersion.objects.filter(document__in=policies)),
        ("policies", policies),
    )
    return removed | {"planner_messages": messages}


CONTENTS = Contents(_lock, _delete)
