"""A run that somebody ends in Temporal itself is noticed, with the reason."""

import asyncio

from temporalio.client import Client

from tests.faults.city import note, until


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
