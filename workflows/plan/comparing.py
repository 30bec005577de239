"""Comparing JSON values without coercion: what conditions rest on.

Loads inside Temporal's sandbox: standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

EQUALITY = ("eq", "ne")
ORDERING = ("lt", "lte", "gt", "gte")
COMPARISONS = (*EQUALITY, *ORDERING, "in")
OPERATORS = ("all", "any", "not", "exists", *COMPARISONS)

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)

Kinds = frozenset[str]
"""What a side may be: some of null, boolean, number, text, list, object."""


class BadCondition(ValueError):
    """A condition cannot be decided: wrong form, or values that cannot be compared."""


def timestamp(text: object) -> datetime | None:
    """The moment of an RFC 3339 timestamp, None for anything else."""
    if not isinstance(text, str) or not _TIMESTAMP.fullmatch(text.upper()):
        return None
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        return None


_KINDS: dict[type, str] = {
    type(None): "null", bool: "boolean", int: "number", float: "number", str: "text", list: "list", dict: "object",
}  # fmt: skip


def kind_of(value: object) -> str:
    """null, boolean, number, text, list or object."""
    # By type: inside Temporal's sandbox each isinstance costs more than a whole comparison.
    return _KINDS.get(type(value)) or _kind_of_heir(value)


def _kind_of_heir(value: object) -> str:
    """Of what inherits from JSON's types, such as a member of a StrEnum."""
    return next((kind for known, kind in _KINDS.items() if isinstance(value, known)), "object")


def same(left: Any, right: Any) -> bool:
    """Equality of JSON values: ``1`` is ``1.0`` but never ``true``, at any depth."""
    kind = kind_of(left)
    if type(left) is not type(right) and kind != kind_of(right):
        return False
    if kind == "list":
        return len(left) == len(right) and all(map(same, left, right))
    if kind == "object":
        return bool(left.keys() == right.keys()) and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


_KINDS_OF_TYPE = {
    "null": "null", "boolean": "boolean", "number": "number", "integer": "number",
    "string": "text", "array": "list", "object": "object",
}  # fmt: skip


def kinds_of_schema(schema: Mapping[str, Any] | None) -> Kinds | None:
    """The kinds that a JSON Schema's ``type`` allows; None when it doesn't say."""
    types = schema.get("type") if schema is not None else None
    if types is None:
        return None
    return frozenset(_KINDS_OF_TYPE[t] for t in ([types] if isinstance(types, str) else types))


def single(condition: object) -> tuple[str, Any]:
    if isinstance(condition, dict) and len(condition) == 1:
        operator, operand = next(iter(condition.items()))
        if operator in OPERATORS:
            return operator, operand
    raise BadCondition("A condition is an object with one of: " + ", ".join(OPERATORS) + ".")


def several(operand: object) -> list[Any]:
    if not isinstance(operand, list) or not operand:
        raise BadCondition("all and any take a list of at least one condition.")
    return operand


def pair(operand: object) -> list[Any]:
    if not isinstance(operand, list) or len(operand) != 2:
        raise BadCondition("A comparison takes a list of two sides.")
    return operand


def a_kind(kind: str) -> str:
    return {"object": "an object", "null": "null", "text": "text"}.get(kind, f"a {kind}")
