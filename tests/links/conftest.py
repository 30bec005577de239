"""Tasks that wait for somebody with a link. Imported before Django is set up, so the fixtures import what they
need themselves."""

import re

import pytest

PERSON = {"name": "Ada Citizen", "email": "ada@example.org"}
STEPS = {
    "dispatch_crew": {
        "department": "water",
        "address": "123 Main St",
        "instructions": "Find the leak. <b>Repair it.</b>",
        "urgency": "high",
    },
    "inspect_site": {
        "department": "water",
        "address": "123 Main St",
        "questions": {
            "severity": {"ask": "How bad is it?", "type": "choice", "options": ["low", "high"]},
            "lane_affected": {"ask": "Must a lane be closed?", "type": "yes_no"},
            "depth": {"ask": "How deep is it, in cm?", "type": "number"},
            "where": {"ask": "Photos of the spot", "type": "photos", "keep_location": True},
        },
    },
    "request_photos": {"of": "the leak", "from": "issue.reporter", "count": 2},
    "ask_reporter": {"question": "Is the water still running?", "type": "yes_no"},
    "confirm_completion": {"question": "Is it done?", "group": "dispatcher"},
}


@pytest.fixture
def wait_for(db, mailoutbox, temporal_server):
    """``wait_for("dispatch_crew")`` makes a step wait for its person and gives its task."""
    from tests import factories
    from tests.activities.attempts import attempt

    def wait_for(activity_id, reporter=PERSON, **inputs):
        from executions.activities.registry import implementations
        from executions.services import launch_execution
        from workflows.services import approve_plan

        factories.make_department("water")
        written = {**STEPS[activity_id], **inputs}
        if "from" in written:
            written["from"] = "{{ issue.reporter }}"
        step = {"step_id": "work", "activity_id": activity_id, "title": "Do the work", "inputs": written}
        by = factories.make_user("administrator")
        plan = factories.make_plan(factories.document(step), by=by, reporter=reporter)
        approve_plan(plan_id=plan.pk, digest=plan.current.digest, by=by)
        execution = launch_execution(plan_id=plan.pk, execution_data={}, by=by)
        resolved = {**STEPS[activity_id], **inputs}
        execution.steps.update(inputs=resolved)
        return implementations()[activity_id](attempt(execution, "work", **resolved)).task

    return wait_for


@pytest.fixture
def last_link(mailoutbox):
    """The path of the link in the last letter."""

    def last_link():
        found = re.search(r"http://testserver(/t/[\w-]+)", mailoutbox[-1].body)
        assert found, mailoutbox[-1].body
        return found[1]

    return last_link


@pytest.fixture
def phone():
    """A browser without an account, with Django's CSRF check on."""
    from tests.links.phone import Phone

    return Phone()


@pytest.fixture
def staff(db):
    """The API with the key of a dispatcher of the water department."""
    from tests import factories
    from tests.api.client import Api

    owner = factories.make_user("dispatcher", departments=("water",))
    return Api(factories.make_key("tasks:read", "tasks:write", "executions:read", owner=owner))
