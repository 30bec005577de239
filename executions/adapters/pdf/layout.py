"""From any JSON value to the few kinds of block that the template draws.

A block is a dict for the template: ``{"kind": "text", "pieces": [...], "east_asian", "rtl"?}``,
``{"kind": "pairs", "rows": [[label, block], ...]}``, ``{"kind": "bullets", "items": [block, ...]}`` or
``{"kind": "table", "head": [label, ...], "rows": [[block, ...], ...]}``.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext

from executions.adapters.pdf import text as texts

Block = dict[str, Any]

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*")
ABSENT = "—"
MAX_DEPTH = 5  # deeper ones have no room left on the page, and are written as JSON
MAX_COLUMNS = 5


def as_block(value: Any, language: str, depth: int = 0) -> Block:
    """The block for a JSON value (dict, list, str, number, bool or None) in a report in ``language``.

    Dates and yes/no are written in the language that Django has active.
    """
    match value:
        case {} if isinstance(value, Mapping) and not value:
            return text_block(ABSENT, language)
        case Mapping() | list() | tuple() if depth >= MAX_DEPTH:
            return text_block(json.dumps(value, ensure_ascii=False, indent=1), language)
        case Mapping():
            rows = [
                [label(key, language), as_block(item, language, depth + 1)] for key, item in value.items()
            ]
            return {"kind": "pairs", "rows": rows}
        case [] | ():
            return text_block(ABSENT, language)
        case list() | tuple():
            return _table(value, language) or {
                "kind": "bullets",
                "items": [as_block(item, language, depth + 1) for item in value],
            }
        case _:
            return text_block(_written(value), language)


def label(key: object, language: str) -> Block:
    """A key as people write it: ``lane_affected`` becomes ``Lane affected``; other texts stay as they are."""
    words = str(key)
    if IDENTIFIER.fullmatch(words):
        words = re.sub("[_-]", " ", words)
        words = words[0].upper() + words[1:]
    return text_block(words or ABSENT, language)


def text_block(text: str, language: str) -> Block:
    """A text, made visible; ``rtl`` only where the text itself says which way it runs."""
    shown = texts.visible(text)
    block: Block = {
        "kind": "text",
        "pieces": texts.pieces(shown),
        "east_asian": texts.east_asian(shown, language),
    }
    rtl = texts.right_to_left(shown)
    return block if rtl is None else block | {"rtl": rtl}


def moment(value: datetime) -> str:
    """A moment in the city's time zone, with the zone's name."""
    local = timezone.localtime(value)
    return f"{formats.date_format(local, 'DATETIME_FORMAT')} {local:%Z}"


def _written(value: object) -> str:
    match value:
        case None | "":
            return ABSENT
        case bool():
            return gettext("Yes") if value else gettext("No")
        case float() if math.isfinite(value) and value == int(value) and abs(value) < 2**53:
            return str(int(value))
        case str():
            return _as_date(value) or value
        case _:
            return str(value)


def _as_date(value: str) -> str | None:
    try:
        if TIMESTAMP.fullmatch(value):
            return moment(datetime.fromisoformat(value.upper()))
        if DATE.fullmatch(value):
            return formats.date_format(date.fromisoformat(value), "DATE_FORMAT")
    except (ValueError, OverflowError):  # 2026-13-45 is just a text
        pass
    return None


def _table(items: Sequence[Any], language: str) -> Block | None:
    """Two or more records with the same few plain fields are easier to compare in columns."""
    if len(items) < 2 or not all(isinstance(item, Mapping) and item for item in items):
        return None
    keys = list(items[0])
    same = all(list(item) == keys for item in items)
    plain = not any(isinstance(field, Mapping | list | tuple) for item in items for field in item.values())
    if not same or not plain or len(keys) > MAX_COLUMNS:
        return None
    return {
        "kind": "table",
        "head": [label(key, language) for key in keys],
        "rows": [[as_block(item[key], language) for key in keys] for item in items],
    }
