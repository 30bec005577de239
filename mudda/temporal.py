"""One Temporal client a process, on one background event loop, usable from synchronous Django code.

The client isn't thread-safe, so a single loop thread owns it; it is started lazily, and again after a fork.
Nothing here may be called inside a database transaction: what was promised to Temporal can't be rolled back.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, ResetActivityRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from mudda import search_attributes
from mudda.connecting import connect as connect
from mudda.connecting import follow_files, made_with
from mudda.errors import MuddaError, Unavailable

logger = logging.getLogger(__name__)

DEADLINE = timedelta(seconds=5)
"""How long a request waits for Temporal before the dispatcher takes over."""

PAGE = 1_000
"""Workflows in one page of a list: the most that Temporal gives."""

T = TypeVar("T")


class TemporalUnavailable(Unavailable):
    code = "temporal_unavailable"
    title = "The Temporal server cannot be reached."


class TemporalRefused(MuddaError):
    """The server will never take this request, for example because it is too large."""

    code = "temporal_refused"
    status = 422
    title = "The Temporal server does not take this."


class WorkflowGone(MuddaError):
    """The Temporal workflow has ended or was never there: sending again cannot help."""

    code = "temporal_workflow_gone"
    status = 409
    title = "The run has ended already."


class _Bridge:
    """The loop thread and the client that lives on it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pid: int | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.client: Client | None = None
        self.following: asyncio.Task[None] | None = None

    def running_loop(self) -> asyncio.AbstractEventLoop:
        with self.lock:
            if self.loop is None or self.pid != os.getpid():
                self.pid, self.loop = os.getpid(), asyncio.new_event_loop()
                self.client = self.following = None
                threading.Thread(target=self.loop.run_forever, name="temporal-client", daemon=True).start()
            return self.loop

    async def connected(self) -> Client:
        if self.client is None:
            files = made_with()
            self.client = await connect()
            if self.following is None:
                self.following = asyncio.create_task(follow_files(files, self._replace))
        return self.client

    def _replace(self, client: Client) -> None:
        """Calls in flight end on the client that they began with."""
        self.client = client


_bridge = _Bridge()


def start_workflow(
    name: str, argument: Any, *, workflow_id: str, found_by: Mapping[str, str] | None = None
) -> str:
    """Start a Temporal workflow once and return its run id; one that is already started counts as success.

    Args:
        found_by: values of ``mudda.search_attributes`` by name. A namespace that doesn't know them starts it without.

    Raises:
        TemporalUnavailable: not acknowledged within the deadline; it may or may not have started.
        TemporalRefused: it cannot be started, now or later.
    """

    async def begin(client: Client, wanted: Mapping[str, str]) -> str:
        try:
            handle = await client.start_workflow(
                name,
                argument,
                id=workflow_id,
                task_queue=settings.TEMPORAL_TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=search_attributes.typed(wanted) if wanted else None,
                rpc_timeout=DEADLINE,
            )
        except WorkflowAlreadyStartedError as error:
            return error.run_id or "started"
        return handle.result_run_id or "started"

    async def start(client: Client) -> str:
        if not found_by:
            return await begin(client, {})
        try:
            return await begin(client, found_by)
        except RPCError as error:
            if not _lacks_attributes(error):
                raise
            logger.warning(
                "%s starts without search attributes, which the namespace does not know. Register them with `%s`, "
                "or set TEMPORAL_SEARCH_ATTRIBUTES=false",
                workflow_id,
                search_attributes.registering(settings.TEMPORAL_NAMESPACE),
            )
        return await begin(client, {})

    return _call(start)


def _lacks_attributes(error: RPCError) -> bool:
    """Whether the namespace has no such search attributes: the operator's matter, for which no run may fail. The server
    has no code of its own for that, only words."""
    return error.status == RPCStatusCode.INVALID_ARGUMENT and any(
        name in str(error) for name in search_attributes.NAMES
    )


def signal_workflow(workflow_id: str, name: str, argument: Any) -> None:
    """Send a Temporal signal.

    Raises:
        WorkflowGone: the Temporal workflow has ended or was never there.
        TemporalUnavailable: not acknowledged within the deadline.
        TemporalRefused: it cannot be sent, now or later.
    """
    _tell(workflow_id, lambda handle: handle.signal(name, argument, rpc_timeout=DEADLINE))


def cancel_workflow(workflow_id: str) -> None:
    """Request the cancellation of a Temporal workflow; twice is harmless. Raises as ``signal_workflow``."""
    _tell(workflow_id, lambda handle: handle.cancel(rpc_timeout=DEADLINE))


def try_again_now(workflow_id: str) -> None:
    """Let those activities of a Temporal workflow that wait for their next attempt begin it at once; what is being
    carried out is left alone. Raises as ``signal_workflow``."""

    async def hurry(client: Client) -> None:
        found = await client.get_workflow_handle(workflow_id).describe(rpc_timeout=DEADLINE)
        for waiting in found.raw_description.pending_activities:
            if waiting.state != PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED or waiting.attempt < 2:
                continue
            request = ResetActivityRequest(
                namespace=settings.TEMPORAL_NAMESPACE,
                execution=WorkflowExecution(workflow_id=workflow_id),
                id=waiting.activity_id,
            )
            await _reset(client, request)

    _call_if_there(hurry)


async def _reset(client: Client, request: ResetActivityRequest) -> None:
    """Reset an activity. One that has ended since it was found needs no more, and must not keep others from it."""
    try:
        await client.workflow_service.reset_activity(request, timeout=DEADLINE)
    except RPCError as error:
        if not _is_gone(error):
            raise


def terminate_workflow(workflow_id: str, *, reason: str) -> None:
    """End a Temporal workflow at once, whatever it is at; one that has ended, or was never there, is left alone.

    Raises:
        TemporalUnavailable, TemporalRefused: as ``signal_workflow``.
    """
    with suppress(WorkflowGone):
        _tell(workflow_id, lambda handle: handle.terminate(reason=reason, rpc_timeout=DEADLINE))


def _tell(workflow_id: str, tell: Callable[[WorkflowHandle[Any, Any]], Coroutine[Any, Any, None]]) -> None:
    _call_if_there(lambda client: tell(client.get_workflow_handle(workflow_id)))


def _call_if_there(work: Callable[[Client], Coroutine[Any, Any, None]]) -> None:
    async def call(client: Client) -> None:
        try:
            await work(client)
        except RPCError as error:
            if _is_gone(error):
                raise WorkflowGone from error
            raise

    _call(call)


def _is_gone(error: RPCError) -> bool:
    """Whether the workflow wasn't found. A namespace that isn't is the operator's matter, to be put right."""
    lacks_namespace = any(
        detail.type_url.endswith("NamespaceNotFoundFailure") for detail in error.grpc_status.details
    )
    return error.status == RPCStatusCode.NOT_FOUND and not lacks_namespace


def list_workflows(query: str) -> Iterator[tuple[str, str]]:
    """Ids and statuses (``RUNNING``, ``TERMINATED``, ...) of all Temporal workflows that ``query`` finds, page by page.

    Raises:
        TemporalUnavailable: no answer within the deadline, which each page has anew.
    """
    token: bytes | None = None

    async def ask(client: Client) -> tuple[list[tuple[str, str]], bytes | None]:
        found = client.list_workflows(query, page_size=PAGE, next_page_token=token, rpc_timeout=DEADLINE)
        await found.fetch_next_page()
        page = found.current_page or []
        return [(run.id, run.status.name if run.status else "") for run in page], found.next_page_token

    while True:
        page, token = _call(ask)
        yield from page
        if not token:
            return


def status_of(workflow_id: str) -> str | None:
    """The status (``RUNNING``, ``TERMINATED``, ...) of the latest Temporal workflow of this id; None for none.

    Raises:
        TemporalUnavailable: no answer within the deadline, or the namespace is unknown.
    """

    async def ask(client: Client) -> str | None:
        try:
            found = await client.get_workflow_handle(workflow_id).describe(rpc_timeout=DEADLINE)
        except RPCError as error:
            if _is_gone(error):
                return None
            raise
        return found.status.name if found.status else ""

    return _call(ask)


def retention() -> timedelta:
    """How long our namespace remembers a Temporal workflow that is over.

    Raises:
        TemporalUnavailable: no answer within the deadline, or the namespace is unknown.
    """

    async def ask(client: Client) -> timedelta:
        found = await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=settings.TEMPORAL_NAMESPACE), timeout=DEADLINE
        )
        return found.config.workflow_execution_retention_ttl.ToTimedelta()

    return _call(ask)


def ping() -> None:
    """Ask the server for our namespace.

    Raises:
        TemporalUnavailable: no answer within the deadline, or the namespace is unknown.
    """

    async def ask(client: Client) -> None:
        await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=settings.TEMPORAL_NAMESPACE), timeout=DEADLINE
        )

    _call(ask)


def _call(work: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
    if connection.in_atomic_block:
        raise RuntimeError("Temporal must not be called inside a database transaction.")
    connection.close()  # back to the pool: waiting for Temporal must not keep others from the database

    async def on_the_loop() -> T:
        return await work(await _bridge.connected())

    future = asyncio.run_coroutine_threadsafe(on_the_loop(), _bridge.running_loop())
    try:
        return future.result(timeout=DEADLINE.total_seconds() + 0.5)
    except TimeoutError as error:
        future.cancel()
        raise TemporalUnavailable("The Temporal server did not answer in time.") from error
    except RPCError as error:
        refused = error.status == RPCStatusCode.INVALID_ARGUMENT
        raise (TemporalRefused if refused else TemporalUnavailable)(str(error)) from error
    except RuntimeError as error:  # the SDK's word for a connection that could not be made
        raise TemporalUnavailable(str(error)) from error
