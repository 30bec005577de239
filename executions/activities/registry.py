"""The activities that this process can do: each a catalogue entry and one function.

A city adds its own in an installed Django app: a module with ``@implements(spec)`` functions, imported in the
app's ``ready()``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from executions.effects import Effects
from executions.models import HumanTask, StepRun, WorkflowExecution
from mudda.errors import MuddaError
from workflows.plan.activity import ActivitySpec
from workflows.plan.catalogue import offer, offered


@dataclass(frozen=True)
class StepContext:
    """One attempt of one step. ``inputs`` satisfy the activity's schema, references resolved.

    An activity with ``heartbeat_seconds`` calls ``beat`` more often than that, while it gets on.
    """

    execution: WorkflowExecution
    step: StepRun
    inputs: dict[str, Any]
    effects: Effects
    beat: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Waiting:
    """A person has been asked; the step goes on when ``task`` is decided."""

    task: HumanTask


class StepFailed(MuddaError):
    """A step's own failure. ``permanent``: trying again cannot help."""

    def __init__(self, code: str, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.code, self.permanent, self.retryable = code, permanent, not permanent


Implementation = Callable[[StepContext], "dict[str, Any] | Waiting"]

_implementations: dict[str, Implementation] = {}


def implements(spec: ActivitySpec) -> Callable[[Implementation], Implementation]:
    """Make a function the implementation of ``spec`` and offer the activity to plans."""

    def register(function: Implementation) -> Implementation:
        _implementations[spec.activity_id] = function
        offer(spec)
        return function

    return register


def effect_of(activity_id: str) -> str:
    """The class of effect that the activity's entry declares: of this process, as what is done is its function."""
    return offered()[activity_id].effect


def implementations() -> dict[str, Implementation]:
    return dict(_implementations)
