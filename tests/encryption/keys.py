"""Two keys of the tests', and how to see what Temporal stores: as bytes, with no key."""

import base64
from typing import Any

from temporalio.client import Client

from mudda.encryption import KEY_ID, payload_keys

ONE = f"one:{base64.b64encode(b'1' * 32).decode()}"
TWO = f"two:{base64.b64encode(b'2' * 32).decode()}"
KEYS = payload_keys(ONE)


async def stored(address: str, workflow_id: str) -> bytes:
    """All that Temporal tells of a workflow to somebody without a key: its history, and what it says of it now."""
    client = await Client.connect(address)
    handle = client.get_workflow_handle(workflow_id)
    described, history = await handle.describe(), await handle.fetch_history()
    events = b"".join(event.SerializeToString() for event in history.events)
    return events + described.raw_description.SerializeToString()


async def stored_of_all(address: str) -> dict[str, bytes]:
    """The same of every workflow, by its id."""
    client = await Client.connect(address)
    ids = {listed.id async for listed in client.list_workflows()}
    return {workflow_id: await stored(address, workflow_id) for workflow_id in sorted(ids)}


def key_ids(stored: bytes, *known: str) -> set[str]:
    """Which of the ``known`` keys' ids stand in what is stored, as the metadata of a payload have them."""
    return {key for key in known if KEY_ID.encode() + b"\x12" + bytes([len(key)]) + key.encode() in stored}


def seen(stored: bytes, canaries: Any) -> set[str]:
    return {one for one in canaries if one.encode() in stored}
