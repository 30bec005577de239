"""What Temporal has ended, or forgotten, while nobody looked: on a real server, where no worker polls."""

import asyncio
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from temporalio.api.common.v1 import WorkflowExecution as TemporalExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client

from executions import reconciling
from executions.models import ExecutionStatus, LastLook, WorkflowExecution
from executions.reconciling import LOOK, SILENCE, reconcile_ended
from mudda import temporal
from tests.faults.city import until
from tests.time.runs import confirm, launch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("temporal_server")]


def status_of(run):
    run.refresh_from_db()
    return run.status, (run.failure or {}).get("code")


def operator(run, does):
    """Somebody does something to a run's Temporal workflow."""

    async def go():
        client = await Client.connect(settings.TEMPORAL_HOST)
        await does(client, client.get_workflow_handle(run.temporal_workflow_id))

    asyncio.run(go())


def terminate(run):
    operator(run, lambda client, handle: handle.terminate())


def forget(run):
    """As retention does, long after a workflow has closed."""

    async def delete(client, handle):
        execution = TemporalExecution(workflow_id=handle.id)
        request = DeleteWorkflowExecutionRequest(
            namespace=settings.TEMPORAL_NAMESPACE, workflow_execution=execution
        )
        await client.workflow_service.delete_workflow_execution(request)

    operator(run, delete)
    until(lambda: temporal.status_of(run.temporal_workflow_id) is None, 30)


def listed(*runs):
    """Temporal lists what has closed a moment later."""
    quoted = ", ".join(f"'{run.temporal_workflow_id}'" for run in runs)
    query = f"WorkflowId IN ({quoted}) AND ExecutionStatus = 'Terminated'"
    until(lambda: len(list(temporal.list_workflows(query))) == len(runs), 30)


def grown_silent(*runs):
    long_ago = timezone.now() - SILENCE - timedelta(hours=1)
    WorkflowExecution.objects.filter(pk__in=[run.pk for run in runs]).update(created_at=long_ago)


def test_more_runs_than_one_page_holds_are_all_found(monkeypatch):
    monkeypatch.setattr(temporal, "PAGE", 2)
    runs = [launch(confirm()) for _ in range(5)]
    for run in runs:
        terminate(run)
    listed(*runs)
    assert reconcile_ended() == 5
    assert {status_of(run) for run in runs} == {("failed", "terminated")}
    assert reconcile_ended() == 0


def test_what_closed_during_an_outage_of_any_length_is_found_after_it():
    run = launch(confirm())
    LastLook.objects.create(name=LOOK, at=timezone.now() - timedelta(days=40))
    terminate(run)
    listed(run)
    assert reconcile_ended() == 1
    assert LastLook.objects.get(name=LOOK).at > timezone.now() - timedelta(minutes=1)


def test_a_look_that_failed_does_not_count_as_one(monkeypatch):
    reconcile_ended()
    before = LastLook.objects.get(name=LOOK).at
    monkeypatch.setattr(temporal, "DEADLINE", timedelta(microseconds=1))
    assert reconcile_ended() == 0
    assert LastLook.objects.get(name=LOOK).at == before


def test_what_closed_before_the_last_look_is_not_listed_again_but_looked_for_later():
    run = launch(confirm())
    terminate(run)
    listed(run)
    LastLook.objects.create(name=LOOK, at=timezone.now() + 2 * reconciling.OVERLAP)
    assert reconcile_ended() == 0
    grown_silent(run)
    LastLook.objects.update(at=timezone.now() + 2 * reconciling.OVERLAP)
    assert reconcile_ended() == 1
    assert status_of(run) == ("failed", "terminated")


def test_a_run_that_temporal_has_forgotten_fails_and_says_so():
    run, waiting = launch(confirm()), launch(confirm())
    forget(run)
    assert reconcile_ended() == 0
    grown_silent(run, waiting)
    assert reconcile_ended() == 1
    assert status_of(run) == ("failed", "lost")
    assert status_of(waiting) == ("pending", None)
    assert {step.status for step in run.steps.all()} == {"cancelled"}


def test_a_run_that_temporal_has_not_got_yet_is_left_to_be_started():
    run = launch(confirm())
    forget(run)
    grown_silent(run)
    WorkflowExecution.objects.filter(pk=run.pk).update(temporal_run_id="")
    assert reconcile_ended() == 0
    assert status_of(run)[0] == ExecutionStatus.PENDING


def test_each_silent_run_is_looked_for_once_a_day_and_few_at_a_time(monkeypatch):
    runs = [launch(confirm()) for _ in range(3)]
    grown_silent(*runs)
    asked = []
    really = temporal.status_of
    monkeypatch.setattr(temporal, "status_of", lambda key: asked.append(key) or really(key))
    monkeypatch.setattr(reconciling, "LOOKED_FOR", 2)
    for _ in range(3):
        assert reconcile_ended() == 0
    assert sorted(asked) == sorted(run.temporal_workflow_id for run in runs)


def test_a_temporal_workflow_that_only_looks_like_one_of_ours_is_passed_by():
    async def start():
        client = await Client.connect(settings.TEMPORAL_HOST)
        queue = settings.TEMPORAL_TASK_QUEUE
        handle = await client.start_workflow(
            "PlanWorkflow", id=f"{reconciling.PREFIX}by-hand", task_queue=queue
        )
        await handle.terminate()

    asyncio.run(start())
    query = f"WorkflowId = '{reconciling.PREFIX}by-hand' AND ExecutionStatus = 'Terminated'"
    until(lambda: list(temporal.list_workflows(query)), 30)
    assert reconcile_ended() == 0
