"""References in a plan: ``{{ issue.address }}``, ``{{ data.priority }}``, ``{{ steps.assess.severity }}``.

A string that is one reference and nothing else takes the value with its type; inside other text the
value is written as text. ``{{{{`` writes two literal braces. A value that isn't there is never an empty
string and never the literal braces: it is ``MissingValue``.

Loads inside Temporal's sandbox: standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from mudda.strictjson import child, quoted
from workflows.plan.canonical import canonical_text, number_text

Because = Literal["skipped", "failed", "absent"]

ROOTS = ("issue", "data", "steps")
MAX_RESOLVED = 1024 * 1024
"""Characters that the references of one step may bring in together: half of Temporal's payload limit."""

STORED = "$stored"
"""The one key of what stands for a value that is too large to be carried along: ``{"$stored": <where it is>}``."""

_PATH = re.compile(r"\s*([\w-]+(?:\.[\w-]+)*)\s*")


@dataclass(frozen=True)
class Reference:
    """``path`` is the reference in parts: ``("steps", "assess", "severity")``."""

    path: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.path)


class BadReference(ValueError):
    """A text has braces that are no reference; the message says what is wrong."""


class MissingValue(Exception):
    """A reference has no value.

    Attributes:
        path: The reference, dotted.
        because: ``skipped`` or ``failed`` when its step was, else ``absent``.
    """

    def __init__(self, path: str, because: Because = "absent") -> None:
        super().__init__(f"{path} has no value ({because})")
        self.path = path
        self.because: Because = because


class TooLong(ValueError):
    """The references of one step bring in more than ``MAX_RESOLVED`` characters, or a condition compares a value that
    is too large to be carried along."""


@dataclass(frozen=True)
class Values:
    """What references are resolved against.

    Attributes:
        issue: The issue, frozen at launch. Roles (``reporter``, ``department``) are opaque text.
        data: The caller's ``execution_data``.
        output_of: A step's output by step id; raises MissingValue when it has none.
    """

    issue: Mapping[str, Any]
    data: Mapping[str, Any]
    output_of: Callable[[str], Any]

    def lookup(self, reference: Reference) -> Any:
        """The value. Raises MissingValue."""
        path = reference.path
        root, at = path[0], 1
        value: Any
        if root == "steps" and len(path) > 1:
            value, at = self.output_of(path[1]), 2
        elif root == "issue" or root == "data":
            value = self.issue if root == "issue" else self.data
        else:
            raise MissingValue(str(reference))
        for part in path[at:]:
            if type(value) is dict and part in value:
                value = value[part]
            elif root == "steps" and is_stored(value):
                value = {STORED: f"{value[STORED]}/{part}"}  # whether it is there is found where it is read
            else:
                value = member(value, part, str(reference))
        return value


def member(value: Any, part: str, reference: str) -> Any:
    """The member of an object, or the item of a list, that is called ``part``.

    Raises:
        MissingValue: there is none; it names ``reference``.
    """
    if isinstance(value, Mapping) and part in value:
        return value[part]
    if isinstance(value, list) and part.isascii() and part.isdigit() and int(part) < len(value):
        return value[int(part)]
    raise MissingValue(reference)


def is_stored(value: Any) -> bool:
    """Whether a value only stands for one that is carried elsewhere."""
    return type(value) is dict and len(value) == 1 and type(value.get(STORED)) is str


@lru_cache(maxsize=2048)
def parse(text: str) -> tuple[str | Reference, ...]:
    """The text in order as literal pieces and references; no two literal pieces follow each other.

    Raises:
        BadReference: braces that are neither a reference nor ``{{{{``.
    """
    parts: list[str | Reference] = []
    literal, position = "", 0
    while (opening := text.find("{{", position)) >= 0:
        literal += text[position:opening]
        if text.startswith("{{{{", opening):
            literal, position = literal + "{{", opening + 4
            continue
        reference, position = _reference_at(text, opening)
        parts += [literal, reference] if literal else [reference]
        literal = ""
    literal += text[position:]
    return (*parts, literal) if literal or not parts else tuple(parts)


def _reference_at(text: str, opening: int) -> tuple[Reference, int]:
    closing = text.find("}}", opening + 2)
    if closing < 0:
        raise BadReference(f"{quoted(text[opening:])} has no closing braces.")
    found = _PATH.fullmatch(text, opening + 2, closing)
    if found is None:
        raise BadReference(f"{quoted(text[opening : closing + 2])} is not a reference.")
    return Reference(tuple(found[1].split("."))), closing + 2


def whole(text: str) -> Reference | None:
    """The reference when the text is one reference and nothing else. Raises BadReference."""
    parts = parse(text) if "{{" in text else ()
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Reference) else None


def has_reference(value: object) -> bool:
    """Whether any string in the value has braces that aren't literal ones (broken ones included)."""
    if isinstance(value, str) and "{{" not in value:
        return False
    return any(True for _ in find(value))


def find(value: object, pointer: str = "") -> Iterator[tuple[str, bool, Reference | BadReference]]:
    """Every reference in the strings of a JSON value, in document order.

    Yields:
        The string's pointer, whether the string is that reference and nothing else, and the reference
        (or what is wrong with it).
    """
    texts: list[tuple[_Way, str]] = []
    _texts_with_braces(value, (), texts)
    for way, text in texts:
        here = _pointer(pointer, way)
        try:
            parts = parse(text)
        except BadReference as error:
            yield here, False, error
            continue
        for part in parts:
            if isinstance(part, Reference):
                yield here, len(parts) == 1, part


_Way = tuple[Any, ...]
"""The way down to a value as (way to its parent, key), () for the value itself: cheaper than a pointer, and
most strings have no braces."""


def _texts_with_braces(value: object, way: _Way, found: list[tuple[_Way, str]]) -> None:
    if isinstance(value, str):
        if "{{" in value:
            found.append((way, value))
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, dict | list) or (isinstance(item, str) and "{{" in item):
                _texts_with_braces(item, (way, key), found)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict | list) or (isinstance(item, str) and "{{" in item):
                _texts_with_braces(item, (way, index), found)


def _pointer(pointer: str, way: _Way) -> str:
    return child(_pointer(pointer, way[0]), way[1]) if way else pointer


def resolve(value: Any, values: Values) -> Any:
    """The value with every reference replaced; the argument isn't changed.

    Raises:
        MissingValue: a reference has no value, or is null inside other text.
        BadReference: never for a plan that validates.
        TooLong: the references bring in more than ``MAX_RESOLVED`` characters.
    """
    if type(value) is str and "{{" not in value:
        return value
    return _resolve(value, values, [MAX_RESOLVED])


def _resolve(value: Any, values: Values, room: list[int]) -> Any:
    # By type: plans are JSON, and inside Temporal's sandbox each isinstance costs more than all else here.
    kind = type(value)
    if kind is str:
        return _resolve_text(value, values, room) if "{{" in value else value
    if kind is dict:
        return {key: _resolve(item, values, room) for key, item in value.items()}
    if kind is list:
        return [_resolve(item, values, room) for item in value]
    return value


def _resolve_text(text: str, values: Values, room: list[int]) -> Any:
    parts = parse(text)
    if len(parts) == 1 and type(parts[0]) is Reference:
        found = values.lookup(parts[0])
        _take(room, len(found) if type(found) is str else _size(found))
        return found
    written = []
    for part in parts:
        if isinstance(part, str):
            written.append(part)
            continue
        found = values.lookup(part)
        if found is None:
            raise MissingValue(str(part))
        text = found if type(found) is str else as_text(found)
        _take(room, len(text))
        written.append(text)
    return "".join(written)


def _size(value: Any) -> int:
    return len(canonical_text(value)) if isinstance(value, dict | list) else 8


def _take(room: list[int], size: int) -> None:
    room[0] -= size
    if room[0] < 0:
        raise TooLong(f"The values that this step reads are longer than {MAX_RESOLVED} characters together.")


def as_text(value: Any) -> str:
    """A value as it is written inside other text: yes and no for booleans, commas between the parts of a
    plain list, canonical JSON for anything deeper."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, list) and not any(isinstance(item, dict | list) or item is None for item in value):
        return ", ".join(as_text(item) for item in value)
    return canonical_text(value)
