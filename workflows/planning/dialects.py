"""What a server understands of OpenAI's protocol: which API, and how the length and the form of an answer are asked.

It is found out by asking: what a server refuses is asked in another way. A process remembers what worked for a
server and a model, so that only the first draft pays for finding out.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, replace
from typing import Literal, get_args

Api = Literal["responses", "chat.completions"]
ApiChoice = Literal["auto", "responses", "chat"]
API_CHOICES: tuple[ApiChoice, ...] = get_args(ApiChoice)

NO_SUCH_API = (404, 405, 501)
_BAD_REQUEST = (400, 422)
_LENGTH_WORDS = (
    "max_output_tokens",
    "max_completion_tokens",
    "max_tokens",
    "completion tokens",
    "output tokens",
)
_TOO_LONG = re.compile(
    r"too (?:large|long|high|big|many)|at most|maximum|exceed|above|less than|lower than|valid range|>"
)
_CONTEXT = re.compile(r"context (?:length|window)\D{0,40}?(\d[\d,]*)")
_PROMPT = re.compile(
    r"(\d[\d,]*) (?:input tokens|(?:tokens )?(?:in|from|of) (?:the |your )?(?:messages|prompt|input))"
)
_NUMBER = re.compile(r"(?<![\w.-])(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)")
SHORT_ANSWER = 4_000  # tokens that every model can answer with; a plan of 20 steps
LEAST_ANSWER = 1_000  # tokens; with less there is no plan: not worth asking
_FORM_WORDS = ("response_format", "json_schema", "json schema", "strict")


@dataclass(frozen=True)
class Dialect:
    """One way to ask. ``limit`` and ``form`` are of chat completions: the Responses API has one name for each.

    ``most`` is the longest answer that the model can give, in tokens, once it has refused a longer one.
    ``json_object`` is for servers without structured output: the schema stands in the prompt then.
    """

    api: Api = "responses"
    limit: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    form: Literal["json_schema", "json_object"] = "json_schema"
    most: int | None = None

    def after(self, status: int, said: str, *, may_change_api: bool) -> Dialect | None:
        """The way to try when this one was refused; None when it is not to blame.

        Args:
            status: of the refusal; 200 where a server said in an answer's place that it does not know the address.
            said: all that the refusal says, in lower case.
        """
        is_about_request = status in (*_BAD_REQUEST, 200)
        if self.api == "responses":
            other = replace(self, api="chat.completions")
            return other if may_change_api and (is_about_request or status in NO_SUCH_API) else None
        if is_about_request and self.limit == "max_completion_tokens" and self.limit in said:
            return replace(self, limit="max_tokens")
        if is_about_request and self.form == "json_schema" and any(word in said for word in _FORM_WORDS):
            return replace(self, form="json_object")
        return None


@dataclass(frozen=True)
class Longest:
    """How long an answer may be, in tokens: of any prompt, or (``of_context``) beside the one that was sent."""

    tokens: int
    of_context: bool = False
    is_guess: bool = False


def longest_answer(status: int, said: str, asked: int) -> Longest | None:
    """How long the answer may be by a refusal that is about its length; None when it is about something else.

    Args:
        said: all that the refusal says, in lower case.
        asked: tokens that the answer was allowed to have.
    """
    if status not in (*_BAD_REQUEST, 200) or not _TOO_LONG.search(said):
        return None
    context, prompt = _CONTEXT.search(said), _PROMPT.search(said)
    if context and prompt:
        room = _count(context[1]) - _count(prompt[1])
        return Longest(room, of_context=True) if LEAST_ANSWER <= room < asked else None
    if context or not any(word in said for word in _LENGTH_WORDS):
        return None
    stated = [_count(number[0]) for number in _NUMBER.finditer(said)]
    possible = [tokens for tokens in stated if LEAST_ANSWER <= tokens < asked]
    if possible:
        return Longest(max(possible))
    return Longest(SHORT_ANSWER, is_guess=True) if asked > SHORT_ANSWER else None


def _count(number: str) -> int:
    return int(number.replace(",", "")[:12])


_known: dict[tuple[str, str], Dialect] = {}
_lock = threading.Lock()


def first_dialect(choice: ApiChoice) -> Dialect:
    """How a server is asked that nothing is known of."""
    return Dialect("chat.completions" if choice == "chat" else "responses")


def recalled(base_url: str, model: str, choice: ApiChoice) -> Dialect | None:
    """How this server and model were asked with success the last time, if ``choice`` allows that still."""
    with _lock:
        known = _known.get((base_url, model))
    is_allowed = known is not None and (choice == "auto" or known.api == first_dialect(choice).api)
    return known if is_allowed else None


def remember(base_url: str, model: str, dialect: Dialect | None) -> None:
    """Keep how this server and model were asked with success; None: what was known does not hold any more."""
    with _lock:
        if dialect is None:
            _known.pop((base_url, model), None)
        else:
            _known[base_url, model] = dialect


def forget_dialects() -> None:
    """Begin anew with every server, as after a start of the process."""
    with _lock:
        _known.clear()
