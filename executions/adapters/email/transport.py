"""Letters by e-mail, through whatever ``EMAIL_URL`` names: an SMTP server, or a folder in development."""

import re
import smtplib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.validators import validate_email

from executions.adapters.errors import AdapterError

EFFECT_CLASS = "at_most_once"  # SMTP knows no key: a server that was cut off cannot be asked what it took

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
HEADER_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322, section 2.2
# What this module decides, or what decides who gets the letter.
OWN_HEADERS = re.compile(
    r"(?i)(from|sender|to|cc|bcc|subject|date|reply-to|message-id|mime-version|content-.*)"
)
NOT_IN_MESSAGE_ID = re.compile(r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]")
END_OF_DATA = b"\r\n.\r\n"


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A letter to one person or department.

    Attributes:
        to: one address, without a name.
        key: the effect's key, ``<execution id>:<step id>:<n>``; becomes the Message-ID, so that a mailbox
            that got a letter twice can show it once.
        headers: further ones, such as ``{"List-Id": ...}``.
    """

    to: str
    subject: str
    text: str
    key: str
    html: str | None = None
    reply_to: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The Message-ID in its angle brackets, and what took the letter: ``smtp``, or the backend's class."""

    message_id: str
    transport: str


def send_letter(letter: Letter) -> Receipt:
    """Hand a letter over, once, within ``EMAIL_TIMEOUT`` seconds a step of the conversation.

    Raises:
        AdapterError: permanent ``bad_header``, ``bad_address``, ``recipient_refused``, ``refused``; to be
            tried again ``unavailable`` (nothing was handed over); ``outcome_unknown`` (permanent: the
            connection was lost after the whole letter was sent, so that another try might send it twice).
    """
    message = _message(letter)
    connection = get_connection()
    handover = _Handover(connection)
    try:
        handover.open()
        taken = connection.send_messages([message])
    except (smtplib.SMTPException, OSError) as error:
        raise _classified(error, handover) from error
    finally:
        handover.close()
    if taken != 1:
        raise _unavailable("The letter was not taken.")
    return Receipt(message_id=message.extra_headers["Message-ID"], transport=handover.transport)


def message_id(key: str) -> str:
    """The Message-ID of the letter with this key, at the domain that the city sends from."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{NOT_IN_MESSAGE_ID.sub('.', key).strip('.')}@{domain}>"


class _Handover:
    """Opens and closes a connection, and knows whether a server may have taken the letter."""

    def __init__(self, connection: BaseEmailBackend) -> None:
        self.connection = connection
        self.may_be_taken = False
        self.transport = type(connection).__name__

    def open(self) -> None:
        self.connection.open()
        smtp: Any = getattr(self.connection, "connection", None)
        if isinstance(smtp, smtplib.SMTP):
            self.transport = "smtp"
            self._watch(smtp)

    def _watch(self, smtp: smtplib.SMTP) -> None:
        send = smtp.send

        def watched(data: Any) -> None:
            # A server may act on a letter only once it has seen its end (RFC 5321, section 4.1.1.4).
            self.may_be_taken |= isinstance(data, bytes) and data.endswith(END_OF_DATA)
            send(data)

        smtp.send = watched  # type: ignore[method-assign,assignment]

    def close(self) -> None:
        # The letter was taken or refused before; a server that leaves without QUIT changes nothing.
        with suppress(smtplib.SMTPException, OSError):
            self.connection.close()


def _message(letter: Letter) -> EmailMultiAlternatives:
    for value in (
        letter.to,
        letter.subject,
        letter.reply_to or "",
        *letter.headers,
        *letter.headers.values(),
    ):
        if CONTROL.search(value):
            raise _refused("A header has a line break or another control character in it.", "bad_header")
    for name in letter.headers:
        if not HEADER_NAME.fullmatch(name) or OWN_HEADERS.fullmatch(name):
            raise _refused("A header may not be set from outside.", "bad_header")
    for address in (letter.to, *filter(None, [letter.reply_to])):
        try:
            validate_email(address)
        except ValidationError as error:
            raise _refused("An address is not one that mail can be sent to.", "bad_address") from error
    message = EmailMultiAlternatives(
        subject=_encodable(letter.subject),
        body=_encodable(letter.text),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[letter.to],
        reply_to=[letter.reply_to] if letter.reply_to else None,
        headers={
            "Message-ID": message_id(letter.key),
            "Auto-Submitted": "auto-generated",  # RFC 3834: no answer from a holiday notice, please
            **{name: _encodable(value) for name, value in letter.headers.items()},
        },
    )
    if letter.html is not None:
        message.attach_alternative(_encodable(letter.html), "text/html")
    return message


def _encodable(text: str) -> str:
    """Lone surrogates cannot be written as UTF-8; they become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _classified(error: Exception, handover: _Handover) -> AdapterError:
    match error:
        case smtplib.SMTPRecipientsRefused():
            codes = [code for code, _ in error.recipients.values()]
            if codes and all(code >= 500 for code in codes):
                return _refused(f"The mail server refused the recipient ({codes[0]}).", "recipient_refused")
            return _unavailable(f"The mail server does not take letters for the recipient now ({codes}).")
        case smtplib.SMTPAuthenticationError() | smtplib.SMTPConnectError() | smtplib.SMTPHeloError():
            # The operator's matter, whatever the code says: the letter is good once that is put right.
            return _unavailable(f"The mail server does not let us in ({error.smtp_code}).")
        case smtplib.SMTPResponseException():
            if error.smtp_code >= 500:
                return _refused(f"The mail server refused the letter ({error.smtp_code}).", "refused")
            return _unavailable(f"The mail server does not take letters now ({error.smtp_code}).")
        case _ if handover.may_be_taken:
            return _refused(
                "The connection was lost after the letter had been sent: nobody knows whether it was taken.",
                "outcome_unknown",
            )
        case smtplib.SMTPNotSupportedError():
            return _refused("The mail server cannot do what the settings ask of it.", "refused")
        case _:
            return _unavailable(f"The mail server cannot be reached ({type(error).__name__}).")


def _refused(message: str, code: str) -> AdapterError:
    return AdapterError(message, code=code, permanent=True)


def _unavailable(message: str) -> AdapterError:
    return AdapterError(message, code="unavailable", permanent=False)
