"""A condition as rows of a form: what, how, with what. A deeper one is edited as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from workflows.console.data import number
from workflows.console.offers import Offer, as_written
from workflows.plan.comparing import BadCondition, pair, single

ROWS, FEWEST_ROWS = 6, 3
"""Rows that a condition may have, and those that are offered; there is always one more than it has."""
OPERATORS = (
    ("eq", gettext_lazy("is")),
    ("ne", gettext_lazy("is not")),
    ("gt", gettext_lazy("is more than")),
    ("gte", gettext_lazy("is at least")),
    ("lt", gettext_lazy("is less than")),
    ("lte", gettext_lazy("is at most")),
    ("in", gettext_lazy("is one of")),
    ("exists", gettext_lazy("is known")),
    ("unknown", gettext_lazy("is not known")),
)
"""``unknown`` is ``exists`` denied: the one that people ask for."""
JOINS = (("all", gettext_lazy("all of these")), ("any", gettext_lazy("any of these")))
WITHOUT_VALUE = frozenset({"exists", "unknown"})
YES, NO = frozenset({"yes", "true"}), frozenset({"no", "false"})


@dataclass(frozen=True)
class Row:
    """One comparison: ``left`` is a reference as it is written, ``right`` what a person has typed."""

    left: str
    operator: str
    right: str = ""


@dataclass(frozen=True)
class Rows:
    """A condition that rows can say. ``kept`` has the very conditions that rows were read from: typing would not give
    every value back as it was."""

    join: str
    rows: tuple[Row, ...]
    kept: Mapping[Row, Any] = field(default_factory=dict)


def rows_of(condition: Any) -> Rows | None:
    """The rows that say this condition; None for one that they can't say. Nothing is lost by going through them."""
    if condition is None:
        return Rows("all", ())
    try:
        operator, operand = single(condition)
    except BadCondition:
        return None
    parts = operand if operator in {"all", "any"} and isinstance(operand, list) else [condition]
    rows = [_row(part) for part in parts]
    known = tuple(row for row in rows if row is not None)
    if len(known) != len(rows) or not 0 < len(rows) <= ROWS:
        return None
    join = operator if operator in {"all", "any"} else "all"
    return Rows(join, known, dict(zip(known, parts, strict=True)))


def _row(condition: Any) -> Row | None:
    try:
        operator, operand = single(condition)
        if operator == "not":
            operator, operand = single(operand)
            return _known(operand, "unknown") if operator == "exists" else None
        if operator == "exists":
            return _known(operand, "exists")
        left, right = pair(operand)
    except BadCondition:
        return None
    written = as_written(left)
    typed = _typed(right, operator)
    if not written or written != left or typed is None or operator not in dict(OPERATORS):
        return None
    return Row(written, operator, typed)


def _known(operand: Any, operator: str) -> Row | None:
    written = as_written(operand)
    return Row(written, operator) if written and written == operand else None


def _typed(value: Any, operator: str) -> str | None:
    """A literal as a person would type it; None for one that typing can't give."""
    if operator == "in":
        if not isinstance(value, list) or not value:
            return None
        typed = [_typed(one, "eq") for one in value]
        return None if any(one is None or "," in one for one in typed) else ", ".join(map(str, typed))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str) and value == value.strip() and value:
        return value
    return None


def condition_of(rows: Rows, offers: list[Offer]) -> Any:
    """The condition that rows say; None where there are none.

    Raises:
        ValueError: a value is missing, or isn't of the kind of what it is compared with; for the person.
    """
    kinds = {offer.text: offer.schema for offer in offers}
    parts = [rows.kept.get(row) or _part(row, kinds.get(row.left, {})) for row in rows.rows]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else {rows.join: parts}


def _part(row: Row, schema: Any) -> dict[str, Any]:
    if row.operator == "exists":
        return {"exists": row.left}
    if row.operator == "unknown":
        return {"not": {"exists": row.left}}
    if row.operator == "in":
        values = [_value(one.strip(), schema) for one in row.right.split(",") if one.strip()]
        return {"in": [row.left, values]}
    return {row.operator: [row.left, _value(row.right.strip(), schema)]}


def _value(text: str, schema: Any) -> Any:
    """What a person has typed, as the kind that it is compared with; where that isn't known, as it looks."""
    kind = schema.get("type")
    if kind == "boolean" or (kind is None and text.lower() in YES | NO):
        if text.lower() not in YES | NO:
            raise ValueError(_("Write yes or no."))
        return text.lower() in YES
    if kind in ("number", "integer") or "number" in (kind if isinstance(kind, list) else ()):
        return text if as_written(text) else number(text)
    if kind is None:
        try:
            return number(text)
        except ValueError:
            return text
    return text


__all__ = [
    "FEWEST_ROWS",
    "JOINS",
    "OPERATORS",
    "ROWS",
    "WITHOUT_VALUE",
    "Row",
    "Rows",
    "condition_of",
    "rows_of",
]
