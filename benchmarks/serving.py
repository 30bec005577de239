"""The whole way: from the HTTP request that approves and executes a plan to ``completed``; and the API alone."""

import time
from collections.abc import Sequence

from benchmarks.activities import LOCAL, REMOTE
from benchmarks.figures import median, ms, percentile, table
from benchmarks.handwritten import STEPS
from benchmarks.rows import make_plans, notes
from benchmarks.stack import Caller, Stack, in_threads
from executions.models import WorkflowExecution
from executions.temporal.finishing import OVER
from workflows.models import WorkflowPlan

CALLERS = 4
DEADLINE = 300.0
"""Seconds that a batch of runs may take."""


def measure_end_to_end(stack: Stack, *, many: int, few: int) -> str:
    """``many`` requests from ``CALLERS`` callers, and ``few`` one by one, for both kinds of steps."""
    rows: list[Sequence[object]] = []
    for activity_id, words in ((REMOTE, "remote"), (LOCAL, "local")):
        _launch(stack, make_plans(notes(STEPS, activity_id), CALLERS))  # warm
        alone: list[float] = []
        for plan in make_plans(notes(STEPS, activity_id), few):
            alone += _latencies(_launch(stack, [plan]))
        begun = _launch(stack, make_plans(notes(STEPS, activity_id), many))
        took = max(end for _, end in begun.values()) - min(start for start, _ in begun.values())
        rows.append(
            [f"{STEPS} {words} steps", f"{many / took:.1f}", ms(median(alone)), ms(percentile(alone, 99))]
        )
    heads = ["", "executions/s", "request to `completed`, alone: median", "p99"]
    return table(heads, rows)


def _latencies(times: dict[str, tuple[float, float]]) -> list[float]:
    return [end - start for start, end in times.values()]


def _launch(stack: Stack, plans: list[WorkflowPlan]) -> dict[str, tuple[float, float]]:
    """Execute plans; for each, when its request was sent and when its run was written as completed (Unix time)."""
    sent: dict[str, float] = {}
    callers = [stack.caller() for _ in range(CALLERS)]

    def launch(plan: WorkflowPlan, number: int) -> None:
        sent[str(plan.pk)] = time.time()
        execute(callers[number], plan)

    in_threads(plans, min(CALLERS, len(plans)), launch)
    ended = _wait(plans)
    return {plan: (sent[plan], ended[plan]) for plan in sent}


def execute(caller: Caller, plan: WorkflowPlan) -> float:
    """Approve and execute a plan through the API; returns the seconds that the request took."""
    body = {"execution_data": {"priority": "high"}, "approve": True}
    return caller.timed("POST", f"/workflows/{plan.pk}/execute", body, expected=202)


def _wait(plans: list[WorkflowPlan]) -> dict[str, float]:
    runs = WorkflowExecution.objects.filter(plan__in=[plan.pk for plan in plans])
    until = time.monotonic() + DEADLINE
    while runs.filter(status__in=OVER).count() < len(plans):
        if time.monotonic() > until:
            raise RuntimeError("the runs didn't end")
        time.sleep(0.02 if len(plans) == 1 else 0.1)
    found = list(runs.values_list("plan_id", "completed_at", "status"))
    if any(status != "completed" for _, _, status in found):
        raise RuntimeError("a run has failed")
    return {str(plan): ended.timestamp() for plan, ended, _ in found}


def measure_launching(stack: Stack, *, many: int) -> str:
    """The API alone, with the worker stopped: approve, compile, write and start, by one caller and by several."""
    stack.site.worker.stop()
    rows: list[Sequence[object]] = []
    try:
        for callers in (1, CALLERS):
            plans, took = make_plans(notes(STEPS), many), list[float]()
            calls = [stack.caller() for _ in range(callers)]
            begun = time.perf_counter()
            in_threads(plans, callers, lambda plan, number: took.append(execute(calls[number], plan)))  # noqa: B023
            rate = many / (time.perf_counter() - begun)
            rows.append([callers, f"{rate:.0f}", ms(median(took)), ms(percentile(took, 99))])
    finally:
        stack.restart_worker()
    wait_for_all()
    return table(["callers at once", "launches/s", "median", "p99"], rows)


def wait_for_all() -> None:
    """What was launched for the measurement is carried out before the next begins."""
    until = time.monotonic() + DEADLINE
    while WorkflowExecution.objects.exclude(status__in=OVER).exists():
        if time.monotonic() > until:
            raise RuntimeError("the runs didn't end")
        time.sleep(0.2)
