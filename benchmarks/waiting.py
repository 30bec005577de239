"""Many runs that wait for a person: what the worker keeps in memory, and whether reads stay as fast as they were."""

import asyncio
import time
from collections.abc import Iterator, Sequence

from benchmarks.figures import table
from benchmarks.reading import YARDSTICK_HEAD, read_in_turns
from benchmarks.rows import make_executions, question
from benchmarks.stack import Stack
from executions.models import HumanTask, TaskStatus, WorkflowExecution
from executions.starting import run_input
from executions.temporal.contracts import PLAN_WORKFLOW
from mudda.devstack.temporal import TASK_QUEUE

FIRST = 50
"""A full page of a list: with fewer, a list would grow with what there is."""

AT_ONCE = 20
DEADLINE = 3_600.0
MIB = 1024 * 1024


def measure(stack: Stack, *, waiting: int, reads: int) -> str:
    """With a fresh worker: a few runs waiting, then ``waiting`` of them; ``reads`` of each kind at both."""
    stack.site.worker.stop()
    stack.restart_worker()
    rows: list[Sequence[object]] = []
    for count in (FIRST, waiting):
        have = HumanTask.objects.filter(status=TaskStatus.OPEN).count()
        executions = make_executions(question(), count - have)
        begun = time.monotonic()
        asyncio.run(_begin(stack, executions))
        _wait_for_tasks(count)
        took = time.monotonic() - begun
        rows.append(
            [
                f"{count:,}",
                f"{(count - have) / took:.0f}",
                f"{stack.worker_memory() / MIB:.0f} MiB",
                *read_in_turns(stack, [[path] * reads for path in _paths(executions[0])]),
            ]
        )
    heads = ["runs waiting", "begun/s", "worker's memory", "read a run", "list runs", "list open tasks"]
    return table([*heads, YARDSTICK_HEAD], rows)


def _paths(execution: WorkflowExecution) -> Iterator[str]:
    yield f"/workflows/executions/{execution.pk}"
    yield "/workflows/executions"
    yield "/workflows/tasks?status=open"


async def _begin(stack: Stack, executions: list[WorkflowExecution]) -> None:
    client = await stack.client()
    left = iter(executions)

    async def go_on() -> None:
        for execution in left:
            await client.start_workflow(
                PLAN_WORKFLOW, run_input(execution), id=execution.temporal_workflow_id, task_queue=TASK_QUEUE
            )

    await asyncio.gather(*(go_on() for _ in range(AT_ONCE)))


def _wait_for_tasks(count: int) -> None:
    until = time.monotonic() + DEADLINE
    while HumanTask.objects.filter(status=TaskStatus.OPEN).count() < count:
        if time.monotonic() > until:
            raise RuntimeError("the runs don't all wait for a person")
        time.sleep(0.5)
