"""What the database itself holds, whatever the code above it does."""

import pytest
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from executions.models import ExecutionStatus, HumanTask, StepRun, WorkflowExecution
from executions.services import launch_execution
from issues.models import Issue
from mudda.models import Event
from tests import factories
from workflows.models import PlanApproval, PlannerRun, PlanRevision, WorkflowPlan
from workflows.services import approve_plan

pytestmark = pytest.mark.django_db


@pytest.fixture
def execution():
    user = factories.make_user("supervisor")
    plan = factories.make_plan(by=user)
    approve_plan(plan_id=plan.pk, digest=plan.current.digest, by=user)
    return launch_execution(plan_id=plan.pk, execution_data={}, by=user)


@pytest.mark.parametrize("model", [PlanRevision, PlanApproval, Event])
def test_revisions_approvals_and_events_are_never_changed_or_deleted(execution, model):
    table = model._meta.db_table
    for change in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}"):
        with (
            pytest.raises(IntegrityError, match="never changed"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change)


@pytest.mark.parametrize("change", ["UPDATE planner_runs SET exchanges = '[]'", "DELETE FROM planner_runs"])
def test_a_planner_run_is_never_changed_or_deleted_once_it_has_ended(execution, change):
    under_way = PlannerRun.objects.create(plan=WorkflowPlan.objects.get())
    PlannerRun.objects.filter(pk=under_way.pk).update(attempts=1)
    assert PlannerRun.objects.filter(ended_at__isnull=False).exists()
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        connection.cursor().execute(change)
    connection.cursor().execute(f"{change} WHERE ended_at IS NULL")


def test_a_planner_run_stays_when_the_account_that_asked_for_it_is_deleted(execution):
    gone = User.objects.create(username="gone")
    asked = gone.pk
    plan = WorkflowPlan.objects.get()
    run = PlannerRun.objects.create(plan=plan, asked_by=gone, status="failed", ended_at=timezone.now())
    gone.delete()
    assert PlannerRun.objects.get(pk=run.pk).asked_by_id == asked


def test_the_retention_role_is_exempt(execution):
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE mudda_retention")
        cursor.execute("GRANT ALL ON mudda_event TO mudda_retention")
        cursor.execute("SET LOCAL ROLE mudda_retention")
        cursor.execute("DELETE FROM mudda_event")
        cursor.execute("RESET ROLE")
    assert not Event.objects.exists()


@pytest.mark.parametrize("model", [Issue, WorkflowPlan, WorkflowExecution, StepRun])
def test_a_status_that_does_not_exist_is_refused(execution, model):
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.update(status="nonsense")


@pytest.mark.parametrize(
    "status", [ExecutionStatus.PENDING, ExecutionStatus.RUNNING, ExecutionStatus.COMPLETED]
)
def test_a_plan_has_at_most_one_live_execution(execution, status):
    second = WorkflowExecution.objects.get()
    second.pk, second.status = None, status
    with pytest.raises(IntegrityError, match="one_live_execution_a_plan"), transaction.atomic():
        second.save(force_insert=True)


@pytest.mark.parametrize("status", [ExecutionStatus.FAILED, ExecutionStatus.CANCELLED])
def test_failed_and_cancelled_executions_may_be_many(execution, status):
    WorkflowExecution.objects.update(status=status)
    again = WorkflowExecution.objects.get()
    again.pk, again.status = "00000000-0000-4000-8000-000000000001", ExecutionStatus.PENDING
    again.save(force_insert=True)


def test_a_step_is_there_once_per_execution(execution):
    step = execution.steps.get()
    step.pk = None
    with pytest.raises(IntegrityError, match="step_once_per_execution"), transaction.atomic():
        step.save(force_insert=True)


def test_a_task_is_opened_once_per_key(execution):
    from executions.tasks import open_task

    step = execution.steps.get()
    first = open_task(step, kind="approval", title="Approve", outcomes=["approve", "reject"])
    assert open_task(step, kind="approval", title="Approve", outcomes=["approve", "reject"]) == first
    assert HumanTask.objects.count() == 1


def test_the_six_groups_are_there_and_each_can_do_more_than_a_viewer():
    groups = {
        group.name: set(group.permissions.values_list("codename", flat=True)) for group in Group.objects.all()
    }
    assert set(groups) == {"viewer", "dispatcher", "planner", "approver", "supervisor", "administrator"}
    for name, permissions in groups.items():
        assert groups["viewer"] <= permissions, name
    assert "approve_workflowplan" not in groups["planner"]
    assert "add_workflowplan" not in groups["approver"]
    assert "view_reporter" not in groups["viewer"]
