"""The differences between two texts of a plan as English sentences, for staff."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mudda.strictjson import quoted
from workflows.plan.changes import Change
from workflows.plan.references import BadReference, Reference, as_text, parse
from workflows.plan.wording import describe, time_in_words
from workflows.plan.wording import render as condition

SHOWN = 160
"""Characters of a value that a sentence shows; the whole one stands in the change."""

_FIELDS = {
    "workflow_name": "the name", "steps": "the list of steps", "activity_id": "what is done",
    "needs": "what it waits for",
    "when": "the condition", "requires_approval": "who is asked first", "due": "the time it has",
    "overdue": "what happens when it is late", "timeout": "the time limit", "retry": "how it is tried again",
    "on_failure": "what happens when it fails", "compensate": "what undoes it", "policies": "the policies it cites",
    "schema_version": "the version of the language", "step_id": "the id",
}  # fmt: skip


def render(changes: Iterable[Change], titles: Mapping[str, str] | None = None) -> list[str]:
    """A sentence for each change, in order.

    Args:
        titles: Step titles by id, to name steps by their words; see ``titles_of``.
    """
    return [sentence(change, titles) for change in changes]


def titles_of(*documents: object) -> dict[str, str]:
    """Step titles by id of plans that may be broken; where they differ, the last one's."""
    found: dict[str, str] = {}
    for document in documents:
        steps = document.get("steps") if isinstance(document, dict) else None
        for step in steps if isinstance(steps, list) else ():
            step_id, title = (
                (step.get("step_id"), step.get("title")) if isinstance(step, dict) else (None, None)
            )
            if isinstance(step_id, str) and isinstance(title, str):
                found[step_id] = title
    return found


def sentence(change: Change, titles: Mapping[str, str] | None = None) -> str:
    """One change in words, with a full stop."""
    known = titles or {}
    if not change.step:
        return _capital(f"{_change_of(change, change.field or 'plan', known)}.")
    name = quoted(change.title or change.step, SHOWN)
    match change.kind:
        case "added":
            return f"New step {change.place}: {name}{_what(change.after)}{_after(change.after, known)}."
        case "removed":
            return f"The step {name}{_what(change.before)} is gone."
        case "moved":
            return f"{name} moved from place {change.before} to place {change.after}."
        case "renamed":
            return f"{name} has another id: {change.after} instead of {change.before}."
    return f"{name}: {_change_of(change, change.field or 'step', known)}."


def _change_of(change: Change, field: str, known: Mapping[str, str]) -> str:
    label = label_of(field)
    before, after = (value_in_words(field, value, known) for value in (change.before, change.after))
    if change.before is None:
        return f"{label} is new: {after}"
    if change.after is None:
        return f"{label} is gone: it was {before}"
    return f"{label} is now {after}, and was {before}"


def label_of(field: str) -> str:
    """A change's ``field`` in words: ``inputs/message`` is "the message"."""
    if field in _FIELDS:
        return _FIELDS[field]
    first, *rest = (part.replace("~1", "/").replace("~0", "~") for part in field.split("/"))
    names = [name.replace("_", " ") for name in rest]
    if first == "inputs" and names:
        return "the " + " ".join(names)
    label = _FIELDS.get(first, "the " + first.replace("_", " "))
    return f"{label} ({' '.join(names)})" if names else label


def value_in_words(field: str, value: Any, known: Mapping[str, str], longest: int = SHOWN) -> str:
    """A value of ``field``, in words where words are more than JSON, cut to ``longest`` characters."""
    if field == "when" and value is not None:
        return quoted(condition(value, known), longest)
    if field == "needs" and isinstance(value, list):
        named = [quoted(known.get(one, one) if isinstance(one, str) else _json(one)) for one in value]
        return ", ".join(named) or "nothing"
    if field == "requires_approval" and isinstance(value, dict):
        return _approval(value, longest)
    if field in ("overdue", "retry") and isinstance(value, dict):
        return _parts(value, longest)
    value = time_in_words(field.rpartition("/")[2], value)
    if isinstance(value, str):
        return quoted(text_in_words(value, known), longest)
    return "nothing" if value is None else _json(value, longest)


def _approval(value: Mapping[str, Any], longest: int) -> str:
    group = value.get("group")
    who = group if isinstance(group, str) and group else "whoever the catalogue names"
    eyes = ", four eyes" if value.get("four_eyes") is True else ""
    reason = value.get("reason")
    return f"{who}{eyes}" + (f" ({quoted(reason, longest)})" if isinstance(reason, str) and reason else "")


def _parts(value: Mapping[str, Any], longest: int) -> str:
    """What a plan says of retries, or of what is late: ``remind 1 working hour, then wait``."""
    said = ((name.replace("_", " "), time_in_words(name, part)) for name, part in value.items())
    text = ", ".join(f"{name} {part if isinstance(part, str) else _json(part)}" for name, part in said)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def text_in_words(value: str, known: Mapping[str, str]) -> str:
    """A text with what will be filled in named in words."""
    try:
        parts = parse(value)
    except BadReference:
        return value
    return "".join(f"<{describe(part, known)}>" if isinstance(part, Reference) else part for part in parts)


def _json(value: Any, longest: int = SHOWN) -> str:
    try:
        text = as_text(value)
    except ValueError:
        return "a value that cannot be shown"
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _what(step: Any) -> str:
    activity = step.get("activity_id") if isinstance(step, dict) else None
    return f" ({activity.replace('_', ' ')})" if isinstance(activity, str) else ""


def _after(step: Any, known: Mapping[str, str]) -> str:
    needs = step.get("needs") if isinstance(step, dict) else None
    return f", after {value_in_words('needs', needs, known)}" if isinstance(needs, list) and needs else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
