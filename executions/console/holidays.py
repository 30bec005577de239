"""The days on which nobody works, as due times count them: public holidays of this year and the next, and the further
closed days of departments. The holidays are a setting's; a department's days are changed on its page.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import get_language, gettext

from executions.calendars import calendar_of
from executions.worktime import named_holidays
from issues.hours import AROUND_THE_CLOCK, BadHours, read_days, read_week, say_week, written_week
from issues.models import Department, within_departments
from mudda import console

VIEW = "issues.view_department"


@dataclass(frozen=True)
class Holiday:
    """``free``: nobody would have worked on that day of the week anyway."""

    day: date
    name: str
    free: bool


@dataclass(frozen=True)
class Closed:
    """A department's further days in the years that are shown. ``works_through``: around the clock, so on holidays too.
    ``unreadable``: what is kept for it isn't hours and days, so that the city's are taken."""

    department: Department
    url: str
    days: tuple[date, ...]
    works_through: bool = False
    unreadable: bool = False


def holiday_page(request: HttpRequest) -> HttpResponse:
    """For everybody who sees departments; of these, their own."""
    if not request.user.has_perm(VIEW):
        raise PermissionDenied
    this_year = timezone.localdate().year
    years = (this_year, this_year + 1)
    mine = Department.objects.filter(within_departments(request.user, "pk"), active=True)
    context = {
        **admin.site.each_context(request),
        "title": gettext("Holidays"),
        "place": settings.CITY_HOLIDAYS,
        "hours": say_week(written_week(calendar_of(None).week)),
        "years": [(year, list(_holidays(year))) for year in years],
        "closed": [_closed(department, years) for department in mine],
    }
    return TemplateResponse(request, "admin/console/holidays.html", context)


def _holidays(year: int) -> Iterator[Holiday]:
    if not settings.CITY_HOLIDAYS:
        return
    week = calendar_of(None).week
    for day, name in named_holidays(settings.CITY_HOLIDAYS, year, get_language()).items():
        yield Holiday(day, name, free=not week[day.weekday()])


def _closed(department: Department, years: tuple[int, ...]) -> Closed:
    url = console.page_of(department)
    try:
        days = read_days(department.closed_days)
        if department.working_hours:
            read_week(department.working_hours)
    except BadHours:
        return Closed(department, url, (), unreadable=True)
    through = calendar_of(department).week == AROUND_THE_CLOCK
    return Closed(department, url, tuple(sorted(day for day in days if day.year in years)), through)


console.add_page("holidays/", holiday_page, name="holidays")
