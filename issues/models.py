"""What citizens report: issues, and the city's departments and categories."""

import re
import uuid
from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models.functions import Upper
from django.utils import timezone

from issues.hours import validate_closed_days, validate_working_hours
from issues.nearness import LONGEST_STREET, spot_of
from issues.targets import promise_of
from mudda.models import EventStream
from mudda.reach import (
    departments_read_along,
    note_departments,
    reach_of,
    read_departments_along,
    within_sandbox,
)

REFERENCE = re.compile(r"^ISSUE-(\d{6,18})$")
UNKNOWN_ADDRESS = "address not given"
WORDS = SearchVector("statement", "address", config="english")
"""What is searched for words; filters have to use this very expression to be served by its index."""


def reference_of(key: int) -> str:
    """How people name the issue with this key."""
    return f"ISSUE-{key:06d}"


class Department(models.Model):
    """A part of the city that does work. People in ``staff`` are limited to their departments."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    email = models.EmailField(blank=True)
    active = models.BooleanField(default=True)
    working_hours = models.JSONField(
        default=list,
        blank=True,
        validators=[validate_working_hours],
        help_text="Seven lists, Monday first, of [from, to] in the city's time; empty: the city's own hours.",
    )
    closed_days = models.JSONField(
        default=list,
        blank=True,
        validators=[validate_closed_days],
        help_text="Further days without work, as YYYY-MM-DD.",
    )
    staff = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="departments")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Category(models.Model):
    """A kind of issue, the department that handles it, and the target the city has set itself."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    department = models.ForeignKey(Department, on_delete=models.PROTECT, related_name="categories")
    target = models.CharField(max_length=20, blank=True, help_text="Working time, such as P5D.")
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name


class Reporter(EventStream):
    """Who reported: personal data in a row of its own, so that it can be erased and nothing else breaks.

    Its stream tells who of the staff has read it (``issues.reading``).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120, blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [
            models.Index(Upper("email"), name="reporter_email", condition=~models.Q(email="")),
            models.Index(fields=["phone"], name="reporter_phone", condition=~models.Q(phone="")),
        ]

    def __str__(self) -> str:
        return self.name or "Reporter"

    @property
    def stream(self) -> str:
        return f"reporter:{self.pk}"

    @property
    def private(self) -> tuple[str, ...]:
        """What never leaves for a model: masked wherever it stands in a text."""
        return tuple(value for value in (self.name, self.email, self.phone) if value)


class IssueStatus(models.TextChoices):
    OPEN = "OPEN"
    IN_PROGRESS = "IN_PROGRESS"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"
    REJECTED = "REJECTED"


UNDER_WAY = (IssueStatus.OPEN, IssueStatus.IN_PROGRESS)
"""What is not over. With the others, ``ended_at`` says since when."""


class Urgency(models.TextChoices):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"


class IssueQuerySet(models.QuerySet["Issue"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The issues of the user's departments; all of them for a user who isn't limited to any. Of the user's sandbox
        only, where a sandbox key speaks for them; else of none."""
        return self.filter(within_departments(user, "department"), within_sandbox(user))

    def named(self, reference: str) -> "Issue | None":
        """The issue that ``reference`` (``ISSUE-000123``) names, or None when it isn't one of ours."""
        match = REFERENCE.match(reference)
        return self.filter(pk=int(match[1])).first() if match else None


def overdue(now: datetime) -> models.Q:
    """The issues that are under way and should be over."""
    return models.Q(status__in=UNDER_WAY, due_at__lt=now)


def within_departments(user: AbstractBaseUser | AnonymousUser, path: str) -> models.Q:
    """A filter that keeps rows whose department (at ``path``) the user may see.

    A user in no department is limited to none; superusers see everything; nobody sees nothing. A key that is tied to
    departments sees those of them that its owner may see: a code that there isn't any more opens nothing.
    """
    if not user.is_authenticated:
        return models.Q(pk__in=[])
    tied = reach_of(user).departments
    mine = _departments_of(user)
    if tied is None:
        return models.Q(**{f"{path}__in": list(mine)}) if mine else models.Q()
    if not mine:
        mine = dict(Department.objects.filter(code__in=tied).values_list("pk", "code"))
    return models.Q(**{f"{path}__in": [pk for pk, code in mine.items() if code in tied]})


def is_limited(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether ``within_departments`` keeps anything from the user: they see a part of the city."""
    if not user.is_authenticated or reach_of(user).departments is not None:
        return True
    return bool(_departments_of(user))


DEPARTMENTS_ALONG = """
    SELECT department.id, department.code FROM issues_department department
    JOIN issues_department_staff staff ON staff.department_id = department.id WHERE staff.user_id = shown.owner_id
"""
read_departments_along(DEPARTMENTS_ALONG)


def _departments_of(user: AbstractBaseUser) -> dict[int, str]:
    """Keys and codes of the departments that a user belongs to; none for superusers, whom nothing limits."""
    if _is_root(user):
        return {}
    known = departments_read_along(user)
    if known is None:
        known = dict(Department.objects.filter(staff=user.pk).values_list("pk", "code"))
        if reach_of(user).one_page:
            note_departments(user, known)
    return known


def _is_root(user: AbstractBaseUser | AnonymousUser) -> bool:
    return bool(getattr(user, "is_superuser", False))


class Issue(EventStream):
    """Something that is wrong in the city, in the words of the one who reported it."""

    statement = models.TextField(max_length=10_000)
    address = models.CharField(max_length=300, blank=True)
    street = models.CharField(
        max_length=LONGEST_STREET, blank=True, editable=False, help_text="The address in a form to compare."
    )
    latitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    urgency = models.CharField(max_length=10, choices=Urgency.choices, default=Urgency.NORMAL)
    status = models.CharField(max_length=12, choices=IssueStatus.choices, default=IssueStatus.OPEN)
    category = models.ForeignKey(
        Category, null=True, blank=True, on_delete=models.PROTECT, related_name="issues"
    )
    department = models.ForeignKey(
        Department, null=True, blank=True, on_delete=models.PROTECT, related_name="issues"
    )
    reporter = models.ForeignKey(
        Reporter, null=True, blank=True, on_delete=models.SET_NULL, related_name="issues"
    )
    people_affected = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: not known.")
    facts = models.JSONField(
        default=dict,
        blank=True,
        help_text="How each fact is known: by its name, {value, confidence (0 to 1), source}.",
    )
    reported_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    due_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="The category's target: when it should be over."
    )
    ended_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When it was resolved, closed or rejected: kept by a trigger, whoever changes the status.",
    )
    erased_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When its personal data was removed."
    )

    objects = IssueQuerySet.as_manager()

    class Meta:
        ordering = ["-reported_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="issue_status_known", condition=models.Q(status__in=IssueStatus.values)
            ),
            models.CheckConstraint(
                name="issue_urgency_known", condition=models.Q(urgency__in=Urgency.values)
            ),
        ]
        indexes = [
            models.Index(fields=["reported_at", "id"], name="issue_age"),
            models.Index(fields=["updated_at", "id"], name="issue_changed"),
            models.Index(fields=["status", "-reported_at"], name="issue_status_age"),
            models.Index(fields=["urgency", "-reported_at"], name="issue_urgency_age"),
            models.Index(fields=["department", "-reported_at"], name="issue_department_age"),
            models.Index(fields=["category", "-reported_at"], name="issue_category_age"),
            models.Index(fields=["street", "-reported_at"], name="issue_street_age"),
            models.Index(fields=["latitude", "longitude"], name="issue_position"),
            models.Index(fields=["due_at"], name="issue_due", condition=models.Q(status__in=UNDER_WAY)),
            GinIndex(WORDS, name="issue_words"),
            models.Index(
                fields=["sandbox", "-reported_at"],
                name="issue_sandbox_age",
                condition=models.Q(sandbox__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, bring the address to the form that duplicates are found by, and promise what the category promises."""
        fields = kwargs.get("update_fields")
        kept = set() if fields is None else {*fields}
        if fields is None or "address" in fields:
            self.street = spot_of(self.address).street
            kept.add("street")
        if self._state.adding or not {"category", "department"}.isdisjoint(kept):
            self.due_at = promise_of(self)
            kept.add("due_at")
        if fields is not None:
            kwargs["update_fields"] = kept
        super().save(*args, **kwargs)

    @property
    def is_overdue(self) -> bool:
        """Whether it should be over, and isn't."""
        return self.status in UNDER_WAY and self.due_at is not None and self.due_at < timezone.now()

    @property
    def reference(self) -> str:
        return reference_of(self.pk) if self.pk else "ISSUE-new"

    @property
    def stream(self) -> str:
        return f"issue:{self.pk}"


class IssueNote(models.Model):
    """A remark on an issue, by a person or a plan's step; ``visible`` ones may be shown to the reporter."""

    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="notes")
    text = models.TextField(max_length=10_000)
    visible = models.BooleanField(default=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    effect_key = models.CharField(
        max_length=200, null=True, blank=True, unique=True, help_text="The step that wrote it, once."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return f"{self.issue}: {self.text[:60]}"


class Attachment(models.Model):
    """A file that belongs to an issue, stored under an unguessable name."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="attachments")
    name = models.CharField(max_length=200, help_text="The file's name in the storage.")
    title = models.CharField(max_length=200)
    content_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.title
