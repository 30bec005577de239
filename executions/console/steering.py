"""Telling a run something: pause, resume, cancel, and what is to be done about a failed step. The buttons, and what
the pages say that ask why."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from executions.console.standing import Standing
from executions.deciding import decide_task
from executions.models import ExecutionStatus, HumanTask, WorkflowExecution
from executions.steering import (
    STEERING,
    cancel_execution,
    open_escalation,
    pause_execution,
    resume_execution,
)
from executions.tasks import ESCALATION, STILL_OPEN
from executions.temporal.contracts import CANCEL, PAUSE, RESUME
from mudda import console

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

UNDER_WAY = (ExecutionStatus.PENDING, ExecutionStatus.RUNNING)
DECIDE = "executions.decide_humantask"


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=2_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("Kept with the run, with your name and the time."),
    )


@dataclass(frozen=True)
class Way:
    """One way of telling a run something: the service, and what its page and its message say."""

    service: Callable[..., object]
    button: "StrOrPromise"
    title: "StrOrPromise"
    intro: "StrOrPromise"
    done: "StrOrPromise"
    tone: str = ""
    key: str = ""


WAYS = {
    PAUSE: Way(
        pause_execution,
        _("Pause"),
        _("Pause this run?"),
        _(
            "No new step starts until somebody resumes it. Steps that are under way end, open tasks stay open and "
            "their clocks go on."
        ),
        _("The run is paused."),
        key="p",
    ),
    RESUME: Way(
        resume_execution,
        _("Resume"),
        _("Let this run go on?"),
        _("Steps whose turn it is start at once."),
        _("The run goes on."),
        "primary",
        key="p",
    ),
    CANCEL: Way(
        cancel_execution,
        _("Cancel the run"),
        _("Cancel this run?"),
        _(
            "Nothing new starts, open tasks are withdrawn, and what the plan says how to undo is undone. "
            "A cancelled run does not go on again; its plan can be launched anew."
        ),
        _("The run is being cancelled."),
        "danger",
    ),
}


def decide_failure(outcome: str) -> Callable[..., HumanTask]:
    """A service that decides the open question about a failed step with ``outcome``, as the API's doors do."""

    def decide(*, execution_id: UUID, step_id: str, reason: str, by: User) -> HumanTask:
        task = open_escalation(execution_id=execution_id, step_id=step_id, by=by)
        return decide_task(task_id=task.pk, outcome=outcome, comment=reason, by=by)

    return decide


FAILURE_WAYS = {
    "retry": Way(
        decide_failure("retry"),
        _("Try it again"),
        _("Try this step again?"),
        _("The step is begun anew, with as many attempts as it had at first."),
        _("The step is tried again."),
        "primary",
    ),
    "skip": Way(
        decide_failure("skip"),
        _("Go on without it"),
        _("Go on without this step?"),
        _("The step is left out. Steps that need what it would have given are left out too."),
        _("The run goes on without the step."),
    ),
    "stop": Way(
        decide_failure("stop"),
        _("Stop the run"),
        _("Stop the run because of this step?"),
        _(
            "The run fails: nothing new starts, open tasks are withdrawn, and what the plan says how to undo is "
            "undone. Its plan can be launched anew."
        ),
        _("The run is being stopped."),
        "danger",
    ),
}


def steering_buttons(execution: WorkflowExecution, by: User) -> list[console.Button]:
    """What this person can tell the run now."""
    over = execution.status not in UNDER_WAY
    if over or execution.cancel_requested_at is not None or not by.has_perm(STEERING):
        return []
    names = (RESUME if execution.paused_at is not None else PAUSE, CANCEL)
    return [_button(WAYS[name], address(name, execution)) for name in names]


def failure_buttons(
    execution: WorkflowExecution, tasks: Iterable[HumanTask], standing: Standing
) -> dict[str, list[console.Button]]:
    """What this person can say about the steps that have failed, by step id."""
    if execution.status not in UNDER_WAY:
        return {}
    asked = [task for task in tasks if task.kind == ESCALATION and task.status in STILL_OPEN]
    return {task.step_id: _about_failure(execution, task) for task in asked if standing.may_decide(task)}


def _about_failure(execution: WorkflowExecution, task: HumanTask) -> list[console.Button]:
    page = console.page_of(task)
    found = [
        _button(way, failure_address(name, execution, task.step_id))
        for name, way in FAILURE_WAYS.items()
        if name in task.outcomes
    ]
    if "answer" in task.outcomes:
        found.insert(-1, console.Button(str(_("Give its result by hand")), f"{page}?by-hand#decision"))
    return found


def _button(way: Way, url: str) -> console.Button:
    return console.Button(str(way.button), url, way.tone, key=way.key)


def address(name: str, execution: WorkflowExecution) -> str:
    return reverse("admin:executions_workflowexecution_steer", args=[execution.pk, name])


def failure_address(name: str, execution: WorkflowExecution, step_id: str) -> str:
    return reverse("admin:executions_workflowexecution_step", args=[execution.pk, step_id, name])


def asking(way: Way, form: forms.Form, *, back: str, about: Any) -> dict[str, Any]:
    """What the page that asks why says."""
    return {
        "title": way.title,
        "intro": way.intro,
        "submit": way.button,
        "tone": way.tone or "primary",
        "form": form,
        "cancel_url": back,
        "about": about,
    }
