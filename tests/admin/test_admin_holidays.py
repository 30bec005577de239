"""The page of holidays: the days that due times pass over, of the setting and of departments."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from django.utils import timezone

from executions.calendars import calendar_of, due_by
from issues.models import Department


@pytest.fixture(autouse=True)
def georgia(settings):
    settings.CITY_HOLIDAYS, settings.TIME_ZONE = "US-GA", "America/New_York"
    settings.WORKING_HOURS = "Mon-Fri 08:00-16:00"


def page(client, **headers):
    answer = client.get(reverse("admin:holidays"), headers=headers)
    assert answer.status_code == 200
    return answer


def shown(answer):
    return {one.day: one.name for _year, days in answer.context["years"] for one in days}


def test_the_holidays_that_are_shown_are_those_that_due_times_pass_over(owner):
    answer = page(owner)
    this_year = timezone.localdate().year
    in_force = calendar_of(Department.objects.get(code="parks"))
    expected = in_force.holidays_of(this_year) | in_force.holidays_of(this_year + 1)
    assert len(expected) > 20
    assert shown(answer).keys() == expected
    text = answer.content.decode()
    assert "Thanksgiving" in text
    assert "US-GA" in text
    working = [one.day for _year, days in answer.context["years"] for one in days if not one.free]
    assert all(not in_force.spans(day) for day in working)
    assert all(day.weekday() < 5 for day in working)


def test_a_departments_closed_days_are_shown_and_move_what_is_due(administrator):
    parks = Department.objects.get(code="parks")
    day = timezone.localdate() + timedelta(days=7)
    while not calendar_of(parks).spans(day):
        day += timedelta(days=1)
    opened = datetime(day.year, day.month, day.day, 9, tzinfo=ZoneInfo("America/New_York"))
    before = due_by(opened, "PT1H", parks)
    address = reverse("admin:issues_department_change", args=[parks.pk])
    given = {"name": parks.name, "email": parks.email, "active": "on", "working_hours": "", "staff": []}
    answer = administrator.post(address, {**given, "closed_days": day.isoformat()})
    assert answer.status_code == 302
    parks.refresh_from_db()
    assert due_by(opened, "PT1H", parks) > before == opened + timedelta(hours=1)
    closed = {one.department.code: one for one in page(administrator).context["closed"]}
    assert closed["parks"].days == (day,)
    assert closed["water"].days == ()


def test_who_works_around_the_clock_and_whose_hours_are_broken_is_said(administrator):
    Department.objects.filter(code="water").update(working_hours=[[["00:00", "24:00"]]] * 7)
    Department.objects.filter(code="parks").update(closed_days=["soon"])
    answer = page(administrator)
    closed = {one.department.code: one for one in answer.context["closed"]}
    assert closed["water"].works_through and not closed["parks"].works_through
    assert closed["parks"].unreadable and not closed["water"].unreadable
    assert "works on holidays" in answer.content.decode()


def test_names_are_in_the_language_of_the_page_where_the_place_has_them_so(owner, settings):
    settings.CITY_HOLIDAYS = "NL"
    assert "Nieuwjaarsdag" in shown(page(owner, accept_language="nl")).values()
    assert "New Year's Day" in shown(page(owner, accept_language="hi")).values()


def test_where_no_place_is_set_the_page_says_what_would_fill_it(owner, settings):
    settings.CITY_HOLIDAYS = ""
    answer = page(owner)
    assert shown(answer) == {}
    assert "CITY_HOLIDAYS" in answer.content.decode()


def test_everybody_sees_the_citys_days_and_only_their_own_departments(
    owner, colleague, outsider, administrator, nobody, client
):
    from tests import factories

    def departments(one):
        return [closed.department.code for closed in page(one).context["closed"]]

    assert departments(owner) == departments(colleague) == ["water"]
    assert departments(outsider) == ["parks"]
    assert {"water", "parks"} < set(departments(administrator))
    assert nobody.get(reverse("admin:holidays")).url.startswith(reverse("admin:login"))
    client.force_login(factories.make_user())
    assert client.get(reverse("admin:holidays")).status_code == 403
