"""What docs/activities.md says is what happens, on a real web server and worker with the page's app."""

import json
import shlex

import pytest

from tests.activities.conftest import blocks


@pytest.fixture
def street(city, depot):
    """The page's plan, approved; the depot without bookings or problems."""
    depot.bookings.clear()
    depot.problems.clear()
    depot.asked = 0
    (plan,) = map(json.loads, blocks("json"))
    assert plan["workflow_name"] == "Sweep the street"
    return city.approved(*plan["steps"])


def test_the_pages_commands_find_the_activity(city):
    for line in "".join(blocks("sh")).splitlines():
        if line.startswith("python manage.py "):
            said = city.site.manage(*shlex.split(line)[2:])
    names = said.split()
    assert "book_sweeper" in names
    assert "send_notification" in names


def test_the_pages_plan_runs_to_its_end_and_later_steps_read_what_the_activity_gave(city, depot, street):
    found = city.ends(city.execute(street))
    assert found["execution_data"]["results"]["sweep"] == {"booking_id": "B-1", "day": "2026-05-04"}
    assert list(depot.bookings.values()) == [{"address": "123 Main St", "passes": 2}]
    assert [mail.text.splitlines()[0] for mail in city.office.mails] == ["A sweeper comes on 2026-05-04."]


def test_a_depot_that_is_busy_is_asked_again_under_the_same_key(city, depot, street):
    depot.problems = [503]
    execution = city.execute(street)
    city.ends(execution)
    assert depot.asked == 2
    assert list(depot.bookings) == [f"{execution}:sweep:booking"]
    assert city.step_row(execution, "sweep")["own_failures"] == 1


def test_what_the_depot_refuses_is_not_asked_again(city, depot, street):
    depot.problems = [400]
    execution = city.execute(street)
    failure = city.ends(execution, "failed")["failure"]
    assert failure == {"code": "depot_refused", "message": "The depot answered 400.", "step_id": "sweep"}
    assert depot.asked == 1


def test_a_plan_is_checked_against_the_activitys_schema(city):
    step = {"step_id": "sweep", "activity_id": "book_sweeper", "title": "Sweep", "inputs": {"passes": 9}}
    plan = city.draft()
    document = {"schema_version": 1, "workflow_name": "Sweep", "steps": [step]}
    changed = city.expect(200, "PUT", f"/workflows/{plan['workflow_id']}", {"workflow_plan": document})
    found = {(p["pointer"], p["code"]) for p in changed["problems"] if p["severity"] == "error"}
    assert found == {("/steps/0/inputs/address", "missing_input"), ("/steps/0/inputs/passes", "bad_input")}
