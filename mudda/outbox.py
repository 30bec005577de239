"""Messages written in the transaction that decides them and delivered after it, until acknowledged.

At least once: a receiver tells repetitions apart by the message's id.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from mudda.errors import MuddaError
from mudda.models import OutboxMessage
from mudda.monitoring import metrics, tracing
from mudda.monitoring.about import about

logger = logging.getLogger(__name__)

CHANNEL = "mudda_outbox"
"""PostgreSQL's NOTIFY channel that wakes the dispatcher."""

LONGEST_WAIT = timedelta(minutes=5)

AT_ONCE = 1_000
"""Messages that one statement writes."""

KEPT = timedelta(days=7)
"""How long a message is kept after it was delivered or given up."""

Handler = Callable[[OutboxMessage], None]

_handlers: dict[str, Handler] = {}


def register(kind: str, handler: Handler) -> None:
    """Name the function that delivers messages of ``kind``. It raises when it could not."""
    _handlers[kind] = handler


def put(kind: str, payload: Mapping[str, Any]) -> OutboxMessage:
    """Write a message in the current transaction; it is delivered after commit."""
    message = OutboxMessage.objects.create(kind=kind, payload=dict(payload))
    tracing.remember(trace_key(message))
    _wake()
    return message


def put_all(kind: str, payloads: Iterable[Mapping[str, Any]], *, due_at: datetime | None = None) -> None:
    """Write any number of messages as ``put`` does, in few statements; not to be delivered before ``due_at``."""
    due = due_at or timezone.now()
    messages = (OutboxMessage(kind=kind, payload=dict(payload), due_at=due) for payload in payloads)
    while some := list(islice(messages, AT_ONCE)):
        OutboxMessage.objects.bulk_create(some)
    _wake()


def _wake() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def deliver_due(*, limit: int = 100) -> int:
    """Deliver what is due, each message by one process only. Returns how many were acknowledged.

    Ends at the first one that has to be tried again: each costs the time of its deadline, and whoever wants to
    stop the sweep would wait for all of them. The next sweep goes on with the others.
    """
    delivered = 0
    for _ in range(limit):
        message = _claim_next()
        if message is None:
            break
        if _deliver(message):
            delivered += 1
        elif message.gave_up_at is None:
            break
    return delivered


def forget_old() -> None:
    """Delete the messages that are over: what they carried (answers, comments) is kept where it belongs."""
    over = Q(delivered_at__lt=timezone.now() - KEPT) | Q(gave_up_at__lt=timezone.now() - KEPT)
    OutboxMessage.objects.filter(over).delete()


def _claim_next() -> OutboxMessage | None:
    """Take the next due message by moving its due time on: whoever dies with it only delays it."""
    with transaction.atomic():
        message = (
            OutboxMessage.objects.select_for_update(skip_locked=True)
            .filter(delivered_at__isnull=True, gave_up_at__isnull=True, due_at__lte=timezone.now())
            .order_by("due_at")
            .first()
        )
        if message is not None:
            message.attempts += 1
            message.due_at = timezone.now() + _back_off(message.attempts)
            message.save(update_fields=["attempts", "due_at"])
        return message


def trace_key(message: OutboxMessage) -> str:
    """What its trace is remembered by."""
    return f"message:{message.pk}"


def _deliver(message: OutboxMessage) -> bool:
    with about(message_id=message.pk), tracing.resumed(trace_key(message), f"deliver {message.kind}"):
        return _try_to_deliver(message)


def _try_to_deliver(message: OutboxMessage) -> bool:
    try:
        _handlers[message.kind](message)
    except MuddaError as error:
        _record_failure(message, error)
        return False
    metrics.deliveries.labels(message.kind, "delivered").inc()
    message.delivered_at = timezone.now()
    _write(message, "delivered_at")
    return True


def _record_failure(message: OutboxMessage, error: MuddaError) -> None:
    logger.warning(
        "outbox: %s %s not delivered (%s), attempt %d", message.kind, message.id, error.code, message.attempts
    )
    message.last_error = f"{error.code}: {error.detail}"[:2_000]
    if not error.retryable:
        message.gave_up_at = timezone.now()
    metrics.deliveries.labels(message.kind, "retried" if error.retryable else "given_up").inc()
    _write(message, "last_error", "gave_up_at")


def _write(message: OutboxMessage, *fields: str) -> None:
    """Into its row, if it is there still: what it was about may have been wiped while it was being delivered."""
    values = {name: getattr(message, name) for name in fields}
    OutboxMessage.objects.filter(pk=message.pk).update(**values)


def _back_off(attempts: int) -> timedelta:
    """10 s (longer than a delivery may take: its deadline is 5 s), doubling up to five minutes."""
    return min(timedelta(seconds=10 * 2 ** min(attempts - 1, 10)), LONGEST_WAIT)
