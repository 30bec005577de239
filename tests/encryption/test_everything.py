"""All that Temporal stores, in every way that there is: read from the real server without a key, it says nothing."""

import asyncio
import uuid
from contextlib import suppress

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.worker import Replayer, Worker

from mudda.encryption import data_converter
from tests.encryption.everything import (
    ANSWER,
    ATTEMPT,
    BEAT,
    CANARIES,
    DETAIL,
    FAILED,
    INPUT,
    MEMO,
    RESULT,
    SIGNAL,
    STATIC,
    UPDATE,
    WHISPER,
    WHY,
    Everything,
)
from tests.encryption.keys import KEYS, seen, stored


class Speaker:
    """Beats, fails when it is told to, and knows at the second attempt what it beat at the first."""

    def __init__(self) -> None:
        self.may_fail, self.may_end = asyncio.Event(), asyncio.Event()

    @activity.defn
    async def speak(self, word: str) -> str:
        if activity.info().attempt == 1:
            assert word == INPUT
            activity.heartbeat(BEAT)
            await self.may_fail.wait()
            raise ApplicationError(ATTEMPT, {"detail": DETAIL})
        assert list(activity.info().heartbeat_details) == [BEAT]
        await self.may_end.wait()
        return RESULT

    @activity.defn
    async def whisper(self, word: str) -> str:
        assert word == RESULT
        return WHISPER


async def until(client, workflow_id, holds):
    """Ask for what Temporal says of the workflow now until that holds of the first pending activity."""
    while True:
        described = await client.get_workflow_handle(workflow_id).describe()
        pending = described.raw_description.pending_activities
        if pending and holds(pending[0]):
            return
        await asyncio.sleep(0.05)


async def say_everything(address, keys):
    """Everything that was stored, while it ran and at the end, and the history as it is."""
    client = await Client.connect(address, data_converter=data_converter(keys))
    speaker, name = Speaker(), f"everything-{uuid.uuid4()}"
    activities = [speaker.speak, speaker.whisper]
    async with Worker(client, task_queue=name, workflows=[Everything], activities=activities):
        handle = await client.start_workflow(
            "Everything", INPUT, id=name, task_queue=name, memo={"who": MEMO}, static_summary=STATIC
        )
        await until(client, name, lambda pending: pending.HasField("heartbeat_details"))
        speaker.may_fail.set()
        await until(client, name, lambda pending: pending.attempt == 2 and pending.HasField("last_failure"))
        found = await stored(address, name)
        speaker.may_end.set()
        assert await handle.execute_update("tell", UPDATE) == ANSWER
        await handle.signal("hear", SIGNAL)
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
        assert await (await handle.describe()).memo() == {"who": MEMO, "later": "canary-later-memo"}
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.message, cause.type, cause.details[0]["why"]) == (FAILED, "as_planned", WHY)
    return found + await stored(address, name), await handle.fetch_history()


def carry_out(server, keys):
    return asyncio.run(asyncio.wait_for(say_everything(server.address, keys), 300))


def test_without_keys_all_of_it_can_be_read(temporal_server):
    found, _ = carry_out(temporal_server, ())
    assert seen(found, CANARIES) == set(CANARIES)


def test_with_keys_none_of_it_can_be_read_and_it_is_replayed_with_them(temporal_server):
    found, history = carry_out(temporal_server, KEYS)
    assert b"binary/encrypted" in found
    assert seen(found, CANARIES) == set()
    replayer = Replayer(workflows=[Everything], data_converter=data_converter(KEYS))
    asyncio.run(replayer.replay_workflow(history))


async def failed_tasks(handle):
    """How often the server was told that a workflow's task could not be done."""
    history = await handle.fetch_history()
    return sum(event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED for event in history.events)


def test_a_worker_without_keys_gives_back_what_it_cannot_read_and_drops_no_signal(temporal_server, caplog):
    """A run from before there were keys, so that only the signal is encrypted."""

    async def without_and_with():
        plain = await Client.connect(temporal_server.address, data_converter=data_converter(()))
        keyed = await Client.connect(temporal_server.address, data_converter=data_converter(KEYS))
        name, speaker = f"everything-{uuid.uuid4()}", Speaker()
        speaker.may_fail.set()
        speaker.may_end.set()
        ours = {
            "task_queue": name,
            "workflows": [Everything],
            "activities": [speaker.speak, speaker.whisper],
        }
        handle = await plain.start_workflow("Everything", INPUT, id=name, task_queue=name)
        await keyed.get_workflow_handle(name).signal("hear", SIGNAL)
        async with Worker(plain, **ours):
            while not await failed_tasks(handle):
                await asyncio.sleep(0.05)
        async with Worker(keyed, **ours):
            with pytest.raises(WorkflowFailureError) as failed:
                await keyed.get_workflow_handle(name).result()
        return failed.value.cause

    ended = asyncio.run(asyncio.wait_for(without_and_with(), 300))
    assert isinstance(ended, ApplicationError) and ended.type == "as_planned", "it heard the signal"
    assert "has the id 'one' (there: none)" in caplog.text


def test_what_began_without_keys_goes_on_with_them(temporal_server):
    async def begin_and_go_on():
        plain = await Client.connect(temporal_server.address)
        name, speaker = f"everything-{uuid.uuid4()}", Speaker()
        activities = [speaker.speak, speaker.whisper]
        speaker.may_fail.set()
        speaker.may_end.set()
        handle = await plain.start_workflow("Everything", INPUT, id=name, task_queue=name)
        client = await Client.connect(temporal_server.address, data_converter=data_converter(KEYS))
        async with Worker(client, task_queue=name, workflows=[Everything], activities=activities):
            await client.get_workflow_handle(name).signal("hear", SIGNAL)
            with suppress(WorkflowFailureError):
                await client.get_workflow_handle(name).result()
        assert handle.id == name
        return await stored(temporal_server.address, name)

    found = asyncio.run(asyncio.wait_for(begin_and_go_on(), 300))
    assert seen(found, CANARIES) == {INPUT}
