"""What the streams of issues are about, for webhooks."""

from typing import Any

from issues.models import Issue
from mudda.webhooks.subjects import Subject


def describe_issue(number: str, user: Any) -> Subject | None:
    issue = Issue.objects.visible_to(user).select_related("department", "category").filter(pk=number).first()
    return subject_of_issue(issue) if issue is not None else None


def subject_of_issue(issue: Issue, **more: str) -> Subject:
    """An issue, or what belongs to one: ``more`` are the ids of that."""
    return Subject(
        issue=issue.reference,
        department=issue.department.code if issue.department else None,
        category=issue.category.code if issue.category else None,
        **more,
    )
