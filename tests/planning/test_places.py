import pytest

from workflows.planning.places import PLACE_LIMIT, find_place
from workflows.planning.urgency import find_urgency


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("Water leak at 123 Main St", "123 Main St"),
        ("Water leak at 123 Main St.", "123 Main St."),
        ("pothole 45 north oak avenue NE please fix", "45 north oak avenue NE"),
        ("Leak outside 12B Martin Luther King Blvd, since Monday", "12B Martin Luther King Blvd"),
        ("Broken light at the corner of Oak and Pine", "Oak and Pine"),
        ("intersection of 5th Ave and Elm St is dark", "5th Ave and Elm St"),
        ("Signal out, Peachtree St & 10th St", "Peachtree St & 10th St"),
        ("graffiti on Elm Street", "Elm Street"),
        ("rats near the Old Town Library", "the Old Town Library"),
        ("Tree down in front of Grant Park", "Grant Park"),
    ],
)
def test_the_place_is_found_in_the_citizens_own_words(statement, place):
    assert find_place(statement) == place


@pytest.mark.parametrize(
    "statement",
    [
        "water leak",
        "leak in front of my house",
        "potholes on every street",
        "",
        "\x00",
        "it is on our street",
    ],
)
def test_no_place_is_made_up(statement):
    assert find_place(statement) == ""


def test_a_place_is_one_line_and_of_limited_length():
    place = find_place("leak at 1 " + "Verylongname " * 3 + "St\x00\nBcc: mallory@example.net")
    assert "\n" not in place and "\x00" not in place
    assert len(find_place("near " + "Xy" * 5_000)) <= PLACE_LIMIT


@pytest.mark.parametrize(
    ("statement", "urgency"),
    [
        ("wires down on the road", "critical"),
        ("this is dangerous, a child could be hurt", "high"),
        ("no rush, but the bench needs paint", "low"),
        ("the bench needs paint", "normal"),
        ("minor crack but a live wire hangs out", "critical"),
    ],
)
def test_words_of_danger_raise_the_urgency(statement, urgency):
    assert find_urgency(statement) == urgency


def test_a_word_of_danger_never_lowers_what_the_kind_of_issue_starts_with():
    assert find_urgency("this is dangerous", default="critical") == "critical"
