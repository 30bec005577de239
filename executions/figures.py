"""Figures of runs and of people's tasks: those that are alive."""

from collections.abc import Iterator
from typing import Any

from mudda.monitoring.figures import Figure, Row, ask, register

ALIVE = "status NOT IN ('completed', 'failed', 'cancelled')"
RUNS = f"""
    SELECT CASE WHEN status = 'running' AND paused_at IS NOT NULL THEN 'paused' ELSE status END, count(*)
    FROM workflow_executions WHERE {ALIVE} AND sandbox_id IS NULL GROUP BY 1
"""  # noqa: S608 (our own text)
NOT_STARTED = """
    SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)
    FROM workflow_executions WHERE status = 'pending' AND temporal_run_id = ''
"""
LATE = f"""
    SELECT count(*) FROM workflow_executions WHERE {ALIVE} AND due_at < now() AND sandbox_id IS NULL
"""  # noqa: S608 (our own text)
TASKS = """
    SELECT status, count(*), count(*) FILTER (WHERE due_at < now()),
        coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE due_at < now())), 0)
    FROM human_tasks WHERE status IN ('open', 'on_hold') AND sandbox_id IS NULL GROUP BY status
"""


def _runs() -> Iterator[tuple[str, Row]]:
    rows: list[Any] = ask(RUNS)
    for status, count in rows:
        yield "executions", ((status,), float(count))
    [[waiting, oldest]] = ask(NOT_STARTED)
    yield "executions_not_started", ((), float(str(waiting)))
    yield "executions_oldest_not_started_seconds", ((), float(str(oldest)))
    [[late]] = ask(LATE)
    yield "executions_overdue", ((), float(str(late)))


def _tasks() -> Iterator[tuple[str, Row]]:
    rows: list[Any] = ask(TASKS)
    for status, count, overdue, longest in rows:
        yield "tasks", ((status,), float(count))
        if status == "open":
            yield "tasks_overdue", ((), float(overdue))
            yield "tasks_longest_overdue_seconds", ((), float(longest))


register(
    Figure(
        "executions",
        "Runs that are not over, by status. Those that are: mudda_events_total, execution.completed and so on.",
        ("status",),
        (("pending",), ("running",), ("paused",)),
    ),
    Figure("executions_not_started", "Runs that were launched and that Temporal has not got yet."),
    Figure("executions_oldest_not_started_seconds", "Age of the oldest of them; 0: there is none."),
    Figure("executions_overdue", "Runs that should be over and are not."),
    read=_runs,
)
register(
    Figure("tasks", "People's tasks that wait, by status.", ("status",), (("open",), ("on_hold",))),
    Figure("tasks_overdue", "Open tasks whose time is over.", zeros=((),)),
    Figure(
        "tasks_longest_overdue_seconds", "For how long the longest of them is late; 0: none is.", zeros=((),)
    ),
    read=_tasks,
)
