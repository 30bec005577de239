"""The calendar of a department: its own hours and closed days, else the city's, in the city's zone."""

import logging
from datetime import date, datetime
from functools import lru_cache, partial
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.checks import Error, register

from executions.worktime import Calendar, NoWorkingTime, UnknownHolidays, due_at, public_holidays
from issues.hours import AROUND_THE_CLOCK, BadHours, Week, parse_week, read_days, read_week
from issues.models import Department
from workflows.plan.durations import BadDuration

logger = logging.getLogger(__name__)

A_YEAR = 2026
"""Any one: whether a place has public holidays doesn't depend on the year."""


def calendar_of(department: Department | None) -> Calendar:
    """When ``department`` works; the city's own calendar for none."""
    city = city_calendar(settings.TIME_ZONE, settings.WORKING_HOURS, settings.CITY_HOLIDAYS)
    if department is None or not (department.working_hours or department.closed_days):
        return city
    try:
        week: Week = read_week(department.working_hours) if department.working_hours else city.week
        return _calendar(city.zone, week, settings.CITY_HOLIDAYS, read_days(department.closed_days))
    except BadHours as error:
        # A due time by the city's hours is better than a run that cannot ask anybody.
        logger.error(
            "the hours of department %s can't be read, the city's are taken: %s", department.code, error
        )
        return city


def due_by(start: datetime, due: str, department: Department | None) -> datetime | None:
    """When the working time ``due`` of a department, counted from ``start``, is over. None where nothing is said, or
    what is said can't be counted: people are asked, and runs go on, all the same."""
    if not due:
        return None
    try:
        return due_at(start, due, calendar_of(department))
    except (BadDuration, NoWorkingTime) as error:
        logger.warning("nothing is due here: %r can't be counted (%s)", due, error)
        return None


@lru_cache
def city_calendar(zone: str, hours: str, place: str) -> Calendar:
    """The calendar that ``TIME_ZONE``, ``WORKING_HOURS`` and ``CITY_HOLIDAYS`` make."""
    return _calendar(ZoneInfo(zone), parse_week(hours), place)


def _calendar(zone: ZoneInfo, week: Week, place: str, closed: frozenset[date] = frozenset()) -> Calendar:
    """Who works around the clock does so on public holidays too: a burst main doesn't wait for the day after."""
    if not place or week == AROUND_THE_CLOCK:
        return Calendar(zone, week, closed)
    return Calendar(zone, week, closed, partial(public_holidays, place))


@register()
def working_time_is_known(app_configs: Any, **kwargs: Any) -> list[Error]:
    """The city's hours and holidays have to be ones that a clock can count."""
    errors = []
    try:
        parse_week(settings.WORKING_HOURS)
    except BadHours as error:
        hint = "Write them as: Mon-Fri 08:00-12:00,13:00-16:00; Sat 09:00-12:00"
        errors.append(Error(f"WORKING_HOURS: {error}", hint=hint, id="executions.E001"))
    try:
        if settings.CITY_HOLIDAYS:
            public_holidays(settings.CITY_HOLIDAYS, A_YEAR)
    except UnknownHolidays as error:
        hint = "Write a country, or a country and its part: DE, US-GA. Empty for no public holidays."
        errors.append(Error(f"CITY_HOLIDAYS: {error}", hint=hint, id="executions.E002"))
    return errors
