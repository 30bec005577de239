"""Append-only, gapless streams of events: what history, live views, webhooks and audit are made from.

``seq`` is assigned under the row lock of the stream's owner, so that within a stream the order of numbers
is the order of commits. (Turned down: an identity column, whose order isn't the order of commit.)
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import connection
from django.db.models import F

from mudda.models import Event, EventStream

Actor = AbstractBaseUser | AnonymousUser | None


def append(
    owner: EventStream, type: str, data: Mapping[str, Any] | None = None, *, actor: Actor = None
) -> Event:
    """Add an event to ``owner``'s stream, in the transaction that it tells about.

    Args:
        owner: the plan, execution or issue that it happened to; its row is locked until commit.
        type: ``<what>.<happened>``, such as ``plan.approved``.
        data: ids and codes, never personal data.
        actor: the user who did it, or None for the system itself.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("An event belongs in the transaction of what it tells about.")
    row = type_manager(owner).filter(pk=owner.pk)
    row.update(event_seq=F("event_seq") + 1)
    owner.event_seq = row.values_list("event_seq", flat=True).get()
    actor_id = actor.pk if actor is not None and actor.is_authenticated else None
    return Event.objects.create(
        stream=owner.stream, seq=owner.event_seq, type=type, actor_id=actor_id, data=dict(data or {})
    )


def type_manager(owner: EventStream) -> Any:
    return type(owner)._default_manager


def of(owner: EventStream) -> "list[Event]":
    """The events of ``owner``, oldest first."""
    return list(Event.objects.filter(stream=owner.stream).order_by("seq"))
