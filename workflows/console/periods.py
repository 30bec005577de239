"""Lengths of time as a person types them: "2 days 4 hours", or as the plan language writes them."""

import re

from django.utils.translation import gettext as _

from workflows.plan.durations import BadDuration, parse_seconds, parse_working

PART = re.compile(
    r"\s*(\d{1,8})\s*(?:working\s+)?(day|hour|minute|second|d|h|min|m|s)s?\b[\s,]*", re.IGNORECASE
)
UNITS = {"day": 0, "d": 0, "hour": 1, "h": 1, "minute": 2, "min": 2, "m": 2, "second": 3, "s": 3}


def period(text: str, *, working: bool) -> str:
    """``PnDTnHnMnS`` of what a person has typed.

    Args:
        working: in a department's working time, which counts no seconds.

    Raises:
        ValueError: it is no length of time that a plan may use; the message is for the person.
    """
    text = text.strip()
    written = text.upper() if text[:1] in "pP" and text[1:2] in "0123456789tT" else _written(text)
    try:
        if working:
            parse_working(written)
        else:
            parse_seconds(written)
    except BadDuration as error:
        raise ValueError(str(error)) from error
    return written


def _written(text: str) -> str:
    amounts, position = [0, 0, 0, 0], 0
    while position < len(text):
        found = PART.match(text, position)
        if found is None:
            raise ValueError(_("Write a length of time such as 2 days 4 hours."))
        amounts[UNITS[found[2].lower()]] += int(found[1])
        position = found.end()
    if not any(amounts):
        raise ValueError(_("A length of time is longer than nothing."))
    days, hours, minutes, seconds = amounts
    clock = "".join(
        f"{amount}{unit}" for amount, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if amount
    )
    return f"P{f'{days}D' if days else ''}{f'T{clock}' if clock else ''}"


__all__ = ["period"]
