"""One question to a model and what is answered to it, whatever protocol they travel by."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from workflows.planning.dialects import Api
from workflows.planning.failures import PlannerAnswerBad, PlannerError

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

    @property
    def kept(self) -> dict[str, Any]:
        """The question as the record of a draft keeps it: the same whatever protocol it was put in."""
        form = {"name": self.name, "schema": self.schema}
        return {"instructions": self.instructions, "messages": list(self.messages), "form": form}


@dataclass(frozen=True)
class Reply:
    """``used`` are input and output tokens, None when the server does not say; ``problem`` is why there is no
    answer although there was a reply."""

    text: str
    api: Api
    model: str
    used: tuple[int, int] | None
    problem: PlannerError | None = None


def used_tokens(given: object, taken: object) -> tuple[int, int] | None:
    """What a server says that it has read and written; None where that is no count."""
    sound = [n for n in (given, taken) if isinstance(n, int) and not isinstance(n, bool) and n >= 0]
    return (sound[0], sound[1]) if len(sound) == 2 else None


def incomplete(reason: str | None) -> PlannerAnswerBad:
    """Why an answer ended before its end, by the protocols' own word for it."""
    if reason == "content_filter":
        return PlannerAnswerBad("answer_refused", "The service's content filter stopped the answer.")
    return PlannerAnswerBad("answer_cut_off", f"The answer was cut off ({reason or 'no reason given'}).")


def model_refused(words: str) -> PlannerAnswerBad:
    """The model will not answer, and says so in ``words``."""
    return PlannerAnswerBad("answer_refused", f"The model refused: {words}")


def junk(message: str) -> PlannerAnswerBad:
    """What came is not of the protocol's form."""
    return PlannerAnswerBad("answer_junk", message)
