"""Who wants to be told of which events, what was and is to be sent to them, and where anybody may have it sent."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from mudda.event_streams import EventStream

LONGEST_URL = 500
LONGEST_ERROR = 300
ALLOWED = RegexValidator(
    r"^([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?\Z", "Small letters: `host` or `host:port`."
)


class WebhookSubscription(EventStream):
    """An address that wants to be told. What is sent is what its owner, and the key it was made with, may read."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks")
    api_key = models.ForeignKey(
        "mudda.ApiKey",
        null=True,
        blank=True,
        on_delete=models.CASCADE,  # without it the subscription would reach as far as its owner
        related_name="webhooks",
        verbose_name="API key",
    )
    url = models.CharField(max_length=LONGEST_URL)
    types = ArrayField(models.CharField(max_length=60), help_text="`plan.approved`, `plan.*` or `*`.")
    filters = models.JSONField(default=dict, blank=True)
    secret = models.TextField(editable=False, help_text="Sealed.")
    previous_secret = models.TextField(blank=True, editable=False, help_text="Sealed.")
    previous_until = models.DateTimeField(null=True, blank=True, editable=False)
    active = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=40, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = "webhook"
        indexes = [models.Index(fields=["owner", "-created_at"], name="webhook_owner_age")]

    def __str__(self) -> str:
        return self.url

    @property
    def stream(self) -> str:
        return f"webhook:{self.pk}"


class DeliveryStatus(models.TextChoices):
    PENDING = "pending"
    DELIVERED = "delivered"
    PARKED = "parked"
    WITHHELD = "withheld"


class WebhookDelivery(models.Model):
    """One event for one subscription, written in the event's own transaction (see ``mudda.events``).

    Without constraints in the database: what happens in the city never waits for a subscription that is being
    deleted, and never fails because it is gone. ``due_at`` lies ahead while somebody is sending: that is their lease.
    """

    subscription = models.ForeignKey(
        WebhookSubscription,
        on_delete=models.CASCADE,
        related_name="deliveries",
        db_constraint=False,
        db_index=False,
    )
    event = models.ForeignKey(
        "mudda.Event", on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    stream = models.CharField(max_length=100)
    seq = models.PositiveBigIntegerField()
    status = models.CharField(max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    queued_at = models.DateTimeField(default=timezone.now, help_text="When it was last asked for.")
    due_at = models.DateTimeField(default=timezone.now)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="HTTP's.")
    last_error = models.CharField(max_length=LONGEST_ERROR, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(fields=["subscription", "event"], name="delivery_once_an_event"),
            models.CheckConstraint(
                name="delivery_status_known", condition=models.Q(status__in=DeliveryStatus.values)
            ),
        ]
        indexes = [
            models.Index(fields=["subscription", "-created_at", "-id"], name="delivery_subscription_age"),
            models.Index(
                fields=["subscription", "-created_at", "-id"],
                name="delivery_parked",
                condition=models.Q(status=DeliveryStatus.PARKED),
            ),
            models.Index(
                fields=["subscription", "-created_at", "-id"],
                name="delivery_withheld",
                condition=models.Q(status=DeliveryStatus.WITHHELD),
            ),
            models.Index(fields=["queued_at"], name="delivery_age"),
            models.Index(
                fields=["due_at"], name="delivery_due", condition=models.Q(status=DeliveryStatus.PENDING)
            ),
            models.Index(
                fields=["subscription", "stream", "seq"],
                name="delivery_in_order",
                condition=models.Q(status=DeliveryStatus.PENDING),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stream} #{self.seq}"


class WebhookAllowedHost(models.Model):
    """A host of the city's own that webhooks may reach though it is internal or speaks no TLS."""

    host = models.CharField(
        max_length=260,
        unique=True,
        validators=[ALLOWED],
        help_text="As in the address: `host` or `host:port`.",
    )
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["host"]
        verbose_name = "allowed host"

    def __str__(self) -> str:
        return self.host
