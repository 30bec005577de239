"""Conditions: a closed tree that can be type-checked, evaluated, and shown to staff as a sentence.

``{"all": [...]}``, ``{"any": [...]}``, ``{"not": c}``, ``{"exists": reference}`` and
``{"eq"|"ne"|"lt"|"lte"|"gt"|"gte"|"in": [left, right]}``. No coercion: a boolean is never a number, only
values of one kind are compared (null with anything, for equality), ordering needs two numbers or two RFC
3339 timestamps. ``all`` and ``any`` stop at the first part that decides.

Loads inside Temporal's sandbox: standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from mudda.strictjson import child, quoted
from workflows.plan.references import (
    BadReference,
    MissingValue,
    Reference,
    Values,
    as_text,
    parse,
    resolve,
    whole,
)

EQUALITY = ("eq", "ne")
ORDERING = ("lt", "lte", "gt", "gte")
COMPARISONS = (*EQUALITY, *ORDERING, "in")
OPERATORS = ("all", "any", "not", "exists", *COMPARISONS)

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)

Kinds = frozenset[str]
"""What a side may be: some of null, boolean, number, text, list, object."""

SchemaOf = Callable[[Reference], dict[str, Any] | None]
"""The JSON Schema of what a reference will give, None where it cannot be known before the run."""


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


def kind_of(value: object) -> str:
    """null, boolean, number, text, list or object."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    return "list" if isinstance(value, list) else "object"


def same(left: object, right: object) -> bool:
    """Equality of JSON values: ``1`` is ``1.0`` but never ``true``, at any depth."""
    if kind_of(left) != kind_of(right):
        return False
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return left == right


# --- deciding ---------------------------------------------------------------------------------------


def evaluate(condition: Any, values: Values) -> bool:
    """Whether the condition holds.

    Raises:
        BadCondition: the values cannot be compared (or the condition has a wrong form).
        MissingValue: a side reads what is not there; ``exists`` never raises it.
    """
    operator, operand = _single(condition)
    if operator == "exists":
        return _exists(operand, values)
    if operator == "not":
        return not evaluate(operand, values)
    if operator in ("all", "any"):
        parts = (evaluate(part, values) for part in _list(operand))
        return all(parts) if operator == "all" else any(parts)
    left, right = (resolve(side, values) for side in _pair(operand))
    return _compare(operator, left, right)


def _exists(operand: object, values: Values) -> bool:
    reference = whole(operand) if isinstance(operand, str) else None
    if reference is None:
        raise BadCondition("exists takes one reference.")
    try:
        return values.lookup(reference) is not None
    except MissingValue:
        return False


def _compare(operator: str, left: Any, right: Any) -> bool:
    if operator == "in":
        if not isinstance(right, list):
            raise BadCondition(f"in needs a list on the right, not {_a(kind_of(right))}.")
        if right and not any(_comparable(left, item) for item in right):
            raise BadCondition(f"{_a(kind_of(left)).capitalize()} cannot be in this list.")
        return any(same(left, item) for item in right)
    if operator in EQUALITY:
        if not _comparable(left, right):
            kinds = f"{_a(kind_of(left))} with {_a(kind_of(right))}"
            raise BadCondition(f"{operator} cannot compare {kinds}.")
        return same(left, right) is (operator == "eq")
    return _ordered(operator, left, right)


def _comparable(left: object, right: object) -> bool:
    return kind_of(left) == kind_of(right) or left is None or right is None


def _ordered(operator: str, left: Any, right: Any) -> bool:
    if kind_of(left) == kind_of(right) == "number":
        low, high = left, right
    else:
        low, high = timestamp(left), timestamp(right)
        if low is None or high is None:
            raise BadCondition(f"{operator} needs two numbers or two timestamps.")
    if operator in ("lt", "lte"):
        return bool(low < high if operator == "lt" else low <= high)
    return bool(low > high if operator == "gt" else low >= high)


def _single(condition: object) -> tuple[str, Any]:
    if isinstance(condition, dict) and len(condition) == 1:
        operator, operand = next(iter(condition.items()))
        if operator in OPERATORS:
            return operator, operand
    raise BadCondition("A condition is an object with one of: " + ", ".join(OPERATORS) + ".")


def _list(operand: object) -> list[Any]:
    if not isinstance(operand, list) or not operand:
        raise BadCondition("all and any take a list of at least one condition.")
    return operand


def _pair(operand: object) -> list[Any]:
    if not isinstance(operand, list) or len(operand) != 2:
        raise BadCondition("A comparison takes a list of two sides.")
    return operand


def _a(kind: str) -> str:
    return {"object": "an object", "null": "null", "text": "text"}.get(kind, f"a {kind}")


# --- checking ---------------------------------------------------------------------------------------


def check(condition: object, pointer: str, schema_of: SchemaOf) -> Iterator[tuple[str, str]]:
    """Everything wrong with a condition that can be known before the run, as (pointer, message).

    Broken references are not reported here: the validation looks at every string of the plan for them.
    """
    try:
        operator, operand = _single(condition)
        here = child(pointer, operator)
        if operator in ("all", "any"):
            for index, part in enumerate(_list(operand)):
                yield from check(part, child(here, index), schema_of)
            return
        if operator == "not":
            yield from check(operand, here, schema_of)
            return
    except BadCondition as error:
        yield pointer, str(error)
        return
    if operator == "exists":
        if not isinstance(operand, str) or ("{{" not in operand) or _not_whole(operand):
            yield here, "exists takes one reference, such as {{ steps.assess.severity }}."
        return
    try:
        left, right = _pair(operand)
    except BadCondition as error:
        yield here, str(error)
        return
    message = _check_comparison(operator, _side(left, schema_of), _side(right, schema_of))
    if message:
        yield here, message


def _not_whole(text: str) -> bool:
    try:
        return whole(text) is None
    except BadReference:
        return False  # reported as bad_reference


class _Side:
    """What is known of one side: its kinds (None: nothing), its possible values, its literal value."""

    def __init__(self, kinds: Kinds | None, options: list[Any] | None = None, literal: bool = False) -> None:
        self.kinds = kinds
        self.options = options
        self.literal = literal


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


def _side(value: object, schema_of: SchemaOf) -> _Side:
    if isinstance(value, str) and "{{" in value:
        try:
            reference = whole(value)
        except BadReference:
            return _Side(None)
        if reference is None:
            literal = parse(value)
            only = literal[0] if len(literal) == 1 else None
            return _Side(frozenset({"text"}), [only] if isinstance(only, str) else None)
        schema = schema_of(reference)
        return _Side(kinds_of_schema(schema), schema.get("enum") if schema else None)
    if isinstance(value, dict | list) and "{{" in repr(value):
        return _Side(frozenset({kind_of(value)}))
    return _Side(frozenset({kind_of(value)}), [value], literal=True)


def _check_comparison(operator: str, left: _Side, right: _Side) -> str | None:
    if operator in ORDERING:
        return _check_ordering(operator, left) or _check_ordering(operator, right) or _check_same(left, right)
    if operator == "in":
        return _check_in(left, right)
    return _check_same(left, right) or _check_options(left, right.options)


def _check_ordering(operator: str, side: _Side) -> str | None:
    if side.kinds is not None and not side.kinds & {"number", "text"}:
        return f"{operator} needs two numbers or two timestamps, not {_kinds(side.kinds)}."
    if side.options and all(isinstance(o, str) and timestamp(o) is None for o in side.options):
        return f"{operator} needs two numbers or two timestamps; {quoted(side.options[0])} is neither."
    return None


def _check_same(left: _Side, right: _Side) -> str | None:
    if left.kinds is None or right.kinds is None or "null" in (left.kinds | right.kinds):
        comparable = left.kinds is None or right.kinds is None or _null_helps(left.kinds, right.kinds)
    else:
        comparable = bool(left.kinds & right.kinds)
    return None if comparable else f"{_kinds(left.kinds)} cannot be compared with {_kinds(right.kinds)}."


def _null_helps(left: Kinds, right: Kinds) -> bool:
    # A literal null may be compared with anything; a value that is only sometimes null doesn't excuse
    # comparing, for the other times, what can't be compared.
    return left == {"null"} or right == {"null"} or bool((left & right) - {"null"})


def _check_options(left: _Side, right: list[Any] | None) -> str | None:
    """A choice compared with something that isn't among its options would never be true."""
    if left.options is None or right is None:
        return None
    if any(same(a, b) for a in left.options for b in right) or None in right or None in left.options:
        return None
    if left.literal and len(right) == 1 and len(left.options) == 1:
        return None  # two literals: pointless but clear
    return f"{_listed(left.options)} is never {_listed(right)}."


def _check_in(left: _Side, right: _Side) -> str | None:
    if right.kinds is not None and "list" not in right.kinds:
        return f"in needs a list on the right, not {_kinds(right.kinds)}."
    if not right.literal or right.options is None or not isinstance(right.options[0], list):
        return None
    items = right.options[0]
    if not items:
        return "in needs a list of at least one value."
    return _check_same(left, _Side(frozenset(map(kind_of, items)))) or _check_options(left, items)


def _kinds(kinds: Kinds | None) -> str:
    return " or ".join(_a(kind) for kind in sorted(kinds or {"anything"} - {"null"}))


def _listed(options: list[Any]) -> str:
    shown = [
        quoted(as_text(option)) if isinstance(option, str) else as_text(option) for option in options[:6]
    ]
    return " or ".join(shown) + (" …" if len(options) > 6 else "")


# --- in words ---------------------------------------------------------------------------------------

_VERBS = {
    "eq": "is", "ne": "is not", "lt": "is less than", "lte": "is at most",
    "gt": "is more than", "gte": "is at least", "in": "is one of",
}  # fmt: skip
_TIME_VERBS = {"lt": "is before", "lte": "is no later than", "gt": "is after", "gte": "is no earlier than"}


def render(condition: object, titles: Mapping[str, str] | None = None) -> str:
    """The condition as an English sentence without a full stop, for staff.

    Args:
        condition: Also a broken one; what isn't understood is shown as JSON.
        titles: Step titles by id, to name steps by their words.
    """
    return _render(condition, titles or {}, nested=False)


def _render(condition: object, titles: Mapping[str, str], *, nested: bool) -> str:
    try:
        operator, operand = _single(condition)
        if operator in ("all", "any"):
            parts = [_render(part, titles, nested=True) for part in _list(operand)]
            sentence = (" and " if operator == "all" else " or ").join(parts)
            return f"({sentence})" if nested and len(parts) > 1 else sentence
        if operator == "not":
            return f"not ({_render(operand, titles, nested=False)})"
        if operator == "exists":
            return f"{_words(operand, titles)} is known"
        left, right = _pair(operand)
    except BadCondition:
        return _json(condition)
    verbs = _TIME_VERBS if timestamp(left) or timestamp(right) else {}
    return f"{_words(left, titles)} {verbs.get(operator, _VERBS[operator])} {_words(right, titles)}"


def _words(value: Any, titles: Mapping[str, str]) -> str:
    if isinstance(value, str):
        try:
            parts = parse(value)
        except BadReference:
            return quoted(value)
        if len(parts) == 1 and isinstance(parts[0], Reference):
            return describe(parts[0], titles)
        return quoted(value) if timestamp(value) is None else value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and value:
        return ", ".join(_words(item, titles) for item in value)
    return "nothing" if value is None else _json(value)


def describe(reference: Reference, titles: Mapping[str, str] | None = None) -> str:
    """A reference in words: ``the severity found in "Look at the leak"``."""
    root, *rest = reference.path
    if root == "issue":
        return "the issue's " + " ".join(rest).replace("_", " ")
    if root == "steps" and rest:
        title = quoted((titles or {}).get(rest[0], rest[0]))
        found = " ".join(rest[1:]).replace("_", " ")
        return f"the {found} found in {title}" if found else f"the result of {title}"
    return f"the given {' '.join(rest).replace('_', ' ')}" if rest else str(reference)


def _json(value: object) -> str:
    try:
        return quoted(as_text(value), 200)
    except ValueError:
        return "a condition that cannot be shown"
