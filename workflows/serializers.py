"""What the plans' API takes and gives: input and output apart, so that nothing leaks by inheritance."""

from typing import Any

from rest_framework import serializers

from issues.serializers import DuplicateOutput, ReporterInput
from issues.services import LONGEST_STATEMENT
from mudda.drf import Input
from workflows.models import PlanStatus, WorkflowPlan


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


class SimulateInput(Input):
    execution_data = serializers.DictField(
        required=False, default=dict, help_text="What a launch would be given; plans read it as `data`."
    )
    answers = serializers.DictField(
        required=False,
        default=dict,
        help_text="Assumed outputs, by step id; others are made from the schema.",
    )
    approvals = serializers.DictField(
        child=serializers.BooleanField(),
        required=False,
        default=dict,
        help_text="Assumed decisions, by step id; others are approved.",
    )
    failing = serializers.ListField(
        child=serializers.CharField(max_length=63),
        required=False,
        default=list,
        max_length=200,
        help_text="Steps that are assumed to fail.",
    )
    escalations = serializers.DictField(
        child=serializers.ChoiceField(["retry", "skip", "answer", "stop"]),
        required=False,
        default=dict,
        help_text="Assumed answers to failures that are escalated, by step id; others are `stop`.",
    )


class ProblemOutput(serializers.Serializer[Any]):
    pointer = serializers.CharField(help_text="RFC 6901, into the plan.")
    code = serializers.CharField()
    message = serializers.CharField()
    hint = serializers.CharField()
    severity = serializers.ChoiceField(["error", "warning"])


class PlanOutput(serializers.Serializer[Any]):
    """A plan with the text that it is now."""

    workflow_id = serializers.UUIDField()
    sandbox = serializers.BooleanField(help_text="Whether it was made in a sandbox: it isn't real.")
    status = serializers.ChoiceField(PlanStatus.choices)
    workflow_plan = serializers.JSONField(allow_null=True, help_text="Null while it is DRAFTING.")
    digest = serializers.CharField(allow_null=True)
    revision = serializers.IntegerField(help_text="0 while it is DRAFTING.")
    problems = ProblemOutput(many=True)
    planner = serializers.JSONField(
        allow_null=True, help_text="Which planner made it and why: name and details."
    )
    issue_id = serializers.CharField()
    title = serializers.CharField()
    rejection_reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class DraftedOutput(PlanOutput):
    """A plan as it was asked for, with what has to be looked at first."""

    duplicates = DuplicateOutput(many=True, help_text="Issues of your departments that may be the same one.")


class PlanSummary(serializers.Serializer[Any]):
    """A plan in a list, without its text."""

    workflow_id = serializers.UUIDField(source="pk")
    sandbox = serializers.BooleanField(
        source="is_sandbox", help_text="Whether it was made in a sandbox: it isn't real."
    )
    status = serializers.CharField()
    title = serializers.CharField()
    digest = serializers.CharField(source="current.digest", allow_null=True, default=None)
    revision = serializers.IntegerField(source="current.number", default=0)
    planner = serializers.CharField(source="current.planner", allow_null=True, default=None)
    issue_id = serializers.CharField(source="issue.reference")
    created_at = serializers.DateTimeField()


class TimelineEntryOutput(serializers.Serializer[Any]):
    step_id = serializers.CharField()
    kind = serializers.ChoiceField(["step", "compensation"])
    title = serializers.CharField()
    activity_id = serializers.CharField()
    done_by = serializers.ChoiceField(["program", "person", "clock"])
    start_seconds = serializers.IntegerField(help_text="From the launch.")
    end_seconds = serializers.IntegerField()
    status = serializers.CharField()
    reason = serializers.CharField()
    inputs = serializers.JSONField(allow_null=True, help_text="References resolved; null if never begun.")


class InvolvedOutput(serializers.Serializer[Any]):
    who = serializers.CharField(help_text="`issue.reporter`, `department:<code>` or `group:<group>`.")
    step_ids = serializers.ListField(child=serializers.CharField())
    has_address = serializers.BooleanField(allow_null=True, help_text="Null for a group.")


class RecipientOutput(serializers.Serializer[Any]):
    role = serializers.CharField()
    has_address = serializers.BooleanField(allow_null=True)


class MessageOutput(serializers.Serializer[Any]):
    step_id = serializers.CharField()
    to = RecipientOutput(many=True)
    channel = serializers.ChoiceField(["email", "sms"])
    subject = serializers.CharField(help_text="Empty for a text message.")
    text = serializers.CharField(
        help_text="As it is sent; of a letter without its end: when it is due, numbers, the link."
    )


class AskedApprovalOutput(serializers.Serializer[Any]):
    step_id = serializers.CharField()
    title = serializers.CharField()
    group = serializers.CharField()
    reason = serializers.CharField()
    four_eyes = serializers.BooleanField()
    due = serializers.CharField(allow_null=True, help_text="Working time.")
    asked_seconds = serializers.IntegerField()
    decided_seconds = serializers.IntegerField()
    approved = serializers.BooleanField()


class EscalationOutput(serializers.Serializer[Any]):
    step_id = serializers.CharField()
    group = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()
    answer = serializers.CharField()
    asked_seconds = serializers.IntegerField()


class FailureOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class FinishOutput(serializers.Serializer[Any]):
    outcome = serializers.CharField(help_text="`completed`, `failed` or `cancelled`.")
    failure = FailureOutput(allow_null=True)
    step_id = serializers.CharField(allow_null=True)
    compensation_failed = serializers.ListField(child=serializers.CharField())


class SimulationOutput(serializers.Serializer[Any]):
    """A run as it would go, on declared times and costs."""

    digest = serializers.CharField()
    revision = serializers.IntegerField()
    started_at = serializers.DateTimeField(help_text="The launch that is assumed: now.")
    timeline = TimelineEntryOutput(many=True)
    people = InvolvedOutput(many=True)
    messages = MessageOutput(many=True)
    approvals = AskedApprovalOutput(many=True)
    escalations = EscalationOutput(many=True)
    total_cost = serializers.FloatField(help_text="In the city's currency.")
    total_seconds = serializers.IntegerField()
    finish = FinishOutput()


def plan_output(plan: WorkflowPlan) -> dict[str, Any]:
    """A plan as ``PlanOutput`` describes it. Made in one place because the answer is kept for replays too."""
    revision = plan.current
    return {
        "workflow_id": str(plan.pk),
        "sandbox": plan.is_sandbox,
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
