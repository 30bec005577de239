"""Who has a part in a step, and what they are told: read from its resolved inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workflows.plan.compiled import CompiledStep
from workflows.plan.core import (
    ASK_REPORTER,
    DISPATCH_CREW,
    INSPECT_SITE,
    ORDER_CONTRACTOR,
    REQUEST_PHOTOS,
    SEND_NOTIFICATION,
)
from workflows.plan.simulated import Message

REPORTER = "issue.reporter"
"""The role of whoever reported the issue, as the issue's facts have it."""


def group_name(group: str) -> str:
    """A group as it is named among the people of a run."""
    return f"group:{group}"


def roles_of(step: CompiledStep, inputs: dict[str, Any]) -> Iterator[str]:
    """The roles and groups that a step's inputs name, by what its input schema says of them."""
    for name, schema in step.input_schema.get("properties", {}).items():
        given = inputs.get(name)
        if not isinstance(schema, dict) or given is None:
            continue
        for one in given if isinstance(given, list) else [given]:
            if isinstance(one, str) and schema.get("x-group"):
                yield group_name(one)
            elif isinstance(one, str) and "x-role" in schema:
                yield _role(one, schema["x-role"])
    if step.activity_id == ASK_REPORTER.activity_id:
        yield REPORTER


def _role(text: str, kind: str) -> str:
    return f"department:{text}" if kind == "department" and ":" not in text else text


def messages_of(step: CompiledStep, inputs: dict[str, Any]) -> Iterator[Message]:
    """The letter that a step sends, for the activities of the core that send one. ``subject`` is "" where the
    letter's own words are all that there is."""
    to = tuple(dict.fromkeys(roles_of(step, inputs)))
    text = {name: str(value) for name, value in inputs.items() if isinstance(value, str | int | float)}
    match step.activity_id:
        case SEND_NOTIFICATION.activity_id:
            yield Message(step.step_id, to, text.get("subject", ""), text.get("message", ""))
        case DISPATCH_CREW.activity_id:
            subject = f"[{text.get('urgency', '')}] {step.title}"
            words = f"{text.get('address', '')}\n\n{text.get('instructions', '')}"
            yield Message(step.step_id, to, subject, words)
        case INSPECT_SITE.activity_id:
            words = f"{text.get('address', '')}\n\n{_asked(inputs.get('questions'))}"
            yield Message(step.step_id, to, step.title, words)
        case ORDER_CONTRACTOR.activity_id:
            words = f"{text.get('scope', '')}\n\nCost limit: {text.get('cost_limit', '')}"
            yield Message(step.step_id, to, f"Order: {step.title}", words)
        case REQUEST_PHOTOS.activity_id:
            yield Message(step.step_id, to, "", f"Photos of: {text.get('of', '')}")
        case ASK_REPORTER.activity_id:
            yield Message(step.step_id, to, "", text.get("question", ""))


def _asked(questions: object) -> str:
    asked = questions.values() if isinstance(questions, dict) else ()
    return "\n".join(str(one.get("ask", "")) for one in asked if isinstance(one, dict))
