"""A run as the people who answer for it follow it: each step with where it stands and why."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.dateformat import format as date_format
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from executions.models import Document, Effect, HumanTask, StepRun, WorkflowExecution
from mudda import console
from workflows.console.words import Line, Vocabulary, line_of
from workflows.launching import RESULTS
from workflows.plan.catalogue import offered
from workflows.plan.comparing import timestamp

SHOWN_JSON = 20_000
"""Characters of a value that a page shows; the API has all of it."""

WAITS = {"pending": "Waits for its turn.", "waiting": "Waits for a person.", "running": "Under way."}


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
    tasks: tuple[tuple[HumanTask, str, SafeString], ...]
    effects: tuple[tuple[str, Effect, SafeString], ...]
    documents: tuple[Document, ...]


@dataclass(frozen=True)
class Run:
    """A whole run."""

    steps: tuple[StepRow, ...]
    done: int
    failure: str
    waits_for: tuple[tuple[HumanTask, str], ...]
    data: str


def follow(execution: WorkflowExecution, *, with_effects: bool) -> Run:
    """Everything about a run, in four queries (three without effects)."""
    steps = list(execution.steps.order_by("position"))
    tasks = list(execution.tasks.select_related("department", "decided_by"))
    documents = list(execution.documents.all())
    effects = list(execution.effects.all()) if with_effects else []
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
            tasks=tuple(
                (task, console.page_of(task), console.badge(task.status))
                for task in tasks
                if task.step_id == step.step_id
            ),
            effects=tuple(
                (effect.key.rpartition(":")[2], effect, console.badge(effect.status))
                for effect in effects
                if effect.step_id == step.step_id
            ),
            documents=tuple(document for document in documents if document.step_id == step.step_id),
        )
        for at, step in enumerate(steps, 1)
    )
    return Run(
        steps=rows,
        done=sum(step.ended_at is not None for step in steps),
        failure=_failure(execution.failure, titles),
        waits_for=tuple((task, console.page_of(task)) for task in tasks if task.status == "open"),
        data=pretty({k: v for k, v in execution.execution_data.items() if k != RESULTS})
        if isinstance(execution.execution_data, dict)
        else pretty(execution.execution_data),
    )


def trouble_of(step: StepRun) -> str:
    """Why a step failed, was tried again, skipped or cancelled; "" where there is nothing to say."""
    if isinstance(step.error, dict):
        again = "" if step.ended_at else " It is tried again."
        return f"{step.error.get('message', '')} ({step.error.get('code', '')}).{again}"
    return step.reason


def _failure(failure: Any, titles: Mapping[str, str]) -> str:
    if not isinstance(failure, dict):
        return ""
    at = failure.get("step_id")
    where = f" in the step “{titles.get(str(at), at)}”" if at else ""
    return f"The run failed{where}: {failure.get('message', '')} ({failure.get('code', '')})."


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
