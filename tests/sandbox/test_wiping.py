"""Wiping removes what a sandbox holds, whole, and nothing else; also while somebody is at work in it."""

import threading
from io import StringIO

import pytest
from django.apps import apps
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, connection, transaction

from executions.models import Effect, WorkflowExecution
from executions.sandboxes import END_RUN
from mudda import outbox, sandboxes, temporal
from mudda.errors import NotFound
from mudda.files.storage import name_of
from mudda.migration_tools import WIPED_SANDBOX
from mudda.models import ApiKey, Event, IdempotencyRecord, OutboxMessage, Sandbox
from tests import factories
from tests.api.client import Api
from tests.sandbox.worlds import REPORT, good, make_key, make_world, send_all
from tests.time.runs import crew, open_for

NOON = "2026-01-05T12:00:00Z"
OURS = ("mudda", "issues", "workflows", "executions")
STAY = {"mudda_apikey", "mudda_sandbox", "mudda_callcount", "mudda_outboxmessage", "last_looks"}
"""Tables that a wipe leaves alone, or whose rows it writes itself."""


def rows():
    """Every row of every table of ours, as text, by table: those of a sandbox and the others alike."""
    found = {}
    for model in apps.get_models():
        table = model._meta.db_table
        if model._meta.app_label in OURS and table not in STAY:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT t::text FROM {table} t")
                found[table] = {row[0] for row in cursor.fetchall()}
    return found


def wipe(world):
    return good(world.api.call("DELETE", "/sandbox"))["removed"]


def settled(world):
    """The world with answers that are kept, and with what its deliveries have come to."""
    world.api.post("/issues", {"statement": "Another leak"}, **{"Idempotency-Key": "once"})
    send_all(world)
    return world


def test_everything_of_the_sandbox_goes_and_nothing_else(owner, real, other):
    before = rows()
    world = settled(make_world(owner, "new"))
    made = rows()
    grown = {table for table in before if len(made[table]) > len(before[table])}
    assert grown >= {
        "mudda_event", "mudda_idempotencyrecord", "mudda_webhooksubscription", "mudda_webhookdelivery",
        "issues_issue", "issues_issuenote", "issues_attachment", "issues_reporter", "workflow_plans",
        "plan_revisions", "plan_approvals", "planner_runs", "policy_documents", "policy_versions",
        "policy_passages", "workflow_executions", "step_runs", "human_tasks", "task_uploads", "documents",
    }  # fmt: skip
    removed = wipe(world)
    after = rows()
    assert after == before
    gone = sum(len(made[table]) - len(after[table]) for table in made)
    assert sum(removed.values()) == gone
    assert (removed["executions"], removed["plans"], removed["issues"], removed["reporters"]) == (1, 1, 2, 1)


def test_wiping_again_removes_nothing_and_the_key_can_begin_anew(sandbox, real):
    assert wipe(sandbox)["issues"] == 1
    assert set(wipe(sandbox).values()) == {0}
    assert good(sandbox.api.get("/issues"))["results"] == []
    assert good(sandbox.api.post("/workflows/generate", REPORT))["sandbox"] is True
    assert wipe(sandbox)["plans"] == 1
    assert Sandbox.objects.get(pk=sandbox.key.sandbox_id).wiped_at is not None


def test_the_command_wipes_by_the_id_and_by_a_key(owner, real):
    for name in ("sandbox_id", "prefix"):
        world = make_world(owner, "new")
        said = StringIO()
        call_command("wipe_sandbox", str(getattr(world.key, name)), stdout=said)
        assert "1 executions" in said.getvalue() and str(world.key.sandbox_id) in said.getvalue()
    assert WorkflowExecution.objects.count() == 1
    for unknown in ("00000000-0000-4000-8000-000000000000", "nonsense", real.key.prefix):
        with pytest.raises(CommandError):
            call_command("wipe_sandbox", unknown)


def test_a_key_of_what_is_real_and_staff_wipe_nothing(real, owner):
    answer = real.api.call("DELETE", "/sandbox")
    assert (answer.status_code, answer.json()["code"]) == (403, "no_sandbox")
    assert WorkflowExecution.objects.exists()


def test_a_sandbox_that_there_is_not_is_not_wiped(db):
    with pytest.raises(NotFound):
        sandboxes.wipe(Sandbox(id="00000000-0000-4000-8000-000000000000").pk)


def test_what_a_wipe_would_remove_can_be_read_before(owner, real, other):
    world = settled(make_world(owner, "new"))
    there = sandboxes.contents_of(world.key.sandbox_id)
    removed = wipe(world)
    messages = {"messages", "planner_messages"}  # to somewhere else, for nobody to read
    assert there == {kind: count for kind, count in removed.items() if count and kind not in messages}
    assert sandboxes.contents_of(world.key.sandbox_id) == {}


# --- how long it may take ----------------------------------------------------------------------------


def room(delete):
    """Something else that holds rows of sandboxes."""
    return sandboxes.Contents(lambda _: None, delete, lambda _: ())


def shown(name):
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return cursor.fetchone()[0]


def test_a_statement_of_a_wipe_may_take_longer_than_those_of_other_requests(sandbox, monkeypatch):
    """As in the API's process, whose connections have a ``statement_timeout``; here a very short one."""

    def slow(sandbox_id):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(1.5)")
        return {"slow": 1}

    monkeypatch.setattr(sandboxes, "_rooms", [room(slow), *sandboxes._rooms])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '1s'")
        with pytest.raises(OperationalError, match="statement timeout"), transaction.atomic():
            slow(None)
    assert wipe(sandbox)["slow"] == 1


def test_what_was_set_before_a_wipe_is_set_again_after_it(sandbox, monkeypatch):
    names = ("lock_timeout", "statement_timeout", WIPED_SANDBOX)
    meanwhile = []

    def look(sandbox_id):
        meanwhile.extend(shown(name) for name in names)
        return {}

    monkeypatch.setattr(sandboxes, "_rooms", [room(look), *sandboxes._rooms])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '3s'; SET LOCAL statement_timeout = '30s'")
    wipe(sandbox)
    assert meanwhile == ["500ms", "10min", str(sandbox.key.sandbox_id)]
    assert [shown(name) for name in names] == ["3s", "30s", ""]


# --- what lies outside of the database --------------------------------------------------------------


def names(world):
    from executions.models import Document, TaskUpload
    from issues.models import Attachment

    ids = world.ids
    found = [(Document, "document_id"), (TaskUpload, "upload_id"), (Attachment, "attachment_id")]
    return [model.objects.get(pk=ids[name]).name for model, name in found]


def deliver(kind):
    """Deliver the messages of one kind, as the dispatcher does."""
    for message in OutboxMessage.objects.filter(kind=kind, delivered_at=None):
        outbox._handlers[kind](message)


def test_its_files_are_removed_and_removing_them_again_is_harmless(sandbox, real):
    theirs, ours = names(sandbox), names(real)
    assert all(map(default_storage.exists, theirs + ours))
    wipe(sandbox)
    for _ in range(2):
        deliver(sandboxes.DELETE_FILES)
        assert not any(map(default_storage.exists, theirs))
        assert all(map(default_storage.exists, ours))


def test_a_file_that_a_step_may_be_writing_is_removed_once_it_cannot_be_any_more(sandbox):
    run = WorkflowExecution.objects.get(pk=sandbox.ids["execution_id"])
    key = f"{run.pk}:report:report"
    effect = Effect.objects.create(
        key=key,
        execution=run,
        step_id="report",
        effect_class="idempotent",
        holder=run.pk,
        lease_until="2030-01-01T00:00:00Z",
    )
    effect.refresh_from_db()
    wipe(sandbox)
    messages = OutboxMessage.objects.filter(kind=sandboxes.DELETE_FILES)
    [late] = messages.filter(payload__names__contains=[name_of(key, ".pdf")])
    assert late.due_at > effect.lease_until


def test_messages_about_it_are_forgotten_but_those_that_end_its_runs(sandbox, real):
    for world in (sandbox, real):
        path = f"/workflows/executions/{world.ids['execution_id']}"
        good(world.api.post(f"{path}/pause", {"reason": "Wait."}))
        task = f"/workflows/tasks/{world.ids['task_id']}"
        answer = {"crew": "Crew 7", "accepted_at": NOON, "completed_at": NOON, "photos": [], "notes": "Done."}
        good(world.api.post(f"{task}/decide", {"outcome": "done", "answer": answer}))
    before = OutboxMessage.objects.exclude(kind=sandboxes.DELETE_FILES).count()
    wipe(sandbox)
    left = OutboxMessage.objects.exclude(kind__in=[sandboxes.DELETE_FILES, END_RUN])
    assert left.count() == before // 2
    assert not any(sandbox.ids["execution_id"] in str(message.payload) for message in left)
    [end] = OutboxMessage.objects.filter(kind=END_RUN)
    assert end.payload == {"workflow_id": f"mudda-workflow-{sandbox.ids['execution_id']}"}


# --- what is never deleted otherwise ----------------------------------------------------------------

KEPT = [
    "mudda_event",
    "plan_revisions",
    "plan_approvals",
    "planner_runs",
    "policy_versions",
    "policy_passages",
]


def refused(statement, sandbox_id=""):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [WIPED_SANDBOX, str(sandbox_id)])
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            cursor.execute(statement)


@pytest.mark.parametrize("table", KEPT)
def test_what_is_kept_is_refused_to_whoever_wipes_nothing(sandbox, real, table):
    ended = " WHERE ended_at IS NOT NULL" if table == "planner_runs" else ""
    for statement in (f"UPDATE {table} SET id = id{ended}", f"DELETE FROM {table}{ended}"):
        refused(statement)


@pytest.mark.parametrize("table", KEPT)
def test_naming_a_sandbox_lets_nothing_real_and_nothing_of_another_be_deleted(sandbox, real, other, table):
    ended = " WHERE ended_at IS NOT NULL" if table == "planner_runs" else ""
    refused(f"DELETE FROM {table}{ended}", sandbox.key.sandbox_id)
    refused(f"UPDATE {table} SET id = id{ended}", sandbox.key.sandbox_id)
    refused(f"DELETE FROM {table}{ended}", "nonsense")


@pytest.mark.parametrize("table", KEPT)
def test_what_is_kept_cannot_be_emptied_at_once(sandbox, table):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else TRUNCATE is refused for another reason
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {table}_kept")
    refused(f"TRUNCATE {table} CASCADE", sandbox.key.sandbox_id)


def test_a_wipe_needs_no_more_rights_than_the_tables_owner_has(sandbox, real):
    """As in a managed PostgreSQL: no superuser, nobody who makes roles."""
    tables = set(rows()) | STAY
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("CREATE ROLE plain_owner NOSUPERUSER NOCREATEROLE NOCREATEDB")
        cursor.execute("GRANT ALL ON SCHEMA public, workflow TO plain_owner")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} OWNER TO plain_owner")
        cursor.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO plain_owner")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("SET LOCAL ROLE plain_owner")
        removed = sandboxes.wipe(sandbox.key.sandbox_id)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("RESET ROLE")
    assert removed["revisions"] == 2
    assert Event.objects.filter(sandbox=None).exists()


# --- at the same time -------------------------------------------------------------------------------


@pytest.fixture
def calm_temporal(monkeypatch):
    """These tests are about the database: runs are left to the dispatcher, which doesn't run."""

    def away(*args, **kwargs):
        raise temporal.TemporalUnavailable

    monkeypatch.setattr(temporal, "start_workflow", away)


def orphans():
    """What names a sandbox's row that is gone."""
    streams = set(Event.objects.exclude(sandbox=None).values_list("stream", flat=True))
    living = {
        row.stream
        for model in apps.get_models()
        if hasattr(model, "event_seq")
        for row in model.objects.exclude(sandbox=None)
    }
    return streams - living


@pytest.mark.django_db(transaction=True)
def test_wiping_while_others_write_leaves_no_orphan_and_no_error_that_is_ours(calm_temporal):
    factories.load_city()
    owner = factories.make_user(is_superuser=True)
    key, api = make_key(owner, "new")
    stop, answers = threading.Event(), []

    def write(text):
        mine = Api(text)
        while not stop.is_set():
            drafted = mine.post("/workflows/generate", REPORT)
            answers.append(drafted)
            if drafted.status_code != 201:
                continue
            path = f"/workflows/{drafted.json()['workflow_id']}"
            plan = mine.put(path, {"workflow_plan": factories.document(crew())})
            answers.append(plan)
            if plan.status_code == 200:
                body = {"approve": True, "digest": plan.json()["digest"]}
                answers.append(mine.post(f"{path}/execute", body))
            answers.append(mine.post(f"/issues/{drafted.json()['issue_id']}/notes", {"text": "Seen."}))
        connection.close()

    writers = [threading.Thread(target=write, args=(api.key,)) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(12):
            good(api.call("DELETE", "/sandbox"))
            assert not orphans()
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {200, 201, 202, 404, 409, 503}, [a.content for a in answers if a.status_code == 500][
        :1
    ]
    assert 201 in statuses
    good(api.call("DELETE", "/sandbox"))
    assert not Event.objects.exclude(sandbox=None).exists()
    assert not WorkflowExecution.objects.exists()
    assert not OutboxMessage.objects.exclude(kind__in=[sandboxes.DELETE_FILES, END_RUN]).exists()
    assert ApiKey.objects.filter(pk=key.pk).exists() and not IdempotencyRecord.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_wipes_at_once_remove_everything_once(calm_temporal):
    factories.load_city()
    owner = factories.make_user(is_superuser=True)
    world = make_world(owner, "new")
    removed = []

    def work():
        removed.append(sandboxes.wipe(world.key.sandbox_id)["executions"])
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(removed) == [0, 0, 0, 1]


@pytest.mark.django_db(transaction=True)
def test_a_wipe_that_crashes_has_removed_nothing(calm_temporal, monkeypatch):
    factories.load_city()
    world = make_world(factories.make_user(is_superuser=True), "new")
    before, crash = rows(), RuntimeError("the process ends here")

    def fails(sandbox_id):
        raise crash

    monkeypatch.setattr(sandboxes, "_rooms", [room(fails), *sandboxes._rooms])
    with pytest.raises(RuntimeError):
        sandboxes.wipe(world.key.sandbox_id)
    assert rows() == before
    assert not OutboxMessage.objects.filter(kind__in=[sandboxes.DELETE_FILES, END_RUN]).exists()


@pytest.mark.django_db(transaction=True)
def test_a_step_under_way_finds_its_run_gone_and_leaves_nothing(calm_temporal):
    """The worker's side of it: what a step writes after the wipe is refused, and the attempt ends for good."""
    from temporalio.exceptions import ApplicationError

    from executions.temporal.contracts import StepCall
    from executions.temporal.recording import run_step

    factories.load_city()
    world = make_world(factories.make_user(is_superuser=True), "new")
    call = StepCall(
        execution_id=world.ids["execution_id"],
        step_id="repair",
        activity_id="dispatch_crew",
        inputs=crew()["inputs"],
        timeout_seconds=60,
        max_attempts=3,
    )

    def wiped_in_the_middle(step):
        sandboxes.wipe(world.key.sandbox_id)
        return {"reservation_id": str(open_for(step.execution).pk)}

    with pytest.raises(ApplicationError) as caught:
        run_step(call, wiped_in_the_middle)
    with pytest.raises(ApplicationError) as again:
        run_step(call, wiped_in_the_middle)
    assert again.value.type == "orphaned_execution" and again.value.non_retryable
    assert caught.value.type in {"orphaned_execution", "infrastructure"}
    assert not Event.objects.exclude(sandbox=None).exists()
