"""The ground's own figures: messages that wait."""

from collections.abc import Iterator
from typing import Any

from mudda.monitoring.figures import Figure, Row, ask, register

WAITING = """
    SELECT kind, count(*), extract(epoch FROM now() - min(created_at))
    FROM mudda_outboxmessage WHERE delivered_at IS NULL AND gave_up_at IS NULL GROUP BY kind
"""
GIVEN_UP = "SELECT count(*) FROM mudda_outboxmessage WHERE gave_up_at IS NOT NULL"
SENDING = """
    SELECT count(*), coalesce(extract(epoch FROM now() - min(queued_at)), 0)
    FROM mudda_webhookdelivery WHERE status = 'pending'
"""
PARKED = "SELECT count(*) FROM mudda_webhookdelivery WHERE status = 'parked'"


def _outbox() -> Iterator[tuple[str, Row]]:
    rows: list[Any] = ask(WAITING)
    for kind, count, _ in rows:
        yield "outbox_undelivered", ((kind,), float(count))
    oldest = max((float(age) for _, _, age in rows), default=0.0)
    yield "outbox_oldest_seconds", ((), oldest)
    [[given_up]] = ask(GIVEN_UP)
    yield "outbox_given_up", ((), float(str(given_up)))


def _webhooks() -> Iterator[tuple[str, Row]]:
    [[count, oldest]] = ask(SENDING)
    yield "webhook_deliveries", (("pending",), float(str(count)))
    yield "webhook_oldest_seconds", ((), float(str(oldest)))
    [[parked]] = ask(PARKED)
    yield "webhook_deliveries", (("parked",), float(str(parked)))


register(
    Figure("outbox_undelivered", "Messages that are not delivered yet.", ("kind",)),
    Figure("outbox_oldest_seconds", "Age of the oldest message that is not delivered; 0: none is."),
    Figure("outbox_given_up", "Messages of the last 7 days that will not be delivered any more."),
    read=_outbox,
)
register(
    Figure("webhook_deliveries", "Events for webhooks, by status.", ("status",)),
    Figure("webhook_oldest_seconds", "Age of the oldest event that a webhook has not been sent; 0: none."),
    read=_webhooks,
)
