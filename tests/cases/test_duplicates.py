"""Which issues may be the same one: kind, place, time, words, and whose they are."""

from decimal import Decimal

import pytest

from issues.duplicates import Report, possible_duplicates
from issues.models import Issue
from issues.nearness import metres_between, spot_of

HERE = {"latitude": Decimal("33.749000"), "longitude": Decimal("-84.388000")}
NEXT_DOOR = {"latitude": Decimal("33.749900"), "longitude": Decimal("-84.388000")}  # 100 m to the north
FAR = {"latitude": Decimal("33.758000"), "longitude": Decimal("-84.388000")}  # 1 km


def found(about, viewer, **more):
    return [one.issue for one in possible_duplicates(about, viewer=viewer, **more)]


@pytest.mark.parametrize(
    "written",
    [
        "123 Main St",
        "123 main street",
        "123 Main St., Springfield 12345",
        " 123  MAIN ST ",
        "123 Main St Apt 4b",
    ],
)
def test_an_address_is_the_same_however_it_is_written(written):
    assert spot_of(written) == spot_of("123 Main Street")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("corner of Main and Elm", "Elm St & Main Ave"),
        ("St Mary's Rd 5", "5 Saint Marys Road"),
        ("Hauptstraße 12", "HAUPTSTRASSE 12"),
        ("12, rue de la Paix", "12 Rue de la Paix, Paris"),
        ("100 N Main St", "100 North Main Street"),
        ("No. 5 Elm St", "5 Elm St"),
    ],
)
def test_two_ways_to_write_a_place_are_one_spot(one, other):
    assert spot_of(one) == spot_of(other)


@pytest.mark.parametrize("address", ["", "   ", "123", "#4", "&", "...", "\u202e", "at/at", "x" * 5_000])
def test_whatever_is_given_as_an_address_is_read_without_failing(address):
    assert len(spot_of(address).street) <= 120


def test_a_degree_of_latitude_is_111_kilometres():
    assert round(metres_between((52.0, 4.0), (53.0, 4.0))) == 111_195


def test_the_same_kind_at_the_same_address_is_pointed_out_with_how_near_it_is(report, staff):
    first = report("Water runs over the street", address="123 Main St", hours_ago=5)
    second = report("Water leak, the street is wet", address="123 main street, Springfield")
    (one,) = possible_duplicates(second, viewer=staff)
    assert (one.issue, one.status, one.hours_apart, one.metres_apart) == (first.reference, "OPEN", 5.0, None)
    assert 0 < one.similarity < 1


def test_positions_decide_where_both_are_known(report, staff):
    near = report(address="1 Elm St", **NEXT_DOOR)
    report(address="123 Main St", **FAR)
    issue = report(address="123 Main St", **HERE)
    (one,) = possible_duplicates(issue, viewer=staff)
    assert one.issue == near.reference
    assert one.metres_apart == pytest.approx(100, abs=1)


def test_another_kind_another_street_or_a_house_far_off_is_no_duplicate(report, chief):
    report("Graffiti on the wall", category="graffiti", address="123 Main St")
    report(address="123 Elm St")
    report(address="345 Main St")
    report(address="")
    neighbour = report(address="125 Main St")
    assert found(report(address="123 Main St"), chief) == [neighbour.reference]


def test_where_only_the_street_is_known_the_words_have_to_be_alike(report, staff):
    alike = report("Water leak near the school", address="Main St")
    report("Hydrant knocked over by a truck", address="Main St")
    issue = report("Big water leak near the school gate", address="12 Main St")
    assert found(issue, staff) == [alike.reference]


def test_a_report_whose_kind_is_not_known_is_compared_by_its_words(report, chief):
    leak = report("Water leak in front of the library", address="Library")
    report("Graffiti on the door", category="graffiti", address="Library")
    unknown = report("There is a water leak at the library", category=None, address="the library")
    vague = report("A leak of water, library", category="other", address="library")
    assert set(found(unknown, chief)) == {leak.reference, vague.reference}
    assert set(found(vague, chief)) == {leak.reference, unknown.reference}


def test_open_ones_come_first_and_old_ones_are_left_out(report, staff):
    closed = report(address="123 Main St", hours_ago=1, status="CLOSED")
    going = report(address="123 Main St", hours_ago=40 * 24, status="IN_PROGRESS")
    report(address="123 Main St", hours_ago=20 * 24, status="RESOLVED")
    report(address="123 Main St", hours_ago=100 * 24)
    assert found(report(address="123 Main St"), staff) == [going.reference, closed.reference]


def test_no_more_are_shown_than_were_asked_for(report, staff):
    for _ in range(7):
        report(address="123 Main St")
    issue = report(address="123 Main St")
    assert len(possible_duplicates(issue, viewer=staff)) == 5
    assert len(possible_duplicates(issue, viewer=staff, limit=2)) == 2


def test_only_issues_of_the_viewers_departments_are_found(report, staff, outsider, chief):
    first = report(address="123 Main St")
    issue = report(address="123 Main St")
    assert found(issue, staff) == found(issue, chief) == [first.reference]
    assert found(issue, outsider) == []


def test_what_is_not_recorded_yet_can_be_compared_too(report, staff):
    first = report("Water leak", address="123 Main St")
    about = Report("There is a water leak", category="water_leak", address="123 Main Street")
    assert found(about, staff) == [first.reference]
    assert found(Report("There is a water leak", category="water_leak"), staff) == []


def test_it_takes_three_queries_however_many_issues_there_are(report, staff, django_assert_max_num_queries):
    for _ in range(30):
        report(address="123 Main St")
    issue = Issue.objects.select_related("category").get(pk=report(address="123 Main St").pk)
    with django_assert_max_num_queries(3):
        possible_duplicates(issue, viewer=staff)
