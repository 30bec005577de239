from decimal import Decimal

import pytest

from workflows.planning.base import PlannerRecord
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


def asked(kept, given, taken, prompt_bytes=100_000, model="m"):
    """One call, for which the service reports these tokens. Returns whether that is believed."""
    prompt = "x" * prompt_bytes
    kept.begin(prompt, MAX_OUTPUT_TOKENS)
    return kept.answered(model, prompt, "an answer", (given, taken))


def test_an_answer_may_have_what_is_left_of_the_tokens():
    kept = ledger(max_tokens=10_000)
    assert kept.allow("x" * 3_000) == 10_000 - 1_501
    asked(kept, 4_000, 2_000)
    assert kept.allow("") == 3_999
    asked(kept, 2_000, 2_000)
    assert refusal(lambda: kept.allow("")) == "planner_budget_spent"


def test_an_answer_may_have_what_is_left_of_the_money():
    kept = ledger(prices=PRICES, max_cost=Decimal("0.10"))
    assert kept.allow("") == 9_999
    asked(kept, 50_000, 1_000)
    assert kept.cost == Decimal("0.060000")
    assert kept.allow("") == 3_999
    assert refusal(lambda: kept.allow("x" * 150_000)) == "planner_budget_spent"


@pytest.mark.parametrize(
    ("given", "taken"),
    [(0, 50), (100, 0), (10**30, 50), (100, 10**30), (111_000, 50), (100, 4 * MAX_OUTPUT_TOKENS + 1)],
)
def test_a_report_that_cannot_be_is_replaced_by_an_estimate_and_kept_nowhere(given, taken):
    kept = ledger(prices=PRICES)
    assert not asked(kept, given, taken)
    assert kept.tokens == {"input": 0, "output": 0}
    assert kept.cost == PRICES["m"].of(50_001, len("an answer") // 2 + 1)


def test_a_report_that_can_be_is_believed():
    kept = ledger(prices=PRICES)
    assert asked(kept, 25_000, 900) and asked(kept, 1, 60_000)
    assert kept.tokens == {"input": 25_001, "output": 60_900}


def test_an_attempt_without_an_answer_counts_with_all_that_it_may_have_cost():
    kept = ledger(prices=PRICES, max_tokens=40_000)
    kept.begin("x" * 10_000, 16_000)
    kept.lost()
    assert kept.tokens == {"input": 0, "output": 0}, "nobody reported any"
    assert kept.cost == PRICES["m"].of(5_001, 16_000)
    assert kept.allow("") == MAX_OUTPUT_TOKENS
    kept.begin("x" * 10_000, 16_000)
    kept.lost()
    assert refusal(lambda: kept.allow("")) == "planner_budget_spent"


def test_an_attempt_that_was_refused_costs_a_call_only():
    kept = ledger(prices=PRICES)
    kept.begin("x" * 10_000, 16_000)
    kept.refused()
    assert (kept.cost, kept.record("3").calls) == (Decimal(0), 1)


def test_what_earlier_attempts_at_a_draft_spent_is_gone_from_its_budget():
    before = PlannerRecord(
        calls=9, input_tokens=3_000, output_tokens=1_000, seconds=30.0, exchanges=({"a": 1},)
    )
    kept = Ledger(PlannerSettings(model="m", prices=PRICES, max_tokens=10_000), spent=before)
    assert kept.allow("") == 10_000 - 4_000 - 1
    assert 19 < kept.seconds_left <= 20
    kept.ensure_call()
    asked(kept, 100, 50)
    assert refusal(kept.ensure_call) == "planner_budget_spent"
    record = kept.record("3")
    assert (record.calls, record.input_tokens, record.output_tokens) == (10, 3_100, 1_050)
    assert record.cost == PRICES["m"].of(3_100, 1_050)
    assert record.exchanges == ({"a": 1},)


def test_a_process_that_dies_while_it_waits_has_counted_what_that_may_cost():
    told = []
    kept = Ledger(PlannerSettings(model="m", prices=PRICES), keep=told.append)
    kept.begin("x" * 10_000, 16_000)
    [waiting] = told
    assert (waiting.calls, waiting.input_tokens, waiting.output_tokens) == (1, 5_001, 16_000)
    assert waiting.cost == PRICES["m"].of(5_001, 16_000)
    kept.answered("m", "x" * 10_000, "y", (2_000, 10))
    kept.note({"purpose": "write"})
    assert (told[-1].input_tokens, told[-1].output_tokens) == (2_000, 10)
    assert told[-1].exchanges == ({"purpose": "write"},)


def test_no_answer_is_asked_for_that_is_longer_than_a_plan():
    assert ledger(max_tokens=10**9).allow("") == MAX_OUTPUT_TOKENS


def test_the_price_is_that_of_the_model_that_answered():
    kept = ledger(prices={**PRICES, "other": Price(Decimal(0), Decimal(100))})
    asked(kept, 10, 10_000, model="other-2026-01-31")
    assert kept.cost == Decimal("1.000000")
    assert kept.record("3").model == "other-2026-01-31"


def test_what_was_never_asked_costs_nothing_and_what_has_no_price_is_not_known():
    assert ledger().cost == 0
    kept = ledger()
    kept.begin("", 1)
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
