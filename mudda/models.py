"""The ground's own tables: sandboxes, events, outbox, API keys, counts of calls, idempotency records."""

import uuid
from enum import StrEnum

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

from mudda.event_streams import EventStream
from mudda.webhooks.models import DeliveryStatus, WebhookAllowedHost, WebhookDelivery, WebhookSubscription

__all__ = [
    "ApiKey",
    "DeliveryStatus",
    "Event",
    "EventStream",
    "IdempotencyRecord",
    "OutboxMessage",
    "Restoration",
    "Sandbox",
    "SavedFilter",
    "SignIn",
    "SignInOutcome",
    "TraceContext",
    "WebhookAllowedHost",
    "WebhookDelivery",
    "WebhookSubscription",
]


class Sandbox(models.Model):
    """Where integrators try things out. What its keys make belongs to it, does nothing outside, and can be wiped."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="sandboxes")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    wiped_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="The last time.")

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "sandboxes"

    def __str__(self) -> str:
        return f"Sandbox {self.pk}"


class Event(models.Model):
    """Something that happened, never changed afterwards (a trigger holds that). Ids only, no personal data."""

    stream = models.CharField(max_length=100)
    seq = models.PositiveBigIntegerField()
    type = models.CharField(max_length=60)
    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.DO_NOTHING, db_constraint=False
    )
    data = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    sandbox = models.ForeignKey(
        Sandbox,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="As of the stream's owner.",
    )

    class Meta:
        ordering = ["stream", "seq"]
        constraints = [models.UniqueConstraint(fields=["stream", "seq"], name="event_once_per_seq")]
        indexes = [
            models.Index(fields=["at"], name="event_at"),
            models.Index(
                fields=["sandbox", "-at"], name="event_sandbox", condition=models.Q(sandbox__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stream} #{self.seq} {self.type}"


class OutboxMessage(models.Model):
    """A message to somewhere else, written in the transaction that decided it, delivered after commit."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=60)
    payload = models.JSONField(encoder=DjangoJSONEncoder)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True, blank=True)
    gave_up_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        ordering = ["created_at"]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="outbox_due",
                condition=models.Q(delivered_at__isnull=True, gave_up_at__isnull=True),
            ),
            models.Index(
                fields=["gave_up_at"], name="outbox_given_up", condition=models.Q(gave_up_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class TraceContext(models.Model):
    """Which trace something that is committed belongs to, while traces are on: who goes on with it goes on there."""

    key = models.CharField(max_length=100, primary_key=True, help_text="execution:<id> or message:<id>")
    traceparent = models.CharField(max_length=55, help_text="As the W3C has it: ids, and whether it is told.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="trace_context_age")]

    def __str__(self) -> str:
        return self.key


class ApiKey(models.Model):
    """An integration's key: hashed, scoped, owned by a user whose permissions bound it.

    A key that was rotated is still the same row, so that its limits, its idempotency and what hangs on it stay.
    """

    prefix = models.CharField(max_length=8, unique=True, editable=False)
    hashed_key = models.CharField(max_length=150, editable=False)
    previous_prefix = models.CharField(max_length=8, null=True, unique=True, editable=False)
    previous_hashed_key = models.CharField(max_length=150, blank=True, editable=False)
    previous_until = models.DateTimeField(
        null=True, editable=False, help_text="Until then the key before the last rotation works too."
    )
    name = models.CharField(max_length=80)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    scopes = ArrayField(models.CharField(max_length=40))
    rate = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Calls a minute; empty: as set."
    )
    networks = ArrayField(
        models.CharField(max_length=50), default=list, blank=True, help_text="CIDR; empty: from anywhere."
    )
    departments = ArrayField(
        models.CharField(max_length=40),
        default=list,
        blank=True,
        help_text="Codes; empty: all of its owner's.",
    )
    sandbox = models.ForeignKey(
        Sandbox,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="api_keys",
        help_text="The only thing that it sees and changes; empty: what is real.",
    )
    oauth_application = models.OneToOneField(
        settings.OAUTH2_PROVIDER_APPLICATION_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="api_key",
        help_text="The OAuth client whose tokens stand for this key.",
    )
    previous_client_secret = models.CharField(
        max_length=255, blank=True, editable=False, default="", db_default="", help_text="Hashed."
    )
    previous_client_secret_until = models.DateTimeField(
        null=True, editable=False, help_text="Until then the client's secret before the last one works too."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class CallCount(models.Model):
    """How many calls somebody has made since ``window_start``. Unlogged: a crash of PostgreSQL forgets a minute."""

    name = models.CharField(max_length=100, primary_key=True)
    window_start = models.DateTimeField()
    count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.name}: {self.count}"


class SignInOutcome(StrEnum):
    """What came of somebody at the sign-in. Not in words: only the audit log says it."""

    SIGNED_IN = "signed_in"
    FAILED = "failed"
    HELD_BACK = "held_back"
    SIGNED_OUT = "signed_out"


class SignIn(models.Model):
    """That somebody signed in or out, or tried to; never changed afterwards (a trigger holds that).

    Nothing of what was typed and no address: the request's id leads to the proxy's own lines.
    """

    at = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=20, help_text="One of SignInOutcome.")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        help_text="Whose account it is; empty: there is no such account.",
    )
    request_id = models.CharField(max_length=64)

    class Meta:
        ordering = ["at", "pk"]
        indexes = [models.Index(fields=["at", "id"], name="sign_in_at")]

    def __str__(self) -> str:
        return f"{self.outcome} {self.at:%Y-%m-%d %H:%M}"


class IdempotencyRecord(models.Model):
    """The answer once given to a POST with this ``Idempotency-Key``, kept for 24 hours."""

    caller = models.CharField(max_length=60)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    body_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    headers = models.JSONField(default=dict)
    sealed = models.BooleanField(default=False, help_text="The body shows a secret, and is encrypted.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["caller", "method", "path", "key"], name="idempotency_once")
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_age")]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.key}"


class SavedFilter(models.Model):
    """A part of a list of the console that a person has given a name."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_filters"
    )
    place = models.CharField(max_length=80, help_text="The list, such as issues_issue.")
    name = models.CharField(max_length=60)
    query = models.CharField(
        max_length=1_000, help_text="The part of the list's address after the question mark."
    )

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "place", "name"], name="saved_filter_once")]

    def __str__(self) -> str:
        return self.name


class Restoration(models.Model):
    """A back-up that was restored into this database. Until it is reconciled with Temporal the dispatcher stays off."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    backup = models.CharField(max_length=60, help_text="The back-up's id.")
    taken_at = models.DateTimeField(help_text="The moment whose data it has.")
    restored_at = models.DateTimeField(default=timezone.now)
    reconciled_at = models.DateTimeField(null=True, help_text="Empty: the dispatcher stays off.")

    class Meta:
        ordering = ["restored_at"]
        default_permissions = ()  # no page shows it

    def __str__(self) -> str:
        return self.backup
