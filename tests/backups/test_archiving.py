"""Finished runs whose contents are moved out of the database and back: nothing is lost, and who reads is told."""

from datetime import timedelta
from io import StringIO
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from executions.archiving import CONTENTS, archivable, archive, bring_back
from executions.models import Effect, HumanTask, StepRun, TaskLink, WorkflowExecution
from executions.services import AlreadyExecuted, launch_execution
from executions.temporal.contracts import FinishCall
from executions.temporal.finishing import finish_execution
from mudda.backups.errors import BackupDamaged
from mudda.models import Event
from tests import factories
from tests.api.client import Api
from tests.time.runs import confirm, launch, open_for

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("city")]

LONG_AGO = timezone.now() - timedelta(days=800)


def finished(outcome="completed") -> WorkflowExecution:
    """A run that was over long ago, with a row of each kind that is moved."""
    run = launch(confirm())
    task = open_for(run)
    StepRun.objects.filter(execution=run).update(output={"answer": "žluťoučký ☃", "n": 1.5, "none": None})
    HumanTask.objects.filter(pk=task.pk).update(answer={"outcome": "done"}, crew="Ann and Bob")
    TaskLink.objects.create(
        task=task, token_sha256=str(run.pk), role="department:water", expires_at=timezone.now()
    )
    Effect.objects.create(
        key=f"{run.pk}:confirm:0",
        execution=run,
        step_id="confirm",
        effect_class="idempotent",
        status="done",
        holder=UUID(int=1),
        lease_until=timezone.now(),
        receipt={"to": "ann@example.org"},
    )
    finish_execution(FinishCall(str(run.pk), outcome))
    WorkflowExecution.objects.filter(pk=run.pk).update(completed_at=LONG_AGO, execution_data={"mine": ["x"]})
    return WorkflowExecution.objects.get(pk=run.pk)


def everything(run):
    """Every row that is moved, and what is moved of the run's own, as they are."""
    kept = [
        list(model._default_manager.filter(**named).order_by("pk").values())
        for model, _ in CONTENTS
        for named in [{"task__execution": run} if hasattr(model, "task") else {"execution": run}]
    ]
    return kept, WorkflowExecution.objects.filter(pk=run.pk).values().get()


def test_what_was_moved_out_and_back_is_as_it_was(folder):
    run = finished()
    before = everything(run)
    assert archive(run.pk, folder)
    moved, row = everything(run)
    assert not any(moved)
    assert (row["status"], row["archive"]) == ("completed", f"archive/{run.pk}.sealed")
    bring_back(run.pk, folder)
    rows, row = everything(run)
    assert (rows, {**row, "archive": ""}) == before
    assert folder.names() == [row["archive"]]


def test_only_what_was_over_long_enough_ago_is_moved(folder):
    old, alive = finished(), launch(confirm())
    recent = finished("cancelled")
    WorkflowExecution.objects.filter(pk=recent.pk).update(completed_at=timezone.now())
    said = StringIO()
    call_command("archive_executions", "--older-than", "30", "--dry-run", stdout=said)
    assert "1 runs would be moved" in said.getvalue()
    assert folder.names() == []
    call_command("archive_executions", "--older-than", "30", stdout=said)
    assert folder.names() == [f"archive/{old.pk}.sealed"]
    assert archivable(timezone.now() - timedelta(days=30)) == []
    assert not archive(alive.pk, folder)


def test_a_run_that_still_asks_somebody_to_undo_by_hand_stays(folder):
    run = finished()
    HumanTask.objects.filter(execution=run).update(status="open")
    assert archivable(timezone.now()) == []
    assert not archive(run.pk, folder)


def test_whoever_reads_the_run_is_told_where_the_rest_is(folder):
    run = finished()
    api = Api(factories.make_key(owner=factories.make_user("administrator")))
    path = f"/workflows/executions/{run.pk}"
    before = api.get(path)
    assert before.json()["archived"] is None
    archive(run.pk, folder)
    after = api.client.get(
        path, headers={"Authorization": f"Api-Key {api.key}", "If-None-Match": before.headers["ETag"]}
    )
    assert after.status_code == 200
    shown = after.json()
    assert (shown["status"], shown["steps"], shown["digest"]) == ("completed", [], before.json()["digest"])
    assert shown["archived"]["file"] == f"archive/{run.pk}.sealed"


def test_its_page_is_still_there(folder):
    run = finished()
    archive(run.pk, folder)
    browser = Client()
    browser.force_login(factories.make_user(is_superuser=True))
    page = browser.get(f"/admin/executions/workflowexecution/{run.pk}/change/", follow=True)
    assert page.status_code == 200
    assert f"archive/{run.pk}.sealed" in page.text


def test_a_plan_that_was_carried_out_is_still_known_to_be_and_its_history_stays(folder):
    run = finished()
    history = list(Event.objects.filter(stream=run.stream).values())
    archive(run.pk, folder)
    with pytest.raises(AlreadyExecuted):
        launch_execution(plan_id=run.plan_id, execution_data={}, by=factories.make_user("supervisor"))
    assert list(Event.objects.filter(stream=run.stream).values()) == history
    run.refresh_from_db()
    assert run.approval.digest == run.revision.digest


def test_what_cannot_be_read_back_is_not_moved(folder, monkeypatch):
    run = finished()
    before = everything(run)
    put = folder.put

    def put_half(name, file):
        file.write_bytes(file.read_bytes()[:-1])
        put(name, file)

    monkeypatch.setattr(folder, "put", put_half)
    with pytest.raises(BackupDamaged):
        archive(run.pk, folder)
    assert everything(run) == before


def test_the_command_brings_back_what_it_is_told_to(folder):
    run = finished()
    archive(run.pk, folder)
    call_command("archive_executions", "--restore", str(run.pk), stdout=StringIO())
    assert StepRun.objects.filter(execution=run).count() == 1
    with pytest.raises(CommandError, match="execution_not_archived"):
        call_command("archive_executions", "--restore", str(run.pk))
