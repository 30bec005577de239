"""A run's department is its issue's, whoever writes what: triggers see to it."""

from importlib import import_module

import pytest
from django.db import connection

from executions.models import WorkflowExecution
from issues.models import Department, Issue
from tests import factories
from tests.api.client import Api


@pytest.fixture
def run(db):
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
