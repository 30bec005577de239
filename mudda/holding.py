"""After a restore the dispatcher stays off: Temporal may know of more than PostgreSQL does.

A row says so from before the first restored row is visible until ``manage.py reconcile`` has compared the two. Workers
poll Temporal meanwhile and carry out what it knows; but what waits in rows waits: runs to be started, decisions and
messages to be delivered, reminders. A plan that somebody launches now begins at once: Temporal can't know that run yet.
"""

from datetime import datetime

from django.db import close_old_connections
from django.utils import timezone

from mudda.models import Restoration


def hold(*, backup: str, taken_at: datetime) -> Restoration:
    """Keep the dispatcher off until ``release``."""
    return Restoration.objects.create(backup=backup, taken_at=taken_at)


def is_held() -> bool:
    """Whether a restore has not been reconciled yet. For the threads of the worker: leaves no connection behind.

    Raises:
        OperationalError: the database is away.
    """
    close_old_connections()
    try:
        return Restoration.objects.filter(reconciled_at=None).exists()
    finally:
        close_old_connections()


def release() -> int:
    """Let the dispatcher go on; how many restores were waited for."""
    return Restoration.objects.filter(reconciled_at=None).update(reconciled_at=timezone.now())
