"""A Temporal in which little goes on: one namespace where no worker ever was, one whose worker takes no steps."""

import asyncio
import threading
from datetime import timedelta
from pathlib import Path

from temporalio import workflow
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from mudda.devstack.temporal import TASK_QUEUE, Temporal

BUSY = "busy"
"""The namespace with a worker. It asks for workflow tasks only, as one does whose slots for steps are all taken."""


@workflow.defn
class Waits:
    """Wants a step to be done."""

    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity("anything", start_to_close_timeout=timedelta(minutes=1))


class Lonely:
    """The server, and the worker on a thread of its own."""

    def __init__(self, folder: Path, stack: Path) -> None:
        self.server = Temporal(folder, durable=False, namespace=BUSY, stack=stack)
        self._over = threading.Event()
        self._worker = threading.Thread(target=lambda: asyncio.run(self._work()))

    @property
    def address(self) -> str:
        return self.server.address

    def start(self) -> None:
        self.server.start()
        self._worker.start()

    def stop(self) -> None:
        self._over.set()
        self._worker.join()
        self.server.stop()

    def waited(self) -> timedelta:
        """For how long the step has waited for a worker."""
        return asyncio.run(self._waited())

    async def _work(self) -> None:
        client = await Client.connect(self.address, namespace=BUSY)
        await client.start_workflow("Waits", id="waits", task_queue=TASK_QUEUE)
        runner = UnsandboxedWorkflowRunner()
        async with Worker(client, task_queue=TASK_QUEUE, workflows=[Waits], workflow_runner=runner):
            await asyncio.to_thread(self._over.wait)

    async def _waited(self) -> timedelta:
        client = await Client.connect(self.address, namespace=BUSY)
        request = DescribeTaskQueueRequest(
            namespace=BUSY,
            task_queue=TaskQueue(name=TASK_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            report_stats=True,
        )
        told = await client.workflow_service.describe_task_queue(request)
        return told.stats.approximate_backlog_age.ToTimedelta()
