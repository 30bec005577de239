"""What the models cost, so that a draft can be kept within a sum.

The shipped prices are OpenAI's standard ones (no batches, no priority, short context) in US dollars for a million
tokens, input and output, as openai.com/api/pricing was reported in April 2025 (4o and 4.1), April 2026 (5, 5.1
and 5.2) and June 2026 (5.4 and 5.5). Prices change: ``OPENAI_PRICES`` adds models and replaces these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_MILLION = Decimal(1_000_000)
_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens.

    What the service discounts (repeated beginnings of a prompt) counts in full here: the true sum is at most
    what is reckoned.
    """

    input: Decimal
    output: Decimal

    def of(self, input_tokens: int, output_tokens: int) -> Decimal:
        return (self.input * input_tokens + self.output * output_tokens) / _MILLION


SHIPPED: Mapping[str, Price] = {
    name: Price(Decimal(given), Decimal(taken))
    for name, given, taken in (
        ("gpt-5.5", "5", "30"),
        ("gpt-5.4", "2.5", "15"),
        ("gpt-5.4-mini", "0.75", "4.5"),
        ("gpt-5.4-nano", "0.2", "1.25"),
        ("gpt-5.2", "1.75", "14"),
        ("gpt-5.1", "1.25", "10"),
        ("gpt-5", "1.25", "10"),
        ("gpt-5-mini", "0.25", "2"),
        ("gpt-5-nano", "0.05", "0.4"),
        ("gpt-4.1", "2", "8"),
        ("gpt-4.1-mini", "0.4", "1.6"),
        ("gpt-4.1-nano", "0.1", "0.4"),
        ("gpt-4o", "2.5", "10"),
        ("gpt-4o-mini", "0.15", "0.6"),
    )
}


def price_of(model: str, prices: Mapping[str, Price]) -> Price | None:
    """The price of a model by its name, with or without the date of its release; None: not known."""
    return prices.get(model) or prices.get(_DATE.sub("", model))


def read_prices(given: Any) -> dict[str, Price]:
    """Prices from ``{"<model>": [<input>, <output>]}``, US dollars for a million tokens.

    Raises:
        ValueError: it is not of that form, or a price is negative.
    """
    if not isinstance(given, dict):
        raise ValueError('not of the form {"model": [input, output]}')
    return {str(model): _price(model, pair) for model, pair in given.items()}


def _price(model: object, pair: Any) -> Price:
    numbers = pair if isinstance(pair, list) and len(pair) == 2 else ()
    sound = [n for n in numbers if isinstance(n, int | float) and not isinstance(n, bool) and 0 <= n < 1e6]
    if len(sound) != 2:
        raise ValueError(f"the price of {model} is not [input, output], in dollars for a million tokens")
    return Price(*(Decimal(str(number)) for number in sound))
