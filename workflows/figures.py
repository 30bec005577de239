"""Figures of plans, and what planners cost."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from django.db import transaction
from prometheus_client import Counter

from mudda.monitoring.figures import Figure, Row, ask, register
from workflows.models import PlannerRun

WAITING = """
    SELECT status, count(*), extract(epoch FROM now() - min(created_at))
    FROM workflow_plans WHERE status IN ('DRAFTING', 'DRAFT') AND sandbox_id IS NULL GROUP BY status
"""
STATUSES = (("DRAFTING",), ("DRAFT",))

planner_runs = Counter(
    "mudda_planner_runs",
    "Drafts and revisions that are over. fallback: why the playbooks had to step in, or empty.",
    ("purpose", "planner", "fallback"),
)
planner_cost = Counter("mudda_planner_cost_dollars", "What the model has cost, in US dollars.", ("model",))
planner_tokens = Counter("mudda_planner_tokens", "Tokens, input and output.", ("model", "direction"))
planner_seconds = Counter("mudda_planner_seconds", "Time that drafts and revisions took.", ("purpose",))


def count_planner_run(run: PlannerRun) -> None:
    """Count a run that is over, once that is committed."""
    transaction.on_commit(partial(_count, run), robust=True)


def _count(run: PlannerRun) -> None:
    why = (run.fallback or run.problem or {}).get("code", "")
    planner_runs.labels(run.purpose, run.planner or "none", why).inc()
    planner_seconds.labels(run.purpose).inc(run.seconds)
    if run.model:
        planner_cost.labels(run.model).inc(float(run.cost or 0))
        planner_tokens.labels(run.model, "input").inc(run.input_tokens)
        planner_tokens.labels(run.model, "output").inc(run.output_tokens)


def _plans() -> Iterator[tuple[str, Row]]:
    rows: list[Any] = ask(WAITING)
    for status, count, age in rows:
        yield "plans", ((status,), float(count))
        yield "plans_oldest_seconds", ((status,), float(age))


register(
    Figure(
        "plans",
        "Plans that are being drafted (DRAFTING) or wait for an approval (DRAFT).",
        ("status",),
        STATUSES,
    ),
    Figure("plans_oldest_seconds", "Age of the oldest of them.", ("status",), STATUSES),
    read=_plans,
)
