"""Plans: what is meant to happen, every revision of it, and who approved which. Schema ``workflow``."""

import uuid
from typing import Self

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.utils import timezone

from issues.models import Issue, within_departments
from mudda.models import EventStream
from mudda.reach import within_sandbox
from workflows.policies.models import PolicyDocument, PolicyPassage, PolicyVersion

__all__ = [
    "PlanApproval",
    "PlanRevision",
    "PlanStatus",
    "PlannerRun",
    "PlaybookWording",
    "PolicyDocument",
    "PolicyPassage",
    "PolicyVersion",
    "RunStatus",
    "WorkflowPlan",
]


TITLE_WORDS = SearchVector("title", config="english")
"""What is searched for words; filters have to use this very expression to be served by its index."""


class PlanStatus(models.TextChoices):
    DRAFTING = "DRAFTING"
    DRAFT = "DRAFT"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    ARCHIVED = "ARCHIVED"


class PlanQuerySet(models.QuerySet["WorkflowPlan"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The plans for issues of the user's departments, and those that the user has asked for and that are still
        being written: until then nobody knows whose department it is."""
        return self.filter(plans_seen_by(user))

    def listed_for(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The same plans as ``visible_to``, where many are counted: the keys of a department's issues are gathered
        once, instead of every plan's issue being read."""
        mine = within_departments(user, "department")
        if not mine:
            return self.visible_to(user)
        own = models.Q(issue__in=Issue.objects.filter(mine).order_by().values("pk"))
        asked_for = models.Q(status=PlanStatus.DRAFTING, created_by=user.pk)
        return self.filter(own | asked_for, within_sandbox(user))


def plans_seen_by(user: AbstractBaseUser | AnonymousUser) -> models.Q:
    """The filter of ``visible_to``; ``mudda.reach.holds`` understands it."""
    mine = within_departments(user, "issue__department")
    if mine and user.is_authenticated:
        mine |= models.Q(status=PlanStatus.DRAFTING, created_by=user.pk)
    return mine & within_sandbox(user)


class WorkflowPlan(EventStream):
    """A plan for one issue. Its text is the current revision's; its status says whether that may run."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    issue = models.ForeignKey(Issue, on_delete=models.PROTECT, related_name="plans")
    status = models.CharField(max_length=10, choices=PlanStatus.choices, default=PlanStatus.DRAFT)
    title = models.CharField(max_length=120, blank=True)
    current = models.ForeignKey(
        "PlanRevision", null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    rejection_reason = models.TextField(max_length=2_000, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="plans"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = PlanQuerySet.as_manager()

    class Meta:
        db_table = "workflow_plans"
        verbose_name = "plan"
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(name="plan_status_known", condition=models.Q(status__in=PlanStatus.values))
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="plan_age"),
            GinIndex(TITLE_WORDS, name="plan_title_words"),
            models.Index(fields=["status", "-created_at"], name="plan_status_age"),
            models.Index(
                fields=["sandbox", "-created_at"],
                name="plan_sandbox_age",
                condition=models.Q(sandbox__isnull=False),
            ),
        ]
        permissions = [
            ("approve_workflowplan", "Can approve or reject a plan"),
        ]

    def __str__(self) -> str:
        return self.title or f"Plan for {self.issue}"

    @property
    def stream(self) -> str:
        return f"plan:{self.pk}"

    @property
    def tag(self) -> str:
        """Names the text that it is now and what may be done with it: for its ``ETag``. "" while it has no text."""
        if self.current is None:
            return ""
        return f"{self.current.number}-{self.status.lower()}-{self.current.digest}"


class PlanRevision(models.Model):
    """One frozen text of a plan. A trigger refuses any change to it."""

    plan = models.ForeignKey(WorkflowPlan, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    document = models.JSONField(help_text="The plan, normalised.")
    canonical_text = models.TextField(help_text="What the digest is of, to the byte.")
    digest = models.CharField(max_length=64)
    problems = models.JSONField(default=list, help_text="What validation found when it was saved.")
    planner = models.CharField(max_length=40, help_text="playbooks, openai, or staff for an edit.")
    planner_detail = models.JSONField(default=dict)
    changes = models.JSONField(
        default=list, help_text="What differs from the revision before, by step and field."
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.DO_NOTHING, db_constraint=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "plan_revisions"
        verbose_name = "revision"
        ordering = ["plan", "number"]
        constraints = [models.UniqueConstraint(fields=["plan", "number"], name="revision_number_once")]

    def __str__(self) -> str:
        return f"revision {self.number} ({self.digest[:12]})"


class PlanApproval(models.Model):
    """A person's word for exactly one revision and one state of the activity catalogue."""

    revision = models.ForeignKey(PlanRevision, on_delete=models.PROTECT, related_name="approvals")
    digest = models.CharField(max_length=64)
    catalogue_digest = models.CharField(max_length=64)
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    comment = models.TextField(max_length=2_000, blank=True)
    approved_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "plan_approvals"
        verbose_name = "approval"
        ordering = ["-approved_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.approver} approved {self.digest[:12]}"


class RunStatus(models.TextChoices):
    ASKED = "asked"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class PlannerRun(models.Model):
    """One time that the planner was asked to draft or revise a plan: how, what was said, and what it cost. Once it
    has ended a trigger refuses any change to it.

    ``exchanges`` are the calls to the model, redacted: ``[{"purpose", "request", "response", "seconds",
    "input_tokens", "output_tokens"}]``. ``citations`` are the passages that were offered: ``[{"document",
    "version", "heading", "passage", "steps"}]`` with the steps that cite them. ``cases`` and ``duplicates`` are
    issues: ``[{"issue", ...}]``. ``fallback`` is ``{"code", "message"}`` when the playbooks had to step in.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan = models.ForeignKey(WorkflowPlan, on_delete=models.CASCADE, related_name="planner_runs")
    revision = models.OneToOneField(
        PlanRevision, null=True, blank=True, on_delete=models.CASCADE, related_name="planner_run"
    )
    base = models.ForeignKey(
        PlanRevision,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="The revision that was to be revised.",
    )
    purpose = models.CharField(max_length=10, default="draft", help_text="draft or revise")
    status = models.CharField(max_length=10, choices=RunStatus.choices, default=RunStatus.ASKED)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Times that it was begun.")
    instruction = models.TextField(
        max_length=10_000,
        blank=True,
        help_text="What a revision was asked for; for a draft, words besides the issue's own statement.",
    )
    account = models.TextField(blank=True, help_text="What the model says it has changed.")
    planner = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=100, blank=True)
    prompt_version = models.CharField(max_length=20, blank=True)
    calls = models.PositiveIntegerField(default=0)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    cost = models.DecimalField(
        max_digits=12, decimal_places=6, null=True, blank=True, help_text="US dollars; empty: not known."
    )
    seconds = models.FloatField(default=0)
    fallback = models.JSONField(null=True, blank=True)
    problem = models.JSONField(null=True, blank=True, help_text="Why it failed: code and message.")
    citations = models.JSONField(default=list)
    cases = models.JSONField(default=list)
    duplicates = models.JSONField(default=list)
    exchanges = models.JSONField(default=list)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "planner_runs"
        verbose_name = "planner run"
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="planner_run_status_known", condition=models.Q(status__in=RunStatus.values)
            )
        ]

    def __str__(self) -> str:
        return f"{self.purpose} of {self.plan}"


class PlaybookWording(models.Model):
    """What the city says where a playbook tells somebody something, instead of what ships.

    At one step of one playbook (``playbook`` and ``step_id``), or wherever reporters of a ``category`` are told of a
    ``state`` of their issue; without a category, of any.
    """

    playbook = models.CharField(max_length=63, blank=True, help_text="Its kind; empty: at a state.")
    step_id = models.CharField(max_length=63, help_text="Of a state: the state and the category.")
    category = models.CharField(
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text="Its code; empty at a state: every one.",
    )
    state = models.CharField(
        max_length=12, blank=True, default="", db_default="", help_text="The issue's; empty: at a step."
    )
    subject = models.CharField(max_length=300, blank=True)
    message = models.TextField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "playbook_wordings"
        default_permissions = ()  # whoever writes the whole city's policies writes these too
        ordering = ["playbook", "step_id"]
        constraints = [models.UniqueConstraint(fields=["playbook", "step_id"], name="wording_once")]

    def __str__(self) -> str:
        return f"{self.playbook or self.category}: {self.state or self.step_id}"
