"""``send_notification``: a letter or text message to the reporter or to a department, each sent at most once."""

import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings

from executions.activities.recipients import Recipient, find_recipient
from executions.activities.registry import StepContext, StepFailed, implements
from executions.adapters.email.letters import Kind, write_letter
from executions.adapters.email.transport import Letter, send_letter
from executions.adapters.sms import transport as sms
from executions.withholding import withheld_letter, withheld_text
from workflows.plan.core import SEND_NOTIFICATION
from workflows.plan.messages import EMAIL, SMS, Words, one_line, words_of

SENT = "sent"
NO_ADDRESS = "no_address"
"""The records have no address for the role: nothing is sent, and the run goes on and says so."""


@implements(SEND_NOTIFICATION)
def send_notification(step: StepContext) -> dict[str, Any]:
    channel = step.inputs.get("channel", EMAIL)
    send = _by_sms if channel == SMS else _by_email
    roles = step.inputs["to"] if isinstance(step.inputs["to"], list) else [step.inputs["to"]]
    recipients = [find_recipient(step, role) for role in dict.fromkeys(roles)]
    sent = [send(step, at, recipient) for at, recipient in enumerate(recipients)]
    return {
        "notification_id": str(uuid.uuid5(uuid.NAMESPACE_URL, step.effects.key("letter"))),
        "channel": channel,
        "status": SENT if any(sent) else NO_ADDRESS,
    }


def _by_email(step: StepContext, at: int, recipient: Recipient) -> bool:
    words = words_of_step(step)
    return send_once(step, f"letter-{at}", recipient, "notification", words.subject, {"message": words.text})


def _by_sms(step: StepContext, at: int, recipient: Recipient) -> bool:
    """Send one text message at most once. False when the records have no number that one can be sent to."""
    if not sms.is_configured():
        raise StepFailed("channel_unavailable", "This city sends no text messages.", permanent=True)
    number = sms.sendable_number(recipient.phone)
    if not number:
        return False
    text = words_of_step(step).text

    def send(key: str) -> dict[str, Any]:
        receipt = sms.send_text(sms.TextMessage(to=number, text=text, key=key))
        return {"message_id": receipt.message_id, "transport": receipt.transport, "role": recipient.role}

    def withheld(_: str) -> dict[str, Any]:
        return withheld_text(number, text, recipient.role)

    step.effects.once(f"text-{at}", send, sms.EFFECT_CLASS, withheld=withheld)
    return True


def words_of_step(step: StepContext) -> Words:
    """What a step of the core says: as its simulation shows it.

    Raises:
        LookupError: it is no step that says anything.
    """
    found = words_of(
        step.step.activity_id,
        step.step.title,
        step.inputs,
        step.execution.issue_facts,
        settings.CITY_NAME,
    )
    if found is None:
        raise LookupError(f"{step.step.activity_id} has no words of its own")
    return found


def send_once(
    step: StepContext,
    name: str,
    recipient: Recipient,
    kind: Kind,
    subject: str,
    context: dict[str, Any],
    *,
    link: Callable[[], str] | None = None,
) -> bool:
    """Send one letter at most once. False when the records have no address for the recipient.

    ``link`` makes a signed link when the letter is really written: its token is kept nowhere else, so a letter
    that has to be sent again carries a new one.
    """
    if not recipient.email:
        return False
    known = {
        "subject": subject,
        "reference": step.execution.plan.issue.reference,
        "language": settings.LANGUAGE_CODE,
        **context,
    }

    def write(key: str) -> Letter:
        text, html = write_letter(kind, {**known, "link": link()} if link is not None else known)
        return Letter(to=recipient.email, subject=one_line(subject), text=text, html=html, key=key)

    def send(key: str) -> dict[str, Any]:
        receipt = send_letter(write(key))
        return {"message_id": receipt.message_id, "transport": receipt.transport, "role": recipient.role}

    def withheld(key: str) -> dict[str, Any]:
        return withheld_letter(write(key), recipient.role)

    step.effects.once(name, send, "at_most_once", withheld=withheld)
    return True
