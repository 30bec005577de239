"""A quick yes for literal values that plainly satisfy a schema.

``jsonschema`` takes about half a millisecond for one inspection's questions, and most values are good. This
knows the keywords that the core catalogue uses; whatever else a schema says is left to ``jsonschema``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from workflows.plan.comparing import same, timestamp

_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}

Check = Callable[[Any, Any, dict[str, Any]], bool]
"""(value, what the keyword says, the whole schema) -> surely satisfied."""


def surely_good(value: Any, schema: Any) -> bool:
    """True only when the value satisfies the schema; False says nothing."""
    if not isinstance(schema, dict):
        return schema is True
    for keyword, wanted in schema.items():
        check = _CHECKS.get(keyword)
        if check is None or not check(value, wanted, schema):
            return False
    return True


def _type(value: Any, wanted: Any, _: dict[str, Any]) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    return any(_TYPES[name](value) for name in names if name in _TYPES)


def _required(value: Any, wanted: Any, _: dict[str, Any]) -> bool:
    return not isinstance(value, dict) or all(name in value for name in wanted)


def _properties(value: Any, wanted: Any, _: dict[str, Any]) -> bool:
    if not isinstance(value, dict):
        return True
    return all(surely_good(value[name], inner) for name, inner in wanted.items() if name in value)


def _additional(value: Any, wanted: Any, schema: dict[str, Any]) -> bool:
    if not isinstance(value, dict) or "patternProperties" in schema:
        return not isinstance(value, dict)
    known = schema.get("properties", {})
    return all(surely_good(item, wanted) for name, item in value.items() if name not in known)


def _items(value: Any, wanted: Any, schema: dict[str, Any]) -> bool:
    if not isinstance(value, list):
        return True
    return "prefixItems" not in schema and all(surely_good(item, wanted) for item in value)


def _unique(value: Any, wanted: Any, _: dict[str, Any]) -> bool:
    if not wanted or not isinstance(value, list):
        return True
    return all(isinstance(item, str) for item in value) and len(set(value)) == len(value)


def _names(value: Any, wanted: Any, _: dict[str, Any]) -> bool:
    return not isinstance(value, dict) or all(surely_good(name, wanted) for name in value)


def _not(value: Any, wanted: Any, _: dict[str, Any]) -> bool:
    # Only the one form in which "does not satisfy" is as plain as "satisfies".
    return isinstance(wanted, dict) and wanted.keys() == {"enum"} and not _enum(value, wanted["enum"], wanted)


def _if(value: Any, wanted: Any, schema: dict[str, Any]) -> bool:
    if surely_good(value, wanted):
        return surely_good(value, schema.get("then", True))
    return _surely_another(value, wanted) and surely_good(value, schema.get("else", True))


def _surely_another(value: Any, wanted: Any) -> bool:
    """Whether a constant property that the schema asks for is there with another value."""
    if not isinstance(value, dict) or not isinstance(wanted, dict):
        return False
    constants = {name: inner for name, inner in wanted.get("properties", {}).items() if "const" in inner}
    return any(name in value and not same(value[name], inner["const"]) for name, inner in constants.items())


def _dependent(value: Any, wanted: Any, _: dict[str, Any]) -> bool:
    if not isinstance(value, dict):
        return True
    return all(surely_good(value, inner) for name, inner in wanted.items() if name in value)


def _const(value: Any, wanted: Any, _: dict[str, Any]) -> bool:
    return same(value, wanted)


def _enum(value: Any, wanted: Any, _: dict[str, Any]) -> bool:
    return any(same(value, one) for one in wanted)


def _pattern(value: Any, wanted: Any, _: dict[str, Any]) -> bool:
    return not isinstance(value, str) or re.search(wanted, value) is not None


def _format(value: Any, wanted: Any, _: dict[str, Any]) -> bool:
    return not isinstance(value, str) or (wanted == "date-time" and timestamp(value) is not None)


def _nothing(value: Any, wanted: Any, _: dict[str, Any]) -> bool:
    return True


def _length(kind: type[str | list[Any] | dict[str, Any]], sign: int) -> Check:
    return lambda value, wanted, _: not isinstance(value, kind) or sign * len(value) >= sign * wanted


def _measure(holds: Callable[[Any, Any], bool]) -> Check:
    return lambda value, wanted, _: not _TYPES["number"](value) or holds(value, wanted)


_CHECKS: dict[str, Check] = {
    "type": _type, "required": _required, "properties": _properties, "additionalProperties": _additional,
    "items": _items, "uniqueItems": _unique, "propertyNames": _names, "not": _not, "enum": _enum,
    "const": _const, "if": _if, "then": _nothing, "else": _nothing, "dependentSchemas": _dependent,
    "pattern": _pattern, "format": _format, "title": _nothing, "description": _nothing,
    "x-literal": _nothing, "x-group": _nothing, "x-role": _nothing, "x-uploads": _nothing,
    "minLength": _length(str, 1), "maxLength": _length(str, -1),
    "minItems": _length(list, 1), "maxItems": _length(list, -1),
    "minProperties": _length(dict, 1), "maxProperties": _length(dict, -1),
    "minimum": _measure(lambda value, wanted: value >= wanted),
    "maximum": _measure(lambda value, wanted: value <= wanted),
    "exclusiveMinimum": _measure(lambda value, wanted: value > wanted),
    "exclusiveMaximum": _measure(lambda value, wanted: value < wanted),
}  # fmt: skip
