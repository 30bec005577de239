"""Asking one model for one draft: within its budget, in the way that its server understands.

How a server wants to be asked is in ``dialects``: the Responses API first (``responses``), and chat completions with
the same schema where a server does not know that (``chat``). A question passes ``attempts`` and the circuit breaker on
its way to the ``transport``; ``refusals`` says what a failure means.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self

from workflows.planning import chat, responses
from workflows.planning.attempts import persist
from workflows.planning.breaker import breaker_for
from workflows.planning.calls import Call, Reply
from workflows.planning.config import PlannerSettings
from workflows.planning.dialects import first_dialect, longest_answer, recalled, remember
from workflows.planning.failures import PlannerAnswerBad, PlannerError
from workflows.planning.ledger import Ledger
from workflows.planning.refusals import Refused, is_free, meaning
from workflows.planning.transport import Transport


class ModelClient:
    """Asks one model for one draft; holds a connection until it is left.

    Everything that is asked is counted in ``ledger`` and noted there, failures too.
    """

    def __init__(self, settings: PlannerSettings, ledger: Ledger) -> None:
        self._settings, self._ledger = settings, ledger
        self._breaker = breaker_for(settings.base_url)
        known = recalled(settings.base_url, settings.model, settings.api)
        self._dialect, self._has_worked = known or first_dialect(settings.api), known is not None
        self._room: int | None = None  # tokens that an answer may have beside the prompt that is asked now
        self._transport = Transport(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.close()

    def ask(self, call: Call) -> Reply:
        """Put a question, with up to ``attempts.ATTEMPTS`` attempts.

        Raises:
            PlannerUnavailable: the service could not be asked, or the budget does not allow it.
            PlannerAnswerBad: it refused, was cut off, or its answer is not of the protocol's form.
        """
        body = {"max_output_tokens": self._ledger.allow(call.text), **call.kept}
        began = time.monotonic()
        noted: dict[str, Any] = {"purpose": call.purpose, "request": body}
        try:
            reply = self._understood(call, body)
        except PlannerError as error:
            self._note(noted, {"error": self._told(error)}, None, began)
            raise
        is_believed = self._ledger.answered(reply.model, call.text, reply.text, reply.used)
        used = reply.used if is_believed else None
        response: dict[str, Any] = {"text": reply.text}
        if reply.problem is not None:
            response["error"] = self._told(reply.problem)
        self._note({**noted, "model": reply.model}, response, used, began)
        if reply.problem is not None:
            raise reply.problem
        return reply

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Whatever is found wrong with the last answer within is noted with it."""
        try:
            yield
        except PlannerAnswerBad as error:
            self._ledger.blame(error.code, error.message)
            raise

    def _note(
        self, noted: dict[str, Any], response: dict[str, Any], used: tuple[int, int] | None, began: float
    ) -> None:
        given, taken = used or (0, 0)
        seconds = round(time.monotonic() - began, 3)
        self._ledger.note(
            {
                **noted,
                "api": self._dialect.api,
                "form": self._dialect.form,
                "response": response,
                "seconds": seconds,
                "input_tokens": given,
                "output_tokens": taken,
            }
        )

    def _told(self, error: PlannerError) -> dict[str, str]:
        return {"code": error.code, "message": error.message.replace(self._settings.api_key, "[KEY]")}

    def _understood(self, call: Call, body: dict[str, Any]) -> Reply:
        """Ask in the way that the service understands, found out by what it refuses."""
        first: Refused | None = None
        self._room = None
        while True:
            try:
                reply = persist(partial(self._attempt, call, body), lambda: self._ledger.seconds_left)
            except Refused as refused:
                if self._shortened(refused, body["max_output_tokens"]):
                    continue
                # An API that has answered is there: what it refuses now is this request.
                may_change_api = self._settings.api == "auto" and (refused.is_missing or not self._has_worked)
                other = self._dialect.after(refused.status, refused.said, may_change_api=may_change_api)
                if other is None:
                    self._forget(refused)
                    # That there are no chat completions either says less than why the other API refused.
                    is_lesser = first is not None and refused.is_missing and not first.is_missing
                    raise (first if first is not None and is_lesser else refused).error from refused
                self._dialect, first = other, first or refused
            else:
                remember(self._settings.base_url, self._settings.model, self._dialect)
                self._has_worked = True
                return reply

    def _shortened(self, refused: Refused, asked: int) -> bool:
        """Whether the answer was allowed to be longer than the model or its context can have, and is not any more."""
        longest = longest_answer(refused.status, refused.said, asked)
        if longest is None or (longest.is_guess and self._dialect.most is not None):
            return False
        if longest.of_context:
            self._room = longest.tokens
        else:
            self._dialect = replace(self._dialect, most=longest.tokens)
        return True

    def _forget(self, refused: Refused) -> None:
        """A server that has lost the API by which it was asked is asked anew the next time."""
        if refused.is_missing:
            remember(self._settings.base_url, self._settings.model, None)

    def _attempt(self, call: Call, body: dict[str, Any]) -> Reply:
        """Send once, counted; ``body`` is told how long the answer may be."""
        self._ledger.ensure_call()
        body["max_output_tokens"] = most = self._allowed(call)
        with self._breaker.guard():
            self._ledger.begin(call.text, most)
            timeout = min(self._settings.timeout, self._ledger.seconds_left)
            try:
                return self._transport.within(timeout, lambda: self._sent(call, most))
            except Exception as error:
                (self._ledger.refused if is_free(error) else self._ledger.lost)()
                meant = meaning(error)
                if meant is error:
                    raise
                raise meant from error

    def _sent(self, call: Call, most: int) -> Reply:
        sdk, model = self._transport.sdk, self._settings.model
        if self._dialect.api == "responses":
            return responses.ask(sdk, model, call, most)
        return chat.ask(sdk, model, call, most, self._dialect)

    def _allowed(self, call: Call) -> int:
        """The most tokens that the answer may have, by the budget and by what the model can."""
        limits = (self._ledger.allow(call.text), self._dialect.most, self._room)
        return min(limit for limit in limits if limit is not None)
