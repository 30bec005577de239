"""The audit log: who did what and when, read from where it is kept anyway, in one order.

Three tables hold it. Events: everything that happens to issues, plans and runs, and each reading of personal data. The
admin's history: what people changed in the setup. Sign-ins. No texts of cases, keys or secrets are in any of them.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db import transaction
from django.db.models import Model, QuerySet

from mudda.models import Event, SignIn

COLUMNS = (
    "at",
    "source",
    "id",
    "type",
    "actor",
    "actor_name",
    "subject",
    "seq",
    "sandbox",
    "request_id",
    "data",
)
AT_ONCE = 2_000
"""Rows that are fetched together, of each table: what is exported is never held as a whole."""

ACTIONS = {ADDITION: "admin.added", CHANGE: "admin.changed", DELETION: "admin.deleted"}

Entry = dict[str, Any]


def entries(since: datetime, until: datetime) -> Iterator[Entry]:
    """What happened from ``since`` on and before ``until``, the oldest first, with ``COLUMNS`` each."""
    with (
        transaction.atomic()
    ):  # for its cursors, which a pooler in transaction mode would lose outside of one
        yield from merge(
            map(_of_event, _between(Event.objects, "at", since, until, "actor")),
            map(_of_admin, _between(LogEntry.objects, "action_time", since, until, "user", "content_type")),
            map(_of_sign_in, _between(SignIn.objects, "at", since, until, "user")),
            key=lambda entry: (entry["at"], entry["source"]),
        )


def _between(rows: "Any", moment: str, since: datetime, until: datetime, *related: str) -> Iterator[Any]:
    wanted: QuerySet[Model] = rows.filter(**{f"{moment}__gte": since, f"{moment}__lt": until})
    ordered = wanted.select_related(*related).order_by(moment, "pk")
    return ordered.iterator(chunk_size=AT_ONCE)


def _of_event(event: Event) -> Entry:
    return _entry(
        "event",
        event,
        event.at,
        event.type,
        event.actor_id,
        event.actor,
        subject=event.stream,
        seq=event.seq,
        sandbox=str(event.sandbox_id) if event.sandbox_id else None,
        data=event.data,
    )


def _of_admin(row: LogEntry) -> Entry:
    """Without ``object_repr``, which may be a person's name."""
    kind = row.content_type
    subject = f"{kind.app_label}.{kind.model}:{row.object_id}" if kind is not None else None
    return _entry(
        "admin",
        row,
        row.action_time,
        ACTIONS[row.action_flag],
        row.user_id,
        row.user,
        subject=subject,
        data=_changes(row.change_message),
    )


def _changes(message: str) -> dict[str, Any]:
    """The fields that were changed; of a change through the API, its whole message."""
    if not message.startswith("["):
        return {"message": message} if message else {}
    fields: list[str] = []
    for part in json.loads(message):
        for change in part.values():
            fields += change.get("fields", [])
    return {"fields": fields} if fields else {}


def _of_sign_in(row: SignIn) -> Entry:
    return _entry(
        "sign_in",
        row,
        row.at,
        f"sign_in.{row.outcome}",
        row.user_id,
        row.user,
        subject=f"auth.user:{row.user_id}" if row.user_id else None,
        request_id=row.request_id,
    )


def _entry(
    source: str, row: Model, at: datetime, type: str, actor_id: int | None, actor: Any, **more: Any
) -> Entry:
    given = {
        "at": at,
        "source": source,
        "id": f"{source}:{row.pk}",
        "type": type,
        "actor": actor_id,
        "actor_name": actor.get_username() if actor is not None else None,
        "data": {},
        **more,
    }
    return {name: given.get(name) for name in COLUMNS}
