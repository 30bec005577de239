"""What the runs' API takes and gives."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from executions.deciding import decided_by_name
from executions.models import (
    Document,
    Effect,
    EffectStatus,
    ExecutionStatus,
    HumanTask,
    StepStatus,
    TaskStatus,
    TaskUpload,
    WorkflowExecution,
)
from mudda.drf import Input

SANDBOX = "Whether it belongs to a sandbox: it isn't real, and does nothing outside."


class ExecuteInput(Input):
    execution_data = serializers.DictField(
        required=False, default=dict, help_text="Your own keys; plans read them as `data`. Kept as sent."
    )
    approve = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Approve and launch in one call, for callers who may approve.",
    )
    digest = serializers.RegexField(
        r"^[0-9a-f]{64}$",
        required=False,
        help_text="With `approve`: what was read. May be left out while the plan has a single revision.",
    )


class LaunchedOutput(serializers.Serializer[Any]):
    """Exactly what the deployment guide promises."""

    execution_id = serializers.UUIDField()
    workflow_plan_id = serializers.UUIDField()
    temporal_workflow_id = serializers.CharField()
    status = serializers.ChoiceField(ExecutionStatus.choices)


class ErrorOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class StepOutput(serializers.Serializer[Any]):
    step_id = serializers.CharField()
    activity_id = serializers.CharField()
    title = serializers.CharField()
    status = serializers.ChoiceField(StepStatus.choices)
    attempts = serializers.IntegerField()
    output = serializers.JSONField(allow_null=True)
    error = ErrorOutput(allow_null=True)
    reason = serializers.CharField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class WaitingOn(serializers.Serializer[Any]):
    """A task that a person has to decide before the run goes on."""

    task_id = serializers.UUIDField(source="pk")
    step_id = serializers.CharField()
    kind = serializers.CharField()
    title = serializers.CharField()
    group = serializers.CharField()
    opened_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(allow_null=True)


class ExecutionSummary(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    sandbox = serializers.BooleanField(source="is_sandbox", help_text=SANDBOX)
    workflow_plan_id = serializers.UUIDField(source="plan_id")
    temporal_workflow_id = serializers.CharField()
    status = serializers.ChoiceField(ExecutionStatus.choices)
    issue_id = serializers.CharField(source="plan.issue.reference")
    title = serializers.CharField(source="plan.title")
    created_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(
        allow_null=True,
        help_text="The plan's or the category's target, counted in working time from the launch.",
    )
    overdue = serializers.BooleanField(source="is_overdue", help_text="Not over, and past `due_at`.")
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)


class ArchivedOutput(serializers.Serializer[Any]):
    """Where the steps, tasks and data of a run are that were moved out of the database."""

    at = serializers.DateTimeField(source="archived_at")
    file = serializers.CharField(source="archive", help_text="Its name in the place for back-ups.")


class ExecutionOutput(ExecutionSummary):
    """Where a run stands. ``execution_data`` holds the caller's keys as sent and, at the end, ``results``."""

    execution_data = serializers.JSONField()
    digest = serializers.CharField(source="revision.digest", help_text="Of the revision that runs.")
    paused_at = serializers.DateTimeField(allow_null=True)
    cancel_requested_at = serializers.DateTimeField(allow_null=True)
    failure = serializers.JSONField(
        allow_null=True, help_text="`code`, `message` and `step_id` of what failed."
    )
    archived = serializers.SerializerMethodField(
        help_text="Null while the run's steps, tasks and data are in the database."
    )
    steps = StepOutput(many=True)
    waiting_on = serializers.SerializerMethodField()

    @extend_schema_field(ArchivedOutput(allow_null=True))
    def get_archived(self, execution: WorkflowExecution) -> dict[str, Any] | None:
        return None if execution.archived_at is None else dict(ArchivedOutput(execution).data)

    @extend_schema_field(WaitingOn(many=True))
    def get_waiting_on(self, execution: WorkflowExecution) -> list[dict[str, Any]]:
        waiting = [
            t
            for t in execution.tasks.all()
            if t.status in {TaskStatus.OPEN, TaskStatus.ON_HOLD} and t.awaited
        ]
        return WaitingOn(waiting, many=True).data  # type: ignore[return-value]


class WithheldOutput(serializers.Serializer[Any]):
    """A message as it would have been sent. Links in it lead nowhere: tasks are decided through the API."""

    channel = serializers.ChoiceField(["email", "sms"])
    to = serializers.CharField(help_text="An address or a number; of a member of staff `user:<id>`.")
    subject = serializers.CharField(help_text="Empty for a text message.")
    text = serializers.CharField()
    html = serializers.CharField(help_text="Empty for a text message.")


class DocumentOutput(serializers.Serializer[Any]):
    """A file that a step made, such as a report."""

    id = serializers.UUIDField()
    step_id = serializers.CharField()
    title = serializers.CharField()
    content_type = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    sha256 = serializers.CharField()
    pages = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    url = serializers.SerializerMethodField()

    def get_url(self, document: Document) -> str:
        return f"{settings.PUBLIC_URL}{reverse('document', args=[document.pk])}"


class SentOutput(serializers.Serializer[Any]):
    """A letter or a text message that a run has sent; in a sandbox, that it would have sent."""

    step_id = serializers.CharField()
    status = serializers.ChoiceField(
        [EffectStatus.DONE, EffectStatus.WITHHELD], help_text="`done`: handed over. `withheld`: in a sandbox."
    )
    role = serializers.CharField(source="receipt.role", help_text="Whom it is for, as the plan names them.")
    message_id = serializers.CharField(source="receipt.message_id", allow_null=True, default=None)
    message = serializers.SerializerMethodField(help_text="What was withheld; null for what was really sent.")
    at = serializers.DateTimeField(source="ended_at")

    @extend_schema_field(WithheldOutput(allow_null=True))
    def get_message(self, effect: Effect) -> dict[str, Any] | None:
        receipt: dict[str, Any] = effect.receipt or {}
        return receipt.get("message")


class UploadOutput(serializers.Serializer[Any]):
    """A file that was given with a task."""

    id = serializers.UUIDField()
    title = serializers.CharField(help_text="The name that it came with.")
    content_type = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes, as kept.")
    sha256 = serializers.CharField(help_text="Of the bytes as kept.")
    created_at = serializers.DateTimeField()
    url = serializers.SerializerMethodField()

    def get_url(self, upload: TaskUpload) -> str:
        return f"{settings.PUBLIC_URL}{reverse('upload', args=[upload.pk])}"


class TaskOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    sandbox = serializers.BooleanField(source="is_sandbox", help_text=SANDBOX)
    execution_id = serializers.UUIDField()
    step_id = serializers.CharField()
    kind = serializers.CharField(help_text="approval, uncertain_effect, or the activity's id.")
    title = serializers.CharField()
    question = serializers.CharField()
    form = serializers.JSONField(help_text="JSON Schema of the `answer`.")
    outcomes = serializers.ListField(child=serializers.CharField())
    group = serializers.CharField()
    department = serializers.SerializerMethodField()
    assignee = serializers.SerializerMethodField(help_text="Who has claimed it, or was given it.")
    assigned_at = serializers.DateTimeField(allow_null=True)
    assign_reason = serializers.CharField(help_text="Why it was last given to somebody else.")
    due = serializers.CharField(help_text="In working time, such as PT4H.")
    due_at = serializers.DateTimeField(allow_null=True)
    is_overdue = serializers.SerializerMethodField()
    reminders = serializers.IntegerField(help_text="How often somebody was reminded.")
    escalated_at = serializers.DateTimeField(
        allow_null=True, help_text="When it went to another group because nobody had done it in time."
    )
    held_at = serializers.DateTimeField(allow_null=True, help_text="Since when its clock stands still.")
    hold_reason = serializers.CharField()
    status = serializers.ChoiceField(TaskStatus.choices)
    outcome = serializers.CharField()
    answer = serializers.JSONField(allow_null=True)
    comment = serializers.CharField()
    opened_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.SerializerMethodField(
        help_text="A user, or the role whose link it was decided through: issue.reporter, department:<code>."
    )
    crew = serializers.CharField(help_text="Who has accepted it.")
    accepted_at = serializers.DateTimeField(allow_null=True)
    arrival_at = serializers.DateTimeField(allow_null=True)
    declined_at = serializers.DateTimeField(allow_null=True, help_text="The last time that a crew declined.")
    decline_reason = serializers.CharField()
    uploads = UploadOutput(many=True)

    def get_department(self, task: HumanTask) -> str | None:
        return task.department.code if task.department else None

    def get_assignee(self, task: HumanTask) -> str | None:
        return task.assignee.get_username() if task.assignee else None

    def get_is_overdue(self, task: HumanTask) -> bool:
        return task.status == TaskStatus.OPEN and task.due_at is not None and task.due_at < timezone.now()

    def get_decided_by(self, task: HumanTask) -> str | None:
        return decided_by_name(task)


class CompleteInput(Input):
    answer = serializers.JSONField(required=False, help_text="What the task's `form` asks for.")
    comment = serializers.CharField(
        max_length=2_000, required=False, allow_blank=True, help_text="Why; needed about a failed step."
    )


class DecideInput(CompleteInput):
    outcome = serializers.CharField(max_length=40, help_text="One of the task's `outcomes`.")
