"""Cutting a text into passages: at its headings, and by size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.policies.cutting import LONGEST_HEADING, MOST_CHARACTERS, MOST_WORDS, Piece, cut


def test_a_passage_has_the_headings_above_it():
    text = "# Leaks\n\nFirst.\n\n## Repair\n\nSecond.\n\n### By night\n\nThird.\n\n## Costs\n\nFourth."
    assert cut("Water", text) == [
        Piece("Water > Leaks", "First."),
        Piece("Water > Leaks > Repair", "Second."),
        Piece("Water > Leaks > Repair > By night", "Third."),
        Piece("Water > Leaks > Costs", "Fourth."),
    ]


def test_a_heading_that_repeats_the_documents_own_is_not_said_twice():
    assert cut("Leaks", "# LEAKS\n\nFirst.") == [Piece("Leaks", "First.")]


def test_underlined_headings_are_headings_and_rules_are_not():
    text = "Leaks\n=====\n\nFirst.\n\nRepair\n------\n\nSecond.\n\n---\n\nThird."
    found = cut("Water", text)
    assert [piece.heading for piece in found] == ["Water > Leaks", "Water > Leaks > Repair"]
    assert "Third." in found[1].text


def test_what_looks_like_a_heading_inside_a_fence_is_text():
    assert cut("Keys", "## Valves\n\n```\n# not a heading\n```") == [
        Piece("Keys > Valves", "```\n# not a heading\n```")
    ]


def test_numbered_lines_and_capitals_are_headings_of_a_plain_text():
    text = "GENERAL RULES\nAll staff.\n\n2.1 Closing a lane\nTell the police.\n\n2.2 Opening it\nTell them again."
    assert [piece.heading for piece in cut("Roads", text)] == [
        "Roads > GENERAL RULES",
        "Roads > GENERAL RULES > 2.1 Closing a lane",
        "Roads > GENERAL RULES > 2.2 Opening it",
    ]


def test_a_numbered_list_is_no_row_of_headings():
    text = "Before the work:\n\n1. Call the crew\n2. Close the valve\n3. Tell the residents"
    assert cut("Water", text) == [Piece("Water", text)]


def test_a_heading_with_nothing_below_it_is_still_found():
    found = cut("Rules", "# Dogs\n\n# Cats\n\nNone.\n\n# Horses")
    assert found == [
        Piece("Rules > Dogs", "Dogs"),
        Piece("Rules > Cats", "None."),
        Piece("Rules > Horses", "Horses"),
    ]


def test_a_long_section_is_cut_between_paragraphs_and_each_part_keeps_its_headings():
    paragraphs = [" ".join([f"word{number}"] * 90) for number in range(5)]
    found = cut("Long", "## Part\n\n" + "\n\n".join(paragraphs))
    assert [piece.text for piece in found] == [
        f"{paragraphs[0]}\n\n{paragraphs[1]}",
        f"{paragraphs[2]}\n\n{paragraphs[3]}",
        paragraphs[4],
    ]
    assert {piece.heading for piece in found} == {"Long > Part"}


def test_a_long_paragraph_is_cut_between_sentences():
    sentence = "The crew closes the valve and tells everybody in the street about it."
    found = cut("Long", " ".join([sentence] * 60))
    assert len(found) > 1
    assert all(piece.text.endswith("about it.") for piece in found)


def test_a_long_path_keeps_its_end():
    found = cut("A" * 190, f"# {'B' * 150}\n\n## The end\n\nText.")
    assert len(found[0].heading) == LONGEST_HEADING
    assert found[0].heading.endswith("B > The end")


WORDS = st.text(alphabet="ab#=-`~.1 \t\n\r\u2028\u00e9水", max_size=400)


@given(WORDS, st.integers(1, 60))
def test_nothing_is_lost_and_nothing_is_too_large(text, times):
    found = cut("Heading", text * times)
    assert found
    for piece in found:
        assert piece.text.strip() or piece.heading == "Heading"
        assert len(piece.text) <= MOST_CHARACTERS + 300
        assert len(piece.text.split()) <= MOST_WORDS
        assert len(piece.heading) <= LONGEST_HEADING
    kept = "".join(piece.heading + piece.text for piece in found)
    assert {c for c in text if c.isalnum() and c not in "1"} <= set(kept)


@pytest.mark.parametrize(
    "text",
    ["# " * 100_000, "#" * 200_000, " " * 200_000, "\n" * 200_000, "a" * 300_000, "a " * 150_000, "1." * 100_000,
     "-\n" * 100_000, "# a" + " " * 200_000 + "#", "水" * 300_000, "```\n" * 70_000, "# a\n" * 70_000],
)  # fmt: skip
def test_a_text_that_is_made_to_be_slow_is_cut(text):
    assert cut("Slow", text)
