"""A run as the people who answer for it follow it: each step with where it stands and why."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models.fields.json import KT
from django.utils import timezone
from django.utils.dateformat import format as date_format
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from executions.console.standing import standing_of
from executions.console.steering import failure_buttons
from executions.console.task_page import is_overdue, overdue_badge
from executions.console.timeline import Timeline, timeline_of
from executions.console.waits import Wait, waits_of
from executions.console.whom import GOOD_LINKS, decider_of, name_of, role_named, whom
from executions.crews import photo_fields
from executions.models import (
    OVER,
    Document,
    Effect,
    EffectStatus,
    HumanTask,
    Steering,
    StepRun,
    StepStatus,
    TaskUpload,
    WorkflowExecution,
)
from executions.temporal.contracts import CANCEL, PAUSE, RESUME
from issues.models import Department
from mudda import console
from mudda.models import Event
from workflows.console.graph import draw, steps_of_cards
from workflows.console.review import review
from workflows.console.words import Line, Vocabulary, line_of
from workflows.launching import RESULTS
from workflows.plan.catalogue import offered
from workflows.plan.comparing import timestamp
from workflows.plan.schema import SCHEMA_VERSION

SHOWN_JSON = 20_000
"""Characters of a value that a page shows; the API has all of it."""

UPLOAD_SHOWN = ("title", "content_type", "size", "created_at", "task__step_id")

STEERED = {
    PAUSE: pgettext_lazy("a run was", "Paused"),
    RESUME: pgettext_lazy("a run was", "Resumed"),
    CANCEL: pgettext_lazy("a run was", "Cancelled"),
}
ENDED = {"failed": gettext_lazy("The run failed"), "cancelled": gettext_lazy("The run was cancelled")}
LEFT = (StepStatus.PENDING, StepStatus.SKIPPED, StepStatus.CANCELLED)
SENT = (EffectStatus.DONE, EffectStatus.WITHHELD)
ATTEMPTS = ("step.started", "step.attempt_failed", "step.failed", "step.completed")


@dataclass(frozen=True)
class TaskRow:
    """A task of a step. ``outcome`` is in words; ``decided_by`` is a user's name, or whose link it was; ``whom`` has
    it now."""

    task: HumanTask
    url: str
    badge: SafeString
    overdue: SafeString
    outcome: str
    decided_by: str
    whom: str


@dataclass(frozen=True)
class Sent:
    """A letter or a text message. ``withheld``: in a sandbox, where nothing goes outside."""

    step_number: int
    step_title: str
    channel: str
    to: str
    at: datetime | None
    withheld: bool


@dataclass(frozen=True)
class Attempt:
    """One time that a step was begun; ``code`` says why it failed, "" where it did not, or not yet."""

    number: int
    at: datetime
    code: str


@dataclass(frozen=True)
class StepRow:
    """One step of a run."""

    number: int
    step: StepRun
    badge: SafeString
    activity: str
    offered: bool
    trouble: str
    inputs: tuple[Line, ...]
    output: tuple[Line, ...]
    attempts: tuple[Attempt, ...]
    tasks: tuple[TaskRow, ...]
    effects: tuple[tuple[str, Effect, SafeString], ...]
    sent: tuple[Sent, ...]
    documents: tuple[Document, ...]
    uploads: tuple[TaskUpload, ...]
    ways: tuple[console.Button, ...]


@dataclass(frozen=True)
class Run:
    """A whole run. ``gaps`` names what is missing of its records, each as a sentence.

    ``steps`` are ``cards`` and ``never_began``: those that a run which did not succeed has left behind.
    """

    steps: tuple[StepRow, ...]
    cards: tuple[StepRow, ...]
    never_began: tuple[StepRow, ...]
    done: int
    failure: str
    not_undone: tuple[tuple[int, str], ...]
    waits: tuple[Wait, ...]
    graph: SafeString
    timeline: Timeline | None
    steered: tuple[tuple[str, Steering, str], ...]
    paused: Steering | None
    paused_by: str
    sent: tuple[Sent, ...]
    documents: tuple[Document, ...]
    uploads: tuple[TaskUpload, ...]
    gaps: tuple[str, ...]
    data: str


def follow(execution: WorkflowExecution, *, by: User, with_effects: bool) -> Run:
    """Everything about a run, in ten queries, and one more where a step was tried again."""
    now = timezone.now()
    steps = list(execution.steps.order_by("position"))
    tasks = list(
        execution.tasks.select_related("department", "decided_by", "assignee").prefetch_related(GOOD_LINKS)
    )
    documents = list(execution.documents.all())
    uploads = _uploads(execution, tasks)
    # In a sandbox a receipt has the whole letter: of that only whom it was for is read.
    effects = list(execution.effects.defer("receipt").annotate(role=KT("receipt__role")))
    steered = list(execution.steerings.select_related("by"))
    titles = {step.step_id: step.title for step in steps}
    departments = dict(Department.objects.values_list("code", "name"))
    sent = _sent(effects, steps, departments)
    attempts = _attempts(execution, steps)
    standing = standing_of(by)
    ways = failure_buttons(execution, tasks, standing)
    shown = effects if with_effects else []
    rows = tuple(
        StepRow(
            number=at,
            step=step,
            badge=console.badge(step.status),
            activity=offered()[step.activity_id].title if step.activity_id in offered() else step.activity_id,
            offered=step.activity_id in offered(),
            trouble=trouble_of(step),
            inputs=_lines(step.inputs),
            output=_lines(step.output),
            attempts=attempts.get(step.step_id, ()),
            tasks=tuple(_task_row(task) for task in tasks if task.step_id == step.step_id),
            effects=tuple(
                (effect.key.rpartition(":")[2], effect, console.badge(effect.status))
                for effect in shown
                if effect.step_id == step.step_id
            ),
            sent=tuple(one for one in sent if one.step_number == at),
            documents=tuple(document for document in documents if document.step_id == step.step_id),
            uploads=tuple(upload for upload in uploads if upload.task.step_id == step.step_id),
            ways=tuple(ways.get(step.step_id, ())),
        )
        for at, step in enumerate(steps, 1)
    )
    paused = next((row for row in reversed(steered) if row.action == PAUSE), None)
    return Run(
        steps=rows,
        cards=tuple(row for row in rows if not _left_behind(execution, row.step)),
        never_began=tuple(row for row in rows if _left_behind(execution, row.step)),
        done=sum(step.ended_at is not None for step in steps),
        failure=_failure(execution, titles),
        not_undone=tuple(_not_undone(execution.failure, steps)),
        waits=()
        if execution.status in OVER
        else waits_of(execution, steps, tasks, planned_steps(execution), standing),
        graph=graph_of(execution, steps, departments),
        timeline=timeline_of(execution, steps, tasks, now),
        steered=tuple(
            (str(STEERED.get(row.action, row.action)), row, name_of(row.by)) for row in reversed(steered)
        ),
        paused=paused if execution.paused_at is not None else None,
        paused_by=name_of(paused.by) if paused is not None else "",
        sent=sent,
        documents=tuple(documents),
        uploads=tuple(uploads),
        gaps=tuple(gaps_of(execution, steps)),
        data=pretty({k: v for k, v in execution.execution_data.items() if k != RESULTS})
        if isinstance(execution.execution_data, dict)
        else pretty(execution.execution_data),
    )


def in_short(run: Run) -> str:
    """Where a run stands, for those who hear the page: told again when it has changed."""
    said = _("Ended: %(done)d of %(all)d steps.") % {"done": run.done, "all": len(run.steps)}
    names = ", ".join(wait.what for wait in run.waits)
    return f"{said} {_('Waits for: %(names)s.') % {'names': names}}" if names else said


def graph_of(
    execution: WorkflowExecution, steps: Sequence[StepRun], departments: Mapping[str, str]
) -> SafeString:
    """The plan as a picture, coloured by where its steps stand; "" for a plan that can't be read."""
    read = review(execution.revision.document, (), catalogue=offered(), departments=departments)
    return draw(steps_of_cards(read.cards), {step.step_id: step.status for step in steps}, name="run-graph")


def planned_steps(execution: WorkflowExecution) -> dict[str, dict[str, Any]]:
    """The steps as the approved revision has them, by id; whatever its form, what can be read of it."""
    document = execution.revision.document
    steps = document.get("steps") if isinstance(document, dict) else None
    found = steps if isinstance(steps, list) else []
    return {str(step.get("step_id")): step for step in found if isinstance(step, dict)}


def gaps_of(execution: WorkflowExecution, steps: Sequence[StepRun]) -> Iterable[str]:
    """What a page of this run has to do without, and why."""
    document = execution.revision.document
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        yield _(
            "This plan was written for another version of the plan language (%(theirs)s; today's is %(ours)s): it is "
            "shown as far as it can be read. A new plan is drafted from the issue's page."
        ) % {"theirs": version if isinstance(version, int) else _("unknown"), "ours": SCHEMA_VERSION}
    if not steps:
        yield _("There is no record of this run's steps. The history below has what is known of it.")
    elif unknown := [step.title for step in steps if step.activity_id not in offered()]:
        yield _(
            "This city no longer offers what these steps do, so they are shown by their recorded names: %(titles)s."
        ) % {"titles": ", ".join(unknown)}


def _left_behind(execution: WorkflowExecution, step: StepRun) -> bool:
    """Whether the run ended without success before the step began: there is little to read of it."""
    return execution.status in ENDED and step.started_at is None and step.status in LEFT


def _uploads(execution: WorkflowExecution, tasks: Iterable[HumanTask]) -> list[TaskUpload]:
    """The files that people gave with their tasks: only those that ask for some can have any."""
    if not any(photo_fields(task.form) for task in tasks):
        return []
    found = TaskUpload.objects.filter(task__execution=execution).select_related("task")
    return list(found.only(*UPLOAD_SHOWN))


def _task_row(task: HumanTask) -> TaskRow:
    return TaskRow(
        task=task,
        url=console.page_of(task),
        badge=console.badge(task.status),
        overdue=overdue_badge(is_overdue(task)),
        outcome=console.in_words(task.outcome),
        decided_by=decider_of(task),
        whom=whom(task),
    )


def _sent(
    effects: Iterable[Any], steps: Sequence[StepRun], departments: Mapping[str, str]
) -> tuple[Sent, ...]:
    """The letters and text messages among the effects, oldest first."""
    known = {step.step_id: (at, step.title) for at, step in enumerate(steps, 1)}
    found = [effect for effect in effects if effect.role and effect.status in SENT]
    return tuple(
        _sent_one(
            effect, role_named(effect.role, departments), *known.get(effect.step_id, (0, effect.step_id))
        )
        for effect in found
    )


def _sent_one(effect: Any, to: str, number: int, title: str) -> Sent:
    is_text = effect.key.rpartition(":")[2].startswith("text")
    return Sent(
        step_number=number,
        step_title=title,
        channel=_("Text message") if is_text else _("E-mail"),
        to=to,
        at=effect.ended_at,
        withheld=effect.status == EffectStatus.WITHHELD,
    )


def _attempts(execution: WorkflowExecution, steps: Sequence[StepRun]) -> dict[str, tuple[Attempt, ...]]:
    """The attempts of those steps that needed more than one."""
    again = {step.step_id for step in steps if step.attempts > 1}
    if not again:
        return {}
    told = Event.objects.filter(stream=execution.stream, type__in=ATTEMPTS, data__step_id__in=again)
    found: dict[str, list[Attempt]] = defaultdict(list)
    for event in told.order_by("seq").only("type", "at", "data"):
        attempts = found[event.data["step_id"]]
        if event.type == "step.started":
            attempts.append(Attempt(len(attempts) + 1, event.at, ""))
        elif attempts:
            last = attempts[-1]
            attempts[-1] = Attempt(last.number, last.at, str(event.data.get("code") or ""))
    return {step_id: tuple(attempts) for step_id, attempts in found.items()}


def trouble_of(step: StepRun) -> str:
    """Why a step failed, was tried again, skipped, undone or cancelled; "" where there is nothing to say."""
    if isinstance(step.error, dict):
        said = f"{step.error.get('message', '')} ({step.error.get('code', '')})."
        if step.status == StepStatus.WAITING:
            return said + " " + _("A person says what is to be done.")
        return said if step.ended_at else said + " " + _("It is tried again.")
    if step.status == StepStatus.COMPENSATED:
        return step.reason or _("It was done, and has been undone.")
    return step.reason


def _failure(execution: WorkflowExecution, titles: Mapping[str, str]) -> str:
    failure = execution.failure
    if not isinstance(failure, dict):
        return ""
    at = failure.get("step_id")
    ended = ENDED.get(execution.status, ENDED["failed"])
    where = (
        _("%(ended)s in the step “%(title)s”") % {"ended": ended, "title": titles.get(str(at), at)}
        if at
        else ended
    )
    return f"{where}: {failure.get('message', '')} ({failure.get('code', '')})."


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
