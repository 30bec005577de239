"""Personal data goes when its term is over. What was approved, its digests and what happened stay.

Rooms register what they hold, by the names of ``RETENTION_DAYS``; a term of 0 days means that it is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

AT_ONCE = 200
"""Rows that one transaction erases."""

Counts = dict[str, int]
"""How many rows, and files, of each sort."""


@dataclass(frozen=True)
class Kind:
    """Personal data of one kind.

    Attributes:
        name: of ``RETENTION_DAYS``.
        due: the rows whose data is to be erased, of what was over before a moment.
        erase: erases the data of rows with these keys, in the transaction; afterwards ``due`` finds them no more.
    """

    name: str
    due: Callable[[datetime], QuerySet[Any]]
    erase: Callable[[list[Any]], Counts]


@dataclass(frozen=True)
class Outcome:
    """What became of one kind.

    Attributes:
        days: its term; 0: it is kept, and nothing was looked for.
        due: rows whose term was over.
        erased: what was erased, by sort; empty in a dry run.
    """

    name: str
    days: int
    due: int
    erased: Counts


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Name a kind of personal data."""
    _kinds[kind.name] = kind


def apply(*, dry_run: bool = False) -> list[Outcome]:
    """Erase everything whose term is over. A crash loses nothing: what was not erased yet is found again.

    Args:
        dry_run: only count.
    """
    return [_apply(_kinds[name], days, dry_run=dry_run) for name, days in settings.RETENTION_DAYS.items()]


def _apply(kind: Kind, days: int, *, dry_run: bool) -> Outcome:
    if not days:
        return Outcome(kind.name, days, 0, {})
    before = timezone.now() - timedelta(days=days)
    due = kind.due(before).order_by().count()
    erased: Counts = {}
    while not dry_run and (
        some := list(kind.due(before).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    ):
        with transaction.atomic():
            for sort, count in kind.erase(some).items():
                erased[sort] = erased.get(sort, 0) + count
    return Outcome(kind.name, days, due, erased)
