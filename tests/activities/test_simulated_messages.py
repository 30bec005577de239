"""What a simulation shows of the messages is what is really sent."""

import json
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from executions.activities.contractors import order_contractor
from executions.activities.fieldwork import ask_reporter, dispatch_crew, inspect_site, request_photos
from executions.activities.notify import send_notification
from executions.activities.registry import StepContext
from executions.effects import Effects
from executions.services import launch_execution
from issues.models import Department
from tests import factories
from workflows.services import approve_plan
from workflows.simulating import simulate_plan

pytestmark = pytest.mark.django_db

HOSTILE = "It’s off\r\nBcc: <x@example.org> {{{{ & more"
PLACE = {"department": "water", "address": "{{ issue.address }}"}
ASKED = {"bad": {"ask": "Is it bad?", "type": "yes_no"}, "how": {"ask": "How deep?", "type": "number"}}
REPORTER = "{{ issue.reporter }}"
STEPS = [
    (send_notification, {"to": REPORTER, "message": HOSTILE}),
    (send_notification, {"to": REPORTER, "message": "Off.", "subject": "x" * 300}),
    (send_notification, {"to": REPORTER, "message": "Off.", "channel": "sms"}),
    (send_notification, {"to": [REPORTER, "department:water"], "message": "At {{ issue.address }}."}),
    (dispatch_crew, {**PLACE, "instructions": HOSTILE, "urgency": "critical"}),
    (inspect_site, {**PLACE, "questions": ASKED}),
    (order_contractor, {"department": "water", "scope": "Dig.\n\nClose.", "cost_limit": 4200.567}),
    (request_photos, {"of": "the leak", "from": REPORTER, "count": 3}),
    (request_photos, {"of": "the leak", "from": REPORTER}),
    (ask_reporter, {"question": "Is it gone?"}),
]


@pytest.fixture
def folder(settings, tmp_path):
    """Where letters and text messages are written, one file each."""
    mails, texts = tmp_path / "mails", tmp_path / "texts"
    settings.EMAIL_BACKEND = "executions.adapters.email.backends.FilePerMail"
    settings.EMAIL_FILE_PATH, settings.SMS_FILE_PATH = str(mails), str(texts)
    settings.SMS_URL, settings.CITY_REGION, settings.CITY_NAME = "file:", "US", "Oakville"
    return tmp_path


def sent(folder: Path):
    """Channel, subject and text of each message, as it left."""
    for path in sorted((folder / "mails").glob("*")):
        letter = message_from_bytes(path.read_bytes(), policy=policy.default)
        subject = letter["Subject"].strip()  # of a folded header Python keeps the blank before the first word
        yield "email", subject, letter.get_body(("plain",)).get_content()
    for path in sorted((folder / "texts").glob("*")):
        yield "sms", "", json.loads(path.read_text())["text"]


@pytest.mark.parametrize(
    ("function", "inputs"), STEPS, ids=[f"{n}-{function.__name__}" for n, (function, _) in enumerate(STEPS)]
)
def test_the_simulated_message_is_the_one_that_is_sent(folder, function, inputs):
    by = factories.make_user("administrator")
    step = {
        "step_id": "a",
        "activity_id": function.__name__,
        "title": "Look at “the” leak",
        "inputs": inputs,
        "needs": [],
    }
    ann = {"name": "Ann", "email": "ann@example.org", "phone": "202-555-0143"}
    plan = factories.make_plan(factories.document(step), by=by, reporter=ann)
    nothing = {"execution_data": {}, "answers": {}, "approvals": {}, "failing": [], "escalations": {}}
    simulation = simulate_plan(plan_id=plan.pk, by=by, **nothing)
    (message,) = simulation["messages"]
    (entry,) = simulation["timeline"]
    approve_plan(plan_id=plan.pk, digest=None, by=by)
    execution = launch_execution(plan_id=plan.pk, execution_data={}, by=by)
    row = execution.steps.get()
    function(StepContext(execution, row, entry["inputs"], Effects(row, lease_seconds=60)))
    letters = list(sent(folder))
    assert len(letters) == len(message["to"])
    assert all(one["has_address"] for one in message["to"])
    for channel, subject, text in letters:
        assert (channel, subject) == (message["channel"], message["subject"])
        if channel == "sms":
            assert text == message["text"]
        else:
            said, more = message["text"].splitlines(), text.splitlines()
            assert more[: len(said)] == said
            rest = "\n".join(more[len(said) :])
            assert "This letter was sent by a machine" in rest


def test_whether_a_text_message_has_somewhere_to_go_is_told_by_the_number_of_the_records():
    by = factories.make_user("administrator")
    inputs = {"to": [REPORTER, "department:water"], "message": "Off.", "channel": "sms"}
    step = {"step_id": "a", "activity_id": "send_notification", "title": "Tell", "inputs": inputs}
    plan = factories.make_plan(factories.document(step), by=by, reporter={"name": "Ann", "phone": "1"})
    Department.objects.update(email="water@city.example.org")
    nothing = {"execution_data": {}, "answers": {}, "approvals": {}, "failing": [], "escalations": {}}
    (message,) = simulate_plan(plan_id=plan.pk, by=by, **nothing)["messages"]
    assert [one["has_address"] for one in message["to"]] == [True, False]
