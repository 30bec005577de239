"""Checks of single fields that plan and steps share: types, one-line texts, durations, groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mudda.strictjson import child, quoted
from workflows.plan.activity import ActivitySpec
from workflows.plan.catalogue import Catalogue
from workflows.plan.checks.report import Report, did_you_mean
from workflows.plan.durations import BadDuration, parse_seconds, parse_working
from workflows.plan.schema import GROUPS

_WORDS: dict[type, str] = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
_BREAKS = ("\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029")


def typed(value: object, kind: type, pointer: str, report: Report) -> bool:
    """Whether the value is of the type; ``wrong_type`` otherwise."""
    if isinstance(value, kind):
        return True
    report.error(pointer, "wrong_type", f"This must be {_WORDS[kind]}.")
    return False


def whole_number(value: object) -> bool:
    """A JSON number without a fraction; ``1.0`` is one, ``true`` is not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or value.is_integer()


def line(value: object, pointer: str, report: Report, *, longest: int = 0, empty: bool = False) -> None:
    """One line of text, not blank unless ``empty``, of at most ``longest`` characters when that isn't 0."""
    if not typed(value, str, pointer, report):
        return
    text = str(value)
    if not text.strip() and not empty:
        report.error(pointer, "bad_value", "This must not be empty.")
    if any(mark in text for mark in _BREAKS):
        report.error(pointer, "bad_value", "This must be one line.")
    if longest and len(text) > longest:
        report.error(pointer, "bad_value", f"This has {len(text)} characters; at most {longest} are allowed.")


def duration(value: object, pointer: str, report: Report, *, working: bool = False) -> int | None:
    """Seconds of a duration (minutes of a day of 24 hours when ``working``), None when it is none."""
    if not typed(value, str, pointer, report):
        return None
    try:
        if working:
            days, hours, minutes = parse_working(str(value))
            return (days * 24 + hours) * 60 + minutes
        return parse_seconds(str(value))
    except BadDuration as error:
        report.error(pointer, "bad_duration", f"{quoted(str(value))} is not a duration here. {error}")
        return None


def group(value: object, pointer: str, report: Report) -> str | None:
    """The group when it is one; ``unknown_group`` otherwise."""
    if not typed(value, str, pointer, report):
        return None
    if value in GROUPS:
        return str(value)
    message = f"There is no group {quoted(str(value))}."
    report.error(pointer, "unknown_group", message, did_you_mean(str(value), GROUPS))
    return None


def activity(data: dict[str, Any], pointer: str, catalogue: Catalogue, report: Report) -> ActivitySpec | None:
    """What the catalogue says of ``data["activity_id"]``, None when that is missing or names nothing known."""
    activity_id = data.get("activity_id")
    if "activity_id" not in data or not typed(activity_id, str, pointer, report):
        return None
    spec = catalogue.get(str(activity_id))
    if spec is None:
        message = f"There is no activity {quoted(str(activity_id))}."
        report.error(pointer, "unknown_activity", message, did_you_mean(str(activity_id), catalogue))
    return spec


def unknown_fields(data: dict[str, Any], known: Iterable[str], pointer: str, report: Report) -> None:
    """``unknown_field`` for each that isn't known."""
    names = tuple(known)
    for key in data:
        if key not in names:
            message = f"There is no field {quoted(key)} here."
            report.error(child(pointer, key), "unknown_field", message, did_you_mean(key, names))


def missing_fields(data: dict[str, Any], required: Iterable[str], pointer: str, report: Report) -> None:
    """``missing_field`` for each that isn't there."""
    for key in required:
        if key not in data:
            report.error(child(pointer, key), "missing_field", f"The field {key} is missing.")


def given(data: dict[str, Any], checks: dict[str, Callable[[Any, str], object]], pointer: str) -> None:
    """Run the check of each field that is given; null counts as left out, as in ``normalise``."""
    for key, value in data.items():
        if key in checks and value is not None:
            checks[key](value, child(pointer, key))
