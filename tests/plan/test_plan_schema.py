import hashlib
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_samples import LEAK, leak, message_step, plan_of

from workflows.plan.catalogue import CORE_CATALOGUE
from workflows.plan.durations import (
    BadDuration,
    in_words,
    parse_seconds,
    parse_working,
    working_in_words,
    working_minutes,
)
from workflows.plan.schema import (
    Approval,
    NotCanonical,
    OnFailure,
    Overdue,
    Retry,
    RetryWish,
    canonical_text,
    digest,
    normalise,
    parse_plan,
)

VECTORS = [
    ({}, "{}"),
    ([], "[]"),
    ({"b": 1, "a": 2}, '{"a":2,"b":1}'),
    ({"a": [1, 1.0, -0.0, 0.5, 1e3]}, '{"a":[1,1,0,0.5,1000]}'),
    ([1e-6, 1e-7, 1.5e-10, 0.00001, 0.1 + 0.2, 5e-324], "[0.000001,1e-7,1.5e-10,0.00001,0.30000000000000004,5e-324]"),
    ([2**53, -(2**53)], "[9007199254740992,-9007199254740992]"),
    ([True, False, None], "[true,false,null]"),
    ({"é": "e\u0301", "z": "é"}, '{"z":"é","é":"e\u0301"}'),
    # By code point: U+FF61 before U+1F4A7, which a sort by UTF-16 units would put first.
    ({"\U0001f4a7": 1, "\uff61": 2}, '{"\uff61":2,"\U0001f4a7":1}'),
    (['"\\/\b\f\n\r\t\x1f\x7f\u2028'], '["\\"\\\\/\\b\\f\\n\\r\\t\\u001f\x7f\u2028"]'),
]  # fmt: skip

DIGESTS = [
    ({}, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
    ({"b": 1.0, "a": ["पानी", 0.1]}, "40763deec497c9fed193006a6d69eb867381a499819c09bd758c644d9a59561f"),
]


@pytest.mark.parametrize(("value", "text"), VECTORS)
def test_canonical_text_is_as_in_the_test_vectors(value, text):
    assert canonical_text(value) == text


@pytest.mark.parametrize(("value", "expected"), DIGESTS)
def test_a_digest_is_the_sha_256_of_the_canonical_text(value, expected):
    assert digest(value) == expected == hashlib.sha256(canonical_text(value).encode()).hexdigest()


def test_the_digest_of_a_whole_plan_does_not_change_from_version_to_version():
    assert digest(normalise(LEAK)) == "068143c01c87792e221929aee80940d49c75517f5faadeef743e82d1aa9aa770"


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 2**53 + 1, 1e300, "\x00", "\ud800", {1: 2}, {"\ud800": 1}, {1, 2}, b"x"],
)
def test_what_has_no_canonical_text_is_refused(value):
    with pytest.raises(NotCanonical):
        canonical_text([value])


def test_too_many_levels_have_no_canonical_text():
    value = []
    for _ in range(5000):
        value = [value]
    with pytest.raises(NotCanonical):
        canonical_text(value)


storable_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e15, 1e15) | storable_text,
    lambda inner: st.lists(inner) | st.dictionaries(storable_text, inner),
    max_leaves=20,
)


@given(json_values, st.randoms())
def test_canonical_text_is_json_of_the_same_value_whatever_the_order_of_its_keys(value, rng):
    text = canonical_text(value)
    assert json.loads(text) == value
    assert canonical_text(shuffled(value, rng)) == text
    assert canonical_text(json.loads(text)) == text


def shuffled(value, rng: random.Random):
    if isinstance(value, list):
        return [shuffled(item, rng) for item in value]
    if isinstance(value, dict):
        keys = list(value)
        rng.shuffle(keys)
        return {key: shuffled(value[key], rng) for key in keys}
    return value


# --- the saved form ---


def test_needs_are_written_out_as_the_step_listed_before():
    plan = plan_of(message_step("a"), message_step("b"), message_step("c", needs=["a"]))
    saved = normalise(plan)
    assert [step["needs"] for step in saved["steps"]] == [[], ["a"], ["a"]]
    assert "needs" not in plan["steps"][0]


def test_reordering_a_saved_plan_does_not_change_its_needs():
    saved = normalise(plan_of(message_step("a"), message_step("b")))
    saved["steps"].reverse()
    assert [step["needs"] for step in normalise(saved)["steps"]] == [["a"], []]


def test_other_defaults_and_nulls_in_optional_fields_are_left_out():
    step = message_step("a", reason="", policies=[], on_failure="fail", when=None, due=None, retry=None)
    saved = normalise({**plan_of(step), "description": "", "due": None})
    assert set(saved) == {"schema_version", "workflow_name", "steps"}
    assert set(saved["steps"][0]) == {"step_id", "activity_id", "title", "inputs", "needs"}


def test_what_is_not_a_default_is_kept():
    step = message_step(
        "a", on_failure="continue", requires_approval={"four_eyes": False}, title=None, x=None
    )
    saved = normalise(plan_of(step))["steps"][0]
    assert saved["on_failure"] == "continue"
    assert saved["requires_approval"] == {"four_eyes": False}
    assert saved["title"] is None
    assert saved["x"] is None


SAME = [
    ("requires_approval", [True, {}, {"reason": ""}, {"four_eyes": False, "reason": "", "due": None}]),
    ("requires_approval", [{"group": "supervisor"}, {"group": "supervisor", "overdue": None, "four_eyes": False}]),
    ("requires_approval", [{"overdue": {}}, {"overdue": {"then": "wait", "remind": None}}]),
    ("requires_approval", [{"overdue": {"then": "fail"}}, {"overdue": {"then": "fail", "escalate_to": None}}]),
    ("retry", [None, {}, {"max_attempts": None, "backoff": None}]),
    ("retry", [{"backoff": 2}, {"backoff": 2.0, "initial": None}]),
    ("compensate", [{"activity_id": "update_issue"}, {"activity_id": "update_issue", "inputs": {}},
                    {"activity_id": "update_issue", "inputs": None}]),
]  # fmt: skip
OVERDUE = [
    [None, {}, {"then": "wait"}, {"then": None, "remind": None, "escalate_to": None}],
    [{"remind": "PT1H"}, {"remind": "PT1H", "then": "wait", "escalate_to": None}],
]


def one_digest(steps):
    return {digest(normalise(plan_of(step), CORE_CATALOGUE)) for step in steps}


@pytest.mark.parametrize(("field", "values"), SAME)
def test_what_means_the_same_has_one_digest(field, values):
    steps = [message_step("a", **({} if value is None else {field: value})) for value in values]
    assert len(one_digest(steps)) == 1


@pytest.mark.parametrize("values", OVERDUE)
def test_an_overdue_that_means_the_same_has_one_digest(values):
    inputs = {"question": "Is it done?", "group": "dispatcher"}
    step = {"step_id": "a", "activity_id": "confirm_completion", "title": "Is it done?", "inputs": inputs}
    assert len(one_digest([{**step, "overdue": value} for value in values])) == 1


NESTED = {
    **plan_of(
        message_step(
            "a", requires_approval={"group": "approver", "reason": "", "four_eyes": False, "due": None},
            retry={"max_attempts": 2.0, "initial": None}, compensate={"activity_id": "update_issue", "inputs": {}},
        ),
    ),
    "due": None,
}  # fmt: skip


def test_the_digest_of_nested_defaults_is_as_in_the_test_vector():
    saved = normalise(NESTED, CORE_CATALOGUE)
    assert set(saved["steps"][0]) == {
        "step_id", "activity_id", "title", "inputs", "needs", "requires_approval", "retry", "compensate",
    }  # fmt: skip
    assert saved["steps"][0]["requires_approval"] == {"group": "approver"}
    assert digest(saved) == "f5689c55572a1a03d32ec072351153938533b838cdb3774f3f656cca437182ea"


def test_inputs_and_conditions_keep_their_nulls_and_empty_values():
    inputs = {"to": "x", "message": "", "subject": None, "deep": {"reason": "", "then": "wait"}}
    step = message_step("a", inputs=inputs, when={"eq": ["{{ data.x }}", None]})
    saved = normalise(plan_of(step), CORE_CATALOGUE)["steps"][0]
    assert (saved["inputs"], saved["when"]) == (inputs, step["when"])


def test_what_would_be_a_mistake_of_the_step_is_kept_for_the_validation_to_name():
    order = {"step_id": "a", "activity_id": "order_contractor", "title": "x", "inputs": {}, "needs": []}
    wrong = {
        "requires_approval": {"four_eyes": False},
        "overdue": {},
        "compensate": {},
    }
    asked = normalise(plan_of({**order, **wrong}), CORE_CATALOGUE)["steps"][0]
    assert {name: asked[name] for name in wrong} == wrong
    ask = {"step_id": "a", "activity_id": "ask_reporter", "title": "x", "retry": {}, "needs": []}
    assert normalise(plan_of(ask), CORE_CATALOGUE)["steps"][0]["retry"] == {}


@pytest.mark.parametrize(
    "broken", [None, 1, "x", [], {}, {"steps": 3}, {"steps": [1, None, {"step_id": 5}, {}]}]
)
def test_a_broken_document_is_returned_as_far_as_it_is_understood(broken):
    assert normalise(normalise(broken)) == normalise(broken)


def test_after_a_step_without_a_usable_id_needs_stay_unsaid():
    assert "needs" not in normalise(plan_of({"step_id": 5}, message_step("b")))["steps"][1]


def test_a_plan_without_errors_becomes_typed():
    document = leak()
    document["due"] = "P2D"
    document["steps"][3] |= {
        "timeout": "PT2M", "retry": {"max_attempts": 5, "initial": "PT10S", "backoff": 1.5, "max_interval": "PT5M"},
        "on_failure": "continue", "policies": ["water-safety@3"],
    }  # fmt: skip
    plan = parse_plan(document)
    assert plan.workflow_name == "Repair a water leak"
    assert plan.due == "P2D"
    assert plan.steps[1].requires_approval == Approval("supervisor", "Excavation costs money.")
    report = plan.steps[3]
    assert report.needs == ("repair", "warn")
    assert report.timeout_seconds == 120
    assert report.retry == RetryWish(5, 10, 1.5, 300)
    assert report.on_failure == OnFailure("continue")
    assert report.policies == ("water-safety@3",)


def test_fields_of_later_issues_are_typed_too():
    step = message_step(
        "a", requires_approval=True, on_failure={"escalate": "supervisor"}, overdue={"then": "wait"},
        compensate={"activity_id": "update_issue", "inputs": {"note": "undone"}},
    )  # fmt: skip
    parsed = parse_plan(plan_of(step)).steps[0]
    assert parsed.requires_approval == Approval()
    assert parsed.on_failure == OnFailure("escalate", "supervisor")
    assert parsed.compensate.inputs == {"note": "undone"}
    assert parsed.overdue == Overdue()


def test_a_plan_changes_only_what_it_says_about_retries():
    assert RetryWish(max_attempts=7).applied_to(Retry(3, 1, 2.0, 60)) == Retry(7, 1, 2.0, 60)
    assert RetryWish(initial_seconds=120).applied_to(Retry(3, 1, 2.0, 60)) == Retry(3, 120, 2.0, 120)


# --- durations ---


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT30S", 30), ("PT4H", 14_400), ("P1DT2H3M4S", 93_784), ("PT90M", 5400), ("P10D", 864_000), ("PT0H1S", 1)],
)  # fmt: skip
def test_a_duration_is_read_in_seconds(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "P1", "1D", "P1Y", "P1M", "P1W", "PT1.5H", "-P1D", "P-1D", "p1d", "PT4H ", "PT4H\n", "P1DT",
     "PT1M1H", "P0D", "PT0S", "P99999D", "P٣D", "P1D1H"],
)  # fmt: skip
def test_what_is_not_a_duration_is_refused(text):
    with pytest.raises(BadDuration):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("text", "words", "working"),
    [
        ("PT90M", "1 hour 30 minutes", "90 minutes"),
        ("P2DT4H", "2 days 4 hours", "2 working days 4 working hours"),
        ("P1D", "1 day", "1 working day"),
        ("PT1S", "1 second", "PT1S"),
        ("soon", "soon", "soon"),
    ],
)
def test_people_read_durations_in_words(text, words, working):
    assert (in_words(text), working_in_words(text)) == (words, working)


def test_a_due_time_has_no_seconds_and_its_day_is_a_working_day():
    assert parse_working("P1DT2H30M") == (1, 2, 30)
    assert working_minutes("P1DT2H30M") == 630
    for text in ("PT30S", "P1DT0S"):
        with pytest.raises(BadDuration):
            parse_working(text)
