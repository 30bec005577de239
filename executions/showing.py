"""Runs as the API shows them, as plain values.

The serializers say the same for the OpenAPI document, and a test holds the two together: to show a list of fifty runs
through them takes longer than to read it.
"""

from datetime import datetime
from typing import Any

from rest_framework.fields import DateTimeField

from executions.models import HumanTask, StepRun, TaskStatus, WorkflowExecution
from issues.models import reference_of

WAITING = (TaskStatus.OPEN, TaskStatus.ON_HOLD)

SUMMARY_FIELDS = (
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
    waiting = execution.tasks.filter(status__in=WAITING, awaited=True)
    return {
        **summary_of(execution),
        "execution_data": execution.execution_data,
        "digest": execution.revision.digest,
        "paused_at": at(execution.paused_at),
        "cancel_requested_at": at(execution.cancel_requested_at),
        "failure": execution.failure,
        "steps": [_step(step) for step in execution.steps.order_by("position").defer("inputs")],
        "waiting_on": [_waiting(task) for task in waiting],
    }


def _step(step: StepRun) -> dict[str, Any]:
    return {
        "step_id": step.step_id,
        "activity_id": step.activity_id,
        "title": step.title,
        "status": step.status,
        "attempts": step.attempts,
        "output": step.output,
        "error": step.error and {name: str(step.error[name]) for name in ("code", "message")},
        "reason": step.reason,
        "started_at": at(step.started_at),
        "ended_at": at(step.ended_at),
    }


def _waiting(task: HumanTask) -> dict[str, Any]:
    return {
        "task_id": str(task.pk),
        "step_id": task.step_id,
        "kind": task.kind,
        "title": task.title,
        "group": task.group,
        "opened_at": at(task.opened_at),
        "due_at": at(task.due_at),
    }
