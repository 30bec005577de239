"""A run goes on as it was launched, whatever becomes of the catalogue and of the plan."""

import pytest

from tests.durability.steps import ASK, visit
from tests.faults.city import note, until

CHANGE = """
from django.db import transaction
from workflows.models import WorkflowPlan
from workflows.services import add_revision
with transaction.atomic():
    add_revision(WorkflowPlan.objects.get(pk="{plan}"), {other}, planner="staff", detail={{}}, by=None)
"""


def restart(city, **variables):
    """The web server and the worker anew, with further variables, or without them where they are empty."""
    for child in (city.site.worker, city.site.web):
        child.stop()
        child.environment.update(variables)
        child.start()
    city.site.web.wait("/readyz")


@pytest.fixture
def changed(city):
    """A run that waits for a person, while the catalogue and its plan become others."""
    document = [
        note("asked", **ASK),
        visit("after"),
        note("told", inputs={"note": "It was {{ steps.after.n }}."}),
    ]
    plan = city.approved(*document)
    execution = city.execute(plan)
    task = city.task(execution)
    compiled = city.rows("SELECT compiled FROM workflow_executions WHERE id = %s", execution)
    restart(city, OTHER_CATALOGUE="yes")
    other = {"schema_version": 1, "workflow_name": "Another", "steps": [note("only")]}
    city.expect(409, "PUT", f"/workflows/{plan}", {"workflow_plan": other})  # no door changes it
    city.site.manage("shell", "--verbosity", "0", "-c", CHANGE.format(plan=plan, other=other))
    yield execution, task, compiled
    restart(city, OTHER_CATALOGUE="")


def test_a_run_under_way_goes_on_with_the_plan_and_the_catalogue_of_its_launch(city, outside, changed):
    execution, task, compiled = changed
    outside.say("/after", fail="for now")  # a second attempt, which the new catalogue doesn't give
    city.decide(task, "approve")
    found = city.ends(execution)
    assert {step["step_id"]: step["status"] for step in found["steps"]} == {
        "asked": "completed",
        "after": "completed",
        "told": "completed",
    }
    assert found["execution_data"]["results"]["after"] == {"n": 1}
    asked = city.rows("SELECT kind FROM human_tasks WHERE execution_id = %s", execution)
    assert asked == [{"kind": "approval"}], "the new catalogue's approval is not asked for"
    assert len(outside.visits["/after"]) == 2
    assert city.rows("SELECT compiled FROM workflow_executions WHERE id = %s", execution) == compiled
    timeouts = [
        event.activity_task_scheduled_event_attributes.start_to_close_timeout.seconds
        for event in city.history(execution).events
        if event.activity_task_scheduled_event_attributes.activity_type.name == "visit"
    ]
    assert timeouts == [60]

    revisions = city.rows(
        "SELECT r.number FROM plan_revisions r JOIN workflow_executions e ON e.plan_id = r.plan_id WHERE e.id = %s",
        execution,
    )
    assert len(revisions) == 3, "the plan has changed"

    # What is launched from now on is under the new catalogue.
    new = city.approved(visit("dear", inputs={"path": "/dear", "why": "It has to be."}))
    later = city.execute(new)
    until(lambda: city.execution(later)["waiting_on"])
    assert city.task(later)["group"] == "administrator"
