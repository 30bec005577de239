"""Errors that never come from the API: of commands, of the admin, of the dispatcher and of the worker."""

import threading
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from temporalio.api.common.v1 import Payload
from temporalio.exceptions import ApplicationError

from executions import reminders, steering
from executions.effects import Effects
from executions.models import StepRun
from executions.seeding.filling import SeededAlready, fill
from executions.temporal.contracts import FinishCall, StepCall
from executions.temporal.finishing import finish_execution
from executions.temporal.recording import (
    ExecutionOver,
    OrphanedExecution,
    live_execution,
    locked_execution,
    run_step,
)
from issues.assigning import MOST as MOST_ISSUES
from issues.assigning import TooMany, assign_issues
from mudda import apikeys, encryption, health, saved_filters, temporal
from mudda.devstack.surroundings import free_port
from mudda.models import ApiKey, OutboxMessage
from tests import factories
from tests.api.client import Api
from tests.encryption.keys import ONE, TWO
from tests.errors.provoking import provokes
from tests.time.runs import confirm, crew, launch, make_task
from workflows.plan.catalogue import offered
from workflows.plan.compiler import compile_plan
from workflows.plan.problems import PlanHasProblems
from workflows.planning.shelf import PlaybookError, load_playbooks


@provokes(TooMany)
def more_issues_than_are_handed_over_at_once(scene):
    scene.needs("city")
    assign_issues(range(MOST_ISSUES + 1), "water", by=factories.make_user("supervisor"))


@provokes(saved_filters.NothingToKeep)
def a_filter_that_filters_nothing(scene):
    scene.needs("city")
    saved_filters.keep_filter(place="issues_issue", name="All", query="", by=factories.make_user("planner"))


@provokes(saved_filters.TooManyFilters)
def more_filters_than_one_keeps(scene):
    scene.needs("city")
    somebody = factories.make_user("planner")
    for number in range(saved_filters.MOST + 1):
        saved_filters.keep_filter(
            place="issues_issue", name=f"Filter {number}", query="status=OPEN", by=somebody
        )


@provokes(SeededAlready)
def a_city_that_is_made_up_twice(scene):
    scene.needs("city")
    for _ in range(2):
        fill(2, seed=1, now=timezone.now())


@provokes(apikeys.UnknownScope)
def a_key_for_a_scope_that_is_not_there(scene):
    scene.needs("city")
    apikeys.create_api_key(name="x", scopes=["plans:fly"])


@provokes(apikeys.BadNetwork)
def a_key_for_no_network(scene):
    scene.needs("city")
    apikeys.create_api_key(name="x", scopes=["plans:read"], networks=["here"])


@provokes(apikeys.DepartmentBeyondOwner)
def a_key_for_a_department_that_its_owner_may_not_see(scene):
    scene.needs("city")
    owner = factories.make_user("supervisor", departments=("parks",))
    apikeys.create_api_key(name="x", scopes=["plans:read"], owner=owner, departments=["water"])


@provokes(apikeys.UnknownSandbox)
def a_key_for_somebody_elses_sandbox(scene):
    scene.needs("city")
    theirs, _ = apikeys.create_api_key(name="y", scopes=["plans:read"], sandbox=apikeys.NEW_SANDBOX)
    apikeys.create_api_key(name="x", scopes=["plans:read"], sandbox=str(theirs.sandbox_id))


@provokes(apikeys.KeyRevoked)
def another_text_for_a_key_that_was_revoked(scene):
    row = ApiKey.objects.get(prefix=scene.api.key.partition(".")[0])
    row.revoked_at = row.created_at
    row.save()
    assert Api(scene.api.key).get("/workflows").status_code == 401
    apikeys.rotate_api_key(row)


@provokes(health.MigrationsMissing, committed=True)
def a_database_that_was_not_migrated(scene):
    scene.needs("city")
    scene.monkeypatch.setattr(health, "_migrated", threading.Event())
    last = MigrationRecorder(connection).migration_qs.filter(app="executions").latest("pk")
    last.delete()
    try:
        answer = Client().get("/readyz")
        assert answer.json()["checks"]["migrations"]["error"] == "MigrationsMissing"
        health._migrations()
    finally:
        last.save(force_insert=True)


@provokes(temporal.TemporalUnavailable, committed=True)
def a_temporal_server_that_is_away(scene):
    scene.settings.TEMPORAL_HOST = f"127.0.0.1:{free_port()}"
    scene.monkeypatch.setattr(temporal, "_bridge", temporal._Bridge())
    temporal.ping()


@provokes(temporal.TemporalRefused, committed=True)
def a_workflow_that_temporal_never_takes(scene):
    scene.needs("temporal_server")
    temporal.start_workflow("x", "x" * 3_000_000, workflow_id=str(uuid4()))


@provokes(temporal.WorkflowGone, committed=True)
def telling_a_workflow_that_is_not_there(scene):
    scene.needs("temporal_server")
    temporal.cancel_workflow(str(uuid4()))


@provokes(encryption.UnknownPayloadKey)
def a_payload_of_a_key_that_was_taken_away(scene):
    old, new = encryption.payload_keys(ONE), encryption.payload_keys(TWO)
    encryption.Encryption(new).unseal(encryption.Encryption(old).seal(Payload(data=b"x")))


@provokes(encryption.PayloadDamaged)
def a_payload_that_was_changed(scene):
    ours = encryption.Encryption(encryption.payload_keys(ONE))
    sealed = ours.seal(Payload(data=b"x"))
    sealed.data = sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])
    ours.unseal(sealed)


@provokes(OrphanedExecution, committed=True)
def a_step_of_a_run_that_is_not_in_this_database(scene):
    scene.needs("city")
    call = StepCall(str(uuid4()), "note", "update_issue", {}, timeout_seconds=9, max_attempts=1)
    with pytest.raises(ApplicationError) as told:
        run_step(call, lambda _: {})
    assert (told.value.type, told.value.non_retryable) == ("orphaned_execution", True)
    with transaction.atomic():
        locked_execution(call.execution_id)


@provokes(ExecutionOver, committed=True)
def a_step_of_a_run_that_has_ended(scene):
    scene.needs("city")
    scene.needs("temporal_server")
    run = launch(confirm())
    finish_execution(FinishCall(str(run.pk), "cancelled"))
    call = StepCall(str(run.pk), "confirm", "confirm_completion", {}, timeout_seconds=9, max_attempts=1)
    with pytest.raises(ApplicationError) as told:
        run_step(call, lambda _: {})
    assert (told.value.type, told.value.non_retryable) == ("execution_over", True)
    with transaction.atomic():
        live_execution(call.execution_id)


@provokes(reminders.BeingSent)
def a_letter_that_another_process_is_sending(scene):
    scene.needs("city")
    task = make_task(crew())
    assert reminders.put_letters(task, "reminder") == 1
    message = OutboxMessage.objects.get(kind=reminders.TASK_LETTER)
    step = StepRun.objects.get(execution=task.execution_id)
    Effects(step, lease_seconds=60)._claim(
        f"{task.execution_id}:{step.step_id}:letter-{message.pk}", "at_most_once"
    )
    reminders.deliver_letter(message)


@provokes(PlaybookError)
def a_folder_of_broken_playbooks(scene):
    (scene.tmp_path / "cut.yaml").write_text("kind: [")
    load_playbooks(scene.tmp_path)


@provokes(steering.NotStartedYet)
def telling_a_run_that_temporal_has_not_got(scene):
    assert scene.api.post(f"{scene.running}/pause", {"reason": "Because."}).status_code == 202
    steering.deliver_steering(OutboxMessage.objects.get(kind=steering.STEER))


@provokes(PlanHasProblems)
def compiling_a_plan_with_errors(scene):
    compile_plan(factories.document(factories.note_step(activity_id="teleport")), offered())
