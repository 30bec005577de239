"""Text messages through Amazon SNS."""

import re
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore import exceptions
from botocore.config import Config
from django.conf import settings

from executions.adapters.errors import AdapterError

BUSY = re.compile(r"Throttl|TooManyRequests|ServiceUnavailable")
OURS = {401, 403}
"""The operator's matter (keys, rights, the account's limits): the message is good once that is put right."""
NEVER_SENT = (
    exceptions.EndpointConnectionError,
    exceptions.ConnectTimeoutError,
    exceptions.ProxyConnectionError,
    exceptions.SSLError,
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.NoRegionError,
)


def publish(*, to: str, text: str) -> str:
    """Send ``text`` to the number ``to`` (E.164); the service's own name of the message.

    Raises:
        AdapterError: as ``executions.adapters.sms.transport.send_text``.
    """
    try:
        answer = _client().publish(
            PhoneNumber=to,
            Message=text,
            # Paid for so that it arrives soon, rather than as advertising does.
            MessageAttributes={"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}},
        )
    except (exceptions.ClientError, exceptions.BotoCoreError) as error:
        raise _classified(error) from None  # their own words may name the number
    return str(answer["MessageId"])


def _client() -> Any:
    """A client of the region that ``SMS_URL`` (``sns://eu-west-1``) names, else of boto3's own settings.

    It tries once: trying again is Temporal's, which knows whether that is safe.
    """
    region = urlsplit(settings.SMS_URL).hostname
    once = Config(connect_timeout=5, read_timeout=settings.SMS_TIMEOUT, retries={"total_max_attempts": 1})
    return boto3.client("sns", region_name=region, config=once)


def _classified(error: exceptions.ClientError | exceptions.BotoCoreError) -> AdapterError:
    if isinstance(error, exceptions.ClientError):
        return _answered(error)
    name = type(error).__name__
    if isinstance(error, NEVER_SENT):
        return _error(f"The service for text messages cannot be asked ({name}).", "unavailable")
    return _error(f"The connection was lost, and the message may have gone ({name}).", "outcome_unknown")


def _answered(error: exceptions.ClientError) -> AdapterError:
    code = str(error.response.get("Error", {}).get("Code", ""))[:60]
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if status == 429 or status in OURS or BUSY.search(code):
        return _error(f"The service takes no text messages from us now ({code}).", "unavailable")
    if status >= 500:
        return _error(f"The service failed, and may have taken the message ({code}).", "outcome_unknown")
    refused = "recipient_refused" if "OptedOut" in code or "PhoneNumber" in str(error) else "refused"
    return _error(f"The service refused the message ({code}).", refused)


def _error(message: str, code: str) -> AdapterError:
    return AdapterError(message, code=code, permanent=code != "unavailable")
