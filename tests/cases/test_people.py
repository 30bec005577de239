"""How many people a statement speaks of."""

import pytest

from workflows.planning.base import DraftRequest
from workflows.planning.people import find_people
from workflows.planning.playbooks import PlaybookPlanner


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("We are a family of five and have no water", 5),
        ("Three of us have slipped here already", 3),
        ("About 1,200 people walk here every day", 1200),
        ("dozens of students cross here", 24),
        ("twenty-five residents signed this", 25),
        ("two elderly neighbours cannot leave the house", 2),
    ],
)
def test_people_are_counted_in_figures_and_in_words(words, count):
    assert find_people(words).count == count


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("20 homes are flooded", 50),
        ("20-30 homes are flooded", 75),
        ("no heat in four apartment buildings", 120),
        ("the whole block has no water", 50),
        ("my entire neighborhood is dark", 300),
        ("Everyone on our street hears it", 50),
    ],
)
def test_homes_blocks_and_buildings_stand_for_about_so_many_people(words, count):
    found = find_people(words)
    assert found.count == count
    assert found.confidence < find_people("We are a family of five").confidence


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Water leak at 123 Main St",
        "two houses down the road",
        "apartment 5, building 3",
        "a child fell",
        "call 555-1234 people",
        "0 people",
        "9999999 people",
        "the street light is out",
    ],
)
def test_where_nobody_is_counted_nothing_is_guessed(words):
    assert find_people(words) is None


def test_the_largest_number_counts_with_the_confidence_that_belongs_to_it():
    found = find_people("The whole block is dark, 4 people fell")
    assert (found.count, found.confidence) == (50, 0.3)


@pytest.mark.parametrize(
    ("piece", "count"),
    [("a couple of ", None), ("1,", None), ("twenty ", None), ("5 other kids ", 5), ("of us ", None)],
)
def test_ten_thousand_letters_of_anything_are_read(piece, count):
    found = find_people(piece * (10_000 // len(piece)))
    assert (found.count if found else None) == count


def test_the_playbooks_say_how_many_people_and_how_sure_they_are():
    facts = PlaybookPlanner().draft(DraftRequest("Water leak, 20 homes are flooded")).facts
    assert facts.people_affected == 50
    assert facts.sure["people_affected"] == 0.6
    assert PlaybookPlanner().draft(DraftRequest("Water leak")).facts.people_affected is None
