"""POST /workflows/{id}/simulate: what a plan would do, with nothing done."""

import json
import uuid

import pytest
from django.apps import apps
from django.core import mail

from issues.models import Department
from mudda.models import ApiKey, CallCount
from tests import factories
from tests.api.client import Api

REPORTER = {"name": "Ann", "email": "ann@example.org"}


def step(step_id, activity_id, inputs, **fields):
    return {
        "step_id": step_id,
        "activity_id": activity_id,
        "title": f"Do {step_id}",
        "inputs": inputs,
        **fields,
    }


ASSESS = step(
    "assess",
    "inspect_site",
    {
        "department": "water",
        "address": "{{ issue.address }}",
        "questions": {"bad": {"ask": "Is it bad?", "type": "yes_no"}},
    },
)
ORDER = step(
    "order",
    "order_contractor",
    {"department": "{{ issue.department }}", "scope": "Dig.", "cost_limit": 900},
    when={"eq": ["{{ steps.assess.bad }}", True]},
)
TELL = step(
    "tell",
    "send_notification",
    {"to": ["{{ issue.reporter }}", "department:water"], "message": "We look at {{ issue.address }}."},
    needs=["assess"],
    on_failure={"escalate": "supervisor"},
)


def make(*steps, reporter=REPORTER):
    return factories.make_plan(factories.document(*steps), reporter=reporter)


def simulate(api, plan, **body):
    return api.post(f"/workflows/{plan.pk}/simulate", body)


@pytest.fixture
def plan(api):
    return make(ASSESS, ORDER, TELL)


def everything():
    """All rows of all tables; but when a key was used, and how often, is no business of a plan's."""
    used = (ApiKey, CallCount)
    models = [model for model in apps.get_models(include_auto_created=True) if model not in used]
    return {model._meta.label: sorted(map(str, model.objects.values_list())) for model in models}


def test_a_plan_is_played_to_its_end_with_who_is_involved_and_what_is_said_and_asked(api, plan):
    response = simulate(api, plan)
    assert response.status_code == 200
    found = response.json()
    assert (found["digest"], found["revision"]) == (plan.current.digest, 1)
    assert found["finish"]["outcome"] == "completed"
    assert {(e["step_id"], e["status"]) for e in found["timeline"]} == {
        ("assess", "completed"), ("order", "completed"), ("tell", "completed")
    }  # fmt: skip
    assert found["total_seconds"] == max(entry["end_seconds"] for entry in found["timeline"])
    assert found["total_cost"] == 60 + 1000
    (asked,) = found["approvals"]
    assert (asked["step_id"], asked["group"], asked["four_eyes"]) == ("order", "supervisor", True)
    (told,) = [message for message in found["messages"] if message["step_id"] == "tell"]
    assert told["text"] == "We look at 123 Main St."
    assert told["to"] == [
        {"role": "issue.reporter", "has_address": True},
        {"role": "department:water", "has_address": True},
    ]
    people = {one["who"]: one["has_address"] for one in found["people"]}
    assert people == {"issue.reporter": True, "department:water": True, "group:supervisor": None}


def test_nothing_is_done(api, plan):
    mail.outbox.clear()
    before = everything()
    assert simulate(api, plan, failing=["tell"], answers={"assess": {"bad": False}}).status_code == 200
    assert everything() == before
    assert mail.outbox == []


def test_of_the_records_only_whether_there_is_an_address_is_told(api):
    plan = make(ASSESS, TELL, reporter={"name": "Ann"})
    Department.objects.filter(code="water").update(email="")
    found = simulate(api, plan).json()
    assert {one["who"]: one["has_address"] for one in found["people"]} == {
        "issue.reporter": False,
        "department:water": False,
    }
    with_addresses = json.dumps(simulate(api, make(ASSESS, TELL)).json())
    assert "ann@example.org" not in with_addresses
    assert "city.example.org" not in with_addresses
    assert "Ann" not in with_addresses


def test_assumed_answers_decide_which_way_it_goes(api, plan):
    found = simulate(api, plan, answers={"assess": {"bad": False}}).json()
    assert {e["step_id"]: e["status"] for e in found["timeline"]}["order"] == "skipped"
    assert found["total_cost"] == 60


def test_an_assumed_answer_that_the_form_forbids_fails_the_step(api, plan):
    found = simulate(api, plan, answers={"assess": {"bad": "very"}}).json()
    assert found["finish"]["failure"]["code"] == "bad_output"


def test_refusals_failures_and_escalations_can_be_assumed(api, plan):
    refused = simulate(api, plan, approvals={"order": False}).json()
    assert refused["finish"]["failure"]["code"] == "approval_rejected"
    stopped = simulate(api, plan, failing=["tell"]).json()
    assert (stopped["finish"]["outcome"], stopped["escalations"][0]["group"]) == ("failed", "supervisor")
    skipped = simulate(api, plan, failing=["tell"], escalations={"tell": "skip"}).json()
    assert skipped["finish"]["outcome"] == "completed"


def test_data_is_asked_for_as_a_launch_would(api):
    plan = make(factories.note_step(inputs={"note": "{{ data.priority }}"}))
    response = simulate(api, plan)
    assert (response.status_code, response.json()["code"]) == (422, "missing_data")
    assert response.json()["errors"][0]["pointer"] == "/execution_data/priority"
    assert simulate(api, plan, execution_data={"results": 1}).json()["code"] == "reserved_key"
    found = simulate(api, plan, execution_data={"priority": "high"}).json()
    assert found["timeline"][0]["inputs"] == {"note": "high"}


def test_a_plan_with_errors_is_not_played(api):
    response = simulate(api, make(factories.note_step(inputs={"note": 5})))
    assert (response.status_code, response.json()["code"]) == (422, "plan_has_problems")
    assert [error["pointer"] for error in response.json()["errors"]] == ["/steps/0/inputs/note"]


def test_an_assumption_about_a_step_that_is_not_there_is_refused(api, plan):
    body = {
        "answers": {"a/b": 1},
        "approvals": {"ordre": False},
        "failing": ["tell", "tel"],
        "escalations": {"telll": "skip"},
    }
    response = simulate(api, plan, **body)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert {(error["pointer"], error["code"]) for error in response.json()["errors"]} == {
        ("/answers/a~1b", "unknown_step"), ("/approvals/ordre", "unknown_step"),
        ("/failing/1", "unknown_step"), ("/escalations/telll", "unknown_step"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"execution_data": []}, "/execution_data"),
        ({"answers": "yes"}, "/answers"),
        ({"approvals": {"order": "perhaps"}}, "/approvals/order"),
        ({"failing": "tell"}, "/failing"),
        ({"escalations": {"tell": "shrug"}}, "/escalations/tell"),
        ({"answer": {}}, "/answer"),
    ],
)
def test_each_wrong_field_is_named(api, plan, body, pointer):
    response = simulate(api, plan, **body)
    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


def test_who_may_read_a_plan_may_simulate_it_and_nobody_else(api, plan):
    reader = factories.make_user("viewer", departments=("water",))
    outsider = factories.make_user("viewer", departments=("parks",))
    assert simulate(Api(factories.make_key("plans:read", owner=reader)), plan).status_code == 200
    assert simulate(Api(factories.make_key("plans:read", owner=outsider)), plan).status_code == 404
    assert simulate(Api(factories.make_key("executions:read")), plan).status_code == 403
    assert api.post(f"/workflows/{uuid.uuid4()}/simulate", {}).status_code == 404
