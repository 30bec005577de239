from decimal import Decimal

import pytest

from workflows.planning.config import PlannerSettings
from workflows.planning.failures import PlannerUnavailable
from workflows.planning.ledger import LONGEST_KEPT, MAX_OUTPUT_TOKENS, Ledger
from workflows.planning.prices import SHIPPED, Price, price_of, read_prices

PRICES = {"m": Price(Decimal(1), Decimal(10))}


def ledger(**limits):
    return Ledger(PlannerSettings(model="m", **{"prices": {}, **limits}))


def refusal(ask):
    with pytest.raises(PlannerUnavailable) as caught:
        ask()
    return caught.value.code


def test_an_answer_may_have_what_is_left_of_the_tokens():
    kept = ledger(max_tokens=10_000)
    assert kept.allow("x" * 3_000) == 10_000 - 1_001
    kept.count_tokens("m", "", "", (4_000, 2_000))
    assert kept.allow("") == 3_999
    kept.count_tokens("m", "", "", (2_000, 2_000))
    assert refusal(lambda: kept.allow("")) == "planner_budget_spent"


def test_an_answer_may_have_what_is_left_of_the_money():
    kept = ledger(prices=PRICES, max_cost=Decimal("0.10"))
    assert kept.allow("") == 9_999
    kept.count_tokens("m", "", "", (50_000, 1_000))
    assert kept.cost == Decimal("0.060000")
    assert kept.allow("") == 3_999
    assert refusal(lambda: kept.allow("x" * 150_000)) == "planner_budget_spent"


def test_no_answer_is_asked_for_that_is_longer_than_a_plan():
    assert ledger(max_tokens=10**9).allow("") == MAX_OUTPUT_TOKENS


def test_the_price_is_that_of_the_model_that_answered():
    kept = ledger(prices={**PRICES, "other": Price(Decimal(0), Decimal(100))})
    kept.count_call()
    kept.count_tokens("other-2026-01-31", "", "", (10, 10_000))
    assert kept.cost == Decimal("1.000000")
    assert kept.record("3").model == "other-2026-01-31"


def test_what_was_never_asked_costs_nothing_and_what_has_no_price_is_not_known():
    assert ledger().cost == 0
    kept = ledger()
    kept.count_call()
    assert kept.cost is None


def test_exchanges_can_be_stored_whatever_came_back():
    kept = ledger()
    kept.note(
        {"purpose": "write", "response": {"text": "a\x00b\ud800c" + "x" * LONGEST_KEPT, "\x00": [1, None]}}
    )
    [exchange] = kept.record("3").exchanges
    assert exchange["response"]["text"].startswith("a b cx")
    assert exchange["response"]["text"].endswith("(cut here)")
    assert exchange["response"][" "] == [1, None]


@pytest.mark.parametrize(
    ("model", "known"),
    [("gpt-4o", True), ("gpt-4o-2024-08-06", True), ("gpt-4o-audio", False), ("llama3", False), ("", False)],
)
def test_a_model_has_its_price_with_and_without_the_date_of_its_release(model, known):
    price = price_of(model, SHIPPED)
    assert price == (SHIPPED["gpt-4o"] if known else None)


def test_prices_of_a_city_are_read():
    prices = read_prices({"llama3": [0, 0.5]})
    assert prices["llama3"].of(1_000_000, 2_000_000) == 1


@pytest.mark.parametrize(
    "given", [7, [], {"m": 1}, {"m": [1]}, {"m": [1, -1]}, {"m": [1, "2"]}, {"m": [True, 1]}, {"m": [1, 1e9]}]
)
def test_prices_that_are_none_are_named(given):
    with pytest.raises(ValueError, match=r"\[input, output\]"):
        read_prices(given)
