"""The interpreter against a hand-written Temporal workflow: same activities, same worker, same database writes."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from temporalio.client import Client

from benchmarks.activities import LOCAL, REMOTE
from benchmarks.figures import median, ms, percentile, table
from benchmarks.handwritten import HAND_WRITTEN, STEPS, HandInput
from benchmarks.rows import make_executions, notes
from benchmarks.stack import Stack
from benchmarks.worker import QUEUE
from executions.models import ExecutionStatus, WorkflowExecution
from executions.starting import run_input
from executions.temporal.contracts import PLAN_WORKFLOW

IN_FLIGHT = 20
INTERPRETER, BY_HAND = "mudda's interpreter", "hand-written workflow"


@dataclass
class Measured:
    """One contender: a throughput per round (executions/s), a latency per execution (s) of all rounds."""

    throughput: list[float] = field(default_factory=list)
    latency: list[float] = field(default_factory=list)


def measure(stack: Stack, *, rounds: int, many: int, few: int) -> str:
    """Both contenders in turn, ``rounds`` times, the order changing: ``many`` at once, ``few`` one by one."""
    sections = []
    with stack.both_workflows():
        for activity_id, words in ((REMOTE, "remote activities"), (LOCAL, "local activities (`local_ok`)")):
            for name in (INTERPRETER, BY_HAND):  # warm
                run_block(stack, name, activity_id, many // 5, few // 5)
            found = {INTERPRETER: Measured(), BY_HAND: Measured()}
            for number in range(rounds):
                for name in sorted(found, reverse=bool(number % 2)):
                    throughput, latency = run_block(stack, name, activity_id, many, few)
                    found[name].throughput.append(throughput)
                    found[name].latency += latency
            sections.append(_table(words, found))
    return "\n\n".join(sections)


def run_block(stack: Stack, name: str, activity_id: str, many: int, few: int) -> tuple[float, list[float]]:
    """Executions/s with ``IN_FLIGHT`` at once, and the seconds that each of ``few`` takes alone."""
    executions = make_executions(notes(STEPS, activity_id), many + few)
    begin = _begin_plan if name == INTERPRETER else _by_hand(activity_id)
    measured = asyncio.run(_run_block(stack, begin, executions[:many], executions[many:]))
    done = WorkflowExecution.objects.filter(pk__in=[one.pk for one in executions])
    if done.filter(status=ExecutionStatus.COMPLETED).count() != len(executions):
        raise RuntimeError(f"not all runs of the {name} completed")
    return measured


Begin = Callable[[Client, WorkflowExecution], "asyncio.Future[str]"]


async def _run_block(
    stack: Stack, begin: Begin, many: list[WorkflowExecution], few: list[WorkflowExecution]
) -> tuple[float, list[float]]:
    client = await stack.client()
    latency = []
    for execution in few:
        begun = time.perf_counter()
        await begin(client, execution)
        latency.append(time.perf_counter() - begun)
    left = iter(many)

    async def go_on() -> None:
        for execution in left:
            await begin(client, execution)

    begun = time.perf_counter()
    await asyncio.gather(*(go_on() for _ in range(IN_FLIGHT)))
    return len(many) / (time.perf_counter() - begun), latency


def _begin_plan(client: Client, execution: WorkflowExecution) -> "asyncio.Future[str]":
    return asyncio.ensure_future(
        client.execute_workflow(
            PLAN_WORKFLOW, run_input(execution), id=execution.temporal_workflow_id, task_queue=QUEUE
        )
    )


def _by_hand(activity_id: str) -> Begin:
    def begin(client: Client, execution: WorkflowExecution) -> "asyncio.Future[str]":
        given = HandInput(str(execution.pk), activity_id, local=activity_id == LOCAL)
        return asyncio.ensure_future(
            client.execute_workflow(HAND_WRITTEN, given, id=execution.temporal_workflow_id, task_queue=QUEUE)
        )

    return begin


def _table(words: str, found: dict[str, Measured]) -> str:
    ours, theirs = found[INTERPRETER], found[BY_HAND]
    rows: list[list[object]] = [
        [
            name,
            f"{median(one.throughput):.1f}",
            f"{min(one.throughput):.1f} to {max(one.throughput):.1f}",
            ms(median(one.latency)),
            ms(percentile(one.latency, 99)),
        ]
        for name, one in found.items()
    ]
    # Each round's own ratio: what else the machine did meanwhile touches both alike.
    ratios = [a / b for a, b in zip(ours.throughput, theirs.throughput, strict=True)]
    slower = median(ours.latency) / median(theirs.latency)
    tail = percentile(ours.latency, 99) / percentile(theirs.latency, 99)
    rows.append(
        ["**ratio** (ours to theirs)", f"**{median(ratios):.2f}**", "", f"**{slower:.2f}**", f"{tail:.2f}"]
    )
    heads = [f"{STEPS} {words}", "executions/s", "least to most of a round", "alone, median", "alone, p99"]
    return table(heads, rows)
