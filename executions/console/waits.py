"""What a run waits for just now: whom, since when, until when."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from executions.console.arranging import HAND_ON, button_for
from executions.console.standing import Standing
from executions.console.task_page import is_overdue
from executions.console.whom import lost_its_assignee, whom
from executions.models import HumanTask, StepRun, StepStatus, TaskStatus, WorkflowExecution
from executions.tasks import STILL_OPEN
from executions.temporal.calling import end_of_wait
from mudda import console
from workflows.plan.core import WAIT_UNTIL
from workflows.plan.durations import BadDuration


@dataclass(frozen=True)
class Wait:
    """One thing that a run waits for.

    Attributes:
        what, url: A task with its page, or a step with its place on the run's.
        whom: In words; "" for the clock.
        note: What is out of the ordinary, such as that the task is on hold.
        hand_on: Where it is given to somebody else, for those who may.
    """

    what: str
    url: str
    whom: str
    since: datetime | None
    due: datetime | None
    is_late: bool = False
    note: str = ""
    task: HumanTask | None = None
    hand_on: str = ""


def waits_of(
    execution: WorkflowExecution,
    steps: Sequence[StepRun],
    tasks: Sequence[HumanTask],
    planned: Mapping[str, Mapping[str, Any]],
    standing: Standing,
) -> tuple[Wait, ...]:
    """What a run that isn't over waits for, what is due first at the top.

    Args:
        planned: the steps as the plan has them, by id.
    """
    asked = [task for task in tasks if task.awaited and task.status in STILL_OPEN]
    found = [*(_for_person(task, standing) for task in asked), *_for_clock(steps, planned)]
    return tuple(
        sorted(found, key=lambda wait: (wait.due is None, wait.due or wait.since or execution.created_at))
    )


def _for_person(task: HumanTask, standing: Standing) -> Wait:
    return Wait(
        what=task.title,
        url=console.page_of(task),
        whom=whom(task),
        since=task.opened_at,
        due=task.due_at,
        is_late=is_overdue(task),
        note=_note(task),
        task=task,
        hand_on=button_for(HAND_ON, task).url if standing.may_hand_on(task) else "",
    )


def _note(task: HumanTask) -> str:
    if task.status == TaskStatus.ON_HOLD:
        return _("On hold, so its clock stands still. %(why)s") % {"why": task.hold_reason}
    if lost_its_assignee(task):
        return _("Whoever had it has no account any more: anybody of its group can take it.")
    if task.declined_at is not None and task.accepted_at is None:
        return _("Declined: %(why)s") % {"why": task.decline_reason}
    return ""


def _for_clock(steps: Sequence[StepRun], planned: Mapping[str, Mapping[str, Any]]) -> Iterator[Wait]:
    for number, step in enumerate(steps, 1):
        if step.activity_id == WAIT_UNTIL.activity_id and step.status == StepStatus.WAITING:
            until = _until(step, planned.get(step.step_id, {}).get("inputs"))
            note = "" if until else _("An earlier step of the run has said until when.")
            yield Wait(step.title, f"#step-{number}", "", step.started_at, until, note=note)


def _until(step: StepRun, inputs: Any) -> datetime | None:
    """When a wait ends; None where the plan leaves that to another step."""
    if not isinstance(inputs, dict) or step.started_at is None:
        return None
    try:
        return end_of_wait(inputs, step.started_at)
    except (BadDuration, ValueError, TypeError, KeyError):
        return None
