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

HISTORIES = sorted(Path(__file__).with_name("histories").glob("*.json"))


def history(path):
    return WorkflowHistory.from_json(f"mudda-workflow-{path.stem}", json.loads(path.read_text()))


def test_there_are_histories():
    assert len(HISTORIES) >= 8


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_a_recorded_run_replays(path):
    asyncio.run(Replayer(workflows=[PlanWorkflow]).replay_workflow(history(path)))


def test_a_history_that_does_not_fit_is_noticed():
    """Or the tests above would prove nothing."""
    path = next(path for path in HISTORIES if path.stem == "simple")
    told = path.read_text().replace(
        '"activityType":{"name":"send_notification"}', '"activityType":{"name":"another"}'
    )
    changed = WorkflowHistory.from_json("mudda-workflow-changed", json.loads(told))
    with pytest.raises(workflow.NondeterminismError, match="another"):
        asyncio.run(Replayer(workflows=[PlanWorkflow]).replay_workflow(changed))
