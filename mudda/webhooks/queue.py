"""Which delivery is next, and what became of it. No transaction is open while anything is sent."""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from mudda import events
from mudda.listening import WEBHOOKS
from mudda.models import DeliveryStatus, Event, WebhookDelivery, WebhookSubscription
from mudda.webhooks.models import LONGEST_ERROR

LEASE = timedelta(seconds=60)
"""Longer than an attempt can take. What a killed worker was sending is sent again after it."""

STEPS = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800)
"""Seconds until the next attempt; the last one again and again. Each a fifth shorter or longer, by chance."""

TRIED_FOR = timedelta(days=3)
LEAST_ATTEMPTS = 5
"""After both a delivery is parked. Time alone would park at the first failure what had to wait for our own worker."""

KEPT = timedelta(days=30)
"""How long what was delivered or parked is shown, and can be sent again one by one."""

GONE, FAILING, KEY_UNUSABLE, OWNER_GONE = "gone", "failing", "key_unusable", "owner_inactive"
"""Why a subscription was disabled, besides by its owner."""


@dataclass(frozen=True)
class Attempt:
    """A delivery that this process may send until the lease is over; ``number`` tells it from later attempts."""

    delivery: WebhookDelivery
    number: int

    @property
    def subscription(self) -> WebhookSubscription:
        return self.delivery.subscription


def claim(busy: Sequence[uuid.UUID] = ()) -> Attempt | None:
    """Take the delivery that is due longest and first in line, of a subscription that isn't ``busy``.

    Only the first unfinished event of each stream may go, so that a subscription hears of a stream in order.
    """
    with transaction.atomic():
        earlier = WebhookDelivery.objects.filter(
            subscription=OuterRef("subscription"),
            stream=OuterRef("stream"),
            seq__lt=OuterRef("seq"),
            status=DeliveryStatus.PENDING,
        )
        delivery = (
            WebhookDelivery.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("subscription__owner", "subscription__api_key", "event")
            .filter(~Exists(earlier), status=DeliveryStatus.PENDING, due_at__lte=timezone.now())
            .filter(subscription__active=True)
            .exclude(subscription__in=busy)
            .order_by("due_at", "pk")
            .first()
        )
        if delivery is None:
            return None
        delivery.attempts += 1
        delivery.due_at = timezone.now() + LEASE
        delivery.save(update_fields=["attempts", "due_at"])
        return Attempt(delivery, delivery.attempts)


def drop(attempt: Attempt) -> None:
    """Forget a delivery that isn't meant for the subscription (any more)."""
    _mine(attempt).delete()


def delivered(attempt: Attempt, status: int | None) -> None:
    """Write that it arrived."""
    now = timezone.now()
    _mine(attempt).update(
        status=DeliveryStatus.DELIVERED, delivered_at=now, last_status=status, last_error=""
    )
    subscription = WebhookSubscription.objects.filter(pk=attempt.subscription.pk)
    subscription.filter(failing_since__isnull=False).update(failing_since=None)


def withheld(attempt: Attempt) -> None:
    """Write that it would have been sent, if it were real."""
    _mine(attempt).update(status=DeliveryStatus.WITHHELD, last_status=None, last_error="")


@transaction.atomic
def failed(attempt: Attempt, error: str, status: int | None = None) -> None:
    """Write that it didn't arrive, and when it is tried again. What has been tried long enough is parked; then the
    next event of its stream goes. A subscription to which nothing arrived for as long is disabled."""
    now, delivery = timezone.now(), attempt.delivery
    parks = now - delivery.queued_at >= TRIED_FOR and attempt.number >= LEAST_ATTEMPTS
    changed = _mine(attempt).update(
        status=DeliveryStatus.PARKED if parks else DeliveryStatus.PENDING,
        due_at=now + back_off(attempt.number),
        last_status=status,
        last_error=error[:LONGEST_ERROR],
    )
    if not changed:
        return  # somebody else has it: this attempt took longer than its lease
    subscription = WebhookSubscription.objects.filter(pk=attempt.subscription.pk)
    subscription.filter(failing_since__isnull=True).update(failing_since=now)
    if parks and subscription.filter(failing_since__lte=now - TRIED_FOR).exists():
        disable(attempt.subscription.pk, FAILING)


@transaction.atomic
def disable(subscription_id: uuid.UUID, reason: str) -> None:
    """Send nothing more to a subscription until its owner enables it; ``reason`` is what they see."""
    subscription = (
        WebhookSubscription.objects.select_for_update().filter(pk=subscription_id, active=True).first()
    )
    if subscription is None:
        return
    subscription.active, subscription.disabled_reason = False, reason
    subscription.version += 1
    subscription.save(update_fields=["active", "disabled_reason", "version", "updated_at"])
    events.append(subscription, "webhook.disabled", {"reason": reason})


def back_off(attempts: int) -> timedelta:
    """How long to wait after so many attempts."""
    seconds = STEPS[min(attempts, len(STEPS)) - 1]
    return timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311 (spreads load, guards nothing)


def put(subscription: WebhookSubscription, found: Sequence[Event]) -> int:
    """Have these events sent (again), in the current transaction; how many that is.

    What is waiting already stays as it is. A message sent again has the same id, so that receivers know it.
    """
    now = timezone.now()
    WebhookDelivery.objects.filter(
        subscription=subscription,
        event__in=found,
        status__in=[DeliveryStatus.DELIVERED, DeliveryStatus.PARKED, DeliveryStatus.WITHHELD],
    ).update(status=DeliveryStatus.PENDING, attempts=0, queued_at=now, due_at=now, delivered_at=None)
    WebhookDelivery.objects.bulk_create(
        [
            WebhookDelivery(subscription=subscription, event=event, stream=event.stream, seq=event.seq)
            for event in found
        ],
        ignore_conflicts=True,
        batch_size=1_000,
    )
    wake()
    return len(found)


def wake() -> None:
    """Have senders look, once the current transaction is committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [WEBHOOKS])


def forget_old() -> None:
    """Delete what is over for long, and what belongs to a subscription or an event that isn't there any more."""
    living = WebhookSubscription.objects.filter(active=True).values("pk")
    over = ~Q(status=DeliveryStatus.PENDING) | ~Q(subscription__in=living)
    WebhookDelivery.objects.filter(over, queued_at__lt=timezone.now() - KEPT).delete()
    for model, name in ((WebhookSubscription, "subscription_id"), (Event, "event_id")):
        WebhookDelivery.objects.filter(~Exists(model.objects.filter(pk=OuterRef(name)))).delete()


def _mine(attempt: Attempt) -> QuerySet[WebhookDelivery]:
    """The row, if it is still this attempt's."""
    return WebhookDelivery.objects.filter(
        pk=attempt.delivery.pk, attempts=attempt.number, status=DeliveryStatus.PENDING
    )
