"""Pausing, resuming and cancelling a run: the buttons, and the pages that ask why."""

from collections.abc import Callable
from dataclasses import dataclass

from django import forms
from django.contrib.auth.models import User
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextareaWidget

from executions.models import ExecutionStatus, WorkflowExecution
from executions.steering import STEERING, cancel_execution, pause_execution, resume_execution
from executions.temporal.contracts import CANCEL, PAUSE, RESUME
from mudda import console

UNDER_WAY = (ExecutionStatus.PENDING, ExecutionStatus.RUNNING)


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=2_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Kept with the run, with your name and the time.",
    )


@dataclass(frozen=True)
class Way:
    """One way of steering: the service, and what its page and its message say."""

    service: Callable[..., WorkflowExecution]
    button: str
    title: str
    intro: str
    done: str
    tone: str = ""


WAYS = {
    PAUSE: Way(
        pause_execution,
        "Pause",
        "Pause this run?",
        "No new step starts until somebody resumes it. Steps that are under way end, open tasks stay open and "
        "their clocks go on.",
        "The run is paused.",
    ),
    RESUME: Way(
        resume_execution,
        "Resume",
        "Let this run go on?",
        "Steps whose turn it is start at once.",
        "The run goes on.",
        "primary",
    ),
    CANCEL: Way(
        cancel_execution,
        "Cancel the run",
        "Cancel this run?",
        "Nothing new starts, open tasks are withdrawn, and what the plan says how to undo is undone. "
        "A cancelled run does not go on again; its plan can be launched anew.",
        "The run is being cancelled.",
        "danger",
    ),
}


def steering_buttons(execution: WorkflowExecution, by: User) -> list[console.Button]:
    """What this person can tell the run now."""
    over = execution.status not in UNDER_WAY
    if over or execution.cancel_requested_at is not None or not by.has_perm(STEERING):
        return []
    names = (RESUME if execution.paused_at is not None else PAUSE, CANCEL)
    return [console.Button(WAYS[name].button, address(name, execution), WAYS[name].tone) for name in names]


def address(name: str, execution: WorkflowExecution) -> str:
    return reverse("admin:executions_workflowexecution_steer", args=[execution.pk, name])
