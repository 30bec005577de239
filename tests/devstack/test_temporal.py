"""The embedded Temporal server, started, stopped and killed."""

import asyncio
import os
import socket

import pytest
from temporalio.client import Client

from mudda.devstack import temporal
from mudda.devstack.errors import StackError
from mudda.devstack.surroundings import free_port
from mudda.devstack.temporal import NAMESPACE, Temporal
from mudda.search_attributes import NAMES, typed


@pytest.fixture
def server(tmp_path):
    server = Temporal(tmp_path)
    yield server
    server.stop()


async def list_workflows(address):
    client = await Client.connect(address, namespace=NAMESPACE)
    return [workflow.id async for workflow in client.list_workflows("")]


def test_a_client_can_work_as_soon_as_start_returns(server):
    server.start()
    assert asyncio.run(list_workflows(server.address)) == []


def test_it_comes_back_on_the_same_address_with_its_workflows(server):
    async def begin():
        client = await Client.connect(server.address)
        await client.start_workflow("Anything", id="one", task_queue="nobody")

    server.start()
    asyncio.run(begin())
    address = server.address
    server.kill()
    assert server.pid is None
    server.start()
    assert server.address == address
    description = asyncio.run(describe(address, "one"))
    assert description.id == "one"


def test_a_database_from_before_there_were_search_attributes_comes_to_know_them(server, monkeypatch):
    async def begin_and_find():
        client = await Client.connect(server.address)
        given = typed(dict.fromkeys(NAMES, "x"))
        await client.start_workflow("Anything", id="one", task_queue="nobody", search_attributes=given)
        return (await client.get_workflow_handle("one").describe()).typed_search_attributes

    monkeypatch.setattr(temporal, "SEARCH_ATTRIBUTES", ())
    server.start()
    server.stop()
    monkeypatch.undo()
    for _ in range(2):  # and what knows them is none the worse for being told again
        server.stop()
        server.start()
    assert {pair.key.name for pair in asyncio.run(begin_and_find())} == set(NAMES)


async def describe(address, workflow_id):
    client = await Client.connect(address)
    return await client.get_workflow_handle(workflow_id).describe()


def test_stop_leaves_no_process(server):
    server.start()
    pid = server.pid
    server.stop()
    assert server.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_taken_port_is_named_with_what_to_change(server):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server.port = taken.getsockname()[1]
        with pytest.raises(StackError, match=f"port {server.port} .* is taken.*TEMPORAL_PORT"):
            server.start()


def test_the_callers_own_temporal_variables_change_nothing(server, monkeypatch):
    monkeypatch.setenv("TEMPORAL_ADDRESS", "elsewhere.invalid:1")
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "somebody-elses")
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "/nowhere/config.toml")
    server.start()
    assert server.answers()


def test_the_web_interface_listens_where_it_was_told(tmp_path):
    port = free_port()
    server = Temporal(tmp_path, ui_port=port, durable=False)
    server.start()
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    finally:
        server.stop()
