"""Talking to OpenAI, or to any server that speaks its protocol.

The Responses API is asked first; a server that does not know it (404, 405, 501) is asked through chat completions
with the same schema, for the rest of the draft without being asked twice.

The SDK's own retries are off. It sleeps for as long as ``Retry-After`` says, up to two minutes, whatever a draft
may take; its timeout is for each read, so an answer that drips has no end; and a breaker would see nothing of the
attempts. What is retried is the same: connection errors, 408, 409, 429 and 5xx, with jitter.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Literal, Self, cast

import httpx2
import openai
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from workflows.planning.breaker import Down, Resting, breaker_for
from workflows.planning.config import PlannerSettings
from workflows.planning.failures import PlannerAnswerBad, PlannerError, PlannerUnavailable
from workflows.planning.ledger import Ledger
from workflows.planning.text import clean

ATTEMPTS = 3  # of one request
LONGEST_BODY = 4 * 1024 * 1024  # bytes of an answer, before it is read as JSON
FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0  # seconds; doubled each time, of which jitter takes up to a half

_NO_SUCH_API = (404, 405, 501)
_PASSING = (408, 409, 429)

Api = Literal["responses", "chat.completions"]
Purpose = Literal["choose", "write", "correct", "revise"]


@dataclass(frozen=True)
class Call:
    """One question. ``messages`` are ``{"role", "content"}``; ``schema`` is the strict form of the answer."""

    purpose: Purpose
    instructions: str
    messages: tuple[dict[str, str], ...]
    name: str
    schema: dict[str, Any]

    @property
    def text(self) -> str:
        """All that is sent, to reckon its tokens by."""
        said = "".join(message["content"] for message in self.messages)
        return self.instructions + said + json.dumps(self.schema)


@dataclass(frozen=True)
class Reply:
    """``used`` are input and output tokens, None when the server does not say; ``problem`` is why there is no
    answer although there was a reply."""

    text: str
    api: Api
    model: str
    used: tuple[int, int] | None
    problem: PlannerError | None = None


class _ServiceDown(Down):
    """An attempt failed in a way that may pass. ``wait`` is what the service asks for, in seconds."""

    def __init__(
        self, error: PlannerUnavailable, wait: float | None = None, *, is_final: bool = False
    ) -> None:
        super().__init__(error.code)
        self.error, self.rest, self.is_final = error, wait, is_final


class ModelClient:
    """Asks one model for one draft; holds a connection until it is left.

    Everything that is asked is counted in ``ledger`` and noted there, failures too.
    """

    def __init__(self, settings: PlannerSettings, ledger: Ledger) -> None:
        self._settings, self._ledger = settings, ledger
        self._breaker = breaker_for(settings.base_url)
        self._api: Api = "responses"
        self._until = 0.0
        self._http = openai.DefaultHttpxClient(event_hooks={"response": [self._bound]})
        self._client = openai.OpenAI(
            api_key=settings.api_key, base_url=settings.base_url, max_retries=0, http_client=self._http
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def ask(self, call: Call) -> Reply:
        """Put a question, with up to ``ATTEMPTS`` attempts.

        Raises:
            PlannerUnavailable: the service could not be asked, or the budget does not allow it.
            PlannerAnswerBad: it refused, was cut off, or its answer is not of the protocol's form.
        """
        body = {"max_output_tokens": self._ledger.allow(call.text), **_said(call)}
        began = time.monotonic()
        noted: dict[str, Any] = {"purpose": call.purpose, "request": body}
        try:
            reply = self._through_either(call, body["max_output_tokens"])
        except PlannerError as error:
            self._note(noted, {"error": self._told(error)}, None, began)
            raise
        self._ledger.count_tokens(reply.model, call.text, reply.text, reply.used)
        response: dict[str, Any] = {"text": reply.text}
        if reply.problem is not None:
            response["error"] = self._told(reply.problem)
        self._note({**noted, "model": reply.model}, response, reply.used, began)
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
                "api": self._api,
                "response": response,
                "seconds": seconds,
                "input_tokens": given,
                "output_tokens": taken,
            }
        )

    def _told(self, error: PlannerError) -> dict[str, str]:
        return {"code": error.code, "message": error.message.replace(self._settings.api_key, "[KEY]")}

    def _through_either(self, call: Call, most: int) -> Reply:
        if self._api == "responses":
            try:
                return self._attempts(lambda: self._responses(call, most))
            except openai.APIStatusError as error:
                if error.status_code not in _NO_SUCH_API:
                    raise _unavailable(error) from error
                self._api = "chat.completions"
        try:
            return self._attempts(lambda: self._chat(call, most))
        except openai.APIStatusError as error:
            raise _unavailable(error) from error

    def _attempts(self, send: Callable[[], Reply]) -> Reply:
        """Send until it works or will not. Raises APIStatusError for a refusal that does not pass."""
        last: PlannerUnavailable | None = None
        for number in range(1, ATTEMPTS + 1):
            try:
                return self._attempt(send)
            except Resting as resting:
                raise last or _resting(resting) from resting
            except _ServiceDown as down:
                last = down.error
                wait = _backoff(number) if down.rest is None else down.rest
                if number == ATTEMPTS or down.is_final or wait >= self._ledger.seconds_left:
                    raise last from down
            time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, send: Callable[[], Reply]) -> Reply:
        self._ledger.ensure_call()
        with self._breaker.guard():
            self._ledger.count_call()
            timeout = min(self._settings.timeout, self._ledger.seconds_left)
            self._until = time.monotonic() + timeout
            self._client.timeout = timeout
            try:
                return send()
            except openai.APIStatusError as error:
                if error.status_code in _PASSING or error.status_code >= 500 and error.status_code != 501:
                    raise _ServiceDown(
                        _unavailable(error), _asked_wait(error), is_final=_is_final(error)
                    ) from error
                raise
            except openai.APIConnectionError as error:
                raise _ServiceDown(_unavailable(error)) from error
            except openai.OpenAIError as error:
                raise _unavailable(error) from error
            except (ValueError, TypeError, AttributeError, KeyError) as error:
                # The SDK does not check bodies: a proxy's own page or half an object surfaces as one of these.
                raise _junk("The service's answer is not of the protocol's form.") from error

    def _bound(self, response: httpx2.Response) -> None:
        """Let no answer take longer, or be larger, than an attempt may."""
        response.stream = _Bounded(cast(httpx2.SyncByteStream, response.stream), self._until)

    def _responses(self, call: Call, most: int) -> Reply:
        response = self._client.responses.create(
            model=self._settings.model,
            instructions=call.instructions,
            input=cast(Any, list(call.messages)),
            text={
                "format": {"type": "json_schema", "name": call.name, "schema": call.schema, "strict": True}
            },
            max_output_tokens=most,
            store=False,
        )
        if not isinstance(response, Response):
            raise _junk("The service's answer is not JSON.")
        usage = response.usage
        return Reply(
            text=_responses_text(response),
            api="responses",
            model=clean(str(response.model), 100),
            used=_used(usage.input_tokens, usage.output_tokens) if usage else None,
            problem=_responses_problem(response),
        )

    def _chat(self, call: Call, most: int) -> Reply:
        completion = self._client.chat.completions.create(
            model=self._settings.model,
            messages=cast(Any, [{"role": "system", "content": call.instructions}, *call.messages]),
            response_format={
                "type": "json_schema",
                "json_schema": {"name": call.name, "schema": call.schema, "strict": True},
            },
            max_completion_tokens=most,
        )
        if not isinstance(completion, ChatCompletion):
            raise _junk("The service's answer is not JSON.")
        usage = completion.usage
        text: object = completion.choices[0].message.content or "" if completion.choices else ""
        if not isinstance(text, str):
            raise _junk("The service's answer holds no text.")
        return Reply(
            text=text,
            api="chat.completions",
            model=clean(str(completion.model), 100),
            used=_used(usage.prompt_tokens, usage.completion_tokens) if usage else None,
            problem=_chat_problem(completion),
        )


class _Bounded(httpx2.SyncByteStream):
    """A body that ends with an error when it is too late or too large."""

    def __init__(self, body: httpx2.SyncByteStream, until: float) -> None:
        self._body, self._until = body, until

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._body:
            size += len(chunk)
            if time.monotonic() > self._until:
                raise httpx2.ReadTimeout("the answer did not end in time")
            if size > LONGEST_BODY:
                raise _junk(f"The service's answer has more than {LONGEST_BODY} bytes.")
            yield chunk

    def close(self) -> None:
        self._body.close()


def _said(call: Call) -> dict[str, Any]:
    form = {"name": call.name, "schema": call.schema}
    return {"instructions": call.instructions, "messages": list(call.messages), "form": form}


def _used(given: object, taken: object) -> tuple[int, int] | None:
    sound = [n for n in (given, taken) if isinstance(n, int) and not isinstance(n, bool) and n >= 0]
    return (sound[0], sound[1]) if len(sound) == 2 else None


# --- what was answered ------------------------------------------------------------------------------


def _parts(response: Response) -> list[Any]:
    return [part for item in response.output or () if item.type == "message" for part in item.content or ()]


def _responses_text(response: Response) -> str:
    return "".join(part.text for part in _parts(response) if part.type == "output_text")


def _responses_problem(response: Response) -> PlannerError | None:
    if response.error is not None:
        return PlannerUnavailable("planner_failed", f"{response.error.code}: {response.error.message}")
    refusal = next((part.refusal for part in _parts(response) if part.type == "refusal"), None)
    if refusal is not None:
        return PlannerAnswerBad("answer_refused", f"The model refused: {refusal}")
    if response.status == "incomplete":
        return _incomplete(response.incomplete_details.reason if response.incomplete_details else None)
    if response.status in ("failed", "cancelled"):
        return PlannerUnavailable("planner_failed", f"The service ended the request as {response.status}.")
    return None


def _chat_problem(completion: ChatCompletion) -> PlannerError | None:
    if not completion.choices:
        return None
    choice = completion.choices[0]
    if choice.message.refusal:
        return PlannerAnswerBad("answer_refused", f"The model refused: {choice.message.refusal}")
    return _incomplete(choice.finish_reason) if choice.finish_reason in ("length", "content_filter") else None


def _incomplete(reason: str | None) -> PlannerAnswerBad:
    if reason == "content_filter":
        return PlannerAnswerBad("answer_refused", "The service's content filter stopped the answer.")
    return PlannerAnswerBad("answer_cut_off", f"The answer was cut off ({reason or 'no reason given'}).")


def _junk(message: str) -> PlannerAnswerBad:
    return PlannerAnswerBad("answer_junk", message)


# --- what went wrong --------------------------------------------------------------------------------


def _backoff(number: int) -> float:
    longest: float = min(FIRST_WAIT * 2 ** (number - 1), LONGEST_WAIT)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - so that drafts don't all come back at once


def _asked_wait(error: openai.APIStatusError) -> float | None:
    """Seconds that the service asks to wait (``Retry-After`` as seconds or a date), None when it doesn't."""
    headers = error.response.headers
    for name, divisor in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            wait = float(headers.get(name, "")) / divisor
        except ValueError:
            continue
        return wait if wait > 0 else None
    try:
        until = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    moment = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) or None


def _is_final(error: openai.APIStatusError) -> bool:
    """Whether the service says that trying again is of no use: an account without money does not fill itself."""
    return error.code == "insufficient_quota" or error.response.headers.get("x-should-retry") == "false"


def _resting(resting: Resting) -> PlannerUnavailable:
    return PlannerUnavailable(
        "planner_resting",
        f"The service failed repeatedly and is left alone for {resting.seconds:.0f} s more.",
    )


def _unavailable(error: openai.OpenAIError) -> PlannerUnavailable:
    """Name the failure without repeating a key: OpenAI's own 401 text quotes a part of it."""
    if isinstance(error, openai.APITimeoutError):
        return PlannerUnavailable("planner_timeout", "The service did not answer in time.")
    if isinstance(error, openai.APIConnectionError):
        return PlannerUnavailable("planner_unreachable", "The service could not be reached.")
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return PlannerUnavailable(
            "planner_key_refused", f"The service refused the key ({error.status_code})."
        )
    if isinstance(error, openai.RateLimitError):
        if error.code == "insufficient_quota":
            return PlannerUnavailable("planner_quota_spent", "The account's budget at the service is spent.")
        return PlannerUnavailable("planner_rate_limited", "The service asks to wait (429).")
    if isinstance(error, openai.NotFoundError):
        return PlannerUnavailable(
            "planner_not_found", "The service knows neither API or not this model (404)."
        )
    if isinstance(error, openai.APIStatusError) and error.status_code < 500:
        return PlannerUnavailable(
            "planner_request_refused", f"The service refused the request ({error.status_code})."
        )
    if isinstance(error, openai.APIStatusError):
        return PlannerUnavailable("planner_failed", f"The service failed ({error.status_code}).")
    return PlannerUnavailable("planner_failed", type(error).__name__)
