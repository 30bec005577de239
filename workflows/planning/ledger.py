"""What one draft has used of its budget, and what was said: the planner's record."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from workflows.planning.base import PlannerRecord
from workflows.planning.config import PlannerSettings
from workflows.planning.dialects import LEAST_ANSWER
from workflows.planning.failures import PlannerUnavailable
from workflows.planning.prices import Price, price_of

MAX_OUTPUT_TOKENS = (
    16_000  # of one request; a plan of 30 steps takes about a third of it; reasoning counts too
)
LONGEST_KEPT = 200_000  # characters of one text of an exchange
_BYTES_A_TOKEN = (
    2  # text has 2.5 to 5 of them in any language; only rows of emoji or of random letters have fewer
)
_OVERHEAD = 10_000  # tokens that a server may add to a prompt of its own accord
_MOST_TIMES = (
    4  # as many tokens as were allowed: a server may not know the limit, or count its reasoning apart
)

NOTHING_SPENT = PlannerRecord()


def keep_nothing(spent: PlannerRecord) -> None:
    """The ``keep`` of a caller who does not come back after a crash."""


class Ledger:
    """Counts calls, tokens, seconds and money of one draft, and keeps its exchanges.

    What an attempt may use at most is set aside before it is sent, and settled when it has ended: so a process that
    dies in the middle of one has counted it. Every refusal is a ``PlannerUnavailable`` with the code
    ``planner_budget_spent``.

    Args:
        spent: by earlier attempts to make the same draft, which ended in a crash.
        keep: told what is spent each time that it changes, what is set aside included.
    """

    def __init__(
        self,
        settings: PlannerSettings,
        clock: Callable[[], float] = time.monotonic,
        *,
        spent: PlannerRecord = NOTHING_SPENT,
        keep: Callable[[PlannerRecord], None] = keep_nothing,
    ) -> None:
        self._settings, self._clock, self._keep = settings, clock, keep
        self._began = clock() - spent.seconds
        self._model = settings.model
        self._calls = spent.calls
        self._reported = [spent.input_tokens, spent.output_tokens]
        self._reckoned = [spent.input_tokens, spent.output_tokens]
        self._set_aside = (0, 0)
        self._exchanges: list[dict[str, Any]] = list(spent.exchanges)

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
        return self._cost_of(*self._reckoned)

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
        if allowed < LEAST_ANSWER:
            raise _spent("tokens or money")
        return allowed

    def ensure_call(self) -> None:
        """Whether one more request may be sent now."""
        if self.seconds_left <= 0:
            raise _spent(f"{self._settings.max_seconds:g} seconds")
        if self._calls >= self._settings.max_calls:
            raise _spent(f"{self._settings.max_calls} calls")

    def begin(self, prompt: str, most: int) -> None:
        """An attempt is about to be sent, whose answer may have ``most`` tokens."""
        self._calls += 1
        self._set_aside = (_tokens(prompt), most)
        self._keep(self._spent())

    def refused(self) -> None:
        """The attempt did not reach the service, or was refused by it: it cost nothing."""
        self._set_aside = (0, 0)
        self._keep(self._spent())

    def lost(self) -> None:
        """The attempt reached the service, and there is no answer to be read: it may have cost all that it might."""
        self._reckon(self._set_aside)
        self._keep(self._spent())

    def answered(self, model: str, prompt: str, answer: str, used: tuple[int, int] | None) -> bool:
        """What the attempt used: as the service reports it if that can be; else as an estimate, which only the
        budget counts. Returns whether the report is believed."""
        self._model = model or self._model
        is_believed = used is not None and self._is_plausible(prompt, answer, used)
        if used is not None and is_believed:
            self._reported = [self._reported[0] + used[0], self._reported[1] + used[1]]
            self._reckon(used)
        else:
            self._reckon((_tokens(prompt), _tokens(answer)))
        return is_believed

    def _is_plausible(self, prompt: str, answer: str, used: tuple[int, int]) -> bool:
        """No token is shorter than a byte, and nothing is read or written with none."""
        given, taken = used
        least = 1 if answer else 0
        return 1 <= given <= _size(prompt) + _OVERHEAD and least <= taken <= _MOST_TIMES * self._set_aside[1]

    def _reckon(self, used: tuple[int, int]) -> None:
        self._reckoned = [self._reckoned[0] + used[0], self._reckoned[1] + used[1]]
        self._set_aside = (0, 0)

    def note(self, exchange: dict[str, Any]) -> None:
        """Keep what was sent and what came back; masked already."""
        self._exchanges.append(_storable(exchange))
        self._keep(self._spent())

    def blame(self, code: str, message: str) -> None:
        """Say of the last exchange that its answer is of no use, and why."""
        self._exchanges[-1]["response"]["error"] = _storable({"code": code, "message": message})

    def record(self, prompt_version: str, fallback: dict[str, Any] | None = None) -> PlannerRecord:
        """All of it, as it is now."""
        return PlannerRecord(
            model=self._model,
            prompt_version=prompt_version,
            calls=self._calls,
            input_tokens=self._reported[0],
            output_tokens=self._reported[1],
            cost=self.cost,
            seconds=round(self.seconds, 3),
            exchanges=tuple(self._exchanges),
            fallback=fallback,
        )

    def _spent(self) -> PlannerRecord:
        """What the budget has lost so far: as reckoned, with what is set aside."""
        given, taken = (self._reckoned[i] + self._set_aside[i] for i in (0, 1))
        return replace(
            self.record(""), input_tokens=given, output_tokens=taken, cost=self._cost_of(given, taken)
        )

    def _cost_of(self, given: int, taken: int) -> Decimal | None:
        price = self._price()
        if price is None:
            return None if self._calls else Decimal(0)
        return price.of(given, taken).quantize(Decimal("0.000001"))

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
    return _size(text) // _BYTES_A_TOKEN + 1


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _spent(what: str) -> PlannerUnavailable:
    return PlannerUnavailable("planner_budget_spent", f"The draft's budget is spent: {what}.")
