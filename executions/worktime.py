"""Time as people work it: pure functions on a calendar. Moments are aware datetimes, in and out, out in UTC.

An hour of work is an hour that passes while the department works, also when the clocks change. A working day
(the ``D`` of a ``due``) leads to the same time of day on the next day on which it works.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from issues.hours import MIDNIGHT, Week
from workflows.plan.durations import parse_working

HORIZON = timedelta(days=60 * 366)
"""How far ahead a moment of work is looked for. A plan's longest due, ten years, is within it for anybody who
works at least eight hours a week."""

COUNTRY = re.compile(r"[A-Z]{2}")  # ISO 3166; the library knows other names too, and not only of countries
DAY = timedelta(days=1)
NOTHING = timedelta(0)

Span = tuple[datetime, datetime]


class NoWorkingTime(ValueError):
    """The calendar has not that much working time ahead."""


class UnknownHolidays(ValueError):
    """No public holidays are known for that country or subdivision."""


def _no_holidays(year: int) -> frozenset[date]:
    return frozenset()


@dataclass(frozen=True)
class Calendar:
    """When a department works.

    Attributes:
        zone: The city's time zone.
        week: The hours of each day of the week.
        closed: Further days without work.
        holidays_of: The public holidays of a year.
    """

    zone: ZoneInfo
    week: Week
    closed: frozenset[date] = frozenset()
    holidays_of: Callable[[int], frozenset[date]] = field(default=_no_holidays)

    def spans(self, day: date) -> list[Span]:
        """The working time of a day, in order; empty on a day without work."""
        hours = self.week[day.weekday()]
        if not hours or day in self.closed or day in self.holidays_of(day.year):
            return []
        found = [(moment(day, begins, self.zone), moment(day, ends, self.zone)) for begins, ends in hours]
        return [(begins, ends) for begins, ends in found if begins < ends]  # the clock may skip one

    def spans_from(self, start: datetime) -> Iterator[Span]:
        """The working time from ``start`` on, in order, up to the horizon."""
        for day in _days_from(start, self.zone):
            for begins, ends in self.spans(day):
                if ends > start:
                    yield max(begins, start), ends


@lru_cache(maxsize=1024)
def public_holidays(place: str, year: int) -> frozenset[date]:
    """The public holidays of a country (``DE``) or a part of it (``US-GA``), moved ones on the day that is free.

    Raises:
        UnknownHolidays: there is no such place.
    """
    return frozenset(named_holidays(place, year))


def named_holidays(place: str, year: int, language: str | None = None) -> dict[date, str]:
    """The public holidays of a place in their order, each with its name.

    Args:
        language: of the names, where the place has them in it, else in English; None: in the place's own.

    Raises:
        UnknownHolidays: there is no such place.
    """
    country, _, subdivision = place.partition("-")
    if not COUNTRY.fullmatch(country):
        raise UnknownHolidays(f"A country is two capital letters, not {country!r}.")
    try:
        # The years around it too: New Year's Day may be kept on the last day of December.
        found = holidays.country_holidays(
            country,
            subdiv=subdivision or None,
            years=range(year - 1, year + 2),
            expand=False,
            language=language,
        )
    except NotImplementedError as error:
        raise UnknownHolidays(f"No public holidays are known for {place!r}.") from error
    return {day: found[day] for day in sorted(found) if day.year == year}


def due_at(start: datetime, text: str, calendar: Calendar) -> datetime:
    """When a ``due`` such as ``P1DT4H`` that begins to count at ``start`` is over: days first, then hours.

    Raises:
        BadDuration: ``text`` is not such a duration.
        NoWorkingTime: the calendar has not that much.
    """
    days, hours, minutes = parse_working(text)
    begun = begin(start, calendar)
    if days:
        begun = _days_on(begun, days, calendar)
    return add_work(begun, timedelta(hours=hours, minutes=minutes), calendar)


def begin(start: datetime, calendar: Calendar) -> datetime:
    """``start``, or the next moment at which there is work.

    Raises:
        NoWorkingTime: there is none.
    """
    for begins, _ in calendar.spans_from(start):
        return begins.astimezone(UTC)
    raise NoWorkingTime("There is no working time ahead.")


def add_work(start: datetime, work: timedelta, calendar: Calendar) -> datetime:
    """When ``work`` that begins at ``start`` is done; ``start`` itself for none.

    Raises:
        NoWorkingTime: the calendar has not that much.
    """
    if work <= NOTHING:
        return start.astimezone(UTC)
    for begins, ends in calendar.spans_from(start):
        if work <= ends - begins:
            return (begins + work).astimezone(UTC)
        work -= ends - begins
    raise NoWorkingTime("There is not that much working time ahead.")


def work_between(start: datetime, end: datetime, calendar: Calendar) -> timedelta:
    """How much working time lies between two moments; none when ``end`` is not after ``start``."""
    found = NOTHING
    for begins, ends in calendar.spans_from(start):
        if begins >= end:
            break
        found += min(ends, end) - begins
    return found


def moment(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """The moment (UTC) when the clock on the wall shows so many minutes since midnight.

    One that is shown twice is the first; one that is skipped is the moment of the change.
    """
    days, minutes = divmod(minutes, MIDNIGHT)
    wall = datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=zone) + days * DAY
    first = wall.astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return first
    return _change(wall.replace(fold=1).astimezone(UTC), first, zone)


def _days_on(begun: datetime, days: int, calendar: Calendar) -> datetime:
    """The same time of day, so many working days on; kept within that day's hours."""
    wall = _single(begun.astimezone(calendar.zone), calendar.zone)
    for day in _days_from(begun, calendar.zone, skip=1):
        if spans := calendar.spans(day):
            days -= 1
            if days == 0:
                return _within(spans, _same_time(day, wall, calendar.zone))
    raise NoWorkingTime("There are not that many working days ahead.")


def _same_time(day: date, wall: datetime, zone: ZoneInfo) -> datetime:
    """The wall's time of day on ``day``, to the microsecond."""
    exact = timedelta(seconds=wall.second, microseconds=wall.microsecond)
    return moment(day, wall.hour * 60 + wall.minute, zone) + exact


def _within(spans: list[Span], at: datetime) -> datetime:
    """``at``, or the next moment of work on that day, or the day's last."""
    for begins, ends in spans:
        if at <= ends:
            return max(at, begins)
    return spans[-1][1]


def _single(wall: datetime, zone: ZoneInfo) -> datetime:
    """A wall time without doubt. In an hour that the clock shows a second time it is the end of that hour:
    otherwise who begins later could be due earlier."""
    if wall.fold == 0:
        return wall.replace(tzinfo=None)
    before = wall.replace(fold=0)
    change = _change(before.astimezone(UTC), wall.astimezone(UTC), zone)
    offset = before.utcoffset() or NOTHING
    return (change + offset).replace(tzinfo=None)


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second between two moments (UTC) at which the zone's offset is another than at ``before``."""
    offset = before.astimezone(zone).utcoffset()
    low, high = before, after
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle -= timedelta(microseconds=middle.microsecond)
        if middle <= low:
            break
        if middle.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


def _days_from(start: datetime, zone: ZoneInfo, *, skip: int = 0) -> Iterator[date]:
    """The city's days from that of ``start`` on."""
    first = start.astimezone(zone).date()
    for day in range(skip, HORIZON.days):
        yield first + day * DAY
