"""Subscribing, changing, rotating, testing, replaying. The API and the admin are doors to these."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from mudda import event_types, events, scopes, sealing
from mudda.errors import Conflict, InvalidRequest, NotFound, Unprocessable
from mudda.etags import Expected, ensure_current
from mudda.models import ApiKey, Event, WebhookDelivery, WebhookSubscription
from mudda.reach import sandbox_of, within_sandbox
from mudda.webhooks import queue
from mudda.webhooks.addresses import ensure_secure, is_allowed, look_up
from mudda.webhooks.signing import PURPOSE, make_secret
from mudda.webhooks.subjects import Subject, scope_of

MOST_SUBSCRIPTIONS = 50
"""Of one owner: each of them costs every event a little."""
LONGEST_OVERLAP_HOURS = 168
MOST_REPLAYED = 10_000

BY_OWNER, BY_ADMINISTRATOR = "by_owner", "by_administrator"
"""Why a subscription was disabled, besides by itself (see ``mudda.webhooks.queue``)."""


class TooManyWebhooks(Conflict):
    code = "too_many_webhooks"
    title = f"An account has at most {MOST_SUBSCRIPTIONS} webhooks."


class WebhookDisabled(Conflict):
    code = "webhook_disabled"
    title = "The webhook is disabled: enable it first."


class ReplayTooLarge(Unprocessable):
    code = "replay_too_large"
    title = f"More than {MOST_REPLAYED:,} events happened in this time: ask for less of it."


def subscriptions_of(user: Any, auth: object) -> QuerySet[WebhookSubscription]:
    """The caller's own: those that were made with the same key, or, without a key, all of the user's.

    Another key of the same owner may reach further, and whoever changes an address gets what is sent to it.
    """
    mine = WebhookSubscription.objects.filter(within_sandbox(user), owner=user.pk)
    return mine.filter(api_key=auth) if isinstance(auth, ApiKey) else mine


@transaction.atomic
def create_subscription(
    *, url: str, types: Sequence[str], filters: Mapping[str, str], by: User, auth: object
) -> tuple[WebhookSubscription, str]:
    """Subscribe ``url`` to ``types``; the subscription and the only readable copy of its secret.

    Args:
        filters: ids and codes that the event's subject has to have, by the names of ``Subject``'s fields.
        auth: the key that asks, which bounds what is sent; None for a user.

    Raises:
        WebhookAddressRefused: nothing is sent to such addresses.
        InvalidRequest: a type that there is none of, or that the caller may not read.
        TooManyWebhooks: there are enough.
    """
    ensure_readable(types, by, auth)
    ensure_address(url, by)
    User.objects.select_for_update().get(pk=by.pk)  # who subscribes twice at once counts twice
    if WebhookSubscription.objects.filter(within_sandbox(by), owner=by).count() >= MOST_SUBSCRIPTIONS:
        raise TooManyWebhooks
    secret = make_secret()
    subscription = WebhookSubscription.objects.create(
        owner=by,
        api_key=auth if isinstance(auth, ApiKey) else None,
        url=url,
        types=sorted(set(types)),
        filters=dict(filters),
        sandbox_id=sandbox_of(by),
        secret=sealing.seal(secret, purpose=PURPOSE),
    )
    events.append(subscription, "webhook.created", {"types": subscription.types}, actor=by)
    return subscription, secret


@transaction.atomic
def change_subscription(
    *, subscription_id: UUID, by: User, auth: object, expected_version: Expected = None, **changes: Any
) -> WebhookSubscription:
    """Change ``url``, ``types``, ``filters`` or ``active``. What was waiting while it was disabled is sent then.

    Raises:
        NotFound: there is no such subscription of the caller's.
        PreconditionFailed: it is another version than ``expected_version``.
        WebhookAddressRefused, InvalidRequest: as for ``create_subscription``.
        WebhookDisabled: an administrator has disabled it.
    """
    if "url" in changes:
        # Before the lock: resolvers take their time, and senders write to the row.
        ensure_address(changes["url"], by)
    subscription = locked(subscription_id, by, auth)
    ensure_current(expected_version, subscription.version, version=subscription.version)
    if "types" in changes:
        changes["types"] = sorted(set(changes["types"]))
        ensure_readable(changes["types"], by, auth)
    changed = [name for name, value in changes.items() if getattr(subscription, name) != value]
    if not changed:
        return subscription
    for name in changed:
        setattr(subscription, name, changes[name])
    if "active" in changed:
        if subscription.disabled_reason == BY_ADMINISTRATOR:
            raise WebhookDisabled("An administrator has disabled it, and only one can enable it.")
        _switch(subscription, BY_OWNER)
    subscription.version += 1
    subscription.save()
    events.append(subscription, "webhook.changed", {"fields": changed}, actor=by)
    queue.wake()
    return subscription


@transaction.atomic
def switch_subscription(*, subscription_id: UUID, active: bool, by: User) -> None:
    """Enable or disable anybody's subscription, for administrators: whoever calls has looked at that."""
    subscription = WebhookSubscription.objects.select_for_update(of=("self",)).get(pk=subscription_id)
    if subscription.active == active:
        return
    subscription.active = active
    _switch(subscription, BY_ADMINISTRATOR)
    subscription.version += 1
    subscription.save()
    events.append(subscription, "webhook.changed", {"fields": ["active"]}, actor=by)
    queue.wake()


def _switch(subscription: WebhookSubscription, reason: str) -> None:
    subscription.disabled_reason = "" if subscription.active else reason
    subscription.failing_since = None


@transaction.atomic
def delete_subscription(
    *, subscription_id: UUID, by: User, auth: object, expected_version: Expected = None
) -> None:
    """Delete a subscription and what was to be sent to it.

    Raises:
        NotFound: there is no such subscription of the caller's.
        PreconditionFailed: it is another version than ``expected_version``.
    """
    subscription = locked(subscription_id, by, auth)
    ensure_current(expected_version, subscription.version, version=subscription.version)
    subscription.delete()


@transaction.atomic
def rotate_secret(
    *, subscription_id: UUID, overlap_hours: int, by: User, auth: object, expected_version: Expected = None
) -> tuple[WebhookSubscription, str]:
    """Make another secret; for ``overlap_hours`` what is sent is signed with the one before too.

    Raises:
        NotFound: there is no such subscription of the caller's.
        PreconditionFailed: it is another version than ``expected_version``.
    """
    subscription = locked(subscription_id, by, auth)
    ensure_current(expected_version, subscription.version, version=subscription.version)
    secret = make_secret()
    subscription.previous_secret = subscription.secret
    subscription.previous_until = timezone.now() + timedelta(hours=overlap_hours)
    subscription.secret = sealing.seal(secret, purpose=PURPOSE)
    subscription.version += 1
    subscription.save()
    events.append(subscription, "webhook.secret_rotated", {"overlap_hours": overlap_hours}, actor=by)
    return subscription, secret


# --- sending on demand ------------------------------------------------------------------------------


@transaction.atomic
def fire_test(*, subscription_id: UUID, by: User, auth: object) -> WebhookDelivery:
    """Have a ``webhook.tested`` sent to this subscription only, whatever its types and filters.

    Raises:
        NotFound: there is no such subscription of the caller's.
        WebhookDisabled: nothing is sent to it.
    """
    subscription = locked(subscription_id, by, auth)
    ensure_active(subscription)
    event = events.append(subscription, "webhook.tested", actor=by)
    queue.put(subscription, [event])
    return WebhookDelivery.objects.get(subscription=subscription, event=event.pk)


@transaction.atomic
def replay_delivery(*, delivery: WebhookDelivery, by: User) -> WebhookDelivery:
    """Have one event sent again, also one that was delivered or parked.

    Raises:
        WebhookDisabled: nothing is sent to its subscription.
        NotFound: the event isn't kept any more.
    """
    ensure_active(delivery.subscription)
    event = Event.objects.filter(pk=delivery.event_id).first()
    if event is None:
        raise NotFound("The event isn't kept any more.")
    events.append(delivery.subscription, "webhook.replayed", {"events": 1}, actor=by)
    queue.put(delivery.subscription, [event])
    delivery.refresh_from_db()
    return delivery


@transaction.atomic
def replay_range(*, subscription_id: UUID, since: datetime, until: datetime, by: User, auth: object) -> int:
    """Have the events from ``since`` until before ``until`` sent (again), as far as they are what it subscribes to;
    how many are looked at. What its filters or its reach leave out isn't sent.

    Raises:
        NotFound: there is no such subscription of the caller's.
        WebhookDisabled: nothing is sent to it.
        ReplayTooLarge: there are more than 10,000.
    """
    subscription = locked(subscription_id, by, auth)
    ensure_active(subscription)
    wanted = set(subscription.types)
    types = [
        kind.name for kind in event_types.known().values() if wanted & set(event_types.patterns_of(kind))
    ]
    ours = Event.objects.filter(sandbox=subscription.sandbox_id)
    rows = ours.filter(at__gte=since, at__lt=until, type__in=types).only("stream", "seq")
    found = list(rows.order_by("at", "pk")[: MOST_REPLAYED + 1])
    if len(found) > MOST_REPLAYED:
        raise ReplayTooLarge
    events.append(subscription, "webhook.replayed", {"events": len(found)}, actor=by)
    return queue.put(subscription, found)


# --- what they stand on -----------------------------------------------------------------------------


def locked(subscription_id: UUID, by: User, auth: object) -> WebhookSubscription:
    """The caller's subscription, locked until commit.

    Raises:
        NotFound: there is no such one.
    """
    mine = subscriptions_of(by, auth).select_for_update(of=("self",))
    subscription = mine.filter(pk=subscription_id).first()
    if subscription is None:
        raise NotFound("There is no such webhook.")
    return subscription


def ensure_active(subscription: WebhookSubscription) -> None:
    if not subscription.active:
        raise WebhookDisabled(extra={"disabled_reason": subscription.disabled_reason})


def ensure_address(url: str, by: User) -> None:
    """Look the address up as every attempt does, so that a mistake shows at once. For a sandbox, which sends nothing,
    no resolver is asked: only how it is written is looked at.

    Raises:
        WebhookAddressRefused: says which rule.
    """
    allowed = is_allowed(url)
    if sandbox_of(by) is None:
        look_up(url, allowed=allowed)
    else:
        ensure_secure(url, allowed=allowed)


def ensure_readable(types: Sequence[str], by: User, auth: object) -> None:
    """Raises:
    InvalidRequest: there is no such type, or the caller may not read what it tells of: then nothing would come.
    """
    errors = []
    for at, pattern in enumerate(types):
        scope = scope_of(pattern)
        if not event_types.is_pattern(pattern):
            code, words = "unknown_event_type", "No type of event; GET /webhooks/event-types lists them."
        elif scope is not None and not scopes.allows(by, auth, scope):
            code, words = (
                "scope_missing",
                f"This needs the scope {scope}, and an owner who has its permissions.",
            )
        else:
            continue
        errors.append({"pointer": f"/types/{at}", "code": code, "message": words})
    if errors:
        raise InvalidRequest("Some types cannot be subscribed to.", errors=errors)


def describe_webhook(number: str, user: Any) -> Subject | None:
    """What the stream of a subscription is about: for its owner only."""
    there = WebhookSubscription.objects.filter(within_sandbox(user), pk=number, owner=user.pk).exists()
    return Subject(webhook=number) if there else None
