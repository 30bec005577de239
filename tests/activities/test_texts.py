"""``send_notification`` by text message: to the number that the records have, once."""

import json
from pathlib import Path

import pytest

from executions.activities.notify import send_notification
from executions.activities.registry import StepFailed
from issues.models import Reporter
from tests.activities.attempts import attempt, launch

TEXT = {
    "step_id": "tell",
    "activity_id": "send_notification",
    "title": "Tell the reporter",
    "inputs": {"to": "{{ issue.reporter }}", "message": "Water is off.", "channel": "sms"},
}


@pytest.fixture
def sent(db, settings, tmp_path):
    """The text messages that were sent so far."""
    settings.SMS_URL, settings.SMS_FILE_PATH, settings.CITY_REGION = "file:", str(tmp_path), "US"
    return lambda: [json.loads(path.read_text()) for path in Path(tmp_path).iterdir()]


def tell(execution, to="issue.reporter", **inputs):
    return attempt(execution, "tell", **{"message": "Water is off.", "channel": "sms", "to": to, **inputs})


def with_phone(execution, phone):
    issue = execution.plan.issue
    issue.reporter = Reporter.objects.create(name="Ann", phone=phone)
    issue.save()
    return execution


def test_a_text_message_goes_to_the_reporters_number_with_the_reference_once(sent):
    execution = with_phone(launch(TEXT), "202-555-0143")
    output = send_notification(tell(execution))
    assert (output["channel"], output["status"]) == ("sms", "sent")
    assert send_notification(tell(execution)) == output
    (message,) = sent()
    assert message["to"] == "+12025550143"
    assert message["text"] == f"Our City, {execution.plan.issue.reference}: Water is off."


@pytest.mark.parametrize("phone", ["", "ask my neighbour"])
def test_without_a_number_nothing_is_sent_and_the_run_goes_on(sent, phone):
    assert send_notification(tell(with_phone(launch(TEXT), phone)))["status"] == "no_address"
    assert sent() == []


def test_a_city_without_text_messages_says_so(sent, settings):
    settings.SMS_URL = ""
    with pytest.raises(StepFailed) as failed:
        send_notification(tell(with_phone(launch(TEXT), "202-555-0143")))
    assert (failed.value.code, failed.value.permanent) == ("channel_unavailable", True)
