"""The outbox: whether somebody delivers what was written, and what could not be delivered."""

from collections.abc import Iterator
from typing import Any, Final

from django.db import DatabaseError, InterfaceError

from mudda.doctor.registry import Finding, counted, error, fine, left_out, register, warning
from mudda.monitoring.figures import ask

UNCLAIMED_SECONDS: Final = 60
"""Whoever delivers a message moves its due time on; the sweep looks every second."""

WAITING_SECONDS: Final = 300
"""As the alert MuddaMessagesWait has it."""

STANDING = f"""
    SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::int,
        count(*) FILTER (WHERE due_at < now() - interval '{UNCLAIMED_SECONDS} seconds'),
        (SELECT count(*) FROM mudda_outboxmessage WHERE gave_up_at > now() - interval '1 hour'),
        (SELECT split_part(last_error, ':', 1) FROM mudda_outboxmessage
            WHERE delivered_at IS NULL AND gave_up_at IS NULL ORDER BY created_at LIMIT 1)
    FROM mudda_outboxmessage WHERE delivered_at IS NULL AND gave_up_at IS NULL
"""  # noqa: S608 (our own text)

HELD = "SELECT count(*) FROM mudda_restoration WHERE reconciled_at IS NULL"

SINCE_RESTORE = error(
    "held_since_restore",
    "Compare it with Temporal, which lets the dispatcher go on: `manage.py reconcile`. docs/backup.md.",
)
UNCLAIMED = error(
    "messages_unclaimed",
    "No worker sweeps: start one, or see what its sweep waits for. docs/runbooks/workers-gone.md, sweep-stopped.md.",
)
WAIT = error(
    "messages_wait", "What they are refused with says where to look. docs/runbooks/messages-wait.md."
)
GIVEN_UP = warning("messages_given_up", "See which and why: docs/runbooks/messages-given-up.md.")


def look() -> Iterator[Finding]:
    """What waits, for how long, and whether anybody takes it."""
    try:
        rows: list[Any] = ask(STANDING)
        [[held]] = ask(HELD)
    except (DatabaseError, InterfaceError):
        yield left_out("The database cannot be asked: see the check database.")
        return
    [[waiting, oldest, unclaimed, given_up, code]] = rows
    if held:
        yield SINCE_RESTORE.found("The database was restored: nothing is started or delivered until then.")
    if unclaimed:
        says = (
            f"Due for more than {UNCLAIMED_SECONDS} s and taken by nobody: {counted(unclaimed, 'message')}."
        )
        yield UNCLAIMED.found(says, unclaimed=unclaimed)
    if oldest > WAITING_SECONDS:
        said = f"last refused with {code}" if code else "never tried"
        says = f"{counted(waiting, 'message')} not delivered yet, the oldest for {oldest} s ({said})."
        yield WAIT.found(says, waiting=waiting, oldest_seconds=oldest, error=code)
    if given_up:
        says = f"{counted(given_up, 'message')} refused for good in the last hour."
        yield GIVEN_UP.found(says, given_up=given_up)
    if not held and not unclaimed and oldest <= WAITING_SECONDS:
        yield fine(f"{counted(waiting, 'message')} not delivered yet.", waiting=waiting)


register("messages", look, words="the outbox: messages that nobody delivers, that wait, that were refused")
