"""Drafting with OpenAI, or with any server that speaks its protocol.

The Responses API is asked first; a server that does not know it (404, 405, 501) is asked through chat
completions with the same schema. The SDK retries connection errors, 408, 409, 429 and 5xx itself, honouring
``Retry-After``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import openai
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from mudda import strictjson
from workflows.plan.catalogue import Catalogue
from workflows.plan.problems import Problem
from workflows.planning import prompts
from workflows.planning.answers import ANSWER_NAME, answer_schema, read_plan
from workflows.planning.base import URGENCIES, DraftRequest, Facts, PlannedDraft, Urgency
from workflows.planning.city import Category, Department
from workflows.planning.failures import PlannerAnswerBad, PlannerUnavailable
from workflows.planning.places import PLACE_LIMIT
from workflows.planning.text import clean

MAX_RETRIES = 2  # of one request, by the SDK
MAX_OUTPUT_TOKENS = 16_000  # a plan of 30 steps takes about a third of it; reasoning counts too
LONGEST_ANSWER = 512 * 1024  # characters; twice what a plan may have

_NO_SUCH_API = (404, 405, 501)


@dataclass(frozen=True)
class Correction:
    """An answer of the model and what was wrong with it."""

    answer: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Answer:
    """``text`` is what the model wrote; ``problems`` are those found while reading it, before validation."""

    draft: PlannedDraft
    text: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class _Reply:
    text: str
    api: str
    model: str
    input_tokens: int
    output_tokens: int


class OpenAIPlanner:
    """Asks one model. Holds no connection between calls, so it can be made for each draft.

    Args:
        timeout: Seconds for one attempt of one request.
    """

    def __init__(
        self,
        api_key: str,
        base_url: str,
        model: str,
        timeout: float,
        *,
        catalogue: Catalogue,
        departments: Sequence[Department],
        categories: Sequence[Category],
    ) -> None:
        self._api_key, self._base_url, self._model, self._timeout = api_key, base_url, model, timeout
        self._categories = [category.code for category in categories]
        self._schema = answer_schema(catalogue, self._categories)
        self._instructions = prompts.instructions(catalogue, departments, categories)

    def draft(self, request: DraftRequest) -> PlannedDraft:
        """Return the model's first draft, not validated.

        Raises:
            PlannerUnavailable: the service could not be asked.
            PlannerAnswerBad: it refused, was cut off, or answered with nothing or with junk.
        """
        return self.ask(request).draft

    def ask(self, request: DraftRequest, corrections: Sequence[Correction] = ()) -> Answer:
        """Ask once, with earlier answers and their problems. Raises as ``draft`` does."""
        reply = self._send(_messages(request, corrections))
        facts, plan = _read(reply.text)
        document, problems = read_plan(plan)
        detail = {
            "model": reply.model,
            "api": reply.api,
            "prompt_version": prompts.PROMPT_VERSION,
            "tokens": {"input": reply.input_tokens, "output": reply.output_tokens},
        }
        draft = PlannedDraft(document, self._facts(facts, request), "openai", detail)
        return Answer(draft, reply.text, tuple(problems))

    def _facts(self, answered: dict[str, Any], request: DraftRequest) -> Facts:
        category = request.category or answered.get("category")
        confidence = answered.get("confidence")
        urgency = request.urgency or answered.get("urgency")
        place = request.address or answered.get("place")
        sure = confidence if isinstance(confidence, int | float) and not isinstance(confidence, bool) else 0.0
        return Facts(
            category=category if isinstance(category, str) and category in self._categories else "other",
            confidence=1.0 if request.category else min(1.0, max(0.0, float(sure))),
            place=clean(place, PLACE_LIMIT) if isinstance(place, str) else "",
            urgency=cast(Urgency, urgency) if urgency in URGENCIES else "normal",
        )

    def _send(self, messages: list[dict[str, str]]) -> _Reply:
        try:
            with openai.OpenAI(
                api_key=self._api_key, base_url=self._base_url, timeout=self._timeout, max_retries=MAX_RETRIES
            ) as client:
                try:
                    return self._through_responses(client, messages)
                except openai.APIStatusError as error:
                    if error.status_code not in _NO_SUCH_API:
                        raise
                    return self._through_chat(client, messages)
        except openai.OpenAIError as error:
            raise _unavailable(error) from error
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            # The SDK does not check bodies: a proxy's own page or half an object surfaces as one of these.
            raise PlannerAnswerBad(
                "answer_junk", "The service's answer is not of the protocol's form."
            ) from error

    def _through_responses(self, client: openai.OpenAI, messages: list[dict[str, str]]) -> _Reply:
        response = client.responses.create(
            model=self._model,
            instructions=self._instructions,
            input=cast(Any, messages),
            text={
                "format": {"type": "json_schema", "name": ANSWER_NAME, "schema": self._schema, "strict": True}
            },
            max_output_tokens=MAX_OUTPUT_TOKENS,
            store=False,
        )
        if not isinstance(response, Response):
            raise PlannerAnswerBad("answer_junk", "The service's answer is not JSON.")
        usage = response.usage
        return _Reply(
            text=_responses_text(response),
            api="responses",
            model=clean(str(response.model), 100),
            input_tokens=usage.input_tokens if usage else 0,
            output_tokens=usage.output_tokens if usage else 0,
        )

    def _through_chat(self, client: openai.OpenAI, messages: list[dict[str, str]]) -> _Reply:
        completion = client.chat.completions.create(
            model=self._model,
            messages=cast(Any, [{"role": "system", "content": self._instructions}, *messages]),
            response_format={
                "type": "json_schema",
                "json_schema": {"name": ANSWER_NAME, "schema": self._schema, "strict": True},
            },
            max_completion_tokens=MAX_OUTPUT_TOKENS,
        )
        if not isinstance(completion, ChatCompletion):
            raise PlannerAnswerBad("answer_junk", "The service's answer is not JSON.")
        usage = completion.usage
        return _Reply(
            text=_chat_text(completion),
            api="chat.completions",
            model=clean(str(completion.model), 100),
            input_tokens=usage.prompt_tokens if usage else 0,
            output_tokens=usage.completion_tokens if usage else 0,
        )


def _messages(request: DraftRequest, corrections: Sequence[Correction]) -> list[dict[str, str]]:
    messages = [{"role": "user", "content": prompts.report(request)}]
    for correction in corrections:
        messages.append({"role": "assistant", "content": correction.answer})
        messages.append({"role": "user", "content": prompts.corrections(correction.problems)})
    return messages


def _responses_text(response: Response) -> str:
    if response.error is not None:
        raise PlannerUnavailable("planner_failed", f"{response.error.code}: {response.error.message}")
    parts = [part for item in response.output or () if item.type == "message" for part in item.content or ()]
    refusal = next((part.refusal for part in parts if part.type == "refusal"), None)
    if refusal is not None:
        raise PlannerAnswerBad("answer_refused", f"The model refused: {refusal}")
    if response.status == "incomplete":
        raise _incomplete(response.incomplete_details.reason if response.incomplete_details else None)
    if response.status in ("failed", "cancelled"):
        raise PlannerUnavailable("planner_failed", f"The service ended the request as {response.status}.")
    return "".join(part.text for part in parts if part.type == "output_text")


def _chat_text(completion: ChatCompletion) -> str:
    if not completion.choices:
        return ""
    choice = completion.choices[0]
    if choice.message.refusal:
        raise PlannerAnswerBad("answer_refused", f"The model refused: {choice.message.refusal}")
    if choice.finish_reason in ("length", "content_filter"):
        raise _incomplete(choice.finish_reason)
    return choice.message.content or ""


def _incomplete(reason: str | None) -> PlannerAnswerBad:
    if reason == "content_filter":
        return PlannerAnswerBad("answer_refused", "The service's content filter stopped the answer.")
    return PlannerAnswerBad("answer_cut_off", f"The answer was cut off ({reason or 'no reason given'}).")


def _read(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if not text.strip():
        raise PlannerAnswerBad("answer_empty", "The model answered with nothing.")
    if len(text) > LONGEST_ANSWER:
        raise PlannerAnswerBad("answer_junk", f"The answer has {len(text)} characters.")
    answered, problems = strictjson.loads(text)
    if problems:
        raise PlannerAnswerBad("answer_junk", f"The answer is not sound JSON: {problems[0].message}")
    if not isinstance(answered, dict) or not isinstance(answered.get("plan"), dict):
        raise PlannerAnswerBad("answer_junk", "The answer holds no plan.")
    facts = answered.get("facts")
    return facts if isinstance(facts, dict) else {}, answered["plan"]


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
        return PlannerUnavailable(
            "planner_rate_limited", "The service asks to wait, or the budget is spent (429)."
        )
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
