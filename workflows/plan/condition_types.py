"""What can be known of a condition before the run: its form, and whether its sides can be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mudda.strictjson import child, quoted
from workflows.plan.comparing import (
    ORDERING,
    BadCondition,
    Kinds,
    a_kind,
    kind_of,
    kinds_of_schema,
    pair,
    same,
    several,
    single,
    timestamp,
)
from workflows.plan.references import BadReference, Reference, as_text, has_reference, parse, whole

SchemaOf = Callable[[Reference], dict[str, Any] | None]
"""The JSON Schema of what a reference will give, None where it cannot be known before the run."""


def check(condition: object, pointer: str, schema_of: SchemaOf) -> Iterator[tuple[str, str]]:
    """Everything wrong with a condition that can be known before the run, as (pointer, message).

    Broken references are not reported here: the validation looks at every string of the plan for them.
    """
    try:
        operator, operand = single(condition)
        here = child(pointer, operator)
        if operator in ("all", "any"):
            for index, part in enumerate(several(operand)):
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
        left, right = pair(operand)
    except BadCondition as error:
        yield here, str(error)
        return
    sides = _side(left, schema_of), _side(right, schema_of)
    message = next((side.complaint for side in sides if side.complaint), "")
    message = message or _check_comparison(operator, *sides) or ""
    if message:
        yield here, message


def _not_whole(text: str) -> bool:
    try:
        return whole(text) is None
    except BadReference:
        return False  # reported as bad_reference


@dataclass(frozen=True)
class _Side:
    """What is known of one side.

    Attributes:
        kinds: What it may be; None when nothing is known.
        options: Its possible values, one for a literal; None when they aren't known.
        literal: It is written out in the plan.
        complaint: Why it can't be compared at all, or "".
    """

    kinds: Kinds | None = None
    options: list[Any] | None = None
    literal: bool = False
    complaint: str = ""


def _side(value: object, schema_of: SchemaOf) -> _Side:
    if not has_reference(value):
        literal = parse(value)[0] if isinstance(value, str) else value
        return _Side(frozenset({kind_of(value)}), [literal], literal=True)
    if not isinstance(value, str):
        return _Side(frozenset({kind_of(value)}))
    try:
        reference = whole(value)
    except BadReference:
        return _Side()  # reported as bad_reference
    if reference is None:
        return _Side(frozenset({"text"}))
    schema = schema_of(reference) or {}
    if "x-role" in schema:
        return _Side(complaint=f"{reference} is a role: it can be asked for by exists, but not compared.")
    return _Side(kinds_of_schema(schema), schema.get("enum"))


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
    # Null may be compared with anything. A value that is only sometimes null doesn't excuse comparing, for
    # the other times, what can't be compared.
    if left.kinds is None or right.kinds is None or {"null"} in (left.kinds, right.kinds):
        return None
    if (left.kinds & right.kinds) - {"null"}:
        return None
    return f"{_kinds(left.kinds)} cannot be compared with {_kinds(right.kinds)}.".capitalize()


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
    known = sorted((kinds or frozenset()) - {"null"}) or ["null"]
    return " or ".join(a_kind(kind) for kind in known)


def _listed(options: list[Any]) -> str:
    shown = [
        quoted(as_text(option)) if isinstance(option, str) else as_text(option) for option in options[:6]
    ]
    return " or ".join(shown) + (" …" if len(options) > 6 else "")
