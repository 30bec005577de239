"""Runs with people's tasks, launched as the doors launch them; their tasks opened as the worker opens them."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from executions.models import HumanTask, StepRun, WorkflowExecution
from executions.services import launch_execution
from executions.tasks import APPROVAL, DONE, ask_approval, open_task
from mudda import events
from mudda.models import OutboxMessage
from tests import factories
from workflows.services import approve_plan


def confirm(step_id: str = "confirm", **fields: Any) -> dict[str, Any]:
    """A step that a member of a group has to answer."""
    return {
        "step_id": step_id,
        "activity_id": "confirm_completion",
        "title": "Is it done?",
        "inputs": {"question": "Is the street open again?", "group": "dispatcher"},
        **fields,
    }


def crew(step_id: str = "repair", **fields: Any) -> dict[str, Any]:
    """A step for a department's crew."""
    inputs = {
        "department": "water",
        "address": "123 Main St",
        "instructions": "Repair it.",
        "urgency": "high",
    }
    return {
        "step_id": step_id,
        "activity_id": "dispatch_crew",
        "title": "Repair the main",
        "inputs": inputs,
        **fields,
    }


def launch(*steps: dict[str, Any], by: User | None = None) -> WorkflowExecution:
    by = by or factories.make_user("supervisor")
    plan = factories.make_plan(factories.document(*steps), by=by)
    approve_plan(plan_id=plan.pk, digest=plan.current.digest, by=by)
    return launch_execution(plan_id=plan.pk, execution_data={}, by=by)


def open_for(execution: WorkflowExecution, kind: str = "", *, group: str = "") -> HumanTask:
    """The task of a run's only step: its own, or the approval of it."""
    step = StepRun.objects.get(execution=execution)
    step.execution = execution
    compiled = execution.compiled["steps"][0]
    if kind == APPROVAL:
        return ask_approval(step, compiled)
    return open_task(
        step,
        kind=step.activity_id,
        title=step.title,
        question="Is the street open again?",
        form=compiled["output_schema"],
        outcomes=[DONE],
        group=group or compiled["inputs"].get("group", ""),
    )


def make_task(step: dict[str, Any] | None = None, kind: str = "", **more: Any) -> HumanTask:
    return open_for(launch(step or confirm()), kind, **more)


def make_late(task: HumanTask, by: timedelta = timedelta(minutes=1)) -> HumanTask:
    """Move the clock: the task's next look, and its due time if it was ahead, are past."""
    past = timezone.now() - by
    task.refresh_from_db()
    task.next_look_at, task.due_at = past, min(past, task.due_at or past)
    task.save(update_fields=["next_look_at", "due_at"])
    return task


def happened(task: HumanTask) -> list[str]:
    """The types of the events of a task, oldest first."""
    return [e.type for e in events.of(task.execution) if e.data.get("task") == str(task.pk)]


def last_event(task: HumanTask) -> Any:
    return events.of(task.execution)[-1]


def told(task: HumanTask) -> list[dict[str, Any]]:
    """What the run was told about a task."""
    return [
        m.payload for m in OutboxMessage.objects.filter(kind="task_decided", payload__task_id=str(task.pk))
    ]


def letters(task: HumanTask) -> list[tuple[str, str]]:
    """To whom letters about a task were put into the outbox, and on what occasion."""
    found = OutboxMessage.objects.filter(kind="task_letter", payload__task=str(task.pk)).order_by(
        "created_at"
    )
    return [(m.payload["to"], m.payload["occasion"]) for m in found]
