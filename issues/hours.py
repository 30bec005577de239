"""When people work: the hours of a week, and the days on which nobody does. Pure, but for the model's validators."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MIDNIGHT = 24 * 60

Week = tuple[tuple[tuple[int, int], ...], ...]
"""Seven days, Monday first: each its spans of work as (from, to) in minutes since midnight, in order."""

AROUND_THE_CLOCK: Week = (((0, MIDNIGHT),),) * 7

_CLOCK = re.compile(r"([01]\d|2[0-4]):([0-5]\d)")


class BadHours(ValueError):
    """Not hours that a clock can count; the message says why."""


def read_week(value: Any) -> Week:
    """The week that a department's ``working_hours`` say: seven lists of ``["08:00", "16:00"]``.

    Raises:
        BadHours: not of that form, spans that overlap, or not a minute of work in the whole week.
    """
    if not isinstance(value, list) or len(value) != len(DAYS) or not all(isinstance(d, list) for d in value):
        raise BadHours("Give seven lists, Monday first; an empty one is a day without work.")
    week = tuple(_read_day(spans) for spans in value)
    if not any(week):
        raise BadHours("Somebody has to work at some time of the week.")
    return week


def parse_week(text: str) -> Week:
    """The week that a text such as ``Mon-Fri 08:00-12:00,13:00-16:00; Sat 09:00-12:00`` or ``24/7`` says.

    Raises:
        BadHours: not of that form; also as ``read_week``.
    """
    if text.strip() == "24/7":
        return AROUND_THE_CLOCK
    spans: list[list[list[str]]] = [[] for _ in DAYS]
    for part in filter(None, (part.strip() for part in text.split(";"))):
        days, _, hours = part.partition(" ")
        for day in _parse_days(days):
            spans[day] += [span.strip().split("-") for span in hours.split(",")]
    return read_week(spans)


def written_week(week: Week) -> list[list[list[str]]]:
    """A week as a department keeps it: the opposite of ``read_week``."""
    return [[[_clock(begins), _clock(ends)] for begins, ends in day] for day in week]


def say_week(value: Any) -> str:
    """A department's ``working_hours`` as ``parse_week`` reads them; days with the same hours together. Empty for none.

    Raises:
        BadHours: as ``read_week``.
    """
    if not value:
        return ""
    week = read_week(value)
    if week == AROUND_THE_CLOCK:
        return "24/7"
    parts, first = [], 0
    while first < len(DAYS):
        last = first
        while last + 1 < len(DAYS) and week[last + 1] == week[first]:
            last += 1
        if week[first]:
            days = DAYS[first] if last == first else f"{DAYS[first]}-{DAYS[last]}"
            parts.append(
                f"{days} {','.join(f'{_clock(begins)}-{_clock(ends)}' for begins, ends in week[first])}"
            )
        first = last + 1
    return "; ".join(parts)


def read_days(value: Any) -> frozenset[date]:
    """The days that ``closed_days`` say, each ``YYYY-MM-DD``.

    Raises:
        BadHours: not a list of such days.
    """
    if not isinstance(value, list):
        raise BadHours("Give a list of days, each as YYYY-MM-DD.")
    try:
        return frozenset(date.fromisoformat(day) for day in value)
    except (TypeError, ValueError):
        raise BadHours("Write each day as YYYY-MM-DD.") from None


def validate_working_hours(value: Any) -> None:
    """For the model: empty means the city's own hours."""
    try:
        if value != []:
            read_week(value)
    except BadHours as error:
        raise ValidationError(str(error), code="bad_hours") from error


def validate_closed_days(value: Any) -> None:
    """For the model."""
    try:
        read_days(value)
    except BadHours as error:
        raise ValidationError(str(error), code="bad_days") from error


def _read_day(spans: list[Any]) -> tuple[tuple[int, int], ...]:
    day = sorted(_read_span(span) for span in spans)
    for (_, ends), (begins, _) in zip(day, day[1:], strict=False):
        if begins < ends:
            raise BadHours("The hours of a day overlap.")
    return tuple(day)


def _read_span(span: Any) -> tuple[int, int]:
    if not isinstance(span, list | tuple) or len(span) != 2:
        raise BadHours('Write hours as ["08:00", "16:00"].')
    begins, ends = (_minutes(clock) for clock in span)
    if begins >= ends:
        raise BadHours("Hours end after they begin; write a night shift as two: to 24:00, and from 00:00.")
    return begins, ends


def _minutes(clock: Any) -> int:
    found = _CLOCK.fullmatch(clock.strip()) if isinstance(clock, str) else None
    minutes = int(found[1]) * 60 + int(found[2]) if found else MIDNIGHT + 1
    if minutes > MIDNIGHT:
        raise BadHours("Write times of day as 08:00, from 00:00 to 24:00.")
    return minutes


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _parse_days(text: str) -> Iterable[int]:
    first, _, last = text.partition("-")
    try:
        begin, end = DAYS.index(first), DAYS.index(last or first)
    except ValueError:
        raise BadHours(f"Days are {', '.join(DAYS)}, such as Mon-Fri.") from None
    if end < begin:
        raise BadHours("Days run from Mon to Sun.")
    return range(begin, end + 1)
