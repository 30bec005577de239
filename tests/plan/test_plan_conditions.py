import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.plan.comparing import same, timestamp
from workflows.plan.conditions import BadCondition, check, evaluate, render
from workflows.plan.references import MissingValue, Reference, Values

OUTPUT = {
    "severity": "high",
    "lane": True,
    "depth": 2.5,
    "at": "2026-05-01T09:00:00Z",
    "nothing": None,
    "photos": [],
}


def output_of(step_id):
    if step_id == "assess":
        return OUTPUT
    raise MissingValue(f"steps.{step_id}", "skipped")


VALUES = Values({"address": "x"}, {"n": 3}, output_of)
SEVERITY, LANE, DEPTH = "{{ steps.assess.severity }}", "{{ steps.assess.lane }}", "{{ steps.assess.depth }}"
AT, GONE = "{{ steps.assess.at }}", "{{ steps.gone.x }}"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"eq": [SEVERITY, "high"]}, True),
        ({"eq": [SEVERITY, "low"]}, False),
        ({"ne": [SEVERITY, "low"]}, True),
        ({"eq": [LANE, True]}, True),
        ({"eq": [DEPTH, 2.5]}, True),
        ({"eq": ["{{ data.n }}", 3.0]}, True),
        ({"eq": ["{{ steps.assess.nothing }}", None]}, True),
        ({"ne": [SEVERITY, None]}, True),
        ({"eq": ["{{ steps.assess.photos }}", []]}, True),
        ({"eq": ["is {{ data.n }}", "is 3"]}, True),
        ({"lt": [DEPTH, 3]}, True),
        ({"lte": [DEPTH, 2.5]}, True),
        ({"gt": [DEPTH, 2.5]}, False),
        ({"gte": [2.5, DEPTH]}, True),
        ({"lt": [AT, "2026-05-01T12:00:00+02:00"]}, True),
        ({"gte": [AT, "2026-05-01T11:00:00+02:00"]}, True),
        ({"in": [SEVERITY, ["high", "critical"]]}, True),
        ({"in": [DEPTH, [1, 2]]}, False),
        ({"in": [SEVERITY, ["{{ steps.assess.severity }}"]]}, True),
        ({"exists": SEVERITY}, True),
        ({"exists": "{{ steps.assess.nothing }}"}, False),
        ({"exists": "{{ steps.assess.photos }}"}, True),
        ({"exists": GONE}, False),
        ({"exists": "{{ data.x }}"}, False),
        ({"not": {"exists": GONE}}, True),
        ({"all": [{"eq": [LANE, True]}, {"gt": [DEPTH, 1]}]}, True),
        ({"any": [{"eq": [LANE, False]}, {"gt": [DEPTH, 1]}]}, True),
        ({"all": [{"exists": GONE}, {"eq": [GONE, 1]}]}, False),
        ({"any": [{"not": {"exists": GONE}}, {"eq": [GONE, 1]}]}, True),
    ],
)
def test_a_condition_is_decided(condition, expected):
    assert evaluate(condition, VALUES) is expected


@pytest.mark.parametrize(
    "condition",
    [
        {"eq": [LANE, 1]},
        {"eq": [LANE, "true"]},
        {"ne": [DEPTH, "2.5"]},
        {"lt": [LANE, 2]},
        {"lt": [SEVERITY, "z"]},
        {"lt": [DEPTH, "2026-05-01T09:00:00Z"]},
        {"gt": [None, 1]},
        {"gt": [AT, "2026-05-01"]},
        {"gt": [AT, "2026-05-01T09:00:00"]},
        {"gt": [AT, "2026-13-01T09:00:00Z"]},
        {"in": [SEVERITY, "highest"]},
        {"in": [LANE, [1, 0]]},
        {"exists": "x"},
        {"exists": 1},
        {"eq": [1]},
        {"eq": 1},
        {"all": []},
        {"all": {}},
        {"not": []},
        {"like": [1, 2]},
        {},
        {"eq": [1, 1], "ne": [1, 2]},
        True,
        "yes",
        None,
    ],
)
def test_what_cannot_be_compared_is_a_bad_condition_and_not_false(condition):
    with pytest.raises(BadCondition):
        evaluate(condition, VALUES)


def test_reading_what_is_not_there_says_why():
    with pytest.raises(MissingValue) as caught:
        evaluate({"eq": [GONE, 1]}, VALUES)
    assert caught.value.because == "skipped"


def test_a_boolean_is_never_a_number_at_any_depth():
    assert same({"a": [1, True]}, {"a": [1.0, True]})
    assert not same([True], [1])
    assert not same({"a": 0}, {"a": False})


@pytest.mark.parametrize(
    "text", ["2026-05-01", "2026-05-01T09:00Z", "2026-05-01T09:00:00", "20260501T090000Z", "x", "", 5, None,
             "2026-05-01 09:00:00Z", "2026-02-30T09:00:00Z", "٢٠٢٦-05-01T09:00:00Z"]
)  # fmt: skip
def test_what_is_not_an_rfc_3339_timestamp_is_none(text):
    assert timestamp(text) is None


@pytest.mark.parametrize(
    "text", ["2026-05-01T09:00:00Z", "2026-05-01t09:00:00z", "2026-05-01T09:00:00.123456789-05:00"]
)
def test_an_rfc_3339_timestamp_is_a_moment(text):
    assert timestamp(text).tzinfo is not None


# --- before the run ---

SCHEMAS = {
    "steps.assess.severity": {"type": "string", "enum": ["low", "high"]},
    "steps.assess.lane": {"type": "boolean"},
    "steps.assess.depth": {"type": "number"},
    "steps.assess.at": {"type": "string", "format": "date-time"},
    "steps.assess.crew": {"type": ["string", "null"]},
    "steps.assess.photos": {"type": "array"},
    "issue.reporter": {"type": "string", "x-role": "reporter"},
}


def known(reference: Reference):
    return SCHEMAS.get(str(reference))


@pytest.mark.parametrize(
    "condition",
    [
        {"eq": [SEVERITY, "high"]},
        {"eq": ["{{ data.x }}", 1]},
        {"lt": [DEPTH, 3]},
        {"lt": [AT, "2026-05-01T09:00:00Z"]},
        {"lt": [AT, "{{ data.deadline }}"]},
        {"eq": ["{{ steps.assess.crew }}", None]},
        {"eq": ["{{ steps.assess.crew }}", "A"]},
        {"in": [SEVERITY, ["high", "critical"]]},
        {"in": [SEVERITY, "{{ data.list }}"]},
        {"exists": "{{ issue.reporter }}"},
        {"not": {"any": [{"eq": [LANE, False]}, {"exists": SEVERITY}]}},
        {"eq": [1, 2]},
        {"eq": ["{{ broken", 1]},
    ],
)
def test_a_condition_that_can_be_decided_has_no_problem(condition):
    assert list(check(condition, "/when", known)) == []


@pytest.mark.parametrize(
    ("condition", "pointer"),
    [
        ({"eq": [LANE, 1]}, "/when/eq"),
        ({"eq": [LANE, "yes"]}, "/when/eq"),
        ({"eq": [SEVERITY, "hihg"]}, "/when/eq"),
        ({"eq": ["text {{ data.x }}", 5]}, "/when/eq"),
        ({"eq": ["{{ steps.assess.crew }}", 5]}, "/when/eq"),
        ({"ne": [1, "1"]}, "/when/ne"),
        ({"lt": [LANE, 3]}, "/when/lt"),
        ({"lt": [SEVERITY, "high"]}, "/when/lt"),
        ({"lt": [DEPTH, AT]}, "/when/lt"),
        ({"gt": [AT, "tomorrow"]}, "/when/gt"),
        ({"gt": [None, 1]}, "/when/gt"),
        ({"in": [SEVERITY, "high"]}, "/when/in"),
        ({"in": [SEVERITY, []]}, "/when/in"),
        ({"in": [SEVERITY, ["a", "b"]]}, "/when/in"),
        ({"in": [LANE, [0, 1]]}, "/when/in"),
        ({"in": [SEVERITY, LANE]}, "/when/in"),
        ({"exists": "severity"}, "/when/exists"),
        ({"exists": "x {{ data.x }}"}, "/when/exists"),
        ({"exists": 1}, "/when/exists"),
        ({"eq": ["{{ issue.reporter }}", "x"]}, "/when/eq"),
        ({"eq": [1, 2, 3]}, "/when/eq"),
        ({"all": [{"eq": [1, 1]}, {"like": [1, 2]}]}, "/when/all/1"),
        ({"any": [{"not": {"gt": [LANE, 1]}}]}, "/when/any/0/not/gt"),
        ({"all": []}, "/when"),
        ({"not": 5}, "/when/not"),
        ({}, "/when"),
        (True, "/when"),
    ],
)
def test_what_is_known_to_go_wrong_is_told_before_the_run(condition, pointer):
    assert [where for where, _ in check(condition, "/when", known)] == [pointer]


def test_every_part_of_a_condition_is_checked():
    condition = {"all": [{"eq": [LANE, 1]}, {"any": [{"gt": [LANE, 1]}, {"exists": 2}]}]}
    assert [where for where, _ in check(condition, "", known)] == [
        "/all/0/eq",
        "/all/1/any/0/gt",
        "/all/1/any/1/exists",
    ]


conditions = st.recursive(
    st.builds(
        lambda op, a, b: {op: [a, b]},
        st.sampled_from(["eq", "ne", "lt", "lte", "gt", "gte", "in"]),
        st.sampled_from([LANE, DEPTH, AT, SEVERITY, GONE, 1, True, "x", None, ["x", 1], {"a": 1}]),
        st.sampled_from([LANE, DEPTH, 2, False, "high", "2026-05-01T09:00:00Z", ["high"], []]),
    )
    | st.builds(lambda r: {"exists": r}, st.sampled_from([LANE, GONE, "x"])),
    lambda inner: (
        st.builds(lambda c: {"not": c}, inner)
        | st.builds(lambda op, cs: {op: cs}, st.sampled_from(["all", "any"]), st.lists(inner, max_size=3))
    ),
    max_leaves=6,
)


@given(conditions)
def test_a_condition_without_problems_whose_values_are_as_their_schemas_say_can_be_decided(condition):
    assert render(condition)
    if list(check(condition, "", known)):
        return
    try:
        assert evaluate(condition, VALUES) in (True, False)
    except MissingValue:
        pass
    except BadCondition:
        # Only what is not known before the run may still go wrong: here the skipped step's value.
        assert GONE in str(condition)


# --- in words ---


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ({"eq": [SEVERITY, "high"]}, 'the severity found in "Look at the leak" is "high"'),
        ({"eq": [LANE, True]}, 'the lane found in "Look at the leak" is yes'),
        ({"gte": [DEPTH, 2]}, 'the depth found in "Look at the leak" is at least 2'),
        (
            {"lt": [AT, "2026-05-01T09:00:00Z"]},
            'the at found in "Look at the leak" is before 2026-05-01T09:00:00Z',
        ),
        ({"in": ["{{ issue.category }}", ["a", "b"]]}, 'the issue\'s category is one of "a", "b"'),
        ({"exists": "{{ data.due_date }}"}, "the given due date is known"),
        ({"not": {"exists": "{{ steps.assess }}"}}, 'not (the result of "Look at the leak" is known)'),
        (
            {"all": [{"eq": [1, 1]}, {"any": [{"eq": [2, 2]}, {"ne": ["{{ data.x }}", None]}]}]},
            "1 is 1 and (2 is 2 or the given x is not nothing)",
        ),
    ],
)
def test_a_condition_is_a_sentence_for_staff(condition, sentence):
    assert render(condition, {"assess": "Look at the leak"}) == sentence


@pytest.mark.parametrize(
    "condition",
    [
        None,
        True,
        {},
        {"all": []},
        {"eq": ["{{", 1]},
        {"x": 1},
        float("nan"),
        "\ud800",
        {"eq": [10**10_000, float("inf")]},
    ],
)
def test_a_broken_condition_is_shown_rather_than_raised(condition):
    render(condition).encode()
