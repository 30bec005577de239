"""What people have to decide or do in a run, the links that let them, and the files that they give."""

import uuid
from datetime import UTC, datetime
from typing import Self

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone

from issues.models import within_departments
from mudda.reach import within_sandbox


class TaskStatus(models.TextChoices):
    OPEN = "open"
    ON_HOLD = "on_hold"
    DECIDED = "decided"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


OPEN_FIRST = models.Case(
    models.When(status=TaskStatus.OPEN, then=models.Value(0)),
    default=models.Value(1),
    output_field=models.IntegerField(),
)
"""What the console's list is ordered by first; lists have to use this very expression to be served by its index."""

TASK_WORDS = SearchVector("title", "question", config="english")
"""What is searched for words; filters have to use this very expression to be served by its index."""

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When a task is due that never is."""


class TaskQuerySet(models.QuerySet["HumanTask"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        return self.filter(within_departments(user, "department"), within_sandbox(user))


class HumanTask(models.Model):
    """Something a person must decide or do before a run goes on. This row is the only arbiter of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    execution = models.ForeignKey(
        "executions.WorkflowExecution", on_delete=models.CASCADE, related_name="tasks"
    )
    sandbox = models.ForeignKey(
        "mudda.Sandbox",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="As of its run.",
    )
    step_id = models.CharField(max_length=63)
    kind = models.CharField(max_length=63, help_text="approval, uncertain_effect, or the activity's id.")
    key = models.CharField(max_length=200, unique=True, help_text="Opening it twice finds the same row.")
    title = models.CharField(max_length=300)
    question = models.TextField(blank=True)
    form = models.JSONField(help_text="JSON Schema of the answer.")
    outcomes = models.JSONField(help_text="The words it can be decided with.")
    group = models.CharField(max_length=40, blank=True)
    four_eyes = models.BooleanField(default=False)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="assigned_tasks",
    )
    assigned_at = models.DateTimeField(null=True, blank=True)
    assign_reason = models.TextField(
        max_length=2_000, blank=True, help_text="Why it was last given to somebody else."
    )
    awaited = models.BooleanField(default=True, help_text="Whether the run goes on only once it is decided.")
    department = models.ForeignKey(
        "issues.Department", null=True, blank=True, on_delete=models.PROTECT, related_name="tasks"
    )
    due = models.CharField(max_length=20, blank=True, help_text="Working time, such as PT4H.")
    due_at = models.DateTimeField(null=True, blank=True)
    due_order = models.GeneratedField(
        expression=Coalesce("due_at", models.Value(NEVER)),
        output_field=models.DateTimeField(),
        db_persist=True,
        help_text="When it is due, or never: lists are ordered by what is never null.",
    )
    overdue = models.JSONField(
        default=dict, blank=True, help_text="What the plan says: remind, escalate_to, then, answer."
    )
    next_look_at = models.DateTimeField(
        null=True, blank=True, help_text="When the dispatcher has to remind, escalate or expire."
    )
    reminders = models.PositiveIntegerField(default=0)
    escalated_at = models.DateTimeField(null=True, blank=True)
    held_at = models.DateTimeField(null=True, blank=True)
    hold_reason = models.TextField(max_length=2_000, blank=True)
    crew = models.CharField(max_length=500, blank=True, help_text="Who has accepted it, in their own words.")
    accepted_at = models.DateTimeField(null=True, blank=True)
    arrival_at = models.DateTimeField(null=True, blank=True, help_text="When the crew expects to be there.")
    declined_at = models.DateTimeField(null=True, blank=True, help_text="The last time.")
    decline_reason = models.TextField(max_length=2_000, blank=True)
    status = models.CharField(max_length=10, choices=TaskStatus.choices, default=TaskStatus.OPEN)
    outcome = models.CharField(max_length=40, blank=True)
    answer = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    comment = models.TextField(max_length=2_000, blank=True)
    opened_at = models.DateTimeField(default=timezone.now, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_role = models.CharField(
        max_length=80, blank=True, help_text="Whose link it was decided through, where no user decided."
    )

    objects = TaskQuerySet.as_manager()

    class Meta:
        db_table = "human_tasks"
        verbose_name = "task"
        ordering = ["opened_at", "pk"]
        constraints = [
            models.CheckConstraint(name="task_status_known", condition=models.Q(status__in=TaskStatus.values))
        ]
        indexes = [
            models.Index(fields=["opened_at", "id"], name="task_age"),
            models.Index(
                OPEN_FIRST,
                models.F("opened_at").desc(),
                models.F("id").desc(),
                name="task_open_first",
                include=["status", "sandbox"],
            ),
            models.Index(fields=["due_order", "id"], name="task_due_order"),
            models.Index(fields=["status", "opened_at"], name="task_status_age"),
            models.Index(fields=["status", "due_order", "id"], name="task_status_due"),
            models.Index(fields=["department", "opened_at"], name="task_department_age"),
            models.Index(fields=["due_at"], name="task_due", condition=models.Q(status=TaskStatus.OPEN)),
            models.Index(
                fields=["sandbox", "-opened_at"],
                name="task_sandbox_age",
                condition=models.Q(sandbox__isnull=False),
            ),
            GinIndex(TASK_WORDS, name="task_words"),
            models.Index(fields=["kind", "sandbox"], name="task_kind"),
            models.Index(fields=["group", "sandbox"], name="task_group"),
            models.Index(
                fields=["next_look_at"], name="task_next_look", condition=models.Q(status=TaskStatus.OPEN)
            ),
        ]
        permissions = [("decide_humantask", "Can decide a task")]

    def __str__(self) -> str:
        return self.title

    @property
    def is_sandbox(self) -> bool:
        """Whether it isn't real."""
        return self.sandbox_id is not None


class TaskLink(models.Model):
    """A signed link to one task, for somebody without an account. Only the token's hash is stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.ForeignKey(HumanTask, on_delete=models.CASCADE, related_name="links")
    token_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    role = models.CharField(
        max_length=80, help_text="Whom it was sent to: issue.reporter or department:<code>."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "task_links"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Link for {self.role} to {self.task}"


class TaskUpload(models.Model):
    """A file that somebody gave with a task: checked by content, without its place, under an unguessable name."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.ForeignKey(HumanTask, on_delete=models.CASCADE, related_name="uploads")
    title = models.CharField(max_length=200)
    name = models.CharField(max_length=200, help_text="The file's name in the storage.")
    content_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "task_uploads"
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.title
