"""When an issue should be over: the city's own target for its category, promised when it is reported.

Working time is counted where calendars are known, which is another room: it registers its way to count. It is said in
words where plans are read, which registers its way to say it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from issues.models import Department, Issue

DueBy = Callable[[datetime, str, "Department | None"], datetime | None]
"""A start, working time such as ``P2D``, and who works: when that is over; None where it can't be counted."""

_counted: list[DueBy] = []
_worded: list[Callable[[str], str]] = []


def counted_by(due_by: DueBy) -> None:
    """Register the way to count working time."""
    _counted[:] = [due_by]


def worded_by(in_words: Callable[[str], str]) -> None:
    """Register the way to say working time: ``P2D`` as "2 working days"."""
    _worded[:] = [in_words]


def words_of(target: str) -> str:
    """A target as people read it; as it is written where nobody says it in words."""
    return _worded[0](target) if target and _worded else target


def promise_of(issue: "Issue") -> datetime | None:
    """When ``issue`` should be over by its category's target of today. None where there is no target, or nobody
    counts."""
    target = issue.category.target if issue.category is not None else ""
    if not target or not _counted:
        return None
    return _counted[0](issue.reported_at, target, issue.department)
