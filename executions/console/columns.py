"""Columns that lists of runs and of tasks share."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from executions.console.task_page import overdue_badge

DUE = "D j M Y, H:i"


def due_words(when: datetime | None, is_late: bool) -> SafeString | None:
    """When something is due, on the city's clock, and whether that is over."""
    if when is None:
        return None
    words = date_format(timezone.localtime(when), DUE)
    return format_html("{} {}", words, overdue_badge(is_late)) if is_late else format_html("{}", words)
