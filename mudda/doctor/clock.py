"""This machine's clock against the database's and Temporal's: deadlines, tokens and certificates are about the time."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Final
from uuid import uuid4

import psycopg
from django.conf import settings
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, PollActivityTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from mudda import listening
from mudda.doctor import temporal
from mudda.doctor.registry import Finding, error, fine, left_out, register

LARGEST: Final = 2.0
"""Seconds by which clocks may differ."""

QUEUE: Final = "mudda-doctor"
"""A task queue that nobody gives work to."""

POLL: Final = timedelta(seconds=5)
PAUSE: Final = 0.1

DIFFERS = error(
    "clock_differs",
    "Have every machine set its clock by NTP (`timedatectl`, `chronyc tracking`). By a wrong one deadlines come early "
    "or late, and tokens and certificates are refused.",
)


def look() -> Iterator[Finding]:
    """The database says what time it is; Temporal says when it was last asked for work."""
    yield _database()
    yield from temporal.with_client(_temporal)


def _database() -> Finding:
    try:
        with psycopg.connect(**listening.direct_parameters(), autocommit=True) as connection:
            before = time.time()
            row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
            after = time.time()
    except psycopg.Error:
        return left_out("The database cannot be asked: see the check database.")
    return _compared("The database", float(row[0]) if row else 0.0, before, after)


async def _temporal(client: Client) -> list[Finding]:
    """Temporal tells no time, but when each poller of a queue was last heard of: so become one for a moment."""
    ours = f"doctor-{uuid4()}"
    request = PollActivityTaskQueueRequest(
        namespace=settings.TEMPORAL_NAMESPACE, task_queue=TaskQueue(name=QUEUE), identity=ours
    )
    before = time.time()
    polling = asyncio.create_task(client.workflow_service.poll_activity_task_queue(request, timeout=POLL))
    try:
        async with asyncio.timeout(POLL.total_seconds()):
            while (heard := await _heard_of(client, ours)) is None:
                await asyncio.sleep(PAUSE)
    except (TimeoutError, RPCError):
        return [left_out("Temporal does not say what time it is there.")]
    finally:
        polling.cancel()
        with contextlib.suppress(asyncio.CancelledError, RPCError):
            await polling
    return [_compared("Temporal", heard, before, time.time())]


async def _heard_of(client: Client, identity: str) -> float | None:
    """When, by the server's clock, this poller was last heard of; None if it wasn't yet."""
    request = DescribeTaskQueueRequest(
        namespace=settings.TEMPORAL_NAMESPACE,
        task_queue=TaskQueue(name=QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    )
    told = await client.workflow_service.describe_task_queue(request, timeout=POLL)
    found = (one.last_access_time for one in told.pollers if one.identity == identity)
    return next((at.ToDatetime(tzinfo=UTC).timestamp() for at in found), None)


def _compared(whose: str, theirs: float, before: float, after: float) -> Finding:
    """``theirs`` was read between ``before`` and ``after`` by our clock."""
    ahead = max(theirs - after, 0.0) - max(before - theirs, 0.0)
    facts = {"of": whose, "ahead_seconds": round(ahead, 3)}
    if abs(ahead) > LARGEST:
        return DIFFERS.found(f"{whose} is {abs(ahead):.1f} s {'ahead' if ahead > 0 else 'behind'}.", **facts)
    return fine(f"{whose} has the same time.", **facts)


register("clock", look, words="this clock against the database's and Temporal's", seconds=20.0)
