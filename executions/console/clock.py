"""Lengths of time as people say them."""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

DAY, HOUR, MINUTE = 86_400, 3_600, 60
SIZES = (DAY, HOUR, MINUTE, 1)


def lasted(seconds: float) -> str:
    """A length of time in its two largest units: 90,125 s as "1 day 1 hour"."""
    left = max(0, int(seconds))
    if left == 0:
        return _("under a second")
    at = next((at for at, size in enumerate(SIZES) if left >= size), len(SIZES) - 1)
    words: list[str] = []
    for size in SIZES[at : at + 2]:
        count, left = divmod(left, size)
        if count or not words:
            words.append(_counted(size, count))
    return " ".join(words)


def between(start: datetime, end: datetime) -> str:
    """How long it is from ``start`` to ``end``."""
    return lasted((end - start).total_seconds())


def _counted(size: int, count: int) -> str:
    if size == DAY:
        words = ngettext("%(count)d day", "%(count)d days", count)
    elif size == HOUR:
        words = ngettext("%(count)d hour", "%(count)d hours", count)
    elif size == MINUTE:
        words = ngettext("%(count)d minute", "%(count)d minutes", count)
    else:
        words = ngettext("%(count)d second", "%(count)d seconds", count)
    return words % {"count": count}
