"""What the plans' API takes and gives: input and output apart, so that nothing leaks by inheritance."""

from typing import Any

from rest_framework import serializers

from issues.services import LONGEST_STATEMENT
from mudda.drf import Input
from workflows.models import PlanStatus, WorkflowPlan


class ReporterInput(Input):
    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    email = serializers.EmailField(required=False, allow_blank=True)
    phone = serializers.CharField(max_length=40, required=False, allow_blank=True)


class GenerateInput(Input):
    problem_statement = serializers.CharField(
        max_length=LONGEST_STATEMENT, help_text="What is wrong, in the citizen's own words."
    )
    issue_id = serializers.CharField(
        max_length=40, required=False, help_text="`ISSUE-000123`, when the issue is recorded already."
    )
    reporter = ReporterInput(required=False, help_text="Who reported it: told how it goes.")


class ReplaceInput(Input):
    workflow_plan = serializers.JSONField(help_text="A plan, as the plan language has it.")


class ApproveInput(Input):
    digest = serializers.RegexField(r"^[0-9a-f]{64}$", help_text="The digest of the revision that was read.")
    comment = serializers.CharField(max_length=2_000, required=False, allow_blank=True)


class RejectInput(Input):
    reason = serializers.CharField(max_length=2_000)


class ProblemOutput(serializers.Serializer[Any]):
    pointer = serializers.CharField(help_text="RFC 6901, into the plan.")
    code = serializers.CharField()
    message = serializers.CharField()
    hint = serializers.CharField()
    severity = serializers.ChoiceField(["error", "warning"])


class PlanOutput(serializers.Serializer[Any]):
    """A plan with the text that it is now."""

    workflow_id = serializers.UUIDField()
    status = serializers.ChoiceField(PlanStatus.choices)
    workflow_plan = serializers.JSONField()
    digest = serializers.CharField()
    revision = serializers.IntegerField()
    problems = ProblemOutput(many=True)
    planner = serializers.JSONField(help_text="Which planner made it and why: name and details.")
    issue_id = serializers.CharField()
    title = serializers.CharField()
    rejection_reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class PlanSummary(serializers.Serializer[Any]):
    """A plan in a list, without its text."""

    workflow_id = serializers.UUIDField(source="pk")
    status = serializers.CharField()
    title = serializers.CharField()
    digest = serializers.CharField(source="current.digest")
    revision = serializers.IntegerField(source="current.number")
    planner = serializers.CharField(source="current.planner")
    issue_id = serializers.CharField(source="issue.reference")
    created_at = serializers.DateTimeField()


def plan_output(plan: WorkflowPlan) -> dict[str, Any]:
    """A plan as ``PlanOutput`` describes it. Made in one place because the answer is kept for replays too."""
    revision = plan.current
    return {
        "workflow_id": str(plan.pk),
        "status": plan.status,
        "workflow_plan": revision.document if revision else None,
        "digest": revision.digest if revision else None,
        "revision": revision.number if revision else 0,
        "problems": revision.problems if revision else [],
        "planner": {"name": revision.planner, **revision.planner_detail} if revision else None,
        "issue_id": plan.issue.reference,
        "title": plan.title,
        "rejection_reason": plan.rejection_reason,
        "created_at": plan.created_at.isoformat(),
        "updated_at": plan.updated_at.isoformat(),
    }
