"""Canonical text and digest: one text for one meaning, so that an approval can be bound to it.

Loads inside Temporal's sandbox: standard library only.
"""

from __future__ import annotations

import hashlib
import json
import math
from decimal import Decimal
from typing import Any

from mudda.strictjson import LARGEST_INTEGER, text_problem


class NotCanonical(ValueError):
    """A value that has no canonical text: not JSON, not finite, beyond 2^53, NUL, a lone surrogate."""


_escaped = json.JSONEncoder(ensure_ascii=False).encode


def canonical_text(document: object) -> str:
    """One text for one meaning: keys sorted by code point, no white space, shortest numbers.

    The form is that of RFC 8785 except that keys are sorted by code point rather than by UTF-16 unit.

    Raises:
        NotCanonical: for what ``mudda.strictjson`` refuses (numbers that aren't finite or are beyond 2^53,
            NUL, lone surrogates), keys that aren't text, and more than 500 levels.
    """
    parts: list[str] = []
    try:
        _write(document, parts, 0)
    except RecursionError:
        raise NotCanonical("Too many levels inside each other.") from None
    return "".join(parts)


def digest(document: object) -> str:
    """SHA-256 of the canonical text in UTF-8, 64 lower-case hexadecimal digits.

    Takes the document as given: call it on what ``normalise`` returned. Raises NotCanonical.
    """
    return hashlib.sha256(canonical_text(document).encode("utf-8")).hexdigest()


def number_text(value: float) -> str:
    """Shortest text of a number that reads back as the same number, as ECMAScript writes it.

    Raises:
        NotCanonical: not finite, or further from zero than 2^53.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise NotCanonical("Not a finite number.")
    if abs(value) > LARGEST_INTEGER:
        raise NotCanonical("A number beyond 2^53.")
    if value == int(value):
        return str(int(value))
    if abs(value) >= 1e-6:
        return format(Decimal(repr(value)), "f")
    mantissa, exponent = repr(value).split("e")
    return f"{mantissa}e{int(exponent)}"


def _write(value: object, parts: list[str], depth: int) -> None:
    if depth > 500:
        raise NotCanonical("Too many levels inside each other.")
    if isinstance(value, str):
        parts.append(_text(value))
    elif value is None or isinstance(value, bool):
        parts.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, int | float):
        parts.append(number_text(value))
    elif isinstance(value, dict):
        _write_object(value, parts, depth)
    elif isinstance(value, list | tuple):
        parts.append("[")
        for index, item in enumerate(value):
            if index:
                parts.append(",")
            _write(item, parts, depth + 1)
        parts.append("]")
    else:
        raise NotCanonical(f"A {type(value).__name__} is not a JSON value.")


def _write_object(value: dict[Any, Any], parts: list[str], depth: int) -> None:
    if not all(isinstance(key, str) for key in value):
        raise NotCanonical("A key that is not text.")
    parts.append("{")
    for index, key in enumerate(sorted(value)):
        if index:
            parts.append(",")
        parts.append(_text(key) + ":")
        _write(value[key], parts, depth + 1)
    parts.append("}")


def _text(value: str) -> str:
    found = text_problem(value)
    if found is not None:
        raise NotCanonical(f"A text with a {found} character.")
    return _escaped(value)
