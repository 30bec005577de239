"""A run as the people who answer for it follow it: each step with where it stands and why."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.dateformat import format as date_format
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from executions.console.task_page import decider_of, is_overdue, overdue_badge
from executions.models import (
    Document,
    Effect,
    HumanTask,
    Steering,
    StepRun,
    StepStatus,
    TaskUpload,
    WorkflowExecution,
)
from executions.temporal.contracts import PAUSE
from mudda import console
from workflows.console.words import Line, Vocabulary, line_of
from workflows.launching import RESULTS
from workflows.plan.catalogue import offered
from workflows.plan.comparing import timestamp

SHOWN_JSON = 20_000
"""Characters of a value that a page shows; the API has all of it."""

UPLOAD_SHOWN = ("title", "content_type", "size", "created_at", "task__step_id")

STEERED = {"pause": "Paused", "resume": "Resumed", "cancel": "Cancelled"}
ENDED = {"failed": "The run failed", "cancelled": "The run was cancelled"}


@dataclass(frozen=True)
class TaskRow:
    """A task of a step. ``outcome`` is in words; ``decided_by`` is a user's name, or whose link it was."""

    task: HumanTask
    url: str
    badge: SafeString
    overdue: SafeString
    outcome: str
    decided_by: str


@dataclass(frozen=True)
class StepRow:
    """One step of a run."""

    number: int
    step: StepRun
    badge: SafeString
    activity: str
    trouble: str
    inputs: tuple[Line, ...]
    output: tuple[Line, ...]
    tasks: tuple[TaskRow, ...]
    effects: tuple[tuple[str, Effect, SafeString], ...]
    documents: tuple[Document, ...]
    uploads: tuple[TaskUpload, ...]


@dataclass(frozen=True)
class Run:
    """A whole run."""

    steps: tuple[StepRow, ...]
    done: int
    failure: str
    not_undone: tuple[tuple[int, str], ...]
    waits_for: tuple[tuple[HumanTask, str], ...]
    steered: tuple[tuple[str, Steering], ...]
    paused: Steering | None
    data: str


def follow(execution: WorkflowExecution, *, with_effects: bool) -> Run:
    """Everything about a run, in six queries (five without effects)."""
    steps = list(execution.steps.order_by("position"))
    tasks = list(execution.tasks.select_related("department", "decided_by", "assignee"))
    documents = list(execution.documents.all())
    uploads = list(
        TaskUpload.objects.filter(task__execution=execution).select_related("task").only(*UPLOAD_SHOWN)
    )
    effects = list(execution.effects.all()) if with_effects else []
    steered = list(execution.steerings.select_related("by"))
    titles = {step.step_id: step.title for step in steps}
    rows = tuple(
        StepRow(
            number=at,
            step=step,
            badge=console.badge(step.status),
            activity=offered()[step.activity_id].title if step.activity_id in offered() else step.activity_id,
            trouble=trouble_of(step),
            inputs=_lines(step.inputs),
            output=_lines(step.output),
            tasks=tuple(_task_row(task) for task in tasks if task.step_id == step.step_id),
            effects=tuple(
                (effect.key.rpartition(":")[2], effect, console.badge(effect.status))
                for effect in effects
                if effect.step_id == step.step_id
            ),
            documents=tuple(document for document in documents if document.step_id == step.step_id),
            uploads=tuple(upload for upload in uploads if upload.task.step_id == step.step_id),
        )
        for at, step in enumerate(steps, 1)
    )
    return Run(
        steps=rows,
        done=sum(step.ended_at is not None for step in steps),
        failure=_failure(execution, titles),
        not_undone=tuple(_not_undone(execution.failure, steps)),
        steered=tuple((STEERED.get(row.action, row.action), row) for row in reversed(steered)),
        paused=next((row for row in reversed(steered) if row.action == PAUSE), None)
        if execution.paused_at is not None
        else None,
        waits_for=tuple((task, console.page_of(task)) for task in tasks if task.status == "open"),
        data=pretty({k: v for k, v in execution.execution_data.items() if k != RESULTS})
        if isinstance(execution.execution_data, dict)
        else pretty(execution.execution_data),
    )


def _task_row(task: HumanTask) -> TaskRow:
    overdue = overdue_badge(is_overdue(task))
    outcome = console.in_words(task.outcome)
    return TaskRow(
        task, console.page_of(task), console.badge(task.status), overdue, outcome, decider_of(task)
    )


def trouble_of(step: StepRun) -> str:
    """Why a step failed, was tried again, skipped, undone or cancelled; "" where there is nothing to say."""
    if isinstance(step.error, dict):
        said = f"{step.error.get('message', '')} ({step.error.get('code', '')})."
        if step.status == StepStatus.WAITING:
            return f"{said} A person says what is to be done."
        return said if step.ended_at else f"{said} It is tried again."
    if step.status == StepStatus.COMPENSATED:
        return step.reason or "It was done, and has been undone."
    return step.reason


def _failure(execution: WorkflowExecution, titles: Mapping[str, str]) -> str:
    failure = execution.failure
    if not isinstance(failure, dict):
        return ""
    at = failure.get("step_id")
    where = f" in the step “{titles.get(str(at), at)}”" if at else ""
    ended = ENDED.get(execution.status, ENDED["failed"])
    return f"{ended}{where}: {failure.get('message', '')} ({failure.get('code', '')})."


def _not_undone(failure: Any, steps: list[StepRun]) -> list[tuple[int, str]]:
    """Number and title of the steps that should have been undone and were not."""
    left = failure.get("compensation_failed") if isinstance(failure, dict) else None
    if not isinstance(left, list):
        return []
    return [(at, step.title) for at, step in enumerate(steps, 1) if step.step_id in left]


def _lines(value: Any) -> tuple[Line, ...]:
    """A resolved value as lines: nothing in it is a reference any more, whatever braces it has."""
    if isinstance(value, dict):
        return tuple(
            line_of(str(name).replace("_", " "), _literal(part), NOTHING_KNOWN)
            for name, part in value.items()
        )
    return () if value is None else (line_of("", _literal(value), NOTHING_KNOWN),)


def _literal(value: Any) -> Any:
    """The value with its braces written as literal ones, and moments as people write them."""
    if isinstance(value, str):
        moment = timestamp(value)
        return (
            value.replace("{{", "{{{{") if moment is None else date_format(localtime(moment), "j M Y, H:i:s")
        )
    if isinstance(value, dict):
        return {str(name): _literal(part) for name, part in value.items()}
    return [_literal(part) for part in value] if isinstance(value, list) else value


NOTHING_KNOWN = Vocabulary({}, {})


def pretty(value: Any) -> str:
    """JSON for people, cut to what a page can show; "" for nothing."""
    if value in (None, {}, []):
        return ""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN_JSON else text[:SHOWN_JSON] + "\n…"
