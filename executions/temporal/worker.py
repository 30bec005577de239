"""The worker process: polls Temporal, does the steps on a pool of threads, and runs the dispatcher beside it."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from django.conf import settings
from temporalio import activity
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import Worker, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from executions.activities.registry import Implementation, implementations
from executions.temporal import finishing
from executions.temporal.contracts import (
    ASK_APPROVAL,
    ESCALATE,
    FINISH_EXECUTION,
    NOTE_PROGRESS,
    EscalateCall,
    FinishCall,
    ProgressCall,
    StepAnswer,
    StepCall,
)
from executions.temporal.health import Health, polls, serving
from executions.temporal.recording import ask_for_approval, run_step, with_database
from executions.temporal.undoing import escalate, undo_step
from executions.temporal.watching import watchdog
from executions.temporal.workflow import PlanWorkflow
from mudda import connecting, dispatcher, temporal
from mudda.monitoring import metrics, process
from mudda.monitoring.activities import Named
from workflows.temporal.activities import planner_activities
from workflows.temporal.contracts import planner_queue
from workflows.temporal.drafting_workflow import DraftingWorkflow

logger = logging.getLogger("mudda.worker")

GRACE = timedelta(seconds=30)
"""How long steps in flight have to end when the worker is asked to stop."""

EXIT_STUCK = 75
"""What the process ends with when every slot hangs: EX_TEMPFAIL of sysexits.h."""

PLANNER_SLOTS = 4
"""Drafts at the same time, beside the slots for steps: a model's slowness must not delay a run."""

CHECK_EVERY = 5.0
LONGEST_WAIT = 30.0
"""Seconds between looks at the connection, and the longest between attempts to connect."""


def activities() -> list[Callable[..., Any]]:
    """The Temporal activities: one for each activity that plans are offered, and three of our own."""
    steps = [_as_activity(name, function) for name, function in implementations().items()]
    return [*steps, ask_approval, escalate_step, note_progress, finish_execution]


def _as_activity(name: str, implementation: Implementation) -> Callable[[StepCall], StepAnswer]:
    # Never interrupted from outside: an exception thrown between a letter and the note of it would lose the note.
    @activity.defn(name=name, no_thread_cancel_exception=True)
    def do_step(call: StepCall) -> StepAnswer:
        return (undo_step if call.compensating else run_step)(call, implementation)

    return do_step


@activity.defn(name=ASK_APPROVAL)
def ask_approval(call: StepCall) -> StepAnswer:
    return ask_for_approval(call)


@activity.defn(name=ESCALATE)
def escalate_step(call: EscalateCall) -> StepAnswer:
    return escalate(call)


@activity.defn(name=NOTE_PROGRESS)
def note_progress(call: ProgressCall) -> None:
    with_database(lambda: finishing.note_progress(call))


@activity.defn(name=FINISH_EXECUTION)
def finish_execution(call: FinishCall) -> None:
    with_database(lambda: finishing.finish_execution(call))


async def run_worker(*, task_queue: str, slots: int) -> None:
    """Work until SIGTERM or SIGINT, then let what is in flight end (30 s at most)."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    process.start("mudda-worker", job_names=dispatcher.job_names())
    stop_sweeping = threading.Event()
    sweepers = dispatcher.start(stop_sweeping)
    health = Health(asyncio.get_running_loop())
    try:
        with serving(health, settings.API_HOST, settings.WORKER_HEALTH_PORT):
            if settings.HTTPS_ONLY and not settings.TEMPORAL_PAYLOAD_KEYS:
                logger.warning(
                    "no TEMPORAL_PAYLOAD_KEYS: Temporal stores what runs say unencrypted (docs/temporal.md)"
                )
            files = connecting.made_with()
            client = await _connect_patiently(stop)
            if client is not None:
                await _work(client, files, stop, health, task_queue=task_queue, slots=slots)
    finally:
        stop_sweeping.set()
        for sweeper in sweepers:
            await asyncio.to_thread(sweeper.join)
        logger.info("worker stopped")
        await asyncio.to_thread(process.stop)


async def _work(
    client: Client,
    files: connecting.MadeWith,
    stop: asyncio.Event,
    health: Health,
    *,
    task_queue: str,
    slots: int,
) -> None:
    """Poll and carry out until ``stop``. ``files`` are what ``client`` was made with, or older ones."""
    with (
        ThreadPoolExecutor(max_workers=slots, thread_name_prefix="step") as pool,
        ThreadPoolExecutor(max_workers=PLANNER_SLOTS, thread_name_prefix="planner") as planner_pool,
    ):
        worker = Worker(
            client,
            task_queue=task_queue,
            workflows=[PlanWorkflow, DraftingWorkflow],
            workflow_runner=workflow_runner(),
            activities=activities(),
            activity_executor=pool,
            max_concurrent_activities=slots,
            graceful_shutdown_timeout=GRACE,
            deployment_config=deployment(),
            interceptors=[Named()],
        )
        planner = Worker(
            client,
            task_queue=planner_queue(task_queue),
            activities=planner_activities(),
            activity_executor=planner_pool,
            max_concurrent_activities=PLANNER_SLOTS,
            graceful_shutdown_timeout=GRACE,
            deployment_config=deployment(),
            interceptors=[Named()],
        )

        def replace(client: Client) -> None:
            """What is being polled for or answered ends on the client before; all that follows uses this one."""
            worker.client = planner.client = client

        async with worker, planner:
            logger.info("worker started: %s, queue %s, %d slots", settings.TEMPORAL_HOST, task_queue, slots)
            health.started(lambda: polls(worker.client, task_queue))
            metrics.temporal_up.set(1)
            watchers = [
                _watch_connection(lambda: worker.client),
                _watch_slots(slots),
                connecting.follow_files(files, replace),
            ]
            watching = [asyncio.create_task(watcher) for watcher in watchers]
            await stop.wait()
            health.stopping()
            for task in watching:
                task.cancel()
            logger.info("worker stopping: letting steps in flight end")


def workflow_runner(*more: str) -> SandboxedWorkflowRunner:
    """Temporal's sandbox without loading our modules anew for each run, which takes longer than the rest of starting
    one. The tests run and replay the workflows in the sandbox as it comes, where they can't reach a clock or chance.

    Args:
        more: packages besides ours that need not be loaded anew.
    """
    ours = SandboxRestrictions.default.with_passthrough_modules("executions", "workflows", "mudda", *more)
    return SandboxedWorkflowRunner(restrictions=ours)


def deployment() -> WorkerDeploymentConfig | None:
    """The version that this worker is of, or None where versions are off.

    Runs last for months, so those under way are taken over by the version that is made current.
    """
    name, build = settings.TEMPORAL_DEPLOYMENT_NAME, settings.TEMPORAL_BUILD_ID
    if not (name and build):
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name=name, build_id=build),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


async def _connect_patiently(stop: asyncio.Event) -> Client | None:
    """A connected client; while Temporal is away it is tried again, until ``stop``."""
    wait = 1.0
    while not stop.is_set():
        try:
            return await temporal.connect()
        except RuntimeError as error:  # the SDK's word for a connection that could not be made
            logger.warning(
                "Temporal at %s cannot be reached, trying again: %s", settings.TEMPORAL_HOST, error
            )
            await _wait_or_stop(stop, wait)
            wait = min(wait * 2, LONGEST_WAIT)
    return None


async def _wait_or_stop(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


async def _watch_slots(slots: int) -> None:
    """End at once when every thread hangs: nothing can be done here any more, and a thread can't be ended from outside.

    Whoever supervises the process starts it anew. What hangs has been counted, so it doesn't begin again for ever.
    """
    while watchdog.hanging() < slots:
        await asyncio.sleep(CHECK_EVERY)
    logger.critical("all %d slots are held by steps that hang: ending, to be started anew", slots)
    logging.shutdown()
    os._exit(EXIT_STUCK)


async def _watch_connection(client: Callable[[], Client]) -> None:
    """Say once when the connection is lost and once when it is back. The SDK itself reconnects."""
    lost = False
    request = DescribeNamespaceRequest(namespace=settings.TEMPORAL_NAMESPACE)
    while True:
        await asyncio.sleep(CHECK_EVERY)
        try:
            await client().workflow_service.describe_namespace(request, timeout=temporal.DEADLINE)
        except RPCError as error:
            if not lost:
                logger.warning(
                    "lost the connection to Temporal at %s: %s", settings.TEMPORAL_HOST, error.status.name
                )
            lost = True
            metrics.temporal_up.set(0)
            continue
        if lost:
            logger.info("the connection to Temporal is back")
        lost = False
        metrics.temporal_up.set(1)
