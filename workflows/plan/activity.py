"""What a plan may know of an activity: its words, its schemas, its limits.

Schemas are JSON Schema 2020-12 with keywords of our own, which other readers ignore:

- ``x-role``: the text is a role, never an address or a name: ``"any"`` takes ``{{ issue.reporter }}``,
  ``{{ issue.department }}`` or ``department:<code>``; ``"department"`` takes a department's bare code
  (``water``), ``department:<code>`` or ``{{ issue.department }}``.
- ``x-group``: the text is one of ``GROUPS``.
- ``x-literal``: written out in the plan, without references, because later steps are checked against it.
- ``x-uploads``: the items of this array are ids of files that were uploaded to the task; with ``x-keep-location``
  the place where they were taken is kept in them.
- ``x-adds`` on an output schema: ``{"questions": <input>}`` adds one property per question of that input;
  ``{"answer": <input>}`` types the property ``answer`` by the type that the input names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from workflows.plan.schema import GROUPS, Approval, Retry

Schema = dict[str, Any]
DoneBy = Literal["program", "person", "clock"]
Effect = Literal["none", "idempotent", "queryable", "at_most_once"]

ACTIVITY_ID = re.compile(r"[a-z][a-z0-9_]{0,62}")
ROLE_TEXT = re.compile(r"department:[a-z][a-z0-9_-]{0,62}")
DEPARTMENT_CODE = re.compile(r"[a-z][a-z0-9_-]{0,62}")

THIRTY_DAYS = 30 * 86_400

ISSUE_FIELDS: dict[str, Schema] = {
    "reference": {"type": "string"},
    "statement": {"type": "string"},
    "address": {"type": "string"},
    "urgency": {"type": "string", "enum": ["low", "normal", "high", "critical"]},
    "category": {"type": "string"},
    "department": {"type": "string", "x-role": "department"},
    "reporter": {"type": "string", "x-role": "reporter"},
    "latitude": {"type": ["number", "null"]},
    "longitude": {"type": ["number", "null"]},
    "reported_at": {"type": "string", "format": "date-time"},
}
"""The fields of the ``issue`` root that a plan may read. ``reporter`` and ``department`` are roles: text that
the activities resolve from the city's records, so they go only where a role is taken."""

ROLE_FIELDS = frozenset({"reporter", "department"})

QUESTION_TYPES = ("yes_no", "choice", "number", "text", "photos")
RESERVED_QUESTIONS = frozenset({"photos", "notes"})
"""Names that a question may not have because every inspection's output has them already."""

_ANSWERS: dict[str, Schema] = {
    "yes_no": {"type": "boolean"},
    "choice": {"type": "string"},
    "number": {"type": "number"},
    "text": {"type": "string"},
    "photos": {"type": "array", "items": {"type": "string"}, "maxItems": 20, "x-uploads": True},
}


@dataclass(frozen=True)
class ActivitySpec:
    """One kind of work.

    Attributes:
        activity_id: Name in plans, ``^[a-z][a-z0-9_]{0,62}$``.
        title: For people.
        done_by: ``program``, ``person`` or ``clock``.
        inputs: JSON Schema of an object. Inputs it doesn't name are refused.
        output: JSON Schema of an object.
        timeout_seconds: Longest single attempt (Temporal's start-to-close).
        max_timeout_seconds: The most that a plan may ask for.
        give_up_after_seconds: Longest from first scheduling to the end of the last attempt (Temporal's
            schedule-to-close). Long, so that infrastructure trouble waits rather than fails.
        heartbeat_seconds: Longest silence of a long attempt, None for short ones.
        retry: What applies when the plan doesn't say.
        max_attempts_limit: The most attempts that a plan may ask for.
        effect: What doing it twice would mean outside.
        approval: Who must agree before any such step, or None.
        local_ok: So short and harmless that it may run in the workflow's own worker.
        ends_when_told: A person's step that is complete once the person has been told; nobody answers.
        typical_seconds: Declared duration, for simulation.
        cost: Declared cost in the city's currency, for simulation and warnings.
    """

    activity_id: str
    title: str
    done_by: DoneBy
    inputs: Schema
    output: Schema
    timeout_seconds: int = 60
    max_timeout_seconds: int = 3600
    give_up_after_seconds: int = THIRTY_DAYS
    heartbeat_seconds: int | None = None
    retry: Retry = field(default_factory=Retry)
    max_attempts_limit: int = 10
    effect: Effect = "none"
    approval: Approval | None = None
    local_ok: bool = False
    ends_when_told: bool = False
    typical_seconds: int = 5
    cost: float = 0

    def to_json(self) -> dict[str, Any]:
        """Everything that matters to a plan, as JSON; the catalogue's digest is made of it."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        data["retry"] = self.retry.to_json()
        data["approval"] = self.approval and self.approval.to_json()
        return data


def output_schema(spec: ActivitySpec, inputs: Mapping[str, Any]) -> Schema:
    """The output schema of one step: the activity's, with what the step's own inputs add to it.

    Inputs that aren't as they should be leave open what they add: validation names them, and not also every
    reference to what they would have given.
    """
    adds = spec.output.get("x-adds")
    if not isinstance(adds, dict):
        return spec.output
    schema = {key: value for key, value in spec.output.items() if key != "x-adds"}
    schema["properties"] = dict(spec.output.get("properties", {}))
    if "questions" in adds:
        _add_questions(schema, inputs.get(adds["questions"]))
    if "answer" in adds:
        asked = inputs.get(adds["answer"])
        if isinstance(asked, str) and asked in _ANSWERS:
            schema["properties"]["answer"] = _ANSWERS[asked]
    return schema


def _add_questions(schema: Schema, questions: object) -> None:
    if not isinstance(questions, dict):
        schema["additionalProperties"] = True
        return
    required = list(schema.get("required", []))
    for name, question in questions.items():
        kind = question.get("type") if isinstance(question, dict) else None
        if name in RESERVED_QUESTIONS:
            continue
        known = isinstance(kind, str) and kind in _ANSWERS
        schema["properties"][name] = _answer_schema(question, str(kind)) if known else {}
        required.append(name)
    schema["required"] = required


def _answer_schema(question: dict[str, Any], kind: str) -> Schema:
    options = question.get("options")
    if kind == "choice" and isinstance(options, list) and options:
        return {"type": "string", "enum": options}
    if kind == "photos" and question.get("keep_location") is True:
        return {**_ANSWERS[kind], "x-keep-location": True}
    return _ANSWERS[kind]


__all__ = [
    "ACTIVITY_ID", "DEPARTMENT_CODE", "GROUPS", "ISSUE_FIELDS", "QUESTION_TYPES", "RESERVED_QUESTIONS",
    "ROLE_FIELDS", "ROLE_TEXT", "ActivitySpec", "DoneBy", "Effect", "Schema", "output_schema",
]  # fmt: skip
