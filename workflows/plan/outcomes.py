"""The states that follow from what happened to a step; the shell puts them in before it decides again.

What comes too late changes nothing: each function returns the state unchanged where it doesn't fit any more.

Loads inside Temporal's sandbox: standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workflows.plan.compiled import CompiledOverdue, CompiledStep
from workflows.plan.states import Failure, StepState, StepStatus, has_ended

OVERDUE = "overdue"
"""The code of the failure of a step that nobody did, or decided, in time."""


def next_completion(states: Mapping[str, StepState]) -> int:
    """The place in the order of completions of the step that completes next, 1 for the first."""
    return 1 + max((state.completion or 0 for state in states.values()), default=0)


def completed(state: StepState, output: Any, *, completion: int) -> StepState:
    """A step has given its output; ``completion`` is ``next_completion`` of the run."""
    if has_ended(state) or awaits_answer(state):
        return state
    return _completed(state, output, completion)


def failed(state: StepState, failure: Failure) -> StepState:
    """A step has failed after its attempts. Under ``escalate`` it may not have ended with that."""
    if has_ended(state) or awaits_answer(state):
        return state
    return replace(state, status=StepStatus.failed, failure=failure)


def withdrawn(state: StepState, reason: str) -> StepState:
    """A step that had been put off is not tried again, because the run stops."""
    return state if has_ended(state) else replace(state, status=StepStatus.cancelled, reason=reason)


# --- a failure that a person has been asked about ---------------------------------------------------


def awaits_answer(state: StepState) -> bool:
    """Whether a person has been asked what to do about the step's failure, and hasn't answered."""
    return state.escalated and state.status is StepStatus.waiting


def retried(state: StepState) -> StepState:
    """Try the step again, with new attempts. An approval that was given holds."""
    if not awaits_answer(state):
        return state
    return replace(state, status=StepStatus.pending, escalated=False, failure=None)


def skipped(state: StepState, reason: str) -> StepState:
    """Go on without the step; what reads it is skipped too."""
    if not awaits_answer(state):
        return state
    return replace(state, status=StepStatus.skipped, reason=reason, escalated=False, failure=None)


def answered(state: StepState, output: Any, *, completion: int) -> StepState:
    """The output is given by hand. The shell has checked it against the step's output schema."""
    if not awaits_answer(state):
        return state
    return _completed(state, output, completion)


def stopped(state: StepState) -> StepState:
    """Stop the run because of this failure, as under ``on_failure: fail``."""
    if not awaits_answer(state):
        return state
    return replace(state, status=StepStatus.failed)


def _completed(state: StepState, output: Any, completion: int) -> StepState:
    return replace(
        state,
        status=StepStatus.completed, output=output, completion=completion, escalated=False, failure=None,
    )  # fmt: skip


# --- a person who didn't answer in time -------------------------------------------------------------


def overdue_of(step: CompiledStep, state: StepState) -> CompiledOverdue | None:
    """What the plan says for the open task of a step: an approval's while that is ``waiting``, the step's own
    while it is ``running``. None where it says nothing, or nothing of that kind is open."""
    if state.status is StepStatus.waiting and not state.approved and not state.escalated:
        return None if step.approval is None else step.approval.overdue
    return step.overdue if state.status is StepStatus.running else None


def expired(step: CompiledStep, state: StepState, *, completion: int) -> StepState:
    """A person's step, or the approval of a step, has not been answered in time.

    Returns:
        For ``then: fail`` the step failed with the code ``overdue``, under its ``on_failure``; for an answer the
        step completed with it; else the state unchanged. An approval never comes from silence: it can only
        fail.
    """
    overdue = overdue_of(step, state)
    if overdue is None or overdue.then == "wait":
        return state
    if overdue.then == "answer" and state.status is StepStatus.running:
        return completed(state, overdue.answer, completion=completion)
    what = "did this" if state.status is StepStatus.running else "decided about this"
    return failed(state, Failure(OVERDUE, f"Nobody {what} in time."))


# --- undoing ----------------------------------------------------------------------------------------


def undone(state: StepState) -> StepState:
    """The step's compensation has succeeded."""
    if state.compensation != "running":
        return state
    return replace(state, status=StepStatus.compensated, compensation="done")


def not_undone(state: StepState, failure: Failure) -> StepState:
    """The step's compensation has failed after its attempts: the step stays completed, the rest goes on."""
    if state.compensation != "running":
        return state
    return replace(state, compensation="failed", failure=failure)
