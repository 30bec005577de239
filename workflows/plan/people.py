"""Who has a part in a step, and what they are told: read from its resolved inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workflows.plan.compiled import CompiledStep
from workflows.plan.core import ASK_REPORTER
from workflows.plan.messages import words_of
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


def messages_of(
    step: CompiledStep, inputs: dict[str, Any], issue: Mapping[str, Any], city: str
) -> Iterator[Message]:
    """The message that a step sends, for the activities of the core that send one."""
    words = words_of(step.activity_id, step.title, inputs, issue, city)
    if words is not None:
        to = tuple(dict.fromkeys(roles_of(step, inputs)))
        yield Message(step.step_id, to, words.channel, words.subject, words.text)
