"""A run's department is its issue's, whoever writes what: triggers see to it."""

import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import pytest
from django.db import connection, transaction

from executions.models import WorkflowExecution
from executions.temporal.recording import locked_execution
from issues.changing import change_issue
from issues.facts import correct_facts
from issues.models import Department, Issue
from issues.services import update_issue
from tests import factories
from tests.api.client import Api


@pytest.fixture
def run(db):
    return launched()


def launched():
    factories.load_city()
    api = Api(factories.make_key())
    plan = api.post("/workflows/generate", {"problem_statement": factories.STATEMENT}).json()["workflow_id"]
    launched = api.post(f"/workflows/{plan}/execute", {"approve": True})
    return WorkflowExecution.objects.get(pk=launched.json()["execution_id"])


def clerk_of(department):
    return Api(factories.make_key(owner=factories.make_user("supervisor", departments=(department,))))


def test_a_launched_run_has_its_issues_department(run):
    assert run.department == run.plan.issue.department == Department.objects.get(code="water")


def test_a_run_goes_with_its_issue_to_another_department(run):
    water, parks, path = clerk_of("water"), clerk_of("parks"), f"/workflows/executions/{run.pk}"
    assert (water.get(path).status_code, parks.get(path).status_code) == (200, 404)
    Issue.objects.update(department=Department.objects.get(code="parks"))  # past every service of ours
    assert (water.get(path).status_code, parks.get(path).status_code) == (404, 200)
    assert [row["id"] for row in parks.get("/workflows/executions").json()["results"]] == [str(run.pk)]
    assert water.get("/workflows/executions").json()["results"] == []
    Issue.objects.update(department=None)
    run.refresh_from_db()
    assert run.department is None
    assert parks.get(path).status_code == 404


def test_runs_from_before_are_filled_in_batch_by_batch(run, monkeypatch):
    migration = import_module("executions.migrations.0008_execution_department")
    monkeypatch.setattr(migration, "BATCH", 1)
    other = WorkflowExecution.objects.get(pk=run.pk)
    other.pk, other.status = None, "failed"
    other._state.adding = True
    other.id = WorkflowExecution._meta.pk.get_default()
    other.save(force_insert=True)
    WorkflowExecution.objects.update(department=None)
    with connection.schema_editor() as editor:
        migration.fill(None, editor)
    codes = WorkflowExecution.objects.values_list("department__code", flat=True)
    assert list(codes) == ["water", "water"]


def is_somebody_waiting():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock')"
        )
        return cursor.fetchone()[0]


def in_another_thread(threads, work):
    """Begin ``work`` beside us, and come back once it waits for a lock."""

    def alone():
        try:
            return work()
        finally:
            connection.close()

    begun = threads.submit(alone)
    until = time.monotonic() + 20
    while not is_somebody_waiting():
        assert not begun.done(), begun.result()
        assert time.monotonic() < until
        time.sleep(0.01)
    return begun


@pytest.mark.parametrize(
    "hand_over",
    [
        lambda issue, by: change_issue(issue, {"department": "parks"}, by=by),
        lambda issue, by: change_issue(issue, {"category": "tree"}, by=by),
        lambda issue, by: correct_facts(issue, category="tree", by=by),
    ],
    ids=["department", "category", "fact"],
)
def test_an_issue_is_handed_over_while_a_step_writes_to_it(transactional_db, hand_over):
    run, chief = launched(), factories.make_user("supervisor")
    issue = run.plan.issue
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():  # as a step does
            locked_execution(str(run.pk))
            handed = in_another_thread(threads, lambda: hand_over(issue, chief))
            update_issue(issue_id=issue.pk, status="IN_PROGRESS")
        handed.result()
    run.refresh_from_db()
    issue.refresh_from_db()
    assert run.department == issue.department == Department.objects.get(code="parks")
    assert issue.status == "IN_PROGRESS"
