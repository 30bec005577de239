"""Runs: executions, their steps, and what they did outside; the people's tasks in them are in ``task_models``.

Schema ``workflow``.
"""

import uuid
from typing import Any, Self

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.functional import cached_property

from executions.task_models import HumanTask as HumanTask
from executions.task_models import TaskLink as TaskLink
from executions.task_models import TaskStatus as TaskStatus
from executions.task_models import TaskUpload as TaskUpload
from issues.models import within_departments
from mudda.models import EventStream
from mudda.reach import within_sandbox
from workflows.models import PlanApproval, PlanRevision, WorkflowPlan


class ExecutionStatus(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


OVER = (ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED)

LIVE = (ExecutionStatus.PENDING, ExecutionStatus.RUNNING, ExecutionStatus.COMPLETED)
"""A plan has at most one of these; after a failed or cancelled one it may be launched again."""


class ExecutionQuerySet(models.QuerySet["WorkflowExecution"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        return self.filter(within_departments(user, "department"), within_sandbox(user))


class WorkflowExecution(EventStream):
    """One run of one approved revision, frozen at launch."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan = models.ForeignKey(WorkflowPlan, on_delete=models.PROTECT, related_name="executions")
    revision = models.ForeignKey(PlanRevision, on_delete=models.PROTECT, related_name="+")
    approval = models.ForeignKey(PlanApproval, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=10, choices=ExecutionStatus.choices, default=ExecutionStatus.PENDING)
    execution_data = models.JSONField(
        default=dict, encoder=DjangoJSONEncoder, help_text="The caller's own keys, and `results`."
    )
    compiled = models.JSONField(help_text="Plan and catalogue, joined at launch.")
    issue_facts = models.JSONField(
        default=dict, encoder=DjangoJSONEncoder, help_text="What plans may read of the issue, as at launch."
    )
    failure = models.JSONField(null=True, blank=True)
    department = models.ForeignKey(
        "issues.Department",
        null=True,
        editable=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="The issue's, kept the same by triggers: lists are read along an index of it.",
    )
    temporal_run_id = models.CharField(max_length=80, blank=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    due_at = models.DateTimeField(null=True, blank=True, help_text="The target: when it should be over.")
    overdue_noted_at = models.DateTimeField(null=True, blank=True, editable=False)
    looked_for_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When it was last seen to be running in Temporal."
    )
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    start_agreed_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When somebody agreed that it begins although Temporal may have forgotten that it did.",
    )
    archived_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When its contents were moved out of the database."
    )
    archive = models.CharField(
        max_length=200,
        blank=True,
        editable=False,
        default="",
        db_default="",
        help_text="What its sealed contents are called in the place for back-ups, as long as they are kept there.",
    )
    erased_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When its personal data was removed."
    )

    objects = ExecutionQuerySet.as_manager()

    class Meta:
        db_table = "workflow_executions"
        verbose_name = "run"
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="execution_status_known", condition=models.Q(status__in=ExecutionStatus.values)
            ),
            models.UniqueConstraint(
                fields=["plan"], name="one_live_execution_a_plan", condition=models.Q(status__in=LIVE)
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="execution_age"),
            models.Index(fields=["status", "created_at", "id"], name="execution_status_age_id"),
            models.Index(fields=["department", "created_at", "id"], name="execution_department_age"),
            models.Index(
                fields=["department", "status", "created_at", "id"], name="execution_dept_status_age"
            ),
            models.Index(
                fields=["created_at", "id"],
                name="execution_not_over_age",
                condition=~models.Q(status__in=OVER),
            ),
            models.Index(
                fields=["department", "created_at", "id"],
                name="execution_dept_not_over_age",
                condition=~models.Q(status__in=OVER),
            ),
            models.Index(
                fields=["created_at"],
                name="execution_not_started",
                condition=models.Q(status=ExecutionStatus.PENDING, temporal_run_id=""),
            ),
            models.Index(fields=["due_at"], name="execution_due", condition=~models.Q(status__in=OVER)),
            models.Index(
                fields=["sandbox", "-created_at"],
                name="execution_sandbox_age",
                condition=models.Q(sandbox__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Run of {self.plan}"

    @property
    def stream(self) -> str:
        return f"execution:{self.pk}"

    @property
    def temporal_workflow_id(self) -> str:
        return f"mudda-workflow-{self.pk}"

    @property
    def is_overdue(self) -> bool:
        """Whether it should be over, and isn't."""
        return self.status not in OVER and self.due_at is not None and self.due_at < timezone.now()


class StepStatus(models.TextChoices):
    PENDING = "pending"
    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    COMPENSATED = "compensated"
    CANCELLED = "cancelled"


class StepQuerySet(models.QuerySet["StepRun"]):
    def with_compiled(self) -> Self:
        """With ``compiled`` read along."""
        return self.annotate(compiled=_compiled_step("execution__compiled", models.F("position")))


def _compiled_step(plan: str, position: models.Expression | models.F) -> models.Func:
    """Cut out by the database: reading the whole text of a long plan takes longer than doing a step of it."""
    at = Cast(position, models.TextField())
    return models.Func(
        models.F(plan),
        models.Value("steps"),
        at,
        function="jsonb_extract_path",
        output_field=models.JSONField(),
    )


class StepRun(models.Model):
    """Where one step of one execution stands. Written by the activity that does the step."""

    execution = models.ForeignKey(WorkflowExecution, on_delete=models.CASCADE, related_name="steps")
    step_id = models.CharField(max_length=63)
    position = models.PositiveSmallIntegerField()
    activity_id = models.CharField(max_length=63)
    title = models.CharField(max_length=300)
    status = models.CharField(max_length=12, choices=StepStatus.choices, default=StepStatus.PENDING)
    attempts = models.PositiveIntegerField(default=0, help_text="How often it was begun.")
    own_failures = models.PositiveIntegerField(default=0, help_text="What max_attempts counts.")
    undo_failures = models.PositiveIntegerField(default=0, help_text="The same for its compensation.")
    inputs = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    output = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    error = models.JSONField(null=True)
    reason = models.TextField(blank=True, help_text="Why it was skipped or cancelled.")
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = StepQuerySet.as_manager()

    class Meta:
        db_table = "step_runs"
        verbose_name = "step"
        ordering = ["execution", "position"]
        constraints = [
            models.UniqueConstraint(fields=["execution", "step_id"], name="step_once_per_execution"),
            models.CheckConstraint(
                name="step_status_known", condition=models.Q(status__in=StepStatus.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step_id} {self.status}"

    @cached_property
    def compiled(self) -> dict[str, Any]:
        """The step as the plan and the catalogue had it at launch."""
        found = WorkflowExecution.objects.filter(pk=self.execution_id)
        position = models.Value(self.position)
        step: dict[str, Any] = found.values_list(_compiled_step("compiled", position), flat=True).get()
        return step


class EffectStatus(models.TextChoices):
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    WITHHELD = "withheld"


class Effect(models.Model):
    """Something done outside. Committed as started before it is tried, and as done after.

    In a sandbox nothing is done: it is ``withheld``, and the receipt says what would have been, under ``message``.
    """

    key = models.CharField(max_length=200, unique=True, help_text="<execution id>:<step id>:<name>")
    execution = models.ForeignKey(WorkflowExecution, on_delete=models.CASCADE, related_name="effects")
    step_id = models.CharField(max_length=63)
    effect_class = models.CharField(max_length=20, help_text="idempotent, queryable or at_most_once.")
    status = models.CharField(max_length=10, choices=EffectStatus.choices, default=EffectStatus.STARTED)
    holder = models.UUIDField(help_text="The attempt that holds the lease.")
    lease_until = models.DateTimeField()
    receipt = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    error = models.TextField(blank=True)
    started_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "effects"
        ordering = ["started_at", "pk"]
        constraints = [
            models.CheckConstraint(
                name="effect_status_known", condition=models.Q(status__in=EffectStatus.values)
            )
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.status}"


class Document(models.Model):
    """A file that a step made, such as a report."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    execution = models.ForeignKey(WorkflowExecution, on_delete=models.CASCADE, related_name="documents")
    step_id = models.CharField(max_length=63)
    effect_key = models.CharField(max_length=200, unique=True)
    title = models.CharField(max_length=300)
    name = models.CharField(max_length=200, help_text="The file's name in the storage.")
    content_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64)
    pages = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "documents"
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.title


class LaneReservation(models.Model):
    """A lane that a plan has reserved, and given back."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    execution = models.ForeignKey(WorkflowExecution, on_delete=models.PROTECT, related_name="lanes")
    effect_key = models.CharField(max_length=200, unique=True)
    address = models.CharField(max_length=500)
    hours = models.DecimalField(max_digits=7, decimal_places=2)
    reserved_at = models.DateTimeField(default=timezone.now, editable=False)
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "lane_reservations"
        ordering = ["-reserved_at"]

    def __str__(self) -> str:
        return self.address


class ContractorOrder(models.Model):
    """Work that a plan has ordered from outside, within a limit that a person approved."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    execution = models.ForeignKey(WorkflowExecution, on_delete=models.PROTECT, related_name="orders")
    effect_key = models.CharField(max_length=200, unique=True)
    department = models.ForeignKey("issues.Department", on_delete=models.PROTECT, related_name="orders")
    scope = models.TextField(max_length=10_000)
    cost_limit = models.DecimalField(max_digits=12, decimal_places=2, help_text="In the city's currency.")
    ordered_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "contractor_orders"
        ordering = ["-ordered_at"]

    def __str__(self) -> str:
        return self.scope[:60]


class Steering(models.Model):
    """What a person told a run to do, and why: pause, resume, cancel."""

    execution = models.ForeignKey(WorkflowExecution, on_delete=models.CASCADE, related_name="steerings")
    action = models.CharField(max_length=10, help_text="pause, resume or cancel")
    reason = models.TextField(max_length=2_000, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "steerings"
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return self.action


class LastLook(models.Model):
    """Up to when something outside of the database has been looked at."""

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "last_looks"

    def __str__(self) -> str:
        return self.name
