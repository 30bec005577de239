"""One attempt: whether the subscription may have the event now, the message, its signatures, the POST."""

import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from mudda import sealing
from mudda.models import DeliveryStatus, Event, WebhookDelivery, WebhookSubscription
from mudda.reach import narrow, of_key
from mudda.webhooks import queue
from mudda.webhooks.addresses import WebhookAddressRefused, is_allowed, look_up
from mudda.webhooks.posting import NotPosted, post
from mudda.webhooks.queue import Attempt
from mudda.webhooks.signing import PURPOSE, signature
from mudda.webhooks.subjects import Subject, subject_of

GONE = 410


@dataclass(frozen=True)
class Letter:
    """What is sent in one attempt, and whether an administrator allows the host it goes to."""

    url: str
    allowed: bool
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """``status`` is HTTP's, None where there was no answer; ``error`` is empty where it arrived."""

    status: int | None
    error: str = ""


def prepare(attempt: Attempt) -> Letter | None:
    """What to send, or None where nothing may be sent: then that is written. From a sandbox nothing ever is."""
    subscription, event = attempt.subscription, attempt.delivery.event
    if (reason := unusable(subscription)) is not None:
        queue.disable(subscription.pk, reason)
        return None
    subject = subject_of(event.stream, reader_of(subscription), subscription.api_key)
    if subject is None or not subject.passes(subscription.filters):
        queue.drop(attempt)
        return None
    if subscription.is_sandbox:
        queue.withheld(attempt)
        return None
    body = message(event, subject)
    headers = signed_headers(subscription, event, body)
    return Letter(subscription.url, is_allowed(subscription.url), body, headers)


def send(letter: Letter) -> Outcome:
    """Send it, without the database: this may take as long as the receiver likes, up to the deadline."""
    try:
        status = post(look_up(letter.url, allowed=letter.allowed), letter.body, letter.headers)
    except WebhookAddressRefused as error:
        return Outcome(None, error.reason)
    except NotPosted as error:
        return Outcome(None, str(error))
    if 200 <= status < 300:
        return Outcome(status)
    return Outcome(status, "redirected" if 300 <= status < 400 else f"status_{status}")


def record(attempt: Attempt, outcome: Outcome) -> None:
    """Write what became of an attempt."""
    if not outcome.error:
        queue.delivered(attempt, outcome.status)
        return
    queue.failed(attempt, outcome.error, outcome.status)
    if outcome.status == GONE:
        queue.disable(attempt.subscription.pk, queue.GONE)


def unusable(subscription: WebhookSubscription) -> str | None:
    """Why nothing may be sent to it any more, whatever it is; None when something may."""
    key = subscription.api_key
    if not subscription.owner.is_active:
        return queue.OWNER_GONE
    if key is not None and (key.revoked_at or (key.expires_at and key.expires_at <= timezone.now())):
        return queue.KEY_UNUSABLE
    return None


def reader_of(subscription: WebhookSubscription) -> Any:
    """The owner, who sees no more than the key that the subscription was made with."""
    owner, key = subscription.owner, subscription.api_key
    if key is not None:
        narrow(owner, of_key(key))
    return owner


def message_id(subscription_id: uuid.UUID, event_id: int) -> str:
    """The same for every attempt and every replay of an event."""
    return f"msg_{subscription_id.hex}_{event_id}"


def message(event: Event, subject: Subject) -> bytes:
    """What is sent: ids and codes. Whoever wants to know more reads it, with their own key."""
    return json.dumps(contents(event, subject), separators=(",", ":")).encode()


def contents(event: Event, subject: Subject) -> dict[str, Any]:
    """The message before it is written as JSON."""
    data = {"stream": event.stream, "seq": event.seq, **subject.ids(), "details": event.data}
    sandbox = event.sandbox_id is not None
    return {"type": event.type, "timestamp": event.at.isoformat(), "sandbox": sandbox, "data": data}


def withheld_message(delivery: WebhookDelivery) -> dict[str, Any] | None:
    """What would have been sent, for whoever has the subscription; None where it was sent, or may not be read."""
    if delivery.status != DeliveryStatus.WITHHELD:
        return None
    subscription = delivery.subscription
    subject = subject_of(delivery.stream, reader_of(subscription), subscription.api_key)
    return contents(delivery.event, subject) if subject is not None else None


def signed_headers(subscription: WebhookSubscription, event: Event, body: bytes) -> dict[str, str]:
    """The headers of the Standard Webhooks specification; while secrets overlap, a signature with each."""
    number, now = message_id(subscription.pk, event.pk), int(time.time())
    signatures = [signature(secret, number, now, body) for secret in secrets_of(subscription)]
    return {
        "Content-Type": "application/json",
        "User-Agent": "mudda-webhooks",
        "Connection": "close",
        "webhook-id": number,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(signatures),
    }


def secrets_of(subscription: WebhookSubscription) -> list[str]:
    """The secrets that are good now, the newest first."""
    sealed = [subscription.secret]
    if subscription.previous_until is not None and subscription.previous_until > timezone.now():
        sealed.append(subscription.previous_secret)
    return [sealing.unseal(text, purpose=PURPOSE) for text in sealed]
