"""The form in which the model answers, and how the answer is read.

Strict structured output asks that every property is required and no object is open. A plan's ``inputs``
(free names, any JSON value) and ``when`` (a tree of any depth) do not fit that, so the model writes
``inputs`` as a list of ``{name, value_json}`` and the condition as JSON text. One object type a activity
with typed inputs was turned down: references such as ``{{ issue.address }}`` may stand where numbers and
booleans do, questions have free names, and a city's own activities bring schemas that the strict subset
cannot express. What the form cannot hold, validation finds, and its problems go back to the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mudda import strictjson
from workflows.plan.catalogue import GROUPS, Catalogue
from workflows.plan.problems import Problem
from workflows.planning.base import URGENCIES

ANSWER_NAME = "plan_draft"

_TEXT = {"type": "string"}


def answer_schema(catalogue: Catalogue, categories: Sequence[str]) -> dict[str, Any]:
    """Return the JSON Schema of an answer: only activities, groups and categories that exist can be named."""
    step = _closed(
        {
            "step_id": _TEXT,
            "activity_id": {"type": "string", "enum": list(catalogue)},
            "title": _TEXT,
            "reason": _TEXT,
            "needs": {"type": "array", "items": _TEXT},
            "when_json": _or_null(_TEXT),
            "requires_approval": _or_null(
                _closed(
                    {
                        "group": {"type": "string", "enum": list(GROUPS)},
                        "reason": _TEXT,
                        "due": _or_null(_TEXT),
                        "four_eyes": {"type": "boolean"},
                    }
                )
            ),
            "due": _or_null(_TEXT),
            "on_failure": {"type": "string", "enum": ["fail", "continue"]},
            "inputs": {"type": "array", "items": _closed({"name": _TEXT, "value_json": _TEXT})},
        }
    )
    facts = _closed(
        {
            "category": {"type": "string", "enum": list(categories)},
            "confidence": {"type": "number"},
            "place": _TEXT,
            "urgency": {"type": "string", "enum": list(URGENCIES)},
        }
    )
    plan = _closed({"workflow_name": _TEXT, "description": _TEXT, "steps": {"type": "array", "items": step}})
    return _closed({"facts": facts, "plan": plan})


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def read_plan(answered: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Turn the ``plan`` of an answer into a plan document.

    Tolerant of whatever a server that does not enforce the schema lets through: what is not of the expected
    form is passed on as it is, for validation to name.

    Returns:
        The document, and the problems of the JSON texts in it, with pointers into the document.
    """
    problems: list[Problem] = []
    document = {"schema_version": 1, **{key: value for key, value in answered.items() if key != "steps"}}
    steps = answered.get("steps")
    if isinstance(steps, list):
        document["steps"] = [_step(step, f"/steps/{index}", problems) for index, step in enumerate(steps)]
    elif steps is not None:
        document["steps"] = steps
    return document, problems


def _step(answered: object, pointer: str, problems: list[Problem]) -> object:
    if not isinstance(answered, dict):
        return answered
    step = {key: value for key, value in answered.items() if key not in ("when_json", "inputs")}
    for absent in ("requires_approval", "due"):
        if step.get(absent, "") is None:
            del step[absent]
    if step.get("on_failure") == "fail":
        del step["on_failure"]  # the default
    if isinstance(step.get("requires_approval"), dict):
        step["requires_approval"] = {k: v for k, v in step["requires_approval"].items() if v is not None}
    condition = answered.get("when_json")
    if condition is not None:
        step["when"] = _json(condition, f"{pointer}/when", problems)
    if "inputs" in answered:
        step["inputs"] = _inputs(answered["inputs"], f"{pointer}/inputs", problems)
    return step


def _inputs(answered: object, pointer: str, problems: list[Problem]) -> object:
    if not isinstance(answered, list):
        return answered
    inputs: dict[str, Any] = {}
    for item in answered:
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str) or "value_json" not in item:
            problems.append(Problem(pointer, "wrong_type", "An input is not a name with a value_json."))
        elif name in inputs:
            problems.append(
                Problem(below(pointer, name), "duplicate_key", f"The input {name[:60]!r} is given twice.")
            )
        else:
            inputs[name] = _json(item["value_json"], below(pointer, name), problems)
    return inputs


def _json(text: object, pointer: str, problems: list[Problem]) -> Any:
    if not isinstance(text, str):
        return text
    value, found = strictjson.loads(text)
    problems += [
        Problem(pointer + problem.pointer, problem.code, problem.message, "Write the value as JSON.")
        for problem in found
    ]
    return value


def below(pointer: str, name: str) -> str:
    """Return the JSON pointer of the member ``name`` of what ``pointer`` points at."""
    return f"{pointer}/" + name.replace("~", "~0").replace("/", "~1")
