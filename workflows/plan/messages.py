"""The words of what steps send to people: a simulation shows them, and the letters themselves are written with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from workflows.plan.core import (
    ASK_REPORTER,
    DISPATCH_CREW,
    INSPECT_SITE,
    ORDER_CONTRACTOR,
    REQUEST_PHOTOS,
    SEND_NOTIFICATION,
)

EMAIL, SMS = "email", "sms"
LONGEST_SUBJECT = 200
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Words:
    """What is said, and how it is sent.

    Attributes:
        channel: ``email`` or ``sms``.
        subject: One line; "" for a text message, which has none.
        text: What a letter begins with, before what only the sending knows (due time, numbers, the link) and its
            end; a text message is all of it.
    """

    channel: str
    subject: str
    text: str


def words_of(
    activity_id: str, title: str, inputs: Mapping[str, Any], issue: Mapping[str, Any], city: str
) -> Words | None:
    """What a step of the core tells somebody when it begins; None for a step that tells nobody.

    Args:
        inputs: Resolved, as the activity's schema wants them.
        issue: The issue's facts, frozen at launch.
        city: The city's name.
    """
    reference = issue.get("reference", "")
    match activity_id:
        case SEND_NOTIFICATION.activity_id if inputs.get("channel") == SMS:
            return Words(SMS, "", f"{city}, {reference}: {inputs['message']}")
        case SEND_NOTIFICATION.activity_id:
            return _letter(inputs.get("subject") or f"About your report {reference}", inputs["message"])
        case DISPATCH_CREW.activity_id | INSPECT_SITE.activity_id:
            urgency = urgency_of(inputs, issue)
            text = crew_text(title, reference, inputs["address"], urgency, instructions_of(inputs))
            return _letter(f"[{urgency}] {reference}: {title}", text)
        case ORDER_CONTRACTOR.activity_id:
            limit = f"{cost_limit(inputs['cost_limit']):,.2f}"
            return _letter(
                f"Order: {reference}: {title}", order_text(title, reference, limit, inputs["scope"])
            )
        case REQUEST_PHOTOS.activity_id | ASK_REPORTER.activity_id:
            return _letter(f"A question about {reference}", question_of(activity_id, inputs))
    return None


def _letter(subject: str, text: str) -> Words:
    return Words(EMAIL, one_line(subject), text)


def one_line(text: str) -> str:
    """A subject is one header line; a plan's text may have come from a citizen's."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST_SUBJECT]


def urgency_of(inputs: Mapping[str, Any], issue: Mapping[str, Any]) -> str:
    """A crew's as the step says; an inspection's is the issue's."""
    return str(inputs.get("urgency") or issue.get("urgency", ""))


def instructions_of(inputs: Mapping[str, Any]) -> str:
    """What a crew is told to do; of an inspection, all that is asked."""
    if "instructions" in inputs:
        return str(inputs["instructions"])
    return "\n".join(question["ask"] for question in inputs["questions"].values())


def question_of(activity_id: str, inputs: Mapping[str, Any]) -> str:
    """What the reporter, or whoever has the photos, is asked."""
    if activity_id != REQUEST_PHOTOS.activity_id:
        return str(inputs["question"])
    count = inputs.get("count") or 1
    wanted = f"Please send us {count} photos" if count > 1 else "Please send us a photo"
    return f"{wanted} of: {inputs['of']}"


def cost_limit(given: float) -> Decimal:
    """In whole cents: never more than what a person approved."""
    return Decimal(str(given)).quantize(CENT, ROUND_FLOOR)


def crew_text(title: str, reference: str, address: str, urgency: str, instructions: str) -> str:
    return (
        f"{title}\n\nReport:     {reference}\nAddress:    {address}\nUrgency:    {urgency}\n\n"
        f"Instructions\n\n{instructions}"
    )


def order_text(title: str, reference: str, limit: str, scope: str) -> str:
    return f"{title}\n\nReport:     {reference}\nCost limit: {limit}\n\nWhat is ordered\n\n{scope}"
