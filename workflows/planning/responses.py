"""The Responses API: how a question is put in it, and how its answer is read."""

from __future__ import annotations

from typing import Any, cast

import openai
from openai.types.responses import Response

from workflows.planning.calls import Call, Reply, incomplete, junk, model_refused, used_tokens
from workflows.planning.failures import PlannerError, PlannerUnavailable
from workflows.planning.refusals import ensure_answer
from workflows.planning.text import clean


def ask(sdk: openai.OpenAI, model: str, call: Call, most: int) -> Reply:
    """Put ``call``, whose answer may have ``most`` tokens.

    Raises:
        openai.OpenAIError, ValueError, TypeError, AttributeError, KeyError: as the SDK does.
        Refused: an error came in the place of an answer.
        PlannerAnswerBad: what came is no JSON.
    """
    form = {"type": "json_schema", "name": call.name, "schema": call.schema, "strict": True}
    response = sdk.responses.create(
        model=model,
        instructions=call.instructions,
        input=cast(Any, list(call.messages)),
        text=cast(Any, {"format": form}),
        max_output_tokens=most,
        store=False,
    )
    if not isinstance(response, Response):
        raise junk("The service's answer is not JSON.")
    ensure_answer(response, response.output, secret=sdk.api_key)
    usage = response.usage
    return Reply(
        text="".join(part.text for part in _parts(response) if part.type == "output_text"),
        api="responses",
        model=clean(str(response.model), 100),
        used=used_tokens(usage.input_tokens, usage.output_tokens) if usage else None,
        problem=_problem(response),
    )


def _parts(response: Response) -> list[Any]:
    return [part for item in response.output or () if item.type == "message" for part in item.content or ()]


def _problem(response: Response) -> PlannerError | None:
    if response.error is not None:
        return PlannerUnavailable("planner_failed", f"{response.error.code}: {response.error.message}")
    refusal = next((part.refusal for part in _parts(response) if part.type == "refusal"), None)
    if refusal is not None:
        return model_refused(refusal)
    if response.status == "incomplete":
        return incomplete(response.incomplete_details.reason if response.incomplete_details else None)
    if response.status in ("failed", "cancelled"):
        return PlannerUnavailable("planner_failed", f"The service ended the request as {response.status}.")
    return None
