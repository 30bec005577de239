"""How a run stops: what is withdrawn, what is awaited, what is undone and in which order, how it ends.

Loads inside Temporal's sandbox: standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workflows.plan.compiled import CompiledCompensation, CompiledPlan, CompiledStep
from workflows.plan.reading import attempt, missing_value, values_of
from workflows.plan.references import MissingValue, Values, resolve
from workflows.plan.states import (
    IS_FAILED,
    Compensate,
    Context,
    Decision,
    Failure,
    Finish,
    StepState,
    StepStatus,
)


def culprit(plan: CompiledPlan, states: Mapping[str, StepState]) -> CompiledStep | None:
    """The first step in the plan whose failure stops the run: under ``fail``, or because a person said so."""
    for step in plan.steps:
        state = states[step.step_id]
        if state.status is IS_FAILED and (step.on_failure == "fail" or state.escalated):
            return step
    return None


def stop(plan: CompiledPlan, context: Context, states: dict[str, StepState], *, cancelling: bool) -> Decision:
    """The next moves of a run that stops; ``states`` is changed.

    First what waits is withdrawn, then what is in flight is awaited, then completed steps are undone one at a
    time, newest completion first, and only then is the run over.
    """
    withdraw = _withdraw(plan, states, "was cancelled" if cancelling else "stopped")
    moves: tuple[Compensate, ...] = ()
    finish = None
    if not any(_awaited(state) for state in states.values()):
        undo = _next_to_undo(plan, context, states)
        if undo is not None:
            moves = (undo,)
        else:
            finish = _ending(plan, states, cancelling=cancelling)
    return Decision(states, moves, tuple(withdraw), finish, stopping=True)


def _withdraw(plan: CompiledPlan, states: dict[str, StepState], what: str) -> list[str]:
    withdraw: list[str] = []
    for step in plan.steps:
        state = states[step.step_id]
        if state.status is StepStatus.waiting or (state.status is StepStatus.running and step.withdrawable):
            withdraw.append(step.step_id)
            reason = f"Withdrawn because the run {what}."
        elif state.status is StepStatus.pending:
            reason = f"The run {what} before this step."
        else:
            continue
        if state.escalated:
            # It did fail; only the question what to do about it is withdrawn.
            states[step.step_id] = replace(state, status=StepStatus.failed, escalated=False)
        else:
            states[step.step_id] = replace(state, status=StepStatus.cancelled, reason=reason)
    return withdraw


def _awaited(state: StepState) -> bool:
    return state.status is StepStatus.running or state.compensation == "running"


def _next_to_undo(plan: CompiledPlan, context: Context, states: dict[str, StepState]) -> Compensate | None:
    """The compensation to begin now, ``running`` in ``states``; those that can't even begin are settled."""
    values = values_of(context, states)
    for step, compensation in _to_undo(plan, states):
        state = states[step.step_id]
        inputs = _inputs(compensation, values)
        if not isinstance(inputs, Failure):
            states[step.step_id] = replace(state, compensation="running")
            return Compensate(step.step_id, compensation.activity_id, inputs)
        states[step.step_id] = replace(state, compensation="failed", failure=inputs)
    return None


def _to_undo(
    plan: CompiledPlan, states: Mapping[str, StepState]
) -> list[tuple[CompiledStep, CompiledCompensation]]:
    """Completed steps that are still to be undone, newest completion first."""
    found = []
    # Where the shell didn't count completions, a step at least completed after those that it needs.
    for place, step in enumerate(plan.graph.order):
        state = states[step.step_id]
        if step.compensate is not None and state.status is StepStatus.completed and state.compensation == "":
            found.append((state.completion or 0, place, step, step.compensate))
    found.sort(key=lambda one: one[:2], reverse=True)
    return [(step, compensation) for _, _, step, compensation in found]


def _inputs(compensation: CompiledCompensation, values: Values) -> dict[str, Any] | Failure:
    try:
        inputs: dict[str, Any] | Failure = attempt(lambda: resolve(compensation.inputs, values))
    except MissingValue as missing:
        return missing_value(missing)
    return inputs


def _ending(plan: CompiledPlan, states: Mapping[str, StepState], *, cancelling: bool) -> Finish:
    left = tuple(step.step_id for step in plan.steps if states[step.step_id].compensation == "failed")
    made_it_fail = culprit(plan, states)
    if cancelling or made_it_fail is None:
        return Finish("cancelled", compensation_failed=left)
    return Finish("failed", states[made_it_fail.step_id].failure, made_it_fail.step_id, left)
