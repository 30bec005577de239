"""Whether the worker lives and polls, told over HTTP to whoever supervises it.

| path | 200 when |
| --- | --- |
| ``/healthz`` | the worker's event loop answers |
| ``/readyz`` | and Temporal says that this very process polls the task queue, for workflows and for activities |

Both are 503 otherwise. While Temporal is away the worker lives, but isn't ready; so it isn't killed for that.
"""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from django.conf import settings
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from mudda.temporal import DEADLINE

Question = Callable[[], Awaitable[bool]]

KINDS = (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)


class Health:
    """What is asked, and what is known about it: not ready until the worker has been started.

    Args:
        loop: the worker's event loop, which has to answer.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._polls: Question | None = None

    def started(self, polls: Question) -> None:
        """The worker has been started; ``polls`` asks whether Temporal knows of it."""
        self._polls = polls

    def stopping(self) -> None:
        """The worker takes nothing new any more."""
        self._polls = None

    def lives(self) -> bool:
        return self._ask(_yes)

    def is_ready(self) -> bool:
        return self._polls is not None and self._ask(self._polls)

    def _ask(self, question: Question) -> bool:
        """The loop's answer; no answer in time is a no."""

        async def ask() -> bool:
            return await question()

        future = asyncio.run_coroutine_threadsafe(ask(), self._loop)
        try:
            return future.result(DEADLINE.total_seconds())
        except TimeoutError:
            future.cancel()
            return False


async def _yes() -> bool:
    return True


async def polls(client: Client, task_queue: str) -> bool:
    """Whether Temporal has had this client's polls of ``task_queue`` lately, for workflows and for activities."""
    for kind in KINDS:
        request = DescribeTaskQueueRequest(
            namespace=settings.TEMPORAL_NAMESPACE, task_queue=TaskQueue(name=task_queue), task_queue_type=kind
        )
        try:
            queue = await client.workflow_service.describe_task_queue(request, timeout=DEADLINE)
        except RPCError:
            return False
        if client.identity not in {poller.identity for poller in queue.pollers}:
            return False
    return True


@contextmanager
def serving(health: Health, host: str, port: int) -> Iterator[None]:
    """Answer ``/healthz`` and ``/readyz`` on ``host`` and ``port`` meanwhile; port 0: nowhere."""
    if not port:
        yield
        return
    with ThreadingHTTPServer((host, port), _handler(health)) as server:
        thread = threading.Thread(target=server.serve_forever, name="health", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    answers = {"/healthz": health.lives, "/readyz": health.is_ready}

    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # seconds, for the request to come in

        def do_GET(self) -> None:
            answer = answers.get(self.path)
            if answer is None:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            good = answer()
            body = json.dumps({"status": "ok" if good else "unavailable"}).encode()
            self.send_response(HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes come every few seconds: they are not news."""

    return Handler
