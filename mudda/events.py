"""Append-only, gapless streams of events: what history, live views, webhooks and audit are made from.

``seq`` is assigned under the row lock of the stream's owner, so that within a stream the order of numbers
is the order of commits. (Turned down: an identity column, whose order isn't the order of commit.) Commit notifies
those who follow the stream (``mudda.listening``, ``mudda.streaming``), and what webhooks are to be sent is written
along with the event (``mudda.webhooks``): nothing has to find out later which events it hasn't seen.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import ObjectDoesNotExist
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from psycopg import sql

from mudda import prepared
from mudda.event_types import EventType, ensure_documented, ensure_known, patterns_of
from mudda.listening import EVENTS, WEBHOOKS
from mudda.models import Event, EventStream, WebhookDelivery, WebhookSubscription
from mudda.monitoring import metrics

Actor = AbstractBaseUser | AnonymousUser | None


@dataclass(frozen=True)
class _Added:
    """An event that is to be written, and whose it is."""

    owner: EventStream
    event: Event
    kind: EventType


_waiting: ContextVar[list[_Added] | None] = ContextVar("events_waiting", default=None)


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
        RuntimeError: outside a transaction, of a type that nobody has registered, or with other data than its type
            has: a defect of the caller.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("An event belongs in the transaction of what it tells about.")
    kind = ensure_known(type)
    ensure_documented(kind, data or {})
    actor_id = actor.pk if actor is not None and actor.is_authenticated else None
    event = Event(stream=owner.stream, type=type, actor_id=actor_id, data=dict(data or {}))
    added, waiting = _Added(owner, event, kind), _waiting.get()
    if waiting is None:
        _write([added])
    else:
        waiting.append(added)
    return event


@contextmanager
def together() -> Iterator[None]:
    """Write what is appended in here at the end, in one statement: each round trip costs a request a millisecond.

    For work that is done as a whole: an error that leaves it has to end the transaction too. The numbers of the events
    are known at the end only.
    """
    if _waiting.get() is not None:
        yield
        return
    waiting: list[_Added] = []
    token = _waiting.set(waiting)
    try:
        yield
    finally:
        _waiting.reset(token)
    _write(waiting)


def _write(added: Sequence[_Added]) -> None:
    """Count, insert, and queue for webhooks in one statement, whosesoever the events are."""
    if not added:
        return
    owners = list({one.event.stream: one.owner for one in added}.values())
    streams = [owner.stream for owner in owners]
    values = {
        "streams": [one.event.stream for one in added],
        "types": [one.event.type for one in added],
        "times": [one.event.at for one in added],
        "actors": [one.event.actor_id for one in added],
        "data": [json.dumps(one.event.data, cls=DjangoJSONEncoder) for one in added],
        "patterns": [" ".join(patterns_of(one.kind)) for one in added],
        **{f"key_{at}": owner.pk for at, owner in enumerate(owners)},
        **{f"stream_{at}": stream for at, stream in enumerate(streams)},
        **{f"count_{at}": sum(one.event.stream == s for one in added) for at, s in enumerate(streams)},
    }
    tables = tuple((owner._meta.db_table, owner._meta.pk.column) for owner in owners)
    rows = prepared.fetch(_statement(tables), values)
    if len(rows) != len(added):
        raise ObjectDoesNotExist(f"{' or '.join(streams)} is not in the database.")
    numbered = {at: (pk, seq, sandbox) for at, pk, seq, sandbox, *_ in rows}
    last = {}
    for at, one in enumerate(added, 1):
        one.event.pk, one.event.seq, one.event.sandbox_id = numbered[at]
        one.event._state.adding = False
        last[one.event.stream] = one.event.seq
    for one in added:
        one.owner.event_seq = last[one.event.stream]
    metrics.count_events([one.event.type for one in added if one.event.sandbox_id is None])


@cache
def _statement(owners: tuple[tuple[str, str], ...]) -> str:
    """For events of owners in these tables, given by their keys' columns."""
    counted = [
        sql.SQL(
            "owner_{at} AS (UPDATE {table} SET event_seq = event_seq + {count} WHERE {key} = {pk} "
            "RETURNING {stream}::text AS stream, event_seq - {count} AS before, sandbox_id)"
        ).format(
            at=sql.SQL(str(at)),
            table=sql.Identifier(table),
            key=sql.Identifier(key),
            pk=sql.Placeholder(f"key_{at}"),
            stream=sql.Placeholder(f"stream_{at}"),
            count=sql.SQL("{}::int").format(sql.Placeholder(f"count_{at}")),
        )
        for at, (table, key) in enumerate(owners)
    ]
    every = [
        sql.SQL("SELECT stream, before, sandbox_id FROM owner_{}").format(sql.SQL(str(n)))
        for n in range(len(owners))
    ]
    composed = sql.SQL(
        """
        WITH {counted},
        owners AS ({every}),
        given AS (
            SELECT stream, type, at, actor_id, data, patterns, place,
                row_number() OVER (PARTITION BY stream ORDER BY place) AS number
            FROM unnest(
                %(streams)s::text[], %(types)s::text[], %(times)s::timestamptz[], %(actors)s::int[], %(data)s::text[],
                %(patterns)s::text[]
            ) WITH ORDINALITY AS one (stream, type, at, actor_id, data, patterns, place)
        ),
        numbered AS (
            SELECT given.*, owners.before + given.number AS seq, owners.sandbox_id FROM given JOIN owners USING (stream)
        ),
        added AS (
            INSERT INTO {events} (stream, seq, type, at, actor_id, data, sandbox_id)
            SELECT stream, seq, type, at, actor_id, data::jsonb, sandbox_id FROM numbered ORDER BY place
            RETURNING id, seq, stream, sandbox_id
        ),
        queued AS (
            INSERT INTO {deliveries}
                (subscription_id, event_id, stream, seq, status, attempts, created_at, queued_at, due_at, last_error)
            SELECT wanted.id, added.id, stream, seq, 'pending', 0, now(), now(), now(), ''
            FROM added JOIN numbered USING (stream, seq)
            JOIN {subscriptions} wanted
                ON wanted.active AND wanted.types && string_to_array(numbered.patterns, ' ')::varchar[]
                AND wanted.sandbox_id IS NOT DISTINCT FROM added.sandbox_id
            ORDER BY numbered.place
            RETURNING 1
        )
        SELECT numbered.place::int, added.id, added.seq, added.sandbox_id, pg_notify({channel}, added.stream),
            (SELECT pg_notify({webhooks}, '') FROM queued LIMIT 1)
        FROM added JOIN numbered USING (stream, seq)
        """
    ).format(
        counted=sql.SQL(", ").join(counted),
        every=sql.SQL(" UNION ALL ").join(every),
        events=sql.Identifier(Event._meta.db_table),
        deliveries=sql.Identifier(WebhookDelivery._meta.db_table),
        subscriptions=sql.Identifier(WebhookSubscription._meta.db_table),
        channel=sql.Literal(EVENTS),
        webhooks=sql.Literal(WEBHOOKS),
    )
    return composed.as_string()


def of(owner: EventStream) -> "list[Event]":
    """The events of ``owner``, oldest first."""
    return list(Event.objects.filter(stream=owner.stream).order_by("seq"))
