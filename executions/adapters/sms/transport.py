"""Text messages, through what ``SMS_URL`` names: Amazon SNS, or a folder in development."""

import json
import os
import re
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import phonenumbers
from django.conf import settings

from executions.adapters.errors import AdapterError

# SNS takes no key for a text message: it cannot be asked what it took.
EFFECT_CLASS: Literal["at_most_once"] = "at_most_once"

LONGEST = 1_600
"""Characters; the most that SNS takes for one call of ``Publish``, which it then cuts into parts of 140 bytes."""


@dataclass(frozen=True, kw_only=True)
class TextMessage:
    """A text message to one number, which is in E.164 (``+15551234567``); ``key`` is the effect's."""

    to: str
    text: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The service's own name of the message, and what took it: ``sns`` or ``file``."""

    message_id: str
    transport: str


def is_configured() -> bool:
    """Whether this city sends text messages at all."""
    return bool(settings.SMS_URL)


def sendable_number(written: str) -> str:
    """The number in E.164, or an empty text when it is none that a message can be sent to.

    A number without a country code is taken for one of ``CITY_REGION``.
    """
    try:
        number = phonenumbers.parse(written, settings.CITY_REGION or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def send_text(message: TextMessage) -> Receipt:
    """Hand a text message over, once.

    Raises:
        AdapterError: permanent ``not_configured``, ``too_long``, ``recipient_refused``, ``refused``; to be tried
            again ``unavailable`` (nothing was handed over); ``outcome_unknown`` (permanent: the connection was
            lost or the service failed after it may have taken the message).
    """
    if len(message.text) > LONGEST:
        raise AdapterError(
            f"A text message has at most {LONGEST} characters.", code="too_long", permanent=True
        )
    match urlsplit(settings.SMS_URL).scheme:
        case "sns":
            from executions.adapters.sms.sns import publish  # Amazon's SDK is slow to load, and few need it

            return Receipt(message_id=publish(to=message.to, text=message.text), transport="sns")
        case "file":
            return _to_folder(message)
    raise AdapterError(
        "This city has nothing to send text messages with (SMS_URL).", code="not_configured", permanent=True
    )


def _to_folder(message: TextMessage) -> Receipt:
    """One JSON file a message, there whole or not at all; the folder is ``MUDDA_HOME/sms``."""
    folder = Path(settings.SMS_FILE_PATH)
    folder.mkdir(parents=True, exist_ok=True)
    identity = re.sub(r"[^\w.@-]", "_", message.key)[:150]
    with tempfile.NamedTemporaryFile("w", dir=folder, prefix=".", delete=False, encoding="utf-8") as file:
        json.dump(asdict(message), file, ensure_ascii=False)
    os.replace(file.name, folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{identity}.json")
    return Receipt(message_id=identity, transport="file")
