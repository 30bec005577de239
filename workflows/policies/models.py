"""Policy documents: what the city's rules say, in versions, cut into passages that can be found and cited."""

import uuid
from typing import Self

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.utils import timezone

from issues.models import Department, within_departments
from mudda.models import EventStream
from mudda.reach import reach_of, within_sandbox


class PolicyStatus(models.TextChoices):
    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    WITHDRAWN = "WITHDRAWN"


class PolicyLanguage(models.TextChoices):
    """Text search configurations of PostgreSQL, by their own names; ``simple`` serves every other language."""

    ENGLISH = "english"
    DUTCH = "dutch"
    FRENCH = "french"
    GERMAN = "german"
    HINDI = "hindi"
    SPANISH = "spanish"
    SIMPLE = "simple"


class PolicyQuerySet(models.QuerySet["PolicyDocument"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The whole city's policies and those of the user's departments; all for whoever isn't limited to any. A
        sandbox key sees those of its sandbox, and of the real ones those in force."""
        if not user.is_authenticated:
            return self.none()
        mine = within_departments(user, "department")
        within = self.filter(models.Q(department__isnull=True) | mine) if mine else self
        return (
            within.filter(within_sandbox(user) | _in_force()) if reach_of(user).sandbox else within.own(user)
        )

    def own(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """Those that the user may change, as far as sandboxes go: a sandbox key only its sandbox's."""
        return self.filter(within_sandbox(user))

    def beside(self, sandbox: uuid.UUID | None) -> Self:
        """Those that a plan may rest on: the real ones, and for a plan of a sandbox that one's too."""
        real = models.Q(sandbox__isnull=True)
        return self.filter(real if sandbox is None else real | models.Q(sandbox=sandbox))

    def within(self, *departments: str | None) -> Self:
        """The whole city's, and those of the departments with these codes."""
        # PostgreSQL has no text with NUL: no department has such a code.
        codes = [code.replace("\x00", "") for code in departments if code]
        return self.filter(models.Q(department__isnull=True) | models.Q(department__code__in=codes))

    def published(self) -> Self:
        return self.filter(status=PolicyStatus.PUBLISHED)


def _in_force() -> models.Q:
    return models.Q(sandbox__isnull=True, status=PolicyStatus.PUBLISHED)


class PolicyDocument(EventStream):
    """A rule of a department, or of the whole city when it has none. Only published ones ground a plan.

    ``current`` is the version in force; while nothing was ever published, the newest. A newer version than that
    waits to be published.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    department = models.ForeignKey(
        Department, null=True, blank=True, on_delete=models.PROTECT, related_name="policies"
    )
    status = models.CharField(max_length=10, choices=PolicyStatus.choices, default=PolicyStatus.DRAFT)
    language = models.CharField(max_length=10, choices=PolicyLanguage.choices, default=PolicyLanguage.ENGLISH)
    heading = models.CharField(max_length=200, help_text="The current version's.")
    current = models.ForeignKey(
        "PolicyVersion", null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = PolicyQuerySet.as_manager()

    class Meta:
        db_table = "policy_documents"
        verbose_name = "policy document"
        ordering = ["heading", "pk"]
        indexes = [
            models.Index(fields=["created_at", "id"], name="policy_age"),
            models.Index(
                fields=["sandbox", "-created_at"],
                name="policy_sandbox_age",
                condition=models.Q(sandbox__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="policy_status_known", condition=models.Q(status__in=PolicyStatus.values)
            ),
            models.CheckConstraint(
                name="policy_language_known", condition=models.Q(language__in=PolicyLanguage.values)
            ),
        ]

    def __str__(self) -> str:
        return self.heading

    @property
    def stream(self) -> str:
        return f"policy:{self.pk}"


class PolicyVersion(models.Model):
    """One frozen text of a document: what a plan cites. A trigger refuses any change to it."""

    document = models.ForeignKey(PolicyDocument, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    heading = models.CharField(max_length=200)
    text = models.TextField(help_text="Markdown or plain text.")
    source = models.CharField(max_length=200, blank=True, help_text="The name of the file it came from.")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.DO_NOTHING, db_constraint=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "policy_versions"
        verbose_name = "policy version"
        ordering = ["document", "number"]
        constraints = [models.UniqueConstraint(fields=["document", "number"], name="policy_version_once")]

    def __str__(self) -> str:
        return f"{self.heading}, version {self.number}"


class PolicyPassage(models.Model):
    """A part of a version that is found and shown on its own. ``search`` is in the document's language."""

    version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="passages")
    position = models.PositiveIntegerField()
    heading = models.CharField(max_length=300, help_text="The headings above it, joined by ' > '.")
    text = models.TextField()
    search = SearchVectorField(null=True, editable=False)

    class Meta:
        db_table = "policy_passages"
        verbose_name = "passage"
        ordering = ["version", "position"]
        constraints = [models.UniqueConstraint(fields=["version", "position"], name="policy_passage_once")]
        indexes = [GinIndex(fields=["search"], name="policy_passage_search")]

    def __str__(self) -> str:
        return self.heading
