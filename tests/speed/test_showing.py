"""Runs are shown by plain functions: what they say is what the serializers of the OpenAPI document say."""

import json
from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone
from rest_framework.renderers import JSONRenderer

from executions.models import ExecutionStatus, HumanTask, WorkflowExecution
from executions.serializers import ExecutionOutput, ExecutionSummary
from executions.showing import run_shown, summary_of
from tests import factories
from tests.api.client import Api


@pytest.fixture
def run(db):
    factories.load_city()
    api = Api(factories.make_key())
    plan = api.post("/workflows/generate", {"problem_statement": factories.STATEMENT}).json()["workflow_id"]
    body = {"execution_data": {"ä": [1, None, {"x": "\u2028"}]}, "approve": True}
    launched = api.post(f"/workflows/{plan}/execute", body).json()
    return WorkflowExecution.objects.get(pk=launched["execution_id"])


def untouched(run):
    pass


def late_and_failed_in_part(run):
    """With every field that may be empty filled."""
    now = timezone.now()
    first, second, *_ = run.steps.all()
    first.status, first.output, first.attempts = "completed", {"a": 1.5, "b": "ü"}, 2
    first.started_at, first.ended_at = now - timedelta(hours=1), now.replace(microsecond=0)
    second.status, second.error, second.reason = (
        "failed",
        {"code": "x", "message": "Broken.", "more": 1},
        "So.",
    )
    first.save()
    second.save()
    asked = {
        "execution": run,
        "step_id": second.step_id,
        "form": {},
        "outcomes": ["done"],
        "kind": "approval",
    }
    for key, fields in {
        "open": {"due_at": now, "group": "supervisor", "title": "Well?"},
        "held": {"status": "on_hold"},
        "decided": {"status": "decided"},
        "unawaited": {"awaited": False},
    }.items():
        HumanTask.objects.create(key=f"{run.pk}:{key}", **asked, **fields)
    run.status, run.failure = ExecutionStatus.RUNNING, {"code": "x", "message": "y", "step_id": None}
    run.due_at = run.started_at = run.paused_at = run.cancel_requested_at = now - timedelta(minutes=5)
    run.save()


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
@pytest.mark.parametrize("change", [untouched, late_and_failed_in_part])
def test_a_run_is_shown_as_its_serializer_shows_it(run, change, zone):
    change(run)
    found = WorkflowExecution.objects.select_related("plan__issue", "revision").get(pk=run.pk)
    with override_settings(TIME_ZONE=zone):
        for ours, theirs in ((run_shown, ExecutionOutput), (summary_of, ExecutionSummary)):
            shown, expected = ours(found), theirs(found).data
            assert json.loads(JSONRenderer().render(shown)) == json.loads(JSONRenderer().render(expected))
            assert list(shown) == list(expected)
