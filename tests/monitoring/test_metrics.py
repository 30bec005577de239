"""What Prometheus reads of the web server and of the worker."""

import re
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import timedelta

import psycopg
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client import REGISTRY

from executions.models import HumanTask, WorkflowExecution
from mudda import events
from mudda.devstack.processes import worker_command
from mudda.environment import BASE_DIR
from mudda.models import OutboxMessage, Sandbox
from mudda.monitoring import figures, metrics
from tests import factories
from tests.faults.city import letter, note, until
from tests.time.runs import confirm, launch

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")


# --- real processes ---------------------------------------------------------------------------------


def test_requests_are_counted_and_timed_by_the_template_of_their_route(watched):
    web = watched.site.web
    plan = watched.draft(note())["workflow_id"]
    labels = {"method": "GET", "route": "workflows/<uuid:workflow_id>", "status": "200"}
    before = max(0, watched.value(web, "mudda_http_requests_total", **labels))
    for _ in range(3):
        watched.expect(200, "GET", f"/workflows/{plan}")
    assert watched.call("GET", "/no/such/place/ottoline@example.org").status_code == 404
    assert watched.value(web, "mudda_http_requests_total", **labels) == before + 3
    labels.pop("status")
    assert watched.value(web, "mudda_http_request_seconds_count", **labels) >= 3
    assert watched.value(web, "mudda_http_requests_total", route="unmatched", status="404") >= 1
    text = watched.text(web)
    assert plan not in text and "ottoline" not in text
    assert not UUID.search(text)


def test_metrics_are_on_their_own_port_and_on_no_other(watched):
    assert watched.call("GET", "/metrics").status_code == 404
    port = watched.site.web.environment["METRICS_PORT"]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/workflows", timeout=5)  # noqa: S310


def test_statements_and_the_pool_are_told(watched):
    watched.expect(200, "GET", "/workflows")
    for process in (watched.site.web, watched.site.worker):
        assert watched.value(process, "mudda_database_statement_seconds_count", operation="SELECT") > 0
        assert watched.value(process, "mudda_database_pool_size", database="default") >= 1
        assert watched.value(process, "mudda_database_pool_max", database="default") == 20
        assert watched.value(process, "mudda_database_pool_requests_total", database="default") > 0
    before = watched.value(watched.site.web, "mudda_database_statement_seconds_count")
    watched.expect(200, "GET", "/workflows")
    assert watched.value(watched.site.web, "mudda_database_statement_seconds_count") > before


def test_the_worker_tells_what_temporals_sdk_knows_and_what_its_sweep_does(watched):
    watched.ends(watched.launch(letter(), note()))
    worker = watched.site.worker

    def value(name, /, **labels):
        return watched.value(worker, name, **labels)

    until(
        lambda: (
            value("temporal_activity_execution_latency_seconds_count", activity_type="send_notification") >= 1
        )
    )
    assert value("temporal_workflow_completed_total", workflow_type="PlanWorkflow") >= 1
    assert value("temporal_activity_schedule_to_start_latency_seconds_count") >= 1
    assert value("temporal_worker_task_slots_available", worker_type="ActivityWorker") >= 1
    assert value("mudda_temporal_sdk_metrics_up") == 1
    assert value("mudda_temporal_up") == 1
    assert value("mudda_dispatcher_jobs_total", name="deliver messages", outcome="done") >= 1
    assert value("mudda_dispatcher_last_sweep_timestamp_seconds") > timezone.now().timestamp() - 30
    assert value("mudda_events_total", type="execution.completed") >= 1
    # What has not happened yet is told as 0: of a series that begins with 1 nobody sees an increase.
    assert value("mudda_events_total", type="webhook.disabled") == 0
    assert watched.value(watched.site.web, "mudda_events_total", type="execution.launched") >= 1


def test_without_the_database_the_rest_is_told_and_that_it_is_away(watched):
    watched.site.postgres.stop()
    until(lambda: watched.value(watched.site.web, "mudda_figures_up") == 0)
    assert watched.value(watched.site.web, "mudda_executions") == -1  # not what was so once
    assert watched.value(watched.site.web, "mudda_http_requests_total") > 0
    watched.mend()
    until(lambda: watched.value(watched.site.web, "mudda_figures_up") == 1)
    assert watched.value(watched.site.web, "mudda_executions") >= 0


def test_a_second_process_on_the_same_port_says_what_to_do(watched):
    taken = watched.site.web.environment["METRICS_PORT"]
    ended = subprocess.run(
        worker_command(), env={**watched.site.environment, "METRICS_PORT": taken}, cwd=BASE_DIR, check=False,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode != 0
    assert f"METRICS_PORT={taken} cannot be listened on" in ended.stderr


def test_without_a_port_nothing_listens_and_nothing_of_the_sdk_is_asked(on_test_database):
    code = (
        "import django; django.setup(); from mudda.monitoring import process; process.start('x'); "
        "import threading; print([t.name for t in threading.enumerate()], process.temporal_runtime())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=BASE_DIR, check=True, capture_output=True, text=True,
        env={**on_test_database, "DJANGO_SETTINGS_MODULE": "mudda.settings"},
    )  # fmt: skip
    assert ended.stdout.strip() == "['MainThread'] None"


# --- business figures -------------------------------------------------------------------------------


def read():
    """All figures as they are now, by name and labels."""
    collector = figures.Figures()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in collector.collect()
        for sample in family.samples
    }


@pytest.fixture
def town(db, settings):
    settings.TEMPORAL_HOST = "127.0.0.1:9"  # figures are never asked of Temporal
    factories.load_city()
    return factories.make_user("supervisor")


def test_the_figures_say_what_waits_and_what_is_late(town):
    assert read()["mudda_executions", "running"] == 0
    factories.make_plan(by=town)
    runs = [launch(confirm(), by=town) for _ in range(4)]
    long_ago = timezone.now() - timedelta(hours=2)
    WorkflowExecution.objects.filter(pk=runs[0].pk).update(
        status="running", temporal_run_id="r", due_at=long_ago
    )
    WorkflowExecution.objects.filter(pk=runs[1].pk).update(
        status="running", temporal_run_id="r", paused_at=timezone.now()
    )
    WorkflowExecution.objects.filter(pk=runs[2].pk).update(status="completed")
    WorkflowExecution.objects.filter(pk=runs[3].pk).update(created_at=long_ago, temporal_run_id="")
    fields = {
        "execution": runs[0],
        "step_id": "confirm",
        "kind": "approval",
        "title": "?",
        "form": {},
        "outcomes": [],
    }
    for key, due in (("late", long_ago), ("soon", timezone.now() + timedelta(hours=1)), ("never", None)):
        HumanTask.objects.create(key=key, due_at=due, **fields)
    HumanTask.objects.create(key="held", status="on_hold", due_at=long_ago, **fields)
    HumanTask.objects.create(key="over", status="decided", due_at=long_ago, **fields)
    OutboxMessage.objects.all().delete()
    OutboxMessage.objects.create(kind="letter", payload={}, created_at=long_ago)
    OutboxMessage.objects.create(kind="letter", payload={})
    OutboxMessage.objects.create(kind="letter", payload={}, delivered_at=timezone.now(), created_at=long_ago)
    OutboxMessage.objects.create(kind="letter", payload={}, gave_up_at=timezone.now())
    found = read()
    assert found["mudda_plans", "DRAFT"] == 1 and found["mudda_plans", "DRAFTING"] == 0
    assert {status: found["mudda_executions", status] for status in ("pending", "running", "paused")} == {
        "pending": 1, "running": 1, "paused": 1,
    }  # fmt: skip
    assert found["mudda_executions_not_started",] == 1
    assert 7_100 <= found["mudda_executions_oldest_not_started_seconds",] < 7_300
    assert found["mudda_executions_overdue",] == 1
    assert found["mudda_tasks", "open"] == 3 and found["mudda_tasks", "on_hold"] == 1
    assert found["mudda_tasks_overdue",] == 1
    assert 7_100 <= found["mudda_tasks_longest_overdue_seconds",] < 7_300
    assert found["mudda_outbox_undelivered", "letter"] == 2
    assert 7_100 <= found["mudda_outbox_oldest_seconds",] < 7_300
    assert found["mudda_outbox_given_up",] == 1


def test_what_a_sandbox_holds_is_no_business_figure(town):
    run = launch(confirm(), by=town)
    WorkflowExecution.objects.filter(pk=run.pk).update(sandbox=Sandbox.objects.create(owner=town))
    assert read()["mudda_executions", "pending"] == 0


def test_a_few_statements_along_indexes_are_kept_for_some_seconds(town):
    collector = figures.Figures()
    with CaptureQueriesContext(
        connection,
    ) as first:
        list(collector.collect())
    asked = [one["sql"] for one in first.captured_queries if one["sql"].lstrip().startswith("SELECT")]
    assert 0 < len(asked) <= 9
    with CaptureQueriesContext(connection) as second:
        list(collector.collect())
    assert not second.captured_queries
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for statement in asked:
            cursor.execute(f"EXPLAIN {statement}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Seq Scan" not in plan, plan


def counted(kind):
    return REGISTRY.get_sample_value("mudda_events_total", {"type": kind}) or 0.0


@pytest.mark.django_db(transaction=True)
def test_what_was_rolled_back_or_is_a_sandboxs_is_not_counted():
    factories.load_city()
    plan = factories.make_plan()
    before = counted("plan.edited")
    data = {"revision": 1, "digest": "0" * 64, "planner": "staff"}
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        events.append(plan, "plan.edited", data)
        raise ZeroDivisionError
    assert counted("plan.edited") == before
    with transaction.atomic():
        events.append(plan, "plan.edited", data)
    assert counted("plan.edited") == before + 1
    plan.sandbox = Sandbox.objects.create(owner=factories.make_user())
    plan.save()
    with transaction.atomic():
        events.append(plan, "plan.edited", data)
    assert counted("plan.edited") == before + 1


@pytest.mark.parametrize(
    ("statement", "operation"),
    [
        ("SELECT 1", "SELECT"), ("  select 1", "SELECT"), ("\n WITH x AS (SELECT 1) SELECT 1", "WITH"),
        ("UPDATE t SET a = 1", "UPDATE"), ("SET LOCAL x = 1", "OTHER"), ("", "OTHER"), (b"SELECT 1", "OTHER"),
    ],
)  # fmt: skip
def test_statements_are_told_apart_by_their_first_word(statement, operation):
    assert metrics.operation_of(statement) == operation


def test_errors_of_statements_are_counted_by_their_class(db):
    def errors():
        return REGISTRY.get_sample_value("mudda_database_errors_total", {"error": "UndefinedTable"}) or 0.0

    before = errors()
    with pytest.raises(psycopg.Error) as raised, transaction.atomic(), connection.cursor() as cursor:
        try:
            cursor.execute("SELECT * FROM nowhere")
        except Exception as error:
            raise error.__cause__ from None
    assert type(raised.value).__name__ == "UndefinedTable"
    assert errors() == before + 1
