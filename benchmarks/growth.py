"""How the cost of a run grows with its steps: time, events of history, billable actions, input."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.figures import median, ms, table
from benchmarks.rows import local_notes, make_executions, notes
from benchmarks.stack import Stack
from executions.models import WorkflowExecution
from executions.starting import run_input
from executions.temporal.contracts import PLAN_WORKFLOW
from mudda.devstack.temporal import TASK_QUEUE


def measure(stack: Stack, *, sizes: Sequence[int], times: int) -> str:
    """Each size ``times`` times, one run after the other."""
    rows: list[Sequence[object]] = []
    for kind, plan_of in (("remote", notes), ("local", local_notes)):
        for size in sizes:
            executions = make_executions(plan_of(size), times)
            before = stack.stable_actions()
            took, events = zip(*asyncio.run(_run(stack, executions)), strict=True)
            actions = (stack.stable_actions() - before).total() / times
            start = len(json.dumps(asdict(run_input(executions[0]))))
            rows.append(
                [
                    f"{size} {kind}",
                    ms(median(took)),
                    ms(median(took) / size),
                    f"{median(events):.0f}",
                    f"{median(events) / size:.1f}",
                    f"{actions:.0f}",
                    f"{start / 1024:.0f} KiB",
                ]
            )
    heads = ["steps", "time", "a step", "events", "a step", "billable actions", "input of the run"]
    return table(heads, rows)


async def _run(stack: Stack, executions: list[WorkflowExecution]) -> list[tuple[float, int]]:
    client = await stack.client()
    found = []
    for execution in executions:
        begun = time.perf_counter()
        handle = await client.start_workflow(
            PLAN_WORKFLOW, run_input(execution), id=execution.temporal_workflow_id, task_queue=TASK_QUEUE
        )
        await handle.result()
        took = time.perf_counter() - begun
        found.append((took, (await handle.describe()).history_length))
    return found
