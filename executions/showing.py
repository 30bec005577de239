"""Runs as the API shows them, as plain values.

The serializers say the same for the OpenAPI document, and a test holds the two together: to show a list of fifty runs
through them takes longer than to read it.
"""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework.fields import DateTimeField

from executions.models import WorkflowExecution
from issues.models import reference_of
from mudda import prepared

STEPS = """
    SELECT step_id, activity_id, title, status, attempts, output, error, reason, started_at, ended_at
    FROM step_runs WHERE execution_id = %(run)s::uuid ORDER BY position
"""
WAITING = """
    SELECT id, step_id, kind, title, "group", opened_at, due_at FROM human_tasks
    WHERE execution_id = %(run)s::uuid AND status IN ('open', 'on_hold') AND awaited ORDER BY opened_at, id
"""
SUMMARY_FIELDS = (
    "sandbox",
    "plan__issue_id",
    "plan__title",
    "status",
    "created_at",
    "due_at",
    "started_at",
    "completed_at",
)
"""What ``summary_of`` reads."""
RUN_FIELDS = (
    *SUMMARY_FIELDS,
    "event_seq",
    "execution_data",
    "failure",
    "paused_at",
    "cancel_requested_at",
    "archived_at",
    "archive",
    "erased_at",
    "revision__digest",
)
"""What ``run_shown`` reads, besides steps and tasks."""

_field = DateTimeField()


def at(time: datetime | None) -> str | None:
    """A time as REST framework writes it, on the city's clocks."""
    return None if time is None else str(_field.to_representation(time))


def summary_of(execution: WorkflowExecution) -> dict[str, Any]:
    """A run in a list (``ExecutionSummary``)."""
    return {
        "id": str(execution.pk),
        "sandbox": execution.is_sandbox,
        "workflow_plan_id": str(execution.plan_id),
        "temporal_workflow_id": execution.temporal_workflow_id,
        "status": execution.status,
        "issue_id": reference_of(execution.plan.issue_id),
        "title": execution.plan.title,
        "created_at": at(execution.created_at),
        "due_at": at(execution.due_at),
        "overdue": execution.is_overdue,
        "started_at": at(execution.started_at),
        "completed_at": at(execution.completed_at),
    }


def run_shown(execution: WorkflowExecution) -> dict[str, Any]:
    """Where a run stands (``ExecutionOutput``). Reads its steps and what it waits for."""
    run = {"run": execution.pk}
    return {
        **summary_of(execution),
        "execution_data": execution.execution_data,
        "digest": execution.revision.digest,
        "paused_at": at(execution.paused_at),
        "cancel_requested_at": at(execution.cancel_requested_at),
        "failure": execution.failure,
        "archived": archived(execution),
        "steps": [_step(*row) for row in prepared.fetch(STEPS, run)],
        "waiting_on": [_waiting(*row) for row in prepared.fetch(WAITING, run)],
    }


def archived(execution: WorkflowExecution) -> dict[str, Any] | None:
    """Since when, and where, a run's contents are; None while they are in the database."""
    if execution.archived_at is None:
        return None
    return {"at": at(execution.archived_at), "file": execution.archive}


def _step(
    step_id: str,
    activity_id: str,
    title: str,
    status: str,
    attempts: int,
    output: str | None,
    error: str | None,
    reason: str,
    started_at: datetime | None,
    ended_at: datetime | None,
) -> dict[str, Any]:
    told = _json(error)
    return {
        "step_id": step_id,
        "activity_id": activity_id,
        "title": title,
        "status": status,
        "attempts": attempts,
        "output": _json(output),
        "error": told and {name: str(told[name]) for name in ("code", "message")},
        "reason": reason,
        "started_at": at(started_at),
        "ended_at": at(ended_at),
    }


def _waiting(
    pk: UUID,
    step_id: str,
    kind: str,
    title: str,
    group: str,
    opened_at: datetime,
    due_at: datetime | None,
) -> dict[str, Any]:
    return {
        "task_id": str(pk),
        "step_id": step_id,
        "kind": kind,
        "title": title,
        "group": group,
        "opened_at": at(opened_at),
        "due_at": at(due_at),
    }


def _json(text: str | None) -> Any:
    return None if text is None else json.loads(text)
