import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_samples import hostile_strings

from workflows.plan.references import (
    BadReference,
    MissingValue,
    Reference,
    TooLong,
    Values,
    find,
    has_reference,
    parse,
    resolve,
    whole,
)

OUTPUTS = {
    "assess": {
        "severity": "high",
        "lane": True,
        "depth": 2.0,
        "photos": ["a.jpg", "b.jpg"],
        "crew": None,
        "more": {"x": [1, {"y": 2}]},
    },
    "empty": None,
}


def output_of(step_id):
    if step_id in ("skipped", "failed"):
        raise MissingValue(f"steps.{step_id}", step_id)
    if step_id not in OUTPUTS:
        raise MissingValue(f"steps.{step_id}")
    return OUTPUTS[step_id]


VALUES = Values(
    {"address": "123 Main St", "latitude": None},
    {"priority": "high", "n": 3, "": 0, "straße": "x"},
    output_of,
)


def resolved(value):
    return resolve(value, VALUES)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ steps.assess.lane }}", True),
        ("{{steps.assess.depth}}", 2.0),
        ("{{ steps.assess }}", OUTPUTS["assess"]),
        ("{{ steps.assess.photos }}", ["a.jpg", "b.jpg"]),
        ("{{ steps.assess.photos.1 }}", "b.jpg"),
        ("{{ steps.assess.more.x.1.y }}", 2),
        ("{{ steps.assess.crew }}", None),
        ("{{ data.n }}", 3),
        ("{{ data.straße }}", "x"),
    ],
)
def test_a_text_that_is_one_reference_takes_the_value_with_its_type(text, value):
    found = resolved(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Leak at {{ issue.address }}.", "Leak at 123 Main St."),
        (" {{ data.n }}", " 3"),
        ("{{ data.n }}{{ data.priority }}", "3high"),
        ("Lane: {{ steps.assess.lane }}, depth {{ steps.assess.depth }}", "Lane: yes, depth 2"),
        ("See {{ steps.assess.photos }}", "See a.jpg, b.jpg"),
        ("More: {{ steps.assess.more }}", 'More: {"x":[1,{"y":2}]}'),
        ("{{{{ issue.address }}", "{{ issue.address }}"),
        ("{{{{{{{{", "{{{{"),
        ("{{{{{{ data.n }}", "{{3"),
        ("a }} b", "a }} b"),
        ("", ""),
    ],
)
def test_inside_other_text_the_value_is_written_as_text(text, value):
    assert resolved(text) == value


def test_references_are_resolved_at_any_depth_and_keys_are_left_alone():
    value = {"a": [{"{{ data.n }}": "{{ data.n }}"}], "b": 1}
    assert resolved(value) == {"a": [{"{{ data.n }}": 3}], "b": 1}
    assert value == {"a": [{"{{ data.n }}": "{{ data.n }}"}], "b": 1}


def test_what_a_reference_brings_in_is_not_resolved_again():
    values = Values({"address": "{{ data.secret }}"}, {"secret": "x"}, output_of)
    assert resolve("{{ issue.address }}", values) == "{{ data.secret }}"
    assert resolve("at {{ issue.address }}", values) == "at {{ data.secret }}"


@pytest.mark.parametrize(
    ("text", "path", "because"),
    [
        ("{{ data.nothing }}", "data.nothing", "absent"),
        ("a {{ data.nothing }}", "data.nothing", "absent"),
        ("{{ steps.assess.photos.2 }}", "steps.assess.photos.2", "absent"),
        ("{{ steps.assess.photos.x }}", "steps.assess.photos.x", "absent"),
        ("{{ steps.assess.severity.x }}", "steps.assess.severity.x", "absent"),
        ("{{ steps.assess.photos.-1 }}", "steps.assess.photos.-1", "absent"),
        ("{{ steps.empty.x }}", "steps.empty.x", "absent"),
        ("{{ steps.skipped.x }}", "steps.skipped", "skipped"),
        ("{{ steps.failed }}", "steps.failed", "failed"),
        ("{{ other.x }}", "other.x", "absent"),
        ("crew {{ steps.assess.crew }}", "steps.assess.crew", "absent"),
        ("{{ issue.__class__ }}", "issue.__class__", "absent"),
        ("{{ issue.keys }}", "issue.keys", "absent"),
    ],
)
def test_what_is_not_there_is_missing_and_never_an_empty_text(text, path, because):
    with pytest.raises(MissingValue) as caught:
        resolved({"message": text})
    assert (caught.value.path, caught.value.because) == (path, because)


@pytest.mark.parametrize(
    "text",
    ["{{", "{{ }}", "{{}}", "{{ issue.address", "{{ issue..address }}", "{{ .issue }}", "{{ issue. }}", "{{ a b }}",
     "{{ issue['x'] }}", "{{ 1 + 1 }}", "{{{ issue.address }}}", "{{ issue.address | upper }}", "x {{ f(x) }}"],
)  # fmt: skip
def test_braces_that_are_no_reference_are_refused(text):
    with pytest.raises(BadReference):
        parse(text)
    assert has_reference([text])


def test_references_are_found_with_their_pointers_in_document_order():
    value = {"a": "{{ data.x }} and {{ data.y }}", "b/c": ["{{ issue.address }}", "{{ bad", "{{{{"]}
    found = [(where, alone, str(what)) for where, alone, what in find(value, "/inputs")]
    assert found[:3] == [
        ("/inputs/a", False, "data.x"),
        ("/inputs/a", False, "data.y"),
        ("/inputs/b~1c/0", True, "issue.address"),
    ]
    assert found[3][0] == "/inputs/b~1c/1"
    assert len(found) == 4


def test_whole_tells_a_reference_from_text():
    assert whole("{{ data.x }}") == Reference(("data", "x"))
    assert whole("x {{ data.x }}") is None
    assert whole("plain") is None


def test_references_can_not_blow_up_a_small_plan():
    values = Values({}, {"big": "x" * 64_000, "list": ["x" * 1000] * 64}, output_of)
    assert len(resolve("{{ data.big }}" * 10, values)) == 640_000
    for value in ("{{ data.big }}" * 17, ["{{ data.big }}"] * 17, ["{{ data.list }}"] * 17):
        with pytest.raises(TooLong):
            resolve(value, values)


def test_hostile_strings_are_text_or_refused():
    for text in hostile_strings():
        try:
            parse(text)
        except BadReference:
            continue
        try:
            resolved(text)
        except MissingValue:
            continue


@given(st.text(st.sampled_from("{} .ax1-")))
def test_a_text_is_its_parts_and_literal_parts_never_follow_each_other(text):
    try:
        parts = parse(text)
    except BadReference:
        return
    kinds = [isinstance(part, str) for part in parts]
    assert not any(a and b for a, b in zip(kinds, kinds[1:], strict=False))
    if "{{" not in text:
        assert parts == (text,)
