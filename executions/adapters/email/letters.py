"""The words of our letters, as plain text and as HTML, from ``templates/email/``."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format

from workflows.plan.messages import crew_text, order_text

Kind = Literal["notification", "dispatch", "request", "order", "task"]


BEGINNINGS: dict[Kind, tuple[Callable[..., str], tuple[str, ...]]] = {
    "dispatch": (crew_text, ("title", "reference", "address", "urgency", "instructions")),
    "order": (order_text, ("title", "reference", "cost_limit", "scope")),
}
"""How letters begin whose words a simulation shows too, and of what."""


def due_in_words(due_at: datetime | None) -> str:
    """When something is due, as a day and an hour in the city's zone; "" where nothing is."""
    return date_format(timezone.localtime(due_at), "l, j F Y, H:i T") if due_at is not None else ""


def write_letter(kind: Kind, context: Mapping[str, Any]) -> tuple[str, str]:
    """The text and the HTML of a letter; values are never read as markup.

    ``notification`` (to a reporter) takes ``message``; ``dispatch`` (to a department) takes ``title``,
    ``department``, ``address``, ``urgency``, ``instructions`` and ``due?`` (see ``due_in_words``); ``request`` (to
    whoever can answer it) takes ``question``; ``order`` (to a department) takes ``title``, ``department``, ``scope``,
    ``cost_limit`` and ``order_number``; all take ``subject``, ``reference``, ``link?`` (an address of ours) and
    ``language?``. All are texts.
    """
    values = {"city_name": settings.CITY_NAME, "language": "en", **context}
    if kind in BEGINNINGS:
        write, names = BEGINNINGS[kind]
        values["text"] = write(*(values[name] for name in names))
    text = render_to_string(f"email/{kind}.txt", values)
    return text.strip() + "\n", render_to_string(f"email/{kind}.html", values)
