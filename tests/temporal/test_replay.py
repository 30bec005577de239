"""Runs that have begun go on under a later version of the workflow: what they did before is replayed exactly.

When one of these fails, a change of the workflow would break runs that are under way: it needs
``workflow.patched``. ``record.py`` says where the histories come from.
"""

import asyncio
import json
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from executions.temporal.workflow import PlanWorkflow
from tests.temporal.incompatible import Incompatible

HISTORIES = sorted(Path(__file__).with_name("histories").glob("*.json"))

FEATURES = {
    "simple",
    "skipped",
    "approved",
    "rejected",
    "answered",
    "retried",
    "failed",
    "timer",
    "escalation_retried",
    "escalation_skipped",
    "escalation_answered",
    "escalation_stopped",
    "compensated",
    "compensation_failed",
    "cancelled",
    "paused",
    "uncertain",
    "large",
    "hung",
    "overdue",
    "continued",
    "continued_last",
    "overdue_answered",
    "letter_answered",
    "approval_asked_again",
    "cancelled_before_start",
    "clock_cancelled",
    "local_goes_remote",
    "reset_after_its_end",
    "put_off_withdrawn",
}
"""What ``record.py`` records."""


def history(path):
    return WorkflowHistory.from_json(f"mudda-workflow-{path.stem}", json.loads(path.read_text()))


def test_there_is_a_history_of_every_feature():
    assert {path.stem for path in HISTORIES} == FEATURES


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_a_recorded_run_replays(path):
    asyncio.run(Replayer(workflows=[PlanWorkflow]).replay_workflow(history(path)))


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_an_incompatible_workflow_fails_on_every_recorded_run(path):
    """Or the test above would prove nothing."""
    with pytest.raises(workflow.NondeterminismError):
        asyncio.run(Replayer(workflows=[Incompatible]).replay_workflow(history(path)))
