"""What the streams of plans and policies are about, for webhooks."""

from typing import Any

from issues.subjects import subject_of_issue
from mudda.webhooks.subjects import Subject
from workflows.models import PolicyDocument, WorkflowPlan


def describe_plan(number: str, user: Any) -> Subject | None:
    plans = WorkflowPlan.objects.visible_to(user).select_related("issue__department", "issue__category")
    plan = plans.filter(pk=number).first()
    return subject_of_issue(plan.issue, plan=str(plan.pk)) if plan is not None else None


def describe_policy(number: str, user: Any) -> Subject | None:
    document = PolicyDocument.objects.visible_to(user).select_related("department").filter(pk=number).first()
    if document is None:
        return None
    return Subject(
        policy=str(document.pk), department=document.department.code if document.department else None
    )
