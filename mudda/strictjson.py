"""Strict reading of JSON: every problem at once, each with an RFC 6901 pointer.

Python's own reader accepts what PostgreSQL's JSONB refuses or silently changes (NaN, NUL, lone
surrogates, duplicate keys, integers that other readers round). Here each of these is a problem with
its place, so that nothing is stored that means something else when it is read again.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

LARGEST_INTEGER = 2**53
"""Largest whole number that every JSON reader keeps exactly (IEEE 754 double precision)."""

# The reader's C scanner is recursive; a longer literal than this cannot be within the limits anyway,
# and Python refuses to convert integers of more than 4,300 digits.
_LONGEST_NUMBER = 400


@dataclass(frozen=True)
class JsonProblem:
    """One thing wrong with a JSON text.

    Attributes:
        pointer: RFC 6901 pointer to the value ("" is the whole document).
        code: ``not_json``, ``duplicate_key``, ``bad_number``, ``bad_text`` or ``too_deep``.
        message: One sentence for the sender.
    """

    pointer: str
    code: str
    message: str


class _Members(NamedTuple):
    """The members of an object as they were written, duplicates included."""

    pairs: list[tuple[str, Any]]


class _BadNumber(NamedTuple):
    literal: str


def loads(text: str | bytes, *, max_depth: int = 32) -> tuple[Any, list[JsonProblem]]:
    """Read one JSON document.

    Args:
        text: The document; bytes must be UTF-8 (a byte order mark is ignored).
        max_depth: How many levels of objects and lists may be inside each other.

    Returns:
        The value and all problems. The value is None when the text cannot be read at all; with other
        problems it is what could be read (the last of duplicate keys, null for a bad number, nothing
        below ``max_depth``) and is not fit to be stored. Never raises for any text.
    """
    if isinstance(text, bytes | bytearray | memoryview):
        try:
            text = bytes(text).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            return None, [JsonProblem("", "not_json", f"Not UTF-8 at byte {error.start}.")]
    try:
        raw = _DECODER.decode(text)
    except RecursionError:
        return None, [JsonProblem("", "too_deep", f"More than {max_depth} levels inside each other.")]
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        return None, [JsonProblem("", "not_json", f"Not JSON: {error.msg} at {where}.")]
    problems: list[JsonProblem] = []
    return _clean(raw, "", 1, max_depth, problems), problems


def text_problem(value: str) -> str | None:
    """What keeps a text from being stored: "NUL", "lone surrogate" or None."""
    if "\x00" in value:
        return "NUL"
    if value.isascii():
        return None
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return "lone surrogate"
    return None


def child(pointer: str, key: str | int) -> str:
    """The pointer to a member; characters that cannot be sent are written as escapes."""
    if isinstance(key, int) or (key.isascii() and key.isidentifier()):
        return f"{pointer}/{key}"
    return f"{pointer}/{printable(key).replace('~', '~0').replace('/', '~1')}"


def printable(text: str) -> str:
    """The text with NUL and lone surrogates as visible ``\\uXXXX``, safe to put in a response or log."""
    if text_problem(text) is None:
        return text
    return "".join(f"\\u{ord(c):04x}" if c == "\x00" or "\ud800" <= c <= "\udfff" else c for c in text)


def quoted(text: str, longest: int = 60) -> str:
    """The text in double quotes on one line, cut to ``longest`` characters, for use in a message."""
    shown = text if len(text) <= longest else text[: longest - 1] + "…"
    return json.dumps(printable(shown), ensure_ascii=False)


def number_problem(value: float) -> str | None:
    """What keeps a number from being stored: a sentence, or None."""
    if isinstance(value, float) and not math.isfinite(value):
        return "Not a finite number."
    if abs(value) > LARGEST_INTEGER:
        return "Further from zero than 2^53, where whole numbers stop being exact."
    return None


def _clean(raw: Any, pointer: str, depth: int, max_depth: int, problems: list[JsonProblem]) -> Any:
    # Recursion is bounded by max_depth, not by the text.
    if isinstance(raw, _BadNumber):
        message = f"The number {quoted(raw.literal)} is not finite or beyond 2^53."
        problems.append(JsonProblem(pointer, "bad_number", message))
        return None
    if isinstance(raw, str):
        _check_text(raw, pointer, "text", problems)
        return raw
    if not isinstance(raw, _Members | list):
        return raw
    if depth > max_depth:
        message = f"More than {max_depth} levels inside each other."
        problems.append(JsonProblem(pointer, "too_deep", message))
        return None
    if isinstance(raw, list):
        return [_clean(v, child(pointer, i), depth + 1, max_depth, problems) for i, v in enumerate(raw)]
    return _clean_members(raw, pointer, depth, max_depth, problems)


def _clean_members(
    raw: _Members, pointer: str, depth: int, max_depth: int, problems: list[JsonProblem]
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in raw.pairs:
        here = child(pointer, key)
        if key in result:
            problems.append(JsonProblem(here, "duplicate_key", f"The key {quoted(key)} is given twice."))
        _check_text(key, here, "key", problems)
        result[key] = _clean(value, here, depth + 1, max_depth, problems)
    return result


def _check_text(value: str, pointer: str, what: str, problems: list[JsonProblem]) -> None:
    found = text_problem(value)
    if found is not None:
        problems.append(JsonProblem(pointer, "bad_text", f"The {what} contains a {found} character."))


def _read_int(literal: str) -> int | _BadNumber:
    if len(literal) > _LONGEST_NUMBER:
        return _BadNumber(literal)
    value = int(literal)
    return value if number_problem(value) is None else _BadNumber(literal)


def _read_float(literal: str) -> float | _BadNumber:
    value = float(literal)
    return value if number_problem(value) is None else _BadNumber(literal)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_Members, parse_int=_read_int, parse_float=_read_float, parse_constant=_BadNumber
)
