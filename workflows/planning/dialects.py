"""What a server understands of OpenAI's protocol: which API, and how the length and the form of an answer are asked.

It is found out by asking: what a server refuses is asked in another way. A process remembers what worked for a
server and a model, so that only the first draft pays for finding out.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Literal, get_args

Api = Literal["responses", "chat.completions"]
ApiChoice = Literal["auto", "responses", "chat"]
API_CHOICES: tuple[ApiChoice, ...] = get_args(ApiChoice)

NO_SUCH_API = (404, 405, 501)
_BAD_REQUEST = (400, 422)
_FORM_WORDS = ("response_format", "json_schema", "json schema", "strict")


@dataclass(frozen=True)
class Dialect:
    """One way to ask. ``limit`` and ``form`` are of chat completions: the Responses API has one name for each.

    ``json_object`` is for servers without structured output: the schema stands in the prompt then.
    """

    api: Api = "responses"
    limit: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    form: Literal["json_schema", "json_object"] = "json_schema"

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
