"""A plausible value for a JSON Schema: what simulation assumes of a step that nobody has answered for."""

from __future__ import annotations

from typing import Any

DEEPEST = 20
EXAMPLE_TIME = "2026-01-01T09:00:00Z"
EXAMPLE_TEXT = "…"


def example(schema: object, now: str = EXAMPLE_TIME, depth: int = 0) -> Any:
    """A value made from the schema, the same each time.

    The schema's own ``const``, ``default`` or first of ``examples`` or ``enum``; else true, the least number
    allowed (1 where nothing is said), ``…``, the least number of items, and every property of an object, so that
    what reads an optional one finds it. It satisfies the schemas of the core catalogue; a pattern, a condition
    or a circle in a city's own schema is beyond it.

    Args:
        schema: JSON Schema 2020-12; anything else counts as no constraint.
        now: RFC 3339, for texts with the format ``date-time``.
    """
    if not isinstance(schema, dict) or depth > DEEPEST:
        return None
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    for keyword in ("examples", "enum"):
        if schema.get(keyword):
            return schema[keyword][0]
    for keyword in ("anyOf", "oneOf"):
        if schema.get(keyword) and "type" not in schema:
            return example(schema[keyword][0], now, depth + 1)
    kind = _kind(schema)
    if kind == "object":
        return {name: example(inner, now, depth + 1) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema.get("items"), now, depth + 1) for _ in range(schema.get("minItems", 0))]
    if kind == "string":
        return (
            now if schema.get("format") == "date-time" else EXAMPLE_TEXT * max(1, schema.get("minLength", 1))
        )
    if kind in ("integer", "number"):
        return _number(schema, kind)
    return True if kind == "boolean" else None


def _kind(schema: dict[str, Any]) -> str | None:
    kinds = schema.get("type")
    if isinstance(kinds, list):
        kinds = next((kind for kind in kinds if kind != "null"), None)
    if kinds is None and "properties" in schema:
        return "object"
    return kinds if isinstance(kinds, str) else None


def _number(schema: dict[str, Any], kind: str) -> float:
    least = schema.get("minimum")
    above = schema.get("exclusiveMinimum")
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    if least is not None:
        return float(least) if kind == "number" and least != int(least) else int(least)
    if above is not None:
        return int(above) + 1 if most is None or int(above) + 1 < most else (above + most) / 2
    return 1 if most is None or most > 1 else int(most) - 1
