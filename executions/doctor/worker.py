"""Workers: whether they poll our task queues, keep up, have the build that is current, and sweep."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkerDeploymentRequest,
    ListWorkersRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from executions.models import LastLook
from executions.reconciling import LOOK
from mudda.doctor.registry import Finding, counted, error, fine, left_out, register, warning
from mudda.doctor.temporal import with_client
from mudda.temporal import DEADLINE
from workflows.temporal.contracts import planner_queue

SILENT: Final = timedelta(seconds=90)
"""A worker polls anew at least every minute; who was not heard of for longer has gone."""

LATE: Final = timedelta(seconds=30)
"""As the alert MuddaQueueGrowing has it."""

SWEPT: Final = timedelta(minutes=2)
"""A worker's sweep asks Temporal every 20 seconds what has ended, and notes that it did."""

WORKFLOW = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
ACTIVITY = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY

ABSENT = error(
    "worker_absent",
    "Start one (`manage.py run_temporal_worker`), or see why it ends: docs/runbooks/workers-gone.md. Launches and "
    "answers are stored meanwhile.",
)
ELSEWHERE = error(
    "task_queue_mismatch",
    "TEMPORAL_TASK_QUEUE (or --task-queue) of the workers and of the web servers have to be the same.",
)
BUSY = warning(
    "workers_busy",
    "All their slots of this kind are taken. Wait, add workers, or see what holds the slots: "
    "docs/runbooks/queue-growing.md.",
)
NOT_CURRENT = error(
    "build_not_current", "Give it the work: `manage.py make_build_current --within 600`. docs/durability.md."
)
BACKLOG = warning(
    "queue_growing", "Add workers, or see what holds their slots: docs/runbooks/queue-growing.md."
)
NO_SWEEP = error(
    "sweep_stopped",
    "Workers poll and their sweep stands still: pending runs, messages and deadlines wait. "
    "docs/runbooks/sweep-stopped.md.",
)


@dataclass(frozen=True)
class Queue:
    """What Temporal knows of a task queue of ours: how many poll it, since when nobody does, what waits."""

    name: str
    kind: str
    pollers: int
    last: datetime | None
    builds: frozenset[str]
    waiting: int
    oldest: timedelta

    @property
    def said(self) -> str:
        """The queue in words."""
        return f"{self.name} ({self.kind})"


def look() -> Iterator[Finding]:
    """What Temporal says of our task queues, then what the database says of the sweep."""
    found = with_client(_queues)
    yield from found
    if not any(finding.code in {ABSENT.code, ELSEWHERE.code} for finding in found):
        yield _sweep()


async def _queues(client: Client) -> list[Finding]:
    ours = settings.TEMPORAL_TASK_QUEUE
    asked = ((ours, WORKFLOW), (ours, ACTIVITY), (planner_queue(ours), ACTIVITY))
    queues = [await _queue(client, name, kind) for name, kind in asked]
    workers = max(queue.pollers for queue in queues)
    if not workers:
        return [await _missing(client, queues), *_behind(queues)]
    found = fine(f"{counted(workers, 'worker')} at {ours}.", task_queue=ours, workers=workers)
    return [found, *_busy(queues), *await _build(client, queues), *_behind(queues)]


async def _queue(client: Client, name: str, kind: TaskQueueType.ValueType) -> Queue:
    request = DescribeTaskQueueRequest(
        namespace=settings.TEMPORAL_NAMESPACE,
        task_queue=TaskQueue(name=name),
        task_queue_type=kind,
        report_stats=True,
    )
    told = await client.workflow_service.describe_task_queue(request, timeout=DEADLINE)
    now = datetime.now(UTC)
    heard = [(poller, poller.last_access_time.ToDatetime(tzinfo=UTC)) for poller in told.pollers]
    alive = [poller for poller, at in heard if now - at < SILENT]
    return Queue(
        name=name,
        kind="workflows" if kind == WORKFLOW else "activities",
        pollers=len({poller.identity for poller in alive}),
        last=max((at for _, at in heard), default=None),
        builds=frozenset(poller.deployment_options.build_id for poller in alive),
        waiting=told.stats.approximate_backlog_count,
        oldest=told.stats.approximate_backlog_age.ToTimedelta(),
    )


async def _missing(client: Client, queues: Sequence[Queue]) -> Finding:
    """Nobody polls our queues; workers may be at another one."""
    ours = settings.TEMPORAL_TASK_QUEUE
    elsewhere = await _other_queues(client)
    if elsewhere:
        says = f"Nobody polls {ours}, and there are workers at {', '.join(elsewhere)}."
        return ELSEWHERE.found(says, task_queue=ours, elsewhere=elsewhere)
    last = max((queue.last for queue in queues if queue.last), default=None)
    seen = f"the last worker did at {last:%H:%M:%S} UTC" if last else "Temporal remembers no worker there"
    facts = {"task_queue": ours, "last": last.isoformat() if last else None}
    return ABSENT.found(f"Nobody polls {ours}; {seen}.", **facts)


def _busy(queues: Sequence[Queue]) -> Iterator[Finding]:
    """A worker polls all of them; but none for which it has no free slot."""
    taken = [queue.said for queue in queues if not queue.pollers]
    if taken:
        says = f"Workers are there and have not asked for {', '.join(taken)} for {SILENT.seconds} s."
        yield BUSY.found(says, queues=taken)


async def _other_queues(client: Client) -> list[str]:
    """Task queues that workers of this namespace say they poll, other than ours."""
    request = ListWorkersRequest(namespace=settings.TEMPORAL_NAMESPACE, page_size=100)
    try:
        told = await client.workflow_service.list_workers(request, timeout=DEADLINE)
    except RPCError as problem:  # an older server doesn't know who works for it
        if problem.status in {RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.PERMISSION_DENIED}:
            return []
        raise
    ours = settings.TEMPORAL_TASK_QUEUE
    return sorted({worker.task_queue for worker in told.workers} - {ours, planner_queue(ours)})


async def _build(client: Client, queues: Sequence[Queue]) -> list[Finding]:
    """Whether a build that polls is the one that is given the work; nothing where versions are off."""
    name = settings.TEMPORAL_DEPLOYMENT_NAME
    if not name:
        return []
    request = DescribeWorkerDeploymentRequest(namespace=settings.TEMPORAL_NAMESPACE, deployment_name=name)
    try:
        told = await client.workflow_service.describe_worker_deployment(request, timeout=DEADLINE)
    except RPCError as problem:
        if problem.status != RPCStatusCode.NOT_FOUND:
            raise
        return [NOT_CURRENT.found(f"Temporal knows no deployment {name}.", deployment=name)]
    current = told.worker_deployment_info.routing_config.current_deployment_version.build_id
    polling = sorted(set[str]().union(*(queue.builds for queue in queues)))
    facts = {"deployment": name, "current": current, "polling": polling, "wanted": settings.TEMPORAL_BUILD_ID}
    if current not in polling or current != settings.TEMPORAL_BUILD_ID:
        says = f"Work is given to build {current or '(none)'} of {name}; {', '.join(polling)} polls."
        return [NOT_CURRENT.found(says, **facts)]
    return [fine(f"Build {current} of {name} is given the work, and polls.", **facts)]


def _behind(queues: Sequence[Queue]) -> Iterator[Finding]:
    for queue in queues:
        if queue.waiting and queue.oldest > LATE:
            seconds = round(queue.oldest.total_seconds())
            says = f"{counted(queue.waiting, 'task')} waiting in {queue.said}, the oldest for {seconds} s."
            yield BACKLOG.found(says, task_queue=queue.name, waiting=queue.waiting, oldest_seconds=seconds)


def _sweep() -> Finding:
    try:
        last = LastLook.objects.filter(name=LOOK).values_list("at", flat=True).first()
    except (DatabaseError, InterfaceError):
        return left_out("The database cannot be asked: see the check database.")
    if last is None:
        return left_out("No worker has swept here yet.")
    ago = (timezone.now() - last).total_seconds()
    says, facts = f"The last sweep was {ago:.0f} s ago.", {"seconds_ago": round(ago)}
    return NO_SWEEP.found(says, **facts) if ago > SWEPT.total_seconds() else fine(says, **facts)


register(
    "worker", look, words="workers: pollers of each task queue, backlog, current build, sweep", seconds=20.0
)
