"""A run that somebody ends in Temporal itself is noticed, with the reason."""

import asyncio
from datetime import timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from executions.temporal.contracts import PLAN_WORKFLOW, RunInput
from tests.faults.city import letter, note, until


async def terminate(city, execution):
    client = await Client.connect(city.site.temporal.address)
    await client.get_workflow_handle(f"mudda-workflow-{execution}").terminate("An operator's slip.")


def test_a_run_that_is_terminated_from_outside_is_shown_as_failed_within_a_minute(city):
    execution = city.launch(note("first"), note("after", requires_approval={"group": "supervisor"}))
    task = city.task(execution)
    asyncio.run(terminate(city, execution))
    run = city.ends(execution, "failed", deadline=60)
    assert run["failure"]["code"] == "terminated"
    assert {step["step_id"]: step["status"] for step in run["steps"]} == {
        "first": "completed",
        "after": "cancelled",
    }
    assert run["execution_data"]["results"]["first"]["status"]
    assert city.decide(task, "approve", status=409)["code"] == "task_closed"


def test_a_run_that_is_cancelled_in_temporals_own_ui_ends_as_cancelled(city):
    execution = city.launch(note("after", requires_approval={"group": "supervisor"}))
    city.task(execution)

    async def cancel():
        client = await Client.connect(city.site.temporal.address)
        await client.get_workflow_handle(f"mudda-workflow-{execution}").cancel()

    asyncio.run(cancel())
    city.ends(execution, "cancelled")
    until(lambda: city.temporal_runs(execution) == ["CANCELED"])


async def restart(city, execution, **options):
    """Start the Temporal workflow of a run anew from its own input, in the place of the one that is running."""
    client = await Client.connect(city.site.temporal.address)
    key = f"mudda-workflow-{execution}"
    history = await client.get_workflow_handle(key).fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes
    [given] = await client.data_converter.decode(started.input.payloads, [RunInput])
    await client.start_workflow(
        PLAN_WORKFLOW,
        given,
        id=key,
        task_queue=started.task_queue.name,
        id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
        **options,
    )


def test_a_run_that_is_restarted_outside_with_a_run_timeout_fails_when_that_is_over(city):
    execution = city.launch(note("first"), note("after", requires_approval={"group": "supervisor"}))
    task = city.task(execution)
    asyncio.run(restart(city, execution, run_timeout=timedelta(seconds=5)))
    run = city.ends(execution, "failed", deadline=65)
    assert run["failure"]["code"] == "timed_out"
    assert {step["step_id"]: step["status"] for step in run["steps"]} == {
        "first": "completed",
        "after": "cancelled",
    }
    assert sorted(city.temporal_runs(execution)) == ["TERMINATED", "TIMED_OUT"]
    assert city.decide(task, "approve", status=409)["code"] == "task_closed"


async def reset(city, execution):
    """Reset to the end of the first workflow task, as Temporal's UI and command line do."""
    client = await Client.connect(city.site.temporal.address)
    key = f"mudda-workflow-{execution}"
    history = await client.get_workflow_handle(key).fetch_history()
    first = next(
        event.event_id
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    )
    request = ResetWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=key),
        reason="An operator's wish.",
        workflow_task_finish_event_id=first,
        request_id=execution,
    )
    await client.workflow_service.reset_workflow_execution(request)


def test_a_run_that_is_reset_goes_on_as_another_temporal_run_and_is_not_failed(city):
    execution = city.launch(letter("first"), note("after", requires_approval={"group": "supervisor"}))
    task = city.task(execution)
    asyncio.run(reset(city, execution))
    until(lambda: sorted(city.temporal_runs_now(execution)) == ["RUNNING", "TERMINATED"])
    looked = "SELECT looked_for_at FROM workflow_executions WHERE id = %s AND looked_for_at IS NOT NULL"
    until(lambda: city.rows(looked, execution), 60)
    assert city.execution(execution)["status"] == "running"
    city.decide(task, "approve")
    run = city.ends(execution)
    assert {step["status"] for step in run["steps"]} == {"completed"}
    assert set(city.office.counts(execution).values()) == {1}


def test_a_run_that_is_reset_after_its_end_does_nothing_any_more(city):
    plan = city.approved(letter("first"), note("after", on_failure="continue"))
    execution = city.execute(plan)
    before = city.ends(execution)
    until(lambda: city.temporal_runs(execution) == ["COMPLETED"])
    asyncio.run(reset(city, execution))
    # It ends at once: nothing is done, asked or undone, whatever its plan says about failures.
    until(lambda: sorted(city.temporal_runs(execution)) == ["COMPLETED", "FAILED"])
    assert city.execution(execution) == before
    assert set(city.office.counts(execution).values()) == {1}
    assert "execution_over" in city.history(execution).to_json()


def test_a_run_that_is_reset_after_it_was_cancelled_neither_asks_nor_undoes_anything(city):
    undo = {"activity_id": "release_lane", "inputs": {"reservation_id": "{{ steps.lane.reservation_id }}"}}
    lane = {
        "step_id": "lane",
        "activity_id": "reserve_lane",
        "title": "Reserve a lane",
        "inputs": {"address": "{{ issue.address }}", "hours": 6},
        "compensate": undo,
    }
    execution = city.launch(lane, note("after", requires_approval={"group": "supervisor"}))
    city.task(execution)
    city.expect(202, "POST", f"/workflows/executions/{execution}/cancel", {"reason": "Because."}, by="author")
    before = city.ends(execution, "cancelled")
    tasks = "SELECT id FROM human_tasks WHERE execution_id = %s"
    asked = city.rows(tasks, execution)
    until(lambda: city.temporal_runs(execution) == ["CANCELED"])
    asyncio.run(reset(city, execution))
    until(lambda: "FAILED" in city.temporal_runs(execution))
    assert city.execution(execution) == before
    assert city.rows(tasks, execution) == asked
