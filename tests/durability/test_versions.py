"""Two versions of the worker side by side: what was begun under the old one ends under the new one."""

import asyncio
import subprocess

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import RoutingConfigUpdateState
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Replayer, Worker, WorkerDeploymentConfig

from mudda.devstack.processes import Child, worker_command
from mudda.devstack.temporal import embedded_command
from tests.durability.steps import ASK
from tests.durability.versioned import After, Before, Careless, greet
from tests.faults.city import note, until

QUEUE = "versioned"


def deployment(name, build):
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name=name, build_id=build),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


def make_current(address, name, build):
    """What docs/durability.md says is done after a roll-out."""
    version = ["--build-id", build] if build else ["--unversioned"]
    command = [embedded_command(), "worker", "deployment", "set-current-version", "--deployment-name", name]
    where = ["--address", address, "--yes"]

    def told():
        ended = subprocess.run([*command, *version, *where], capture_output=True, text=True, check=False)
        return ended.returncode == 0

    until(told, 60)  # a version is known once its worker polls
    asyncio.run(asyncio.wait_for(routed(address, name), 60))


async def routed(address, name):
    """Wait until the task queues know the current version: the server tells them after it has answered."""
    client = await Client.connect(address)
    asked = DescribeWorkerDeploymentRequest(namespace="default", deployment_name=name)
    while True:
        told = await client.workflow_service.describe_worker_deployment(asked)
        state = told.worker_deployment_info.routing_config_update_state
        if state == RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_COMPLETED:
            return
        await asyncio.sleep(0.1)


def builds(history):
    """The build ids that have completed workflow tasks, in order, without repetitions."""
    found = []
    for event in history.events:
        version = event.workflow_task_completed_event_attributes.deployment_version
        if event.HasField("workflow_task_completed_event_attributes") and version.build_id not in found[-1:]:
            found.append(version.build_id)
    return found


@pytest.fixture(scope="module")
def upgraded(one_city):
    """The histories of a run from before the change and one from after it, both with the new worker at the end."""
    one_city.mend()
    return asyncio.run(_upgrade(one_city.site.temporal.address))


async def _upgrade(address):
    client = await Client.connect(address)
    common = {"task_queue": QUEUE, "activities": [greet]}
    async with (
        Worker(client, workflows=[Before], deployment_config=deployment("test", "1"), **common),
        Worker(client, workflows=[After], deployment_config=deployment("test", "2"), **common),
    ):
        await asyncio.to_thread(make_current, address, "test", "1")
        old = await client.start_workflow("Versioned", id="old", task_queue=QUEUE)
        while len((await old.fetch_history()).events) < 10:  # it waits
            await asyncio.sleep(0.1)
        await asyncio.to_thread(make_current, address, "test", "2")
        new = await client.start_workflow("Versioned", id="new", task_queue=QUEUE)
        for handle in (old, new):
            await handle.signal("go_on")
        return {
            handle.id: (await asyncio.wait_for(handle.result(), 60), await handle.fetch_history())
            for handle in (old, new)
        }


def test_a_run_begun_under_the_old_version_ends_under_the_new_one_as_it_had_begun(upgraded):
    said, history = upgraded["old"]
    assert said == ["hello", "new"]
    assert builds(history) == ["1", "2"]


def test_a_new_run_has_the_change(upgraded):
    said, history = upgraded["new"]
    assert said == ["hello", "more", "new"]
    assert builds(history) == ["2"]


@pytest.mark.parametrize("name", ["old", "new"])
def test_both_replay_with_the_patch(upgraded, name):
    asyncio.run(Replayer(workflows=[After]).replay_workflow(upgraded[name][1]))


def test_without_the_patch_the_run_under_way_would_break(upgraded):
    with pytest.raises(workflow.NondeterminismError):
        asyncio.run(Replayer(workflows=[Careless]).replay_workflow(upgraded["old"][1]))


def test_a_city_is_upgraded_while_a_run_waits_for_a_person(city):
    """The worker as it is deployed, unversioned at first as in development."""
    name, address = "mudda", city.site.temporal.address
    execution = city.launch(note("before"), note("asked", **ASK))
    task = city.task(execution)
    made = []
    try:
        for build in ("one", "two"):
            environment = {
                **city.site.environment,
                "TEMPORAL_DEPLOYMENT_NAME": name,
                "TEMPORAL_BUILD_ID": build,
            }
            log = city.site.home / f"logs/worker-{build}.log"
            made.append(Child("worker", worker_command(), environment, log))
            made[-1].start()
            made[-1].wait_until_said("worker started")
            make_current(address, name, build)
            if build == "one":
                second = city.launch(note("before"), note("asked", **ASK))
                second_task = city.task(second)
        city.site.worker.stop()
        city.decide(task, "approve")
        city.decide(second_task, "approve")
        city.ends(execution)
        city.ends(second)
    finally:
        city.site.worker.start()
        make_current(address, name, "")
        for child in made:
            child.stop()
    assert builds(city.history(execution)) == ["", "two"]
    assert builds(city.history(second)) == ["one", "two"]
    city.ends(city.launch(note()))
