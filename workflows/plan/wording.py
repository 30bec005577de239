"""Conditions and references as English sentences, for staff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mudda.strictjson import quoted
from workflows.plan.comparing import BadCondition, pair, several, single, timestamp
from workflows.plan.durations import in_words, working_in_words
from workflows.plan.references import BadReference, Reference, as_text, parse

_VERBS = {
    "eq": "is", "ne": "is not", "lt": "is less than", "lte": "is at most",
    "gt": "is more than", "gte": "is at least", "in": "is one of",
}  # fmt: skip
_TIME_VERBS = {"lt": "is before", "lte": "is no later than", "gt": "is after", "gte": "is no earlier than"}

_TIMES = {
    "due": working_in_words, "remind": working_in_words,
    "timeout": in_words, "initial": in_words, "max_interval": in_words, "for": in_words,
}  # fmt: skip


def time_in_words(name: str, value: Any) -> Any:
    """The value of a field whose durations the language knows, in words; every other value as it is."""
    return _TIMES[name](value) if name in _TIMES and isinstance(value, str) else value


def render(condition: object, titles: Mapping[str, str] | None = None) -> str:
    """The condition as an English sentence without a full stop, for staff.

    Args:
        condition: Also a broken one; what isn't understood is shown as JSON.
        titles: Step titles by id, to name steps by their words.
    """
    return _render(condition, titles or {}, nested=False)


def _render(condition: object, titles: Mapping[str, str], *, nested: bool) -> str:
    try:
        operator, operand = single(condition)
        if operator in ("all", "any"):
            parts = [_render(part, titles, nested=True) for part in several(operand)]
            sentence = (" and " if operator == "all" else " or ").join(parts)
            return f"({sentence})" if nested and len(parts) > 1 else sentence
        if operator == "not":
            return f"not ({_render(operand, titles, nested=False)})"
        if operator == "exists":
            return f"{_words(operand, titles)} is known"
        left, right = pair(operand)
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
    if isinstance(value, int | float):
        return _number(value)
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


def _number(value: float) -> str:
    try:
        return as_text(value)
    except ValueError:
        return "a number that cannot be kept"


def _json(value: object) -> str:
    try:
        return quoted(as_text(value), 200)
    except ValueError:
        return "a condition that cannot be shown"
