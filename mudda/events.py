"""Append-only, gapless streams of events: what history, live views, webhooks and audit are made from.

``seq`` is assigned under the row lock of the stream's owner, so that within a stream the order of numbers
is the order of commits. (Turned down: an identity column, whose order isn't the order of commit.) Commit notifies
those who follow the stream (``mudda.listening``, ``mudda.streaming``), and what webhooks are to be sent is written
along with the event (``mudda.webhooks``): nothing has to find out later which events it hasn't seen.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import ObjectDoesNotExist
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from psycopg import sql

from mudda.event_types import EventType, ensure_known, patterns_of
from mudda.listening import EVENTS, WEBHOOKS
from mudda.models import Event, EventStream, WebhookDelivery, WebhookSubscription

Actor = AbstractBaseUser | AnonymousUser | None


def append(
    owner: EventStream, type: str, data: Mapping[str, Any] | None = None, *, actor: Actor = None
) -> Event:
    """Add an event to ``owner``'s stream, in the transaction that it tells about.

    Args:
        owner: the plan, execution or issue that it happened to; its row is locked until commit.
        type: ``<what>.<happened>``, such as ``plan.approved``; one of ``mudda.event_types``.
        data: ids and codes, never personal data.
        actor: the user who did it, or None for the system itself.

    Raises:
        RuntimeError: outside a transaction, or of a type that nobody has registered: a defect of the caller.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("An event belongs in the transaction of what it tells about.")
    kind = ensure_known(type)
    actor_id = actor.pk if actor is not None and actor.is_authenticated else None
    event = Event(stream=owner.stream, type=type, actor_id=actor_id, data=dict(data or {}))
    event.pk, event.seq = _write(owner, event, kind)
    owner.event_seq = event.seq
    event._state.adding = False
    return event


def _write(owner: EventStream, event: Event, kind: EventType) -> tuple[int, int]:
    """Count, insert, and queue for webhooks in one statement: each round trip costs a step a millisecond."""
    with connection.cursor() as cursor:
        cursor.execute(
            _statement(owner._meta.db_table, owner._meta.pk.column),
            [
                owner.pk,
                event.stream,
                event.type,
                event.at,
                event.actor_id,
                json.dumps(event.data, cls=DjangoJSONEncoder),
                patterns_of(kind),
            ],
        )
        row = cursor.fetchone()
    if row is None:
        raise ObjectDoesNotExist(f"{event.stream} is not in the database.")
    return int(row[0]), int(row[1])


@cache
def _statement(table: str, key: str) -> sql.Composed:
    return sql.SQL(
        """
        WITH owner AS (UPDATE {table} SET event_seq = event_seq + 1 WHERE {key} = %s RETURNING event_seq),
        added AS (
            INSERT INTO {events} (stream, seq, type, at, actor_id, data)
            SELECT %s, owner.event_seq, %s, %s, %s, %s::jsonb FROM owner
            RETURNING id, seq, stream
        ),
        queued AS (
            INSERT INTO {deliveries}
                (subscription_id, event_id, stream, seq, status, attempts, created_at, queued_at, due_at, last_error)
            SELECT wanted.id, added.id, added.stream, added.seq, 'pending', 0, now(), now(), now(), ''
            FROM added JOIN {subscriptions} wanted ON wanted.active AND wanted.types && %s::varchar[]
            RETURNING 1
        )
        SELECT id, seq, pg_notify({channel}, stream), (SELECT pg_notify({webhooks}, '') FROM queued LIMIT 1)
        FROM added
        """
    ).format(
        table=sql.Identifier(table),
        key=sql.Identifier(key),
        events=sql.Identifier(Event._meta.db_table),
        deliveries=sql.Identifier(WebhookDelivery._meta.db_table),
        subscriptions=sql.Identifier(WebhookSubscription._meta.db_table),
        channel=sql.Literal(EVENTS),
        webhooks=sql.Literal(WEBHOOKS),
    )


def of(owner: EventStream) -> "list[Event]":
    """The events of ``owner``, oldest first."""
    return list(Event.objects.filter(stream=owner.stream).order_by("seq"))
