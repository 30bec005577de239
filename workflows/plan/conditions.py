"""Conditions: a closed tree that can be type-checked, evaluated, and shown to staff as a sentence.

``{"all": [...]}``, ``{"any": [...]}``, ``{"not": c}``, ``{"exists": reference}`` and
``{"eq"|"ne"|"lt"|"lte"|"gt"|"gte"|"in": [left, right]}``. No coercion: a boolean is never a number, only
values of one kind are compared (null with anything, for equality), ordering needs two numbers or two RFC
3339 timestamps. ``all`` and ``any`` stop at the first part that decides.

Loads inside Temporal's sandbox: standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workflows.plan.comparing import (
    COMPARISONS,
    EQUALITY,
    OPERATORS,
    ORDERING,
    BadCondition,
    a_kind,
    kind_of,
    pair,
    same,
    several,
    single,
    timestamp,
)
from workflows.plan.condition_types import SchemaOf, check
from workflows.plan.references import (
    MissingValue,
    Reference,
    TooLong,
    Values,
    find,
    is_stored,
    resolve,
    whole,
)
from workflows.plan.wording import describe, render

__all__ = [
    "COMPARISONS", "EQUALITY", "OPERATORS", "ORDERING",
    "BadCondition", "SchemaOf", "check", "compared", "describe", "evaluate", "render",
]  # fmt: skip

LENGTH_OF_MEMBER = 3
"""Parts of a reference to a member of an output: ``steps.look.photos``."""


def evaluate(condition: Any, values: Values) -> bool:
    """Whether the condition holds.

    Raises:
        BadCondition: the values cannot be compared (or the condition has a wrong form).
        MissingValue: a side reads what is not there; ``exists`` never raises it.
        TooLong: a side reads what is too large to be carried along (``compared`` says what has to be).
    """
    operator, operand = single(condition)
    if operator == "exists":
        return _exists(operand, values)
    if operator == "not":
        return not evaluate(operand, values)
    if operator in ("all", "any"):
        parts = (evaluate(part, values) for part in several(operand))
        return all(parts) if operator == "all" else any(parts)
    left, right = pair(operand)
    return _compare(operator, _side(left, values), _side(right, values))


def compared(conditions: Iterable[Any]) -> frozenset[tuple[str, ...]]:
    """What conditions read of steps' outputs: ``(step id, member)``, or ``(step id,)`` for the whole of one."""
    found = (reference for condition in conditions for _, _, reference in find(condition))
    return frozenset(one.path[1:3] for one in found if isinstance(one, Reference) and one.path[0] == "steps")


def _side(operand: Any, values: Values) -> Any:
    value = resolve(operand, values)
    if _stands_for_another(value):
        raise TooLong("A condition reads a value that is too large to be compared.")
    return value


def _stands_for_another(value: Any) -> bool:
    if type(value) is dict:
        return is_stored(value) or any(map(_stands_for_another, value.values()))
    return type(value) is list and any(map(_stands_for_another, value))


def _exists(operand: object, values: Values) -> bool:
    reference = whole(operand) if isinstance(operand, str) else None
    if reference is None:
        raise BadCondition("exists takes one reference.")
    try:
        found = values.lookup(reference)
    except MissingValue:
        return False
    if is_stored(found) and len(reference.path) > LENGTH_OF_MEMBER:
        raise TooLong("A condition looks into a value that is too large for it.")
    return found is not None


def _compare(operator: str, left: Any, right: Any) -> bool:
    if operator == "in":
        if not isinstance(right, list):
            raise BadCondition(f"in needs a list on the right, not {a_kind(kind_of(right))}.")
        if right and not any(_comparable(left, item) for item in right):
            raise BadCondition(f"{a_kind(kind_of(left)).capitalize()} cannot be in this list.")
        return any(same(left, item) for item in right)
    if operator in EQUALITY:
        if not _comparable(left, right):
            kinds = f"{a_kind(kind_of(left))} with {a_kind(kind_of(right))}"
            raise BadCondition(f"{operator} cannot compare {kinds}.")
        return same(left, right) is (operator == "eq")
    return _ordered(operator, left, right)


def _comparable(left: object, right: object) -> bool:
    return type(left) is type(right) or kind_of(left) == kind_of(right) or left is None or right is None


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
