"""Working time: hours, days, holidays, closed days, and the days on which the clocks change."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions.worktime import (
    Calendar,
    NoWorkingTime,
    UnknownHolidays,
    add_work,
    begin,
    due_at,
    public_holidays,
    work_between,
)
from issues.hours import AROUND_THE_CLOCK, DAYS, BadHours, parse_week, read_days, read_week
from workflows.plan.durations import BadDuration

ATLANTA = ZoneInfo("America/New_York")
OFFICE = Calendar(ATLANTA, parse_week("Mon-Fri 08:00-16:00"))
LUNCH = Calendar(ATLANTA, parse_week("Mon-Thu 08:00-12:00,13:00-17:00; Fri 08:00-12:00"))
ALWAYS = Calendar(ATLANTA, AROUND_THE_CLOCK)
GEORGIA = Calendar(ATLANTA, OFFICE.week, holidays_of=partial(public_holidays, "US-GA"))


def at(text, zone=ATLANTA, fold=0):
    """``Mon 2026-11-23 10:00`` on the city's clocks; the name of the day has to be right."""
    name, _, rest = text.partition(" ")
    wall = datetime.fromisoformat(rest)
    assert DAYS[wall.weekday()] == name, text
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("opened", "due", "expected"),
    [
        ("Mon 2026-11-23 10:00", "PT4H", "Mon 2026-11-23 14:00"),
        ("Mon 2026-11-23 08:00", "PT8H", "Mon 2026-11-23 16:00"),
        ("Mon 2026-11-23 15:00", "PT4H", "Tue 2026-11-24 11:00"),
        ("Fri 2026-11-27 15:30", "PT45M", "Mon 2026-11-30 08:15"),
        ("Sat 2026-11-28 11:00", "PT1H", "Mon 2026-11-30 09:00"),
        ("Mon 2026-11-23 05:00", "PT1H", "Mon 2026-11-23 09:00"),
        ("Mon 2026-11-23 16:00", "PT1H", "Tue 2026-11-24 09:00"),
        ("Mon 2026-11-23 10:00", "P1D", "Tue 2026-11-24 10:00"),
        ("Fri 2026-11-27 10:00", "P1D", "Mon 2026-11-30 10:00"),
        ("Fri 2026-11-27 10:00", "P5D", "Fri 2026-12-04 10:00"),
        ("Sat 2026-11-28 11:00", "P1D", "Tue 2026-12-01 08:00"),
        ("Mon 2026-11-23 20:00", "P1D", "Wed 2026-11-25 08:00"),
        ("Mon 2026-11-23 15:45", "P1DT30M", "Wed 2026-11-25 08:15"),
        ("Mon 2026-11-23 10:00", "P1DT8H", "Wed 2026-11-25 10:00"),
    ],
)
def test_a_due_counts_in_working_hours(opened, due, expected):
    assert due_at(at(opened), due, OFFICE) == at(expected)


@pytest.mark.parametrize(
    ("opened", "due", "expected"),
    [
        ("Mon 2026-11-23 11:30", "PT1H", "Mon 2026-11-23 13:30"),
        ("Mon 2026-11-23 12:30", "PT1H", "Mon 2026-11-23 14:00"),
        ("Thu 2026-11-26 15:00", "P1D", "Fri 2026-11-27 12:00"),  # Friday ends at noon
        ("Fri 2026-11-27 11:00", "P1D", "Mon 2026-11-30 11:00"),
    ],
)
def test_breaks_and_short_days_are_kept(opened, due, expected):
    assert due_at(at(opened), due, LUNCH) == at(expected)


def test_a_time_of_day_that_falls_into_the_next_days_break_is_due_after_it():
    late = Calendar(ATLANTA, parse_week("Mon 08:00-16:00; Tue 08:00-12:00,13:00-16:00"))
    assert due_at(at("Mon 2026-11-23 12:30"), "P1D", late) == at("Tue 2026-11-24 13:00")


def test_a_department_that_never_closes_counts_every_hour_and_every_day():
    assert due_at(at("Sat 2026-11-28 23:00"), "PT4H", ALWAYS) == at("Sun 2026-11-29 03:00")
    assert due_at(at("Sat 2026-11-28 23:00"), "P1D", ALWAYS) == at("Sun 2026-11-29 23:00")


def test_a_night_shift_is_two_spans_and_counts_through_midnight():
    nights = Calendar(ATLANTA, parse_week("Mon-Sun 00:00-06:00,22:00-24:00"))
    assert due_at(at("Mon 2026-11-23 23:00"), "PT2H", nights) == at("Tue 2026-11-24 01:00")
    assert due_at(at("Mon 2026-11-23 12:00"), "PT9H", nights) == at("Tue 2026-11-24 23:00")


def test_public_holidays_of_the_state_and_closed_days_are_no_working_days():
    assert date(2026, 11, 26) in public_holidays("US-GA", 2026)  # Thanksgiving
    assert due_at(at("Wed 2026-11-25 15:00"), "PT2H", GEORGIA) == at(
        "Mon 2026-11-30 09:00"
    )  # and the day after
    closed = Calendar(ATLANTA, OFFICE.week, frozenset({date(2026, 11, 24), date(2026, 11, 25)}))
    assert due_at(at("Mon 2026-11-23 10:00"), "P1D", closed) == at("Thu 2026-11-26 10:00")
    assert due_at(at("Tue 2026-11-24 10:00"), "PT1H", closed) == at("Thu 2026-11-26 09:00")


def test_a_holiday_on_a_weekend_is_kept_when_it_is_observed_even_in_the_year_before():
    assert date(2021, 12, 31) in public_holidays("US", 2021)  # 1 January 2022 was a Saturday
    assert date(2021, 12, 31) not in public_holidays("US", 2022)


def test_a_place_without_known_holidays_is_refused():
    for place in ("XX", "US-XX", "Georgia"):
        with pytest.raises(UnknownHolidays):
            public_holidays(place, 2026)


# --- the clocks change: in Atlanta on 8 March 2026 (02:00 -> 03:00) and 1 November 2026 (02:00 -> 01:00) -----


def test_an_hour_of_work_is_an_hour_that_passes_when_the_clocks_go_forward():
    assert due_at(at("Sun 2026-03-08 01:00"), "PT4H", ALWAYS) == at("Sun 2026-03-08 06:00")
    assert work_between(at("Sun 2026-03-08 00:00"), at("Mon 2026-03-09 00:00"), ALWAYS) == timedelta(hours=23)


def test_an_hour_of_work_is_an_hour_that_passes_when_the_clocks_go_back():
    assert due_at(at("Sun 2026-11-01 00:30"), "PT4H", ALWAYS) == at("Sun 2026-11-01 03:30")
    assert work_between(at("Sun 2026-11-01 00:00"), at("Mon 2026-11-02 00:00"), ALWAYS) == timedelta(hours=25)


def test_office_hours_stay_on_the_wall_clock_on_both_sides_of_a_change():
    for friday, monday in (("Fri 2026-03-06", "Mon 2026-03-09"), ("Fri 2026-10-30", "Mon 2026-11-02")):
        assert due_at(at(f"{friday} 15:00"), "PT2H", OFFICE) == at(f"{monday} 09:00")
        assert due_at(at(f"{friday} 15:00"), "P1D", OFFICE) == at(f"{monday} 15:00")


def test_a_working_day_that_leads_to_a_time_that_is_skipped_ends_when_the_clocks_change():
    assert due_at(at("Sat 2026-03-07 02:30"), "P1D", ALWAYS) == at("Sun 2026-03-08 03:00")


def test_a_working_day_that_leads_to_a_time_that_comes_twice_ends_at_the_first():
    assert due_at(at("Sat 2026-10-31 01:30"), "P1D", ALWAYS) == at("Sun 2026-11-01 01:30")


def test_who_opens_later_in_the_hour_that_comes_twice_is_never_due_earlier():
    first = due_at(at("Sun 2026-11-01 01:50"), "P1D", ALWAYS)
    second = due_at(at("Sun 2026-11-01 01:10", fold=1), "P1D", ALWAYS)
    assert (first, second) == (at("Mon 2026-11-02 01:50"), at("Mon 2026-11-02 02:00"))


def test_hours_that_begin_or_end_in_the_skipped_hour_begin_or_end_at_the_change():
    nights = Calendar(ATLANTA, parse_week("Sun 01:00-02:30,03:00-04:00"))
    begins, change, ends = (at(f"Sun 2026-03-08 {clock}") for clock in ("01:00", "03:00", "04:00"))
    assert nights.spans(date(2026, 3, 8)) == [(begins, change), (change, ends)]


def test_a_day_that_a_zone_skipped_has_no_working_time():
    samoa = Calendar(ZoneInfo("Pacific/Apia"), AROUND_THE_CLOCK)
    assert samoa.spans(date(2011, 12, 30)) == []
    opened = at("Thu 2011-12-29 12:00", samoa.zone)
    assert due_at(opened, "PT24H", samoa) == at("Sat 2011-12-31 12:00", samoa.zone)
    assert due_at(opened, "P1D", samoa) == at("Sat 2011-12-31 12:00", samoa.zone)


def test_midnight_that_does_not_exist_ends_the_day_at_the_change():
    cairo = Calendar(ZoneInfo("Africa/Cairo"), AROUND_THE_CLOCK)  # 24 April 2026, 00:00 -> 01:00
    thursday, friday = cairo.spans(date(2026, 4, 23)), cairo.spans(date(2026, 4, 24))
    assert thursday[0][1] == friday[0][0]
    assert friday[0][1] - friday[0][0] == timedelta(hours=23)


unhurried = settings(deadline=None)  # the machine may have other things to do

# --- what always holds --------------------------------------------------------------------------------------

spans = st.lists(st.integers(0, 96), min_size=2, max_size=4, unique=True).map(
    lambda edges: [
        [_clock(a), _clock(b)] for a, b in zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False)
    ]
)
zones = st.sampled_from(
    ["America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo"]
)


def _clock(quarters):
    return f"{quarters // 4:02}:{quarters % 4 * 15:02}"


@st.composite
def calendars(draw):
    week = draw(st.lists(st.one_of(st.just([]), spans), min_size=7, max_size=7).filter(any))
    closed = draw(st.frozensets(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=20))
    return Calendar(ZoneInfo(draw(zones)), read_week(week), closed)


moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))
hours = st.integers(1, 3_000).map(lambda minutes: timedelta(minutes=minutes))


def text(days, minutes):
    return f"P{days}D" + (f"T{minutes}M" if minutes else "")


def is_work(moment, calendar):
    day = moment.astimezone(calendar.zone).date()
    near = (day + timedelta(days=n) for n in (-1, 0, 1))
    return any(begins <= moment <= ends for d in near for begins, ends in calendar.spans(d))


@unhurried
@given(calendars(), moments, st.integers(1, 30), st.integers(0, 3_000))
def test_a_due_lies_in_working_time_and_after_its_beginning(calendar, opened, days, minutes):
    due = due_at(opened, text(days, minutes), calendar)
    assert due > opened
    assert is_work(due, calendar)


@unhurried
@given(calendars(), moments, moments, st.integers(0, 30), st.integers(1, 3_000))
def test_who_opens_later_is_never_due_earlier(calendar, one, other, days, minutes):
    earlier, later = sorted([one, other])
    assert due_at(earlier, text(days, minutes), calendar) <= due_at(later, text(days, minutes), calendar)


@unhurried
@given(calendars(), moments, st.integers(0, 30), st.integers(0, 30), st.integers(1, 3_000))
def test_a_longer_due_is_never_over_earlier(calendar, opened, days, more, minutes):
    short, long = text(days, minutes), text(days + more, minutes)
    assert due_at(opened, short, calendar) <= due_at(opened, long, calendar)
    assert due_at(opened, short, calendar) < due_at(opened, text(days, minutes + 1), calendar)


@unhurried
@given(calendars(), moments, hours, hours)
def test_working_hours_add_up(calendar, opened, one, other):
    assert add_work(add_work(opened, one, calendar), other, calendar) == add_work(
        opened, one + other, calendar
    )


@unhurried
@given(calendars(), moments, hours)
def test_what_was_added_is_what_lies_between(calendar, opened, work):
    assert work_between(opened, add_work(opened, work, calendar), calendar) == work


@unhurried
@given(moments, st.integers(1, 20), st.integers(1, 20))
def test_working_days_add_up_where_all_have_the_same_hours(opened, one, other):
    step = due_at(opened, text(one, 0), GEORGIA)
    assert due_at(step, text(other, 0), GEORGIA) == due_at(opened, text(one + other, 0), GEORGIA)


@unhurried
@given(calendars(), moments, moments, moments)
def test_working_time_is_the_sum_of_its_parts(calendar, one, two, three):
    first, second, third = sorted([one, two, three])
    parts = work_between(first, second, calendar) + work_between(second, third, calendar)
    assert parts == work_between(first, third, calendar)


@unhurried
@given(calendars(), moments)
def test_begin_is_the_moment_itself_or_the_next_one_of_work(calendar, opened):
    begun = begin(opened, calendar)
    assert begun >= opened
    assert is_work(begun, calendar)
    assert work_between(opened, begun, calendar) == timedelta(0)


# --- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["P1DT5S", "tomorrow", "P0D", "P1Y", ""])
def test_what_is_no_working_time_is_refused(bad):
    with pytest.raises(BadDuration):
        due_at(at("Mon 2026-11-23 10:00"), bad, OFFICE)


def test_a_calendar_that_can_never_get_there_says_so_instead_of_searching_for_ever():
    a_minute_a_week = Calendar(ATLANTA, parse_week("Mon 08:00-08:01"))
    with pytest.raises(NoWorkingTime):
        due_at(at("Mon 2026-11-23 10:00"), "P0DT5000M", a_minute_a_week)
    with pytest.raises(NoWorkingTime):
        due_at(at("Mon 2026-11-23 10:00"), "P3660D", Calendar(ATLANTA, a_minute_a_week.week))


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "Mon-Fri",
        "Mon-Fri 08:00",
        "Mon-Fri 16:00-08:00",
        "Mon-Fri 08:00-24:30",
        "Mon 08:00-12:00,11:00-16:00",
        "Fri-Mon 08:00-16:00",
        "Someday 08:00-16:00",
        "Mon 8-16",
    ],
)
def test_hours_that_no_clock_can_count_are_refused(bad):
    with pytest.raises(BadHours):
        parse_week(bad)


@pytest.mark.parametrize(
    "bad", [None, {}, [[]] * 7, [[["08:00", "16:00"]]], [[["08:00"]]] * 7, [[[8, 16]]] * 7, "24/7"]
)
def test_a_departments_hours_that_are_not_seven_days_of_spans_are_refused(bad):
    with pytest.raises(BadHours):
        read_week(bad)


@pytest.mark.parametrize("bad", [None, "2026-12-24", ["24.12.2026"], [20261224], ["2026-02-30"]])
def test_closed_days_that_are_no_days_are_refused(bad):
    with pytest.raises(BadHours):
        read_days(bad)
