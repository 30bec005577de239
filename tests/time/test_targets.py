"""The target of a whole run: counted when it is launched, shown, and noted once when it is past."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from executions.calendars import calendar_of
from executions.models import ExecutionStatus, WorkflowExecution
from executions.services import launch_execution
from executions.targets import sweep_targets
from executions.worktime import due_at
from issues.models import Category, Department
from mudda import events
from tests import factories
from tests.api.client import Api
from tests.time.test_racing import Doing
from workflows.services import approve_plan

pytestmark = pytest.mark.django_db


def launched(due=None):
    """A run of a plan with a target of its own, or without."""
    by = factories.make_user("supervisor")
    document = factories.document() | ({"due": due} if due else {})
    plan = factories.make_plan(document, by=by)
    approve_plan(plan_id=plan.pk, digest=plan.current.digest, by=by)
    return launch_execution(plan_id=plan.pk, execution_data={}, by=by)


def make_late(*runs):
    past = timezone.now() - timedelta(minutes=1)
    WorkflowExecution.objects.filter(pk__in=[run.pk for run in runs]).update(due_at=past)


def noted(run):
    return [event for event in events.of(run) if event.type == "execution.overdue"]


def test_a_run_is_due_when_its_plan_says_in_the_working_time_of_the_issues_department():
    factories.make_department()
    Department.objects.filter(code="water").update(working_hours=[[["00:00", "24:00"]]] * 7)
    run = launched("PT30H")
    assert run.due_at == run.created_at + timedelta(hours=30)


def test_a_run_whose_plan_does_not_say_is_due_at_the_target_of_the_issues_category():
    run = launched()
    water = Department.objects.get(code="water")
    assert run.due_at == due_at(run.created_at, "P2D", calendar_of(water))


def test_where_neither_plan_nor_category_says_anything_no_run_is_due():
    factories.make_category()
    Category.objects.update(target="")
    assert launched().due_at is None


def test_a_target_that_cannot_be_counted_keeps_nobody_from_launching():
    factories.make_category()
    Category.objects.update(target="soon")
    assert launched().due_at is None


def test_a_run_past_its_target_is_noted_once_and_goes_on():
    run = launched()
    assert sweep_targets() == 0
    make_late(run)
    assert [sweep_targets(), sweep_targets()] == [1, 0]
    run.refresh_from_db()
    assert run.status == ExecutionStatus.PENDING
    [event] = noted(run)
    assert event.data == {"due_at": run.due_at.isoformat()}


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_a_run_that_is_over_is_never_late(status):
    run = launched()
    make_late(run)
    WorkflowExecution.objects.update(status=status)
    run.refresh_from_db()
    assert (sweep_targets(), noted(run), run.is_overdue) == (0, [], False)


@pytest.mark.django_db(transaction=True)
def test_several_workers_note_each_late_run_once():
    runs = [launched() for _ in range(6)]
    make_late(*runs)
    workers = [Doing(lambda: sum(sweep_targets() for _ in range(3))) for _ in range(4)]
    assert sum(worker.ended() for worker in workers) == len(runs)
    assert [len(noted(run)) for run in runs] == [1] * len(runs)


def test_the_api_says_when_a_run_is_due_and_which_are_late():
    late, other = launched(), launched()
    make_late(late)
    api = Api(factories.make_key())
    read = api.get(f"/workflows/executions/{late.pk}").json()
    assert (read["overdue"], read["due_at"] is None) == (True, False)
    rows = {row["id"]: row["overdue"] for row in api.get("/workflows/executions").json()["results"]}
    assert rows == {str(late.pk): True, str(other.pk): False}
    for wanted, run in ((True, late), (False, other)):
        found = api.get(f"/workflows/executions?overdue={str(wanted).lower()}").json()["results"]
        assert [row["id"] for row in found] == [str(run.pk)]


def test_staff_see_on_a_runs_page_and_in_the_list_that_it_is_late(client):
    late, other = launched(), launched()
    make_late(late)
    client.force_login(factories.make_user("supervisor"))
    name = "admin:executions_workflowexecution_{}".format
    for run, shown in ((late, True), (other, False)):
        page = client.get(reverse(name("change"), args=[run.pk])).content.decode()
        assert "<dt>Due</dt>" in page
        assert ("Overdue" in page) is shown
    listed = client.get(reverse(name("changelist")), {"target": "overdue"}).content.decode()
    assert str(late.pk) in listed
    assert str(other.pk) not in listed
