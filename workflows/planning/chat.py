"""Chat completions: how a question is put in them, in the dialect that a server knows, and how the answer is read."""

from __future__ import annotations

import json
from typing import Any, cast

import openai
from openai.types.chat import ChatCompletion

from workflows.planning.calls import Call, Reply, incomplete, junk, model_refused, used_tokens
from workflows.planning.dialects import Dialect
from workflows.planning.failures import PlannerError
from workflows.planning.refusals import ensure_answer
from workflows.planning.text import clean


def ask(sdk: openai.OpenAI, model: str, call: Call, most: int, dialect: Dialect) -> Reply:
    """Put ``call``, whose answer may have ``most`` tokens, in ``dialect``.

    Raises:
        openai.OpenAIError, ValueError, TypeError, AttributeError, KeyError: as the SDK does.
        Refused: an error came in the place of an answer.
        PlannerAnswerBad: what came is no JSON, or holds no text.
    """
    is_strict = dialect.form == "json_schema"
    form = {"name": call.name, "schema": call.schema, "strict": True}
    instructions = call.instructions if is_strict else _with_schema(call)
    create = cast(Any, sdk.chat.completions.create)  # which of its parameters differs by dialect
    completion = create(
        model=model,
        messages=[{"role": "system", "content": instructions}, *call.messages],
        response_format={"type": "json_schema", "json_schema": form}
        if is_strict
        else {"type": "json_object"},
        **{dialect.limit: most},
    )
    if not isinstance(completion, ChatCompletion):
        raise junk("The service's answer is not JSON.")
    ensure_answer(completion, completion.choices, secret=sdk.api_key)
    usage = completion.usage
    text: object = completion.choices[0].message.content or "" if completion.choices else ""
    if not isinstance(text, str):
        raise junk("The service's answer holds no text.")
    return Reply(
        text=text,
        api="chat.completions",
        model=clean(str(completion.model), 100),
        used=used_tokens(usage.prompt_tokens, usage.completion_tokens) if usage else None,
        problem=_problem(completion),
    )


def _with_schema(call: Call) -> str:
    """The instructions for a server that does not take the schema of an answer otherwise."""
    schema = json.dumps(call.schema)
    return f"{call.instructions}\nAnswer with one JSON object and nothing else. It keeps to this JSON Schema:\n{schema}"


def _problem(completion: ChatCompletion) -> PlannerError | None:
    if not completion.choices:
        return None
    choice = completion.choices[0]
    if choice.message.refusal:
        return model_refused(choice.message.refusal)
    return incomplete(choice.finish_reason) if choice.finish_reason in ("length", "content_filter") else None
