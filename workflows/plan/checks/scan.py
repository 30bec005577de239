"""The first look at a document: is it JSON that can be stored, and within the limits?"""

from __future__ import annotations

import json
from typing import Any

from mudda.strictjson import child, number_problem, quoted, text_problem
from workflows.plan.checks.report import Report
from workflows.plan.schema import MAX_CANONICAL_BYTES, MAX_DEPTH, MAX_STRING, NotCanonical, canonical_text

_Way = tuple[Any, ...]
"""The way down to a value as (way to its parent, key), () for the whole document: cheaper than a pointer."""


def scan(document: object, report: Report) -> bool:
    """Report what no plan may contain. False when the rest of the checks make no sense any more
    (too deep, too large, or not JSON at all). Iterative, so that depth can't break it."""
    usable = True
    stack: list[tuple[_Way, int, object]] = [((), 1, document)]
    while stack:
        way, depth, value = stack.pop()
        if isinstance(value, str):
            _scan_text(value, way, report)
        elif isinstance(value, dict | list):
            if depth > MAX_DEPTH:
                message = f"More than {MAX_DEPTH} levels inside each other."
                report.error(_pointer(way), "over_limit", message)
                usable = False
            elif isinstance(value, list):
                stack += [((way, index), depth + 1, item) for index, item in enumerate(value)]
            else:
                for key, item in value.items():
                    usable = _scan_key(key, way, report) and usable
                    stack.append(((way, str(key)), depth + 1, item))
        elif isinstance(value, int | float):
            problem = number_problem(value)
            if problem:
                report.error(_pointer(way), "bad_number", problem)
                # Python refuses to write integers of more than 4,300 digits, so no message could show it.
                usable = usable and not (isinstance(value, int) and value.bit_length() > 10_000)
        elif value is not None:
            report.error(_pointer(way), "wrong_type", f"A {type(value).__name__} is not a JSON value.")
            usable = False
    return usable and _scan_size(document, report)


def _pointer(way: _Way) -> str:
    keys = []
    while way:
        way, key = way
        keys.append(key)
    pointer = ""
    for key in reversed(keys):
        pointer = child(pointer, key)
    return pointer


def _scan_text(value: str, way: _Way, report: Report) -> None:
    found = text_problem(value)
    if found:
        report.error(_pointer(way), "bad_text", f"The text contains a {found} character.", "Remove it.")
    if len(value) > MAX_STRING:
        message = f"A text of {len(value)} characters; at most {MAX_STRING} are allowed."
        report.error(_pointer(way), "over_limit", message)


def _scan_key(key: object, way: _Way, report: Report) -> bool:
    if not isinstance(key, str):
        report.error(_pointer(way), "wrong_type", "A key that is not text.")
        return False
    found = text_problem(key)
    if found:
        message = f"The key {quoted(key)} contains a {found} character."
        report.error(_pointer((way, key)), "bad_text", message)
    if len(key) > MAX_STRING:
        report.error(_pointer(way), "over_limit", f"A key of more than {MAX_STRING} characters.")
    return True


_quick_text = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def _scan_size(document: object, report: Report) -> bool:
    # Canonical text differs only in how numbers are written, and is never twice as long for it (0.000001 for 1e-06).
    if 2 * len(_quick_text(document).encode(errors="surrogatepass")) <= MAX_CANONICAL_BYTES:
        return True
    try:
        size = len(canonical_text(document).encode())
    except NotCanonical:
        return True  # what makes it so is reported already
    if size > MAX_CANONICAL_BYTES:
        message = f"The plan has {size} bytes; at most {MAX_CANONICAL_BYTES} are allowed."
        report.error("", "over_limit", message, "Shorten the texts or split the plan.")
    return size <= MAX_CANONICAL_BYTES
