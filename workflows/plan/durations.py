"""Durations as plans write them: the part of ISO 8601 that has one meaning, ``PnDTnHnMnS``.

Years, months and weeks are left out because their length depends on the calendar. In a ``due`` a day
is a working day of the department concerned, so it stays text here; everywhere else a day is 24 hours.
"""

from __future__ import annotations

import re

_DURATION = re.compile(
    r"P(?:([0-9]{1,5})D)?(?:T(?=[0-9])(?:([0-9]{1,6})H)?(?:([0-9]{1,8})M)?(?:([0-9]{1,9})S)?)?"
)

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))

WORKING_DAY_HOURS = 8
"""Hours of a working day when two ``due`` are compared; the real ones are the department's."""

LONGEST_SECONDS = 3660 * 86_400
"""Ten years: beyond it a duration is surely a slip of the pen."""


class BadDuration(ValueError):
    """The text is not a duration that a plan may use here; the message says why."""


def parse_seconds(text: str) -> int:
    """Length in seconds of ``PnDTnHnMnS`` with a day of 24 hours.

    Raises:
        BadDuration: not of that form, zero, or longer than ten years.
    """
    days, hours, minutes, seconds = _parts(text)
    return _within_reason(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def parse_working(text: str) -> tuple[int, int, int]:
    """``(working days, hours, minutes)`` of a ``due``, ``PnDTnHnM``.

    Raises:
        BadDuration: not of that form, with seconds, zero, or longer than ten years.
    """
    days, hours, minutes, seconds = _parts(text)
    if seconds or text.endswith("S"):
        raise BadDuration("A due time counts days, hours and minutes, not seconds.")
    _within_reason(((days * 24 + hours) * 60 + minutes) * 60)
    return days, hours, minutes


def working_minutes(text: str) -> int:
    """A ``due`` in minutes with a working day of ``WORKING_DAY_HOURS``: for comparing, not for clocks."""
    days, hours, minutes = parse_working(text)
    return (days * WORKING_DAY_HOURS + hours) * 60 + minutes


def in_words(text: object) -> str:
    """``PT90M`` as "1 hour 30 minutes"; what isn't a duration is shown as it is."""
    try:
        return seconds_in_words(parse_seconds(str(text)))
    except BadDuration:
        return str(text)


def working_in_words(text: object) -> str:
    """A ``due``: ``P2DT4H`` as "2 working days 4 working hours"; what isn't one is shown as it is."""
    try:
        days, hours, minutes = parse_working(str(text))
    except BadDuration:
        return str(text)
    counted = ((days, "working day"), (hours, "working hour"), (minutes, "minute"))
    return " ".join(_counted(count, unit) for count, unit in counted if count)


def seconds_in_words(seconds: int) -> str:
    """A length of time in all its units."""
    words = []
    for size, unit in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            words.append(_counted(count, unit))
    return " ".join(words) or "less than a second"


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" + ("" if count == 1 else "s")


def _parts(text: str) -> tuple[int, int, int, int]:
    found = _DURATION.fullmatch(text)
    if found is None or text == "P":
        raise BadDuration("Write a duration like P2D, PT4H or P1DT30M.")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return days, hours, minutes, seconds


def _within_reason(seconds: int) -> int:
    if seconds <= 0:
        raise BadDuration("A duration must be longer than nothing.")
    if seconds > LONGEST_SECONDS:
        raise BadDuration("A duration may not be longer than ten years.")
    return seconds
