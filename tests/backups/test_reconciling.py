"""PostgreSQL beside a Temporal that knows more, or less: on a real server, where no worker polls."""

import threading
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from executions.after_restore import reconcile
from executions.models import WorkflowExecution
from executions.starting import run_input, start_pending
from executions.temporal.contracts import PLAN_WORKFLOW
from mudda import dispatcher, holding, temporal
from mudda.devstack.surroundings import free_port
from tests.faults.city import until
from tests.time.runs import confirm, launch

# Committed: Temporal is never called inside a transaction.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("temporal_server")]

LONG_AGO = timedelta(days=400)


@pytest.fixture
def held():
    return holding.hold(backup="a", taken_at=timezone.now())


def as_restored(run, *, age=timedelta(minutes=1)):
    """The row as a back-up had it that was made before Temporal acknowledged the start."""
    WorkflowExecution.objects.filter(pk=run.pk).update(temporal_run_id="", created_at=timezone.now() - age)
    run.refresh_from_db()
    return run


@pytest.fixture
def away(settings, monkeypatch):
    """Temporal is away until the function brings it back: what is launched before stays pending."""
    address = settings.TEMPORAL_HOST
    settings.TEMPORAL_HOST = f"127.0.0.1:{free_port()}"
    monkeypatch.setattr(temporal, "_bridge", temporal._Bridge())

    def back():
        settings.TEMPORAL_HOST = address
        monkeypatch.setattr(temporal, "_bridge", temporal._Bridge())

    return back


def test_what_temporal_knows_better_is_brought_into_step_and_only_then_the_dispatcher_goes_on(held):
    begun, over, known = launch(confirm()), launch(confirm()), launch(confirm())
    began = WorkflowExecution.objects.get(pk=begun.pk).temporal_run_id
    assert began
    for run in (begun, over):
        as_restored(run)
    temporal.terminate_workflow(over.temporal_workflow_id, reason="test")
    gone = str(uuid4())
    temporal.start_workflow(PLAN_WORKFLOW, run_input(known), workflow_id=f"mudda-workflow-{gone}")
    until(lambda: gone in reconcile(dry_run=True).orphans)  # it is listed a moment later
    assert holding.is_held()
    assert WorkflowExecution.objects.get(pk=begun.pk).temporal_run_id == ""

    found = reconcile()
    assert set(found.going_on) == {str(begun.pk), str(known.pk)}
    assert (found.adopted, found.ended) == ([str(begun.pk)], {str(over.pk): "terminated"})
    assert (found.to_start, found.to_agree, found.orphans_ended, found.released) == ([], [], [], 1)
    assert gone in found.orphans
    assert not holding.is_held()
    begun.refresh_from_db()
    assert (begun.status, begun.temporal_run_id) == ("pending", began)
    over.refresh_from_db()
    assert (over.status, over.failure["code"]) == ("failed", "terminated")

    assert temporal.status_of(f"mudda-workflow-{gone}") == "RUNNING"
    assert gone in reconcile(end_orphans=True).orphans_ended
    assert temporal.status_of(f"mudda-workflow-{gone}") == "TERMINATED"
    assert temporal.status_of(known.temporal_workflow_id) == "RUNNING"


def test_what_is_older_than_temporals_memory_begins_only_with_a_persons_word(away):
    old, young = launch(confirm()), launch(confirm())
    away()
    assert not WorkflowExecution.objects.exclude(temporal_run_id="").exists()
    as_restored(old, age=LONG_AGO)
    as_restored(young, age=timedelta(hours=2))
    found = reconcile()
    assert (found.to_agree, found.to_start) == ([str(old.pk)], [str(young.pk)])
    assert start_pending() == 1
    assert temporal.status_of(young.temporal_workflow_id) == "RUNNING"
    assert reconcile().to_agree == [str(old.pk)]
    assert start_pending() == 0
    assert temporal.status_of(old.temporal_workflow_id) is None
    said = StringIO()
    call_command("reconcile", "--start", str(old.pk), stdout=said)
    assert "1 agreed upon" in said.getvalue()
    assert start_pending() == 1
    assert temporal.status_of(old.temporal_workflow_id) == "RUNNING"


def test_what_cannot_be_compared_lets_nothing_go(held, away):
    with pytest.raises(CommandError, match="The dispatcher stays as it was"):
        call_command("reconcile")
    away()
    run = launch(confirm())  # begun at once: it waits for nobody's word
    with pytest.raises(CommandError, match="No run that waits to be started"):
        call_command("reconcile", "--start", str(run.pk))
    assert holding.is_held()


def test_the_sweep_runs_no_job_while_it_is_held(held, monkeypatch):
    ran, looked, stop = [], [], threading.Event()
    monkeypatch.setattr(dispatcher, "_jobs", {"note": dispatcher.Job("note", lambda: ran.append(1), 0.0)})
    is_held = holding.is_held
    monkeypatch.setattr(holding, "is_held", lambda: looked.append(1) or is_held())
    sweep = threading.Thread(target=dispatcher.sweep_until, args=(stop,), kwargs={"longest_wait": 0.05})
    sweep.start()
    try:
        until(lambda: len(looked) > 3)
        assert ran == []
        holding.release()
        until(lambda: ran)
    finally:
        stop.set()
        sweep.join()
