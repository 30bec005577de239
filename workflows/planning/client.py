"""Talking to OpenAI, or to any server that speaks its protocol.

How a server wants to be asked is in ``dialects``: the Responses API first, and chat completions with the same schema
where a server does not know that.

The SDK's own retries are off. It sleeps for as long as ``Retry-After`` says, up to two minutes, whatever a draft
may take; its timeouts are for each read, so an answer that drips has no end (``line`` cuts it); and a breaker would
see nothing of the attempts. What is retried is the same: connection errors, 408, 409, 429 and 5xx, with jitter.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Literal, NoReturn, Self, cast

import httpx2
import openai
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from workflows.planning.breaker import Down, Resting, breaker_for
from workflows.planning.config import PlannerSettings
from workflows.planning.dialects import (
    NO_SUCH_API,
    Api,
    first_dialect,
    longest_answer,
    recalled,
    remember,
)
from workflows.planning.failures import PlannerAnswerBad, PlannerError, PlannerUnavailable
from workflows.planning.ledger import Ledger
from workflows.planning.line import Late, Line
from workflows.planning.text import clean

ATTEMPTS = 3  # of one request
LONGEST_BODY = 4 * 1024 * 1024  # bytes of an answer, before it is read as JSON
FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0  # seconds; doubled each time, of which jitter takes up to a half

_PASSING = (408, 409, 429)
_UNREACHED = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)

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


class _Refused(Exception):
    """The service refuses the request for good: with ``status``, and in the words ``said``."""

    def __init__(self, error: PlannerUnavailable, status: int, said: str) -> None:
        super().__init__(error.code)
        self.error, self.status, self.said = error, status, said.lower()
        self.is_missing = status in NO_SUCH_API


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
        self._line = Line()
        self._http = openai.DefaultHttpxClient(
            event_hooks={"request": [self._follow], "response": [self._bound]}
        )
        self._client = openai.OpenAI(
            api_key=settings.api_key, base_url=settings.base_url, max_retries=0, http_client=self._http
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self._line.close()

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
        first: _Refused | None = None
        self._room = None
        while True:
            try:
                reply = self._attempts(call, body)
            except _Refused as refused:
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

    def _shortened(self, refused: _Refused, asked: int) -> bool:
        """Whether the answer was allowed to be longer than the model or its context can have, and is not any more."""
        longest = longest_answer(refused.status, refused.said, asked)
        if longest is None or (longest.is_guess and self._dialect.most is not None):
            return False
        if longest.of_context:
            self._room = longest.tokens
        else:
            self._dialect = replace(self._dialect, most=longest.tokens)
        return True

    def _forget(self, refused: _Refused) -> None:
        """A server that has lost the API by which it was asked is asked anew the next time."""
        if refused.is_missing:
            remember(self._settings.base_url, self._settings.model, None)

    def _attempts(self, call: Call, body: dict[str, Any]) -> Reply:
        """Send until it works or will not.

        Raises:
            _Refused: the service refuses in a way that does not pass.
        """
        last: PlannerUnavailable | None = None
        for number in range(1, ATTEMPTS + 1):
            try:
                return self._attempt(call, body)
            except Resting as resting:
                raise last or _resting(resting) from resting
            except _ServiceDown as down:
                last = down.error
                wait = _backoff(number) if down.rest is None else down.rest
                if number == ATTEMPTS or down.is_final or wait >= self._ledger.seconds_left:
                    raise last from down
            time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, call: Call, body: dict[str, Any]) -> Reply:
        self._ledger.ensure_call()
        body["max_output_tokens"] = most = self._allowed(call)
        with self._breaker.guard():
            self._ledger.begin(call.text, most)
            timeout = min(self._settings.timeout, self._ledger.seconds_left)
            self._until = time.monotonic() + timeout
            self._client.timeout = timeout
            try:
                return self._line.within(timeout, lambda: self._sent(call, most))
            except Exception as error:
                self._failed(error)

    def _allowed(self, call: Call) -> int:
        """The most tokens that the answer may have, by the budget and by what the model can."""
        limits = (self._ledger.allow(call.text), self._dialect.most, self._room)
        return min(limit for limit in limits if limit is not None)

    def _failed(self, error: Exception) -> NoReturn:
        """Count an attempt without an answer, and say what it means."""
        if isinstance(error, _Refused | openai.APIStatusError) or not _has_reached(error):
            self._ledger.refused()
        else:
            self._ledger.lost()
        match error:
            case Late():
                raise _ServiceDown(_timeout()) from error
            case openai.APIStatusError() if error.status_code in _PASSING or _is_down(error.status_code):
                raise _ServiceDown(
                    _unavailable(error), _asked_wait(error), is_final=_is_final(error)
                ) from error
            case openai.APIStatusError():
                said = f"{error.message} {error.body}"
                raise _Refused(_unavailable(error), error.status_code, said) from error
            case openai.APIConnectionError():
                raise _ServiceDown(_unavailable(error)) from error
            case openai.OpenAIError():
                raise _unavailable(error) from error
            case ValueError() | TypeError() | AttributeError() | KeyError():
                # The SDK does not check bodies: a proxy's own page or half an object surfaces as one of these.
                raise _junk("The service's answer is not of the protocol's form.") from error
        raise error

    def _follow(self, request: httpx2.Request) -> None:
        request.extensions = {**request.extensions, "trace": self._line.trace()}

    def _sent(self, call: Call, most: int) -> Reply:
        return self._responses(call, most) if self._dialect.api == "responses" else self._chat(call, most)

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
        self._ensure_answer(response, response.output)
        usage = response.usage
        return Reply(
            text=_responses_text(response),
            api="responses",
            model=clean(str(response.model), 100),
            used=_used(usage.input_tokens, usage.output_tokens) if usage else None,
            problem=_responses_problem(response),
        )

    def _chat(self, call: Call, most: int) -> Reply:
        is_strict = self._dialect.form == "json_schema"
        strict = {
            "type": "json_schema",
            "json_schema": {"name": call.name, "schema": call.schema, "strict": True},
        }
        instructions = call.instructions if is_strict else _with_schema(call)
        create = cast(Any, self._client.chat.completions.create)  # which of its parameters differs by dialect
        completion = create(
            model=self._settings.model,
            messages=[{"role": "system", "content": instructions}, *call.messages],
            response_format=strict if is_strict else {"type": "json_object"},
            **{self._dialect.limit: most},
        )
        if not isinstance(completion, ChatCompletion):
            raise _junk("The service's answer is not JSON.")
        self._ensure_answer(completion, completion.choices)
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

    def _ensure_answer(self, answered: Any, content: object) -> None:
        """Raises _Refused for what some servers send with the status 200: an error in the place of an answer."""
        error = getattr(answered, "error", None)
        if error and not content and getattr(answered, "status", None) is None:
            said = error if isinstance(error, str) else str(getattr(error, "message", None) or error)
            told = said.replace(self._settings.api_key, "[KEY]")
            message = f"The service answered with an error: {told}"
            raise _Refused(PlannerUnavailable("planner_failed", message), 200, said)


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


def _with_schema(call: Call) -> str:
    """The instructions for a server that does not take the schema of an answer otherwise."""
    schema = json.dumps(call.schema)
    return f"{call.instructions}\nAnswer with one JSON object and nothing else. It keeps to this JSON Schema:\n{schema}"


def _has_reached(error: Exception) -> bool:
    """Whether the service may have begun to answer, which costs."""
    if isinstance(error, Late) and not error.is_sent:
        return False
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, _UNREACHED):
        cause = cause.__cause__
    return cause is None


def _is_down(status: int) -> bool:
    return status >= 500 and status != 501


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


def _timeout() -> PlannerUnavailable:
    return PlannerUnavailable("planner_timeout", "The service did not answer in time.")


def _unavailable(error: openai.OpenAIError) -> PlannerUnavailable:
    """Name the failure without repeating a key: OpenAI's own 401 text quotes a part of it."""
    if isinstance(error, openai.APITimeoutError):
        return _timeout()
    if isinstance(error, openai.APIConnectionError):
        return PlannerUnavailable("planner_unreachable", "The service could not be reached.")
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return PlannerUnavailable(
            "planner_key_refused", f"The service refused the key ({error.status_code}): see OPENAI_API_KEY."
        )
    if isinstance(error, openai.RateLimitError):
        if error.code == "insufficient_quota":
            return PlannerUnavailable("planner_quota_spent", "The account's budget at the service is spent.")
        return PlannerUnavailable("planner_rate_limited", "The service asks to wait (429).")
    if isinstance(error, openai.NotFoundError):
        return PlannerUnavailable(
            "planner_not_found",
            "The service knows neither API or not this model (404): see OPENAI_BASE_URL and OPENAI_MODEL.",
        )
    if isinstance(error, openai.APIStatusError) and error.status_code == 408:
        return _timeout()
    is_conflict = isinstance(error, openai.ConflictError)  # with something else that goes on there: it passes
    if isinstance(error, openai.APIStatusError) and error.status_code < 500 and not is_conflict:
        return PlannerUnavailable(
            "planner_request_refused", f"The service refused the request ({error.status_code})."
        )
    if isinstance(error, openai.APIStatusError):
        return PlannerUnavailable("planner_failed", f"The service failed ({error.status_code}).")
    return PlannerUnavailable("planner_failed", type(error).__name__)
