"""Wiping a sandbox: everything that its keys have made goes, and nothing else.

Each room registers what it holds. First the sandbox is locked, so that nothing new can come to name it, and every room
locks what others hang on (issues before plans before runs), so that nothing new can come to hang there; then each
deletes, runs first. It is one transaction: a crash leaves all or nothing, and wiping again is harmless. What lies
outside of the database (files, Temporal workflows) is removed by messages of the outbox, which are written in that
transaction and tried until it is done.

Rows that are never deleted otherwise let this through because the transaction names the sandbox in a setting, and each
row's own trigger looks whose it is (``mudda.migration_tools``).
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.models import Model, QuerySet
from django.utils import timezone
from psycopg.errors import DeadlockDetected, LockNotAvailable

from mudda import outbox
from mudda.errors import AdapterError, Forbidden, NotFound
from mudda.files.storage import delete_document
from mudda.migration_tools import WIPED_SANDBOX
from mudda.models import (
    ApiKey,
    Event,
    IdempotencyRecord,
    OutboxMessage,
    Sandbox,
    WebhookDelivery,
    WebhookSubscription,
)
from mudda.reach import sandbox_of

logger = logging.getLogger(__name__)

DELETE_FILES = "delete_files"
"""The kind of the outbox message that removes files from the storage: ``{"names": [...]}``."""
FILES_AT_ONCE = 200
PATIENCE = "500ms"
"""How long a wipe waits for whoever is at work in the sandbox; then it lets go of everything and begins anew. Less than
PostgreSQL waits before it looks for a deadlock: so it is the wipe that gives way."""
MOST_ATTEMPTS = 100
LONGEST_STATEMENT = "10min"
"""How long one statement of a wipe may take. Those of other requests have ``DATABASE_STATEMENT_TIMEOUT``, which a large
sandbox would exceed each time that somebody tries to wipe it."""

IN_THE_WAY = (LockNotAvailable, DeadlockDetected)

Removed = dict[str, int]
"""How many rows of each kind went."""
Kind = tuple[str, QuerySet[Any]]
"""Rows of one kind, by the name that people and programs read."""


class NoSandbox(Forbidden):
    code = "no_sandbox"
    title = "Only a sandbox key has a sandbox."


@dataclass(frozen=True)
class Contents:
    """What a room holds of a sandbox.

    Attributes:
        lock: locks the rows that others hang on, in the transaction of the wipe.
        delete: deletes its rows, with what it has to be told outside put into the outbox; says how many of each kind.
        kinds: what there is to be deleted, for somebody to read before they wipe it.
    """

    lock: Callable[[UUID], None]
    delete: Callable[[UUID], Removed]
    kinds: Callable[[UUID], tuple[Kind, ...]]


_rooms: list[Contents] = []


def register(contents: Contents) -> None:
    """Name what a room holds. Rooms register in the order in which they stand on each other, the ground first."""
    _rooms.append(contents)


def contents_of(sandbox_id: UUID) -> Removed:
    """How many rows of each kind a wipe would remove now; kinds of which there are none are left out."""
    kinds = [kind for room in _rooms for kind in room.kinds(sandbox_id)]
    counted = {name: rows.order_by().count() for name, rows in kinds}
    return {name: count for name, count in counted.items() if count}


# --- wiping -----------------------------------------------------------------------------------------


def wipe_own(by: Any) -> Removed:
    """Wipe the sandbox of the key that speaks for ``by``.

    Raises:
        NoSandbox: it is no sandbox key.
    """
    mine = sandbox_of(by)
    if mine is None:
        raise NoSandbox
    return wipe(mine)


def wipe(sandbox_id: UUID) -> Removed:
    """Remove everything that a sandbox holds; what was removed, by kind. Its keys stay, and may begin anew.

    Raises:
        NotFound: there is no such sandbox.
    """
    for attempt in range(1, MOST_ATTEMPTS + 1):
        try:
            return _wipe(sandbox_id)
        except OperationalError as error:
            if not isinstance(error.__cause__, IN_THE_WAY) or attempt == MOST_ATTEMPTS:
                raise
            logger.info("wiping sandbox %s gives way and begins anew", sandbox_id)
    raise AssertionError("not reached: the last attempt has returned or raised")


@transaction.atomic
def _wipe(sandbox_id: UUID) -> Removed:
    with _setting("statement_timeout", LONGEST_STATEMENT), _setting("lock_timeout", PATIENCE):
        _lock(sandbox_id)
        with _setting(WIPED_SANDBOX, str(sandbox_id)):
            removed = _delete(sandbox_id)
        Sandbox.objects.filter(pk=sandbox_id).update(wiped_at=timezone.now())
    logger.info("sandbox %s is wiped: %d rows", sandbox_id, sum(removed.values()))
    return removed


def _lock(sandbox_id: UUID) -> None:
    # What is there already comes first: who wants to change it waits here holding nothing, instead of holding a row
    # and waiting for the sandbox, so that somebody who writes all the time doesn't make us give way for ever.
    for room in _rooms:
        room.lock(sandbox_id)
    # Whoever makes a row that names the sandbox has to wait for us, at their commit at the latest.
    if Sandbox.objects.select_for_update().filter(pk=sandbox_id).first() is None:
        raise NotFound("There is no such sandbox.")
    for room in _rooms:
        room.lock(sandbox_id)


def _delete(sandbox_id: UUID) -> Removed:
    removed: Removed = {}
    for room in reversed(_rooms):
        removed |= room.delete(sandbox_id)
    return removed


@contextmanager
def _setting(name: str, value: str) -> Iterator[None]:
    """Set something of PostgreSQL's for a part of the current transaction. An error ends that, and takes it back."""
    before = _set(name, value)
    yield
    _set(name, before)


def _set(name: str, value: str) -> str:
    """What was set before; "" for nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH before AS MATERIALIZED (SELECT coalesce(current_setting(%s, true), '') AS value) "
            "SELECT value, set_config(%s, %s, true) FROM before",
            [name, name, value],
        )
        [(before, _)] = cursor.fetchall()
    return str(before)


# --- for the rooms ----------------------------------------------------------------------------------


def lock_all(rows: QuerySet[Any]) -> None:
    """Lock rows until the wipe is over, always in the same order."""
    locked = rows.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True)
    for _ in locked.iterator():
        pass


def delete_all(rows: QuerySet[Any]) -> int:
    """Delete rows in one statement, without looking at what hangs on them: the caller has seen to that, and the
    database's constraints hold it."""
    return int(rows.order_by()._raw_delete(rows.db) or 0)  # None where Django sees that nothing can match


def delete_kinds(*kinds: Kind) -> Removed:
    """Delete kinds of rows one after another."""
    return {name: delete_all(rows) for name, rows in kinds}


def remove_files(names: Iterable[str], *, after: datetime | None = None) -> int:
    """Have files removed from the storage after commit; how many.

    Args:
        after: not before this: a step that is under way may be writing them until then.
    """
    found = sorted(set(names))
    parts = ({"names": found[at : at + FILES_AT_ONCE]} for at in range(0, len(found), FILES_AT_ONCE))
    outbox.put_all(DELETE_FILES, parts, due_at=after + timedelta(seconds=1) if after is not None else None)
    return len(found)


def deliver_file_removal(message: OutboxMessage) -> None:
    """The outbox's handler. Removing a file twice is harmless.

    Raises:
        AdapterError: the storage is away; to be tried again.
    """
    for name in message.payload["names"]:
        try:
            delete_document(name)
        except AdapterError as error:
            if error.retryable:
                raise
            logger.warning("a wiped sandbox names a file that is none of ours: %s", error.code)


def forget_messages(kind: str, field: str, ids: Iterable[Any]) -> int:
    """Delete the outbox messages of ``kind`` whose payload has one of ``ids`` as its ``field``."""
    wanted = [str(one) for one in ids]
    return delete_all(OutboxMessage.objects.filter(kind=kind, **{f"payload__{field}__in": wanted}))


# --- the ground's own -------------------------------------------------------------------------------


def _of(model: type[Model], sandbox_id: UUID) -> QuerySet[Any]:
    return model._default_manager.filter(sandbox=sandbox_id)


def _lock_webhooks(sandbox_id: UUID) -> None:
    lock_all(_of(WebhookSubscription, sandbox_id))


def _delete_ground(sandbox_id: UUID) -> Removed:
    """Last of all: by then nothing of the sandbox is there that could have another event."""
    return delete_kinds(*_kinds_of_ground(sandbox_id))


def _kinds_of_ground(sandbox_id: UUID) -> tuple[Kind, ...]:
    webhooks = _of(WebhookSubscription, sandbox_id)
    callers = ApiKey.objects.filter(sandbox=sandbox_id).values_list("pk", flat=True)
    answers = IdempotencyRecord.objects.filter(caller__in=[f"key:{pk}" for pk in callers])
    return (
        ("deliveries", WebhookDelivery.objects.filter(subscription__in=webhooks)),
        ("webhooks", webhooks),
        ("events", _of(Event, sandbox_id)),
        ("idempotency_keys", answers),
    )


register(Contents(_lock_webhooks, _delete_ground, _kinds_of_ground))
