"""A task as its page shows it: what is asked, of whom, until when, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from executions.console.arranging import (
    ACCEPT,
    DECLINE,
    GIVE_LINK,
    WITHDRAW_LINKS,
    button_for,
    links_of,
    ways_for,
)
from executions.console.inbox import next_task
from executions.console.keys import TASK_KEYS
from executions.console.task_form import TaskForm
from executions.console.whom import decider_of, lost_its_assignee
from executions.crews import photo_fields
from executions.deciding import GIVES_ANSWER, TaskTaken, ensure_may_decide, ensure_not_taken, ensure_open
from executions.models import HumanTask, StepRun, TaskStatus, TaskUpload
from executions.tasks import DONE, ESCALATION
from mudda import console
from mudda.errors import Forbidden
from workflows.plan.comparing import timestamp
from workflows.plan.core import DISPATCH_CREW
from workflows.plan.durations import working_in_words

DECIDE = "executions.decide_humantask"
OUTCOMES = {
    DONE: (_("Send the answer"), "primary"),
    "approve": (_("Approve"), "primary"),
    "reject": (_("Reject"), "danger"),
    "it_happened": (_("It happened: go on"), ""),
    "do_it_again": (_("It did not happen: do it again"), ""),
    "retry": (_("Try it again"), "primary"),
    "skip": (_("Go on without it"), ""),
    "answer": (_("Give this result"), ""),
    "stop": (_("Stop the run"), "danger"),
}
"""What the buttons say; an outcome that isn't here is shown by its own name."""
OPEN = (TaskStatus.OPEN, TaskStatus.ON_HOLD)


@dataclass(frozen=True)
class Outcome:
    """A button. ``answers``: it sends the form along, so the form has to be filled in."""

    value: str
    label: str
    tone: str
    answers: bool


def task_page(request: HttpRequest, task: HumanTask) -> dict[str, Any]:
    """What the template needs of a task, for whoever looks at it."""
    by = console.person(request)
    why_not, labels = why_not_decide(task, by), labels_of(task)
    outcomes, ways = outcomes_of(task), ways_for(task, by)
    asks = any(outcome.answers for outcome in outcomes)
    uploads = list(task.uploads.order_by("created_at", "pk"))
    is_over = task.status not in OPEN
    links = links_of(task)
    return {
        "title": task.title,
        "status": console.badge(task.status),
        "overdue": overdue_badge(is_overdue(task)),
        "due": working_in_words(task.due) if task.due else "",
        "is_over": is_over,
        "why_not": why_not,
        "lost_its_assignee": lost_its_assignee(task),
        "asks": asks,
        "form": TaskForm(task, labels) if asks and not why_not else None,
        "by_hand": next((one for one in outcomes if one.answers and one.value != DONE), None),
        "wants_by_hand": "by-hand" in request.GET,
        "outcomes": outcomes,
        "outcome": console.in_words(task.outcome),
        "asks_why": task.kind == ESCALATION,
        "decide_url": reverse("admin:executions_humantask_decide", args=[task.pk]),
        "answer": shown_answer(task, labels, uploads),
        "files": uploads if why_not else [],
        "decided_by": decider_of(task),
        "run_url": console.page_of(task.execution),
        "issue_url": console.page_of(task.execution.plan.issue),
        "is_crews": task.kind == DISPATCH_CREW.activity_id,
        "crew_buttons": [button_for(name, task) for name in (ACCEPT, DECLINE) if name in ways],
        "links": links,
        "link_buttons": _link_buttons(task, ways, any(row.state == "good" for row in links)),
        "next_task": next_task(by, task) if is_over else None,
        "inbox_url": reverse("admin:executions_mytask_changelist"),
        "keys": TASK_KEYS,
    }


def _link_buttons(task: HumanTask, ways: frozenset[str], any_good: bool) -> list[console.Button]:
    """To make a link, and to withdraw those that are good still."""
    names = [name for name in (GIVE_LINK, WITHDRAW_LINKS) if name in ways]
    return [button_for(name, task) for name in names if name != WITHDRAW_LINKS or any_good]


def why_not_decide(task: HumanTask, by: User) -> str:
    """Why this person cannot decide the task now; "" where they can."""
    if task.status not in OPEN:
        return gettext("It is over.")
    if not by.has_perm(DECIDE):
        return gettext("You may read tasks, but not decide them.")
    try:
        ensure_may_answer(task, by)
    except (Forbidden, TaskTaken) as error:
        return error.detail
    return ""


def ensure_may_answer(task: HumanTask, by: User) -> None:
    """What ``decide_task`` asks for, before any file is taken.

    Raises:
        TaskClosed, Forbidden, TaskTaken: as for ``decide_task``.
    """
    ensure_open(task)
    ensure_may_decide(task, by)
    ensure_not_taken(task, by)


def outcomes_of(task: HumanTask) -> list[Outcome]:
    """The task's outcomes. Those that send the form come first: the Enter key presses a form's first button."""
    found = []
    for value in task.outcomes:
        label, tone = OUTCOMES.get(value, (console.in_words(value), ""))
        if value == DONE and not task.form.get("properties"):
            label = gettext("Done")
        found.append(Outcome(value, str(label), tone, value in GIVES_ANSWER))
    return sorted(found, key=lambda outcome: not outcome.answers)


def is_overdue(task: HumanTask) -> bool:
    """Whether the time of a task is up, while its clock runs."""
    return task.status == TaskStatus.OPEN and task.due_at is not None and task.due_at < timezone.now()


def overdue_badge(is_late: bool) -> SafeString:
    return console.badge("failed", gettext("Overdue")) if is_late else SafeString("")


def labels_of(task: HumanTask) -> Mapping[str, str]:
    """The questions in the plan's own words, by the name of the answer."""
    step = StepRun.objects.filter(execution=task.execution_id, step_id=task.step_id).only("inputs").first()
    asked = step.inputs.get("questions") if step is not None and isinstance(step.inputs, dict) else None
    if not isinstance(asked, dict):
        return {}
    return {name: str(one["ask"]) for name, one in asked.items() if isinstance(one, dict) and one.get("ask")}


def shown_answer(
    task: HumanTask, labels: Mapping[str, str], uploads: list[TaskUpload]
) -> list[tuple[str, str, list[TaskUpload]]]:
    """A task's answer: name, value in words, and the files that it names."""
    if not isinstance(task.answer, dict):
        return []
    by_id, takes_files = {str(upload.pk): upload for upload in uploads}, photo_fields(task.form)
    shown = []
    for name, value in task.answer.items():
        found = _files(value, by_id) if name in takes_files or name == "photos" else []
        words = "" if found else _value(value)
        shown.append((labels.get(name) or console.in_words(name), words, found))
    return shown


def _files(value: Any, by_id: Mapping[str, TaskUpload]) -> list[TaskUpload]:
    return [by_id[one] for one in value if one in by_id] if isinstance(value, list) else []


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, list):
        return ", ".join(map(str, value)) or gettext("none")
    if isinstance(value, str) and (moment := timestamp(value)) is not None:
        return date_format(timezone.localtime(moment), "j M Y, H:i:s")
    return gettext("nothing") if value in (None, "") else str(value)
