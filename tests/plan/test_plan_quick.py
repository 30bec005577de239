"""The quick yes must never say yes where ``jsonschema`` says no."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from plan_samples import LEAK

from workflows.plan.checks.inputs import schema_problems
from workflows.plan.checks.quick import surely_good
from workflows.plan.core import CORE

SCHEMAS = [schema for spec in CORE.values() for schema in spec.inputs["properties"].values()]
SCHEMAS += [
    {"type": ["integer", "null"], "minimum": 0, "exclusiveMaximum": 5},
    {"type": "array", "items": {"enum": [1, True, "a"]}, "uniqueItems": True, "maxItems": 2},
    {"not": {"type": "string"}},
    {"anyOf": [{"type": "string"}]},
    {"patternProperties": {"^a": {"type": "string"}}, "additionalProperties": False},
    {"prefixItems": [{"type": "string"}], "items": {"type": "number"}},
    {"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": False},
    True,
    False,
]
QUESTIONS = LEAK["steps"][0]["inputs"]["questions"]

words = st.sampled_from(
    ["a", "ask", "type", "options", "choice", "yes_no", "low", "email", "photos", "Ä b", ""]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 60) | st.floats(-2, 60) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
questions = st.dictionaries(
    words,
    st.fixed_dictionaries(
        {"ask": words, "type": words}, optional={"options": st.lists(words, max_size=3), "a": st.none()}
    ),
    max_size=2,
)


@settings(max_examples=100)
@given(values | questions)
def test_a_quick_yes_is_a_yes_of_jsonschema(value):
    for schema in SCHEMAS:
        if surely_good(value, schema):
            assert Draft202012Validator(schema).is_valid(value), schema


@pytest.mark.parametrize("value", [QUESTIONS])
def test_good_questions_are_told_quickly(value):
    assert surely_good(value, CORE["inspect_site"].inputs["properties"]["questions"])


@pytest.mark.parametrize(
    ("wanted", "value", "is_good"),
    [
        ("date-time", "2026-05-01T09:00:00Z", True),
        ("date-time", "2026-05-01 at nine", False),
        ("date-time", 7, True),  # says nothing of numbers
        ("duration", "PT1H", False),  # left to jsonschema
    ],
)
def test_of_formats_it_knows_moments(wanted, value, is_good):
    schema = {"format": wanted}
    assert surely_good(value, schema) is is_good
    assert bool(list(schema_problems(value, schema))) is (value == "2026-05-01 at nine")
