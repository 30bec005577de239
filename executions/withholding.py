"""What a sandbox keeps instead of sending it: the message as it would have gone out, as an effect's receipt."""

from typing import Any

from executions.adapters.email.transport import Letter, message_id

WITHHELD = "withheld"
"""Takes the place of the name of a transport."""
USER = "user:"
"""What the role of a member of staff begins with; their account's key follows."""


def withheld_letter(letter: Letter, role: str) -> dict[str, Any]:
    """The receipt of a letter that isn't sent; ``role`` is whom it is for.

    Whoever reads it has a sandbox key, but members of staff are real: of them it names the role, not the address.
    """
    message = {
        "channel": "email",
        "to": role if role.startswith(USER) else letter.to,
        "subject": letter.subject,
        "text": letter.text,
        "html": letter.html or "",
    }
    return {"message_id": message_id(letter.key), "transport": WITHHELD, "role": role, "message": message}


def withheld_text(number: str, text: str, role: str) -> dict[str, Any]:
    """The receipt of a text message that isn't sent."""
    message = {"channel": "sms", "to": number, "subject": "", "text": text, "html": ""}
    return {"message_id": None, "transport": WITHHELD, "role": role, "message": message}
