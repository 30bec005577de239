"""Runs are found in Temporal by plan, category and department; a namespace that doesn't know these starts them too."""

import asyncio
import subprocess
import uuid

import pytest
from temporalio.client import Client

from executions.starting import found_by
from mudda import search_attributes, temporal
from mudda.devstack.temporal import embedded_command
from tests import factories
from tests.time.runs import confirm, launch

PEOPLE = ("Ann", "ann@example.org", "123 Main St")


def found(server, query, namespace="default"):
    async def ask():
        client = await Client.connect(server.address, namespace=namespace)
        return [(run.id, dict(run.search_attributes)) async for run in client.list_workflows(query)]

    return asyncio.run(ask())


async def attributes(server, workflow_id, namespace):
    client = await Client.connect(server.address, namespace=namespace)
    described = await client.get_workflow_handle(workflow_id).describe()
    return {pair.key.name: pair.value for pair in described.typed_search_attributes} or None


def until_found(server, query):
    for _ in range(300):  # visibility follows a moment later
        if runs := found(server, query):
            return runs
        asyncio.run(asyncio.sleep(0.1))
    raise AssertionError(query)


@pytest.mark.django_db
def test_a_run_says_its_plans_digest_its_category_and_its_department_and_nothing_of_people(settings):
    run = launch(confirm())
    assert found_by(run) == {}, "it is off until it is wanted"
    settings.TEMPORAL_SEARCH_ATTRIBUTES = True
    run.refresh_from_db()
    assert found_by(run) == {
        "MuddaPlanDigest": run.revision.digest,
        "MuddaCategory": "water_leak",
        "MuddaDepartment": "water",
    }
    assert not [word for word in PEOPLE if word in str(found_by(run))]


@pytest.mark.django_db(transaction=True)
def test_a_run_is_found_by_each_of_them(temporal_server, settings):
    settings.TEMPORAL_SEARCH_ATTRIBUTES = True
    factories.make_category()
    run = launch(confirm())
    for name, value in found_by(run).items():
        ids = [workflow for workflow, _ in until_found(temporal_server, f"{name} = '{value}'")]
        assert run.temporal_workflow_id in ids
    assert not found(temporal_server, f"{search_attributes.CATEGORY} = 'pothole'")


@pytest.mark.django_db(transaction=True)
def test_a_namespace_that_does_not_know_them_starts_the_run_and_says_what_registers_them(
    temporal_server, settings, monkeypatch, caplog
):
    settings.TEMPORAL_NAMESPACE = f"other-{uuid.uuid4()}"
    where = ["--namespace", settings.TEMPORAL_NAMESPACE, "--address", temporal_server.address]
    subprocess.run([embedded_command(), "operator", "namespace", "create", *where], check=True)
    monkeypatch.setattr(temporal, "_bridge", temporal._Bridge())  # as in a process that starts with it
    wanted, workflow_id = {search_attributes.CATEGORY: "water_leak"}, str(uuid.uuid4())

    def begun():
        try:
            return temporal.start_workflow("x", {}, workflow_id=workflow_id, found_by=wanted)
        except temporal.TemporalUnavailable:  # a namespace is known everywhere some seconds after it was made
            return None

    while begun() is None:
        asyncio.run(asyncio.sleep(0.5))
    [said] = {line for line in caplog.messages if "starts without search attributes" in line}
    assert temporal.status_of(workflow_id) == "RUNNING"

    command = said.split("`")[1].split()[1:]  # without "temporal", which may not be on the path
    subprocess.run([embedded_command(), *command, "--address", temporal_server.address], check=True)

    def kept():
        """What the server keeps of one more, as a namespace's attributes too are known everywhere some time later."""
        another = str(uuid.uuid4())
        temporal.start_workflow("x", {}, workflow_id=another, found_by=wanted)
        return asyncio.run(attributes(temporal_server, another, settings.TEMPORAL_NAMESPACE))

    while not (known := kept()):
        asyncio.run(asyncio.sleep(0.5))
    assert known == wanted
