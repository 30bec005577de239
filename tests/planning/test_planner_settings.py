from decimal import Decimal

import pytest

from workflows.checks import planner_settings_are_sound
from workflows.drafting import planner_settings
from workflows.planning.masking import KINDS


def ids():
    return [found.id for found in planner_settings_are_sound(None)]


def test_the_settings_as_shipped_are_sound_and_mask_everything(settings):
    assert ids() == []
    assert set(settings.OPENAI_MASKED) == set(KINDS)
    settings.OPENAI_API_KEY = "sk-test-key"
    assert ids() == [], "the model that is asked by default has a price"


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("OPENAI_MASKED", ["names", "shoe sizes"], "workflows.E002"),
        ("OPENAI_PRICES", {"llama3": "cheap"}, "workflows.E003"),
        ("OPENAI_PRICES", [1, 2], "workflows.E003"),
        ("OPENAI_MODEL", "llama3", "workflows.W001"),
        ("OPENAI_API", "completions", "workflows.E004"),
    ],
)
def test_settings_that_cannot_be_kept_are_named(settings, name, value, found):
    settings.OPENAI_API_KEY = "sk-test-key"
    setattr(settings, name, value)
    assert ids() == [found]


def test_a_model_of_ones_own_is_sound_once_it_has_a_price(settings):
    settings.OPENAI_API_KEY, settings.OPENAI_MODEL = "sk-test-key", "llama3"
    settings.OPENAI_PRICES = {"llama3": [0, 0.5]}
    assert ids() == []


def test_without_a_key_a_model_needs_no_price(settings):
    settings.OPENAI_MODEL = "llama3"
    assert ids() == []


@pytest.mark.django_db
def test_what_the_environment_says_reaches_the_planner(settings):
    settings.OPENAI_MAX_CALLS, settings.OPENAI_MAX_TOKENS = 3, 4_000
    settings.OPENAI_MAX_SECONDS, settings.OPENAI_MAX_COST = 5.0, 0.06
    settings.OPENAI_PRICES, settings.OPENAI_MASKED = {"llama3": [0, 0.5]}, ["emails"]
    settings.CITY_REGION, settings.OPENAI_API = "DE", "chat"
    given = planner_settings()
    assert (given.max_calls, given.max_tokens, given.max_seconds) == (3, 4_000, 5.0)
    assert given.max_cost == Decimal("0.06")
    assert "llama3" in given.prices and "gpt-4o" in given.prices
    assert (given.masked, given.region, given.api) == (("emails",), "DE", "chat")
