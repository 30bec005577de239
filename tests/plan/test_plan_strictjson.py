import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_samples import hostile_strings

from mudda.strictjson import child, loads, printable, quoted, text_problem


def found(text, **options):
    return [(problem.pointer, problem.code) for problem in loads(text, **options)[1]]


def test_good_json_is_read_as_it_is():
    assert loads('{"a": [1, 2.5, "x", null, true], "b": {}}') == (
        {"a": [1, 2.5, "x", None, True], "b": {}},
        [],
    )


def test_bytes_are_read_as_utf_8_with_or_without_a_byte_order_mark():
    assert loads('{"a": "पानी"}'.encode()) == ({"a": "पानी"}, [])
    assert loads(b"\xef\xbb\xbf[1]") == ([1], [])


@pytest.mark.parametrize(
    "text", ["", "{", "{'a': 1}", "[1,]", "nul", "[1] [2]", '"a\nb"', b"\xff", b"\xed\xa0\x80"]
)
def test_what_is_not_json_is_one_problem_and_no_value(text):
    value, problems = loads(text)
    assert value is None
    assert [(problem.pointer, problem.code) for problem in problems] == [("", "not_json")]


def test_all_problems_are_found_at_once_each_with_its_pointer():
    text = '{"a": 1, "a": 2, "b": [NaN, "\\u0000", 9007199254740993], "c/d": {"~": "\\ud800"}}'
    assert found(text) == [
        ("/a", "duplicate_key"),
        ("/b/0", "bad_number"),
        ("/b/1", "bad_text"),
        ("/b/2", "bad_number"),
        ("/c~1d/~0", "bad_text"),
    ]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e999", "9" * 5000, "1e17"])
def test_numbers_that_others_would_round_or_refuse_are_problems(number):
    assert found(f'{{"n": {number}}}') == [("/n", "bad_number")]


@pytest.mark.parametrize("number", ["9007199254740992", "-9007199254740992", "0.1", "1e15", "-0", "5e-324"])
def test_numbers_that_every_reader_keeps_are_good(number):
    assert found(number) == []


def test_a_surrogate_pair_is_one_good_character():
    assert loads('"\\ud83d\\udca7"') == ("💧", [])


def test_a_bad_key_is_reported_with_a_pointer_that_can_be_sent():
    ((pointer, code),) = found('{"a\\ud800": 1}')
    assert (pointer, code) == ("/a\\ud800", "bad_text")
    pointer.encode()


def test_too_many_levels_are_reported_where_they_begin():
    assert found("[[[1]]]", max_depth=3) == []
    assert found('{"a": [[[1]], 2]}', max_depth=3) == [("/a/0/0", "too_deep")]


def test_a_hundred_thousand_levels_do_no_harm():
    assert found("[" * 100_000) == [("", "too_deep")]
    assert found("[" * 100_000 + "]" * 100_000) == [("", "too_deep")]


def test_hostile_strings_are_read_or_refused_but_never_raise():
    for text in hostile_strings():
        loads(text)
        value, problems = loads(json.dumps({"text": text}))
        assert value == {"text": text}
        assert bool(problems) == (text_problem(text) is not None)


@given(st.text() | st.binary())
def test_any_text_is_read_or_refused(text):
    value, problems = loads(text)
    assert value is None or not problems or isinstance(value, dict | list | str)


def test_text_in_messages_and_pointers_is_short_and_can_be_sent():
    assert quoted("a\x00\ud800") == '"a\\\\u0000\\\\ud800"'
    assert len(quoted("x" * 1000)) == 62
    assert printable("पानी") == "पानी"
    assert child("/a", "b/c~d") == "/a/b~1c~0d"
    assert child("", 3) == "/3"
