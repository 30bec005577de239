"""What one draft has used of its budget, and what was said: the planner's record."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from workflows.planning.base import PlannerRecord
from workflows.planning.config import PlannerSettings
from workflows.planning.failures import PlannerUnavailable
from workflows.planning.prices import Price, price_of

MAX_OUTPUT_TOKENS = (
    16_000  # of one request; a plan of 30 steps takes about a third of it; reasoning counts too
)
LEAST_OUTPUT_TOKENS = 1_000  # with less there is no plan: not worth asking
LONGEST_KEPT = 200_000  # characters of one text of an exchange
_BYTES_A_TOKEN = 3  # English has about 4, other scripts have more bytes a character: errs upwards for both


class Ledger:
    """Counts calls, tokens, seconds and money of one draft, and keeps its exchanges.

    Every refusal is a ``PlannerUnavailable`` with the code ``planner_budget_spent``.
    """

    def __init__(self, settings: PlannerSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._began = clock()
        self._model = settings.model
        self._calls = 0
        self._reported = [0, 0]
        self._reckoned = [0, 0]
        self._exchanges: list[dict[str, Any]] = []

    @property
    def seconds(self) -> float:
        return self._clock() - self._began

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._settings.max_seconds - self.seconds)

    @property
    def tokens(self) -> dict[str, int]:
        return {"input": self._reported[0], "output": self._reported[1]}

    @property
    def cost(self) -> Decimal | None:
        """US dollars so far; None where the model has no price. Nothing asked costs nothing."""
        price = self._price()
        if price is None:
            return None if self._calls else Decimal(0)
        return price.of(*self._reckoned).quantize(Decimal("0.000001"))

    def allow(self, prompt: str) -> int:
        """The most tokens that the answer to ``prompt`` may have."""
        given = _tokens(prompt)
        allowed = min(MAX_OUTPUT_TOKENS, self._settings.max_tokens - sum(self._reckoned) - given)
        price = self._price()
        if price is not None:
            left = self._settings.max_cost - price.of(*self._reckoned) - price.of(given, 0)
            if left < 0:
                raise _spent("money")
            allowed = min(allowed, int(left / price.of(0, 1))) if price.output else allowed
        if allowed < LEAST_OUTPUT_TOKENS:
            raise _spent("tokens or money")
        return allowed

    def ensure_call(self) -> None:
        """Whether one more request may be sent now."""
        if self.seconds_left <= 0:
            raise _spent(f"{self._settings.max_seconds:g} seconds")
        if self._calls >= self._settings.max_calls:
            raise _spent(f"{self._settings.max_calls} calls")

    def count_call(self) -> None:
        self._calls += 1

    def count_tokens(self, model: str, prompt: str, answer: str, used: tuple[int, int] | None) -> None:
        """What an answer used: as the service reports it, else as an estimate, which only the budget counts."""
        self._model = model or self._model
        for index, number in enumerate(used or (0, 0)):
            self._reported[index] += number
        for index, number in enumerate(used or (_tokens(prompt), _tokens(answer))):
            self._reckoned[index] += number

    def note(self, exchange: dict[str, Any]) -> None:
        """Keep what was sent and what came back; masked already."""
        self._exchanges.append(_storable(exchange))

    def blame(self, code: str, message: str) -> None:
        """Say of the last exchange that its answer is of no use, and why."""
        self._exchanges[-1]["response"]["error"] = _storable({"code": code, "message": message})

    def record(self, prompt_version: str, fallback: dict[str, Any] | None = None) -> PlannerRecord:
        """All of it, as it is now."""
        record = PlannerRecord(
            model=self._model,
            prompt_version=prompt_version,
            calls=self._calls,
            input_tokens=self._reported[0],
            output_tokens=self._reported[1],
            cost=self.cost,
            seconds=round(self.seconds, 3),
            exchanges=tuple(self._exchanges),
        )
        return replace(record, fallback=fallback)

    def _price(self) -> Price | None:
        prices = self._settings.prices
        return price_of(self._model, prices) or price_of(self._settings.model, prices)


def _storable(value: Any) -> Any:
    """``value`` as JSONB takes it: no NUL, no lone surrogates, and no text without end."""
    if isinstance(value, str):
        kept = value if len(value) <= LONGEST_KEPT else value[:LONGEST_KEPT] + " ... (cut here)"
        return "".join(" " if char == "\0" or "\ud800" <= char <= "\udfff" else char for char in kept)
    if isinstance(value, dict):
        return {str(_storable(str(key))): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return value


def _tokens(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass")) // _BYTES_A_TOKEN + 1


def _spent(what: str) -> PlannerUnavailable:
    return PlannerUnavailable("planner_budget_spent", f"The draft's budget is spent: {what}.")
