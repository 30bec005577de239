"""The pure decider: what has happened to each step goes in, the next moves come out.

No clock, no I/O, no memory: the same states give the same decision, which is what Temporal's replay
needs. The shell around it (the Temporal workflow, the simulation) does what the decision says:

- it takes over ``Decision.states``,
- sets a step to ``waiting`` for each ``AskApproval`` and to ``running`` for each ``Start``; for ``Escalate`` and
  ``Compensate`` the states that it took over say so already,
- stops waiting for the steps in ``withdraw`` and ignores what still comes from them,
- and when something ends, puts the new ``StepState`` in (``workflows.plan.outcomes`` makes them) and calls
  ``decide`` again.

An approval given is ``approved=True`` (the status may stay ``waiting``); one refused is ``failed`` with the
code ``approval_rejected``.

Loads inside Temporal's sandbox: standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workflows.plan.compiled import CompiledPlan, CompiledStep
from workflows.plan.conditions import evaluate, render
from workflows.plan.reading import attempt, values_of
from workflows.plan.references import MissingValue, Values, resolve
from workflows.plan.states import (
    ENDED,
    IS_FAILED,
    IS_PENDING,
    IS_WAITING,
    PENDING,
    AskApproval,
    Compensate,
    Context,
    Decision,
    Escalate,
    Failure,
    Finish,
    Move,
    Start,
    StepState,
    StepStatus,
    has_ended,
)
from workflows.plan.stopping import culprit, stop

__all__ = [
    "ENDED", "AskApproval", "Compensate", "Context", "Decision", "Escalate", "Failure", "Finish", "Move",
    "Start", "StepState", "StepStatus", "decide",
]  # fmt: skip


_UNKNOWN = Failure("failed", "It failed.")


def decide(
    plan: CompiledPlan,
    context: Context,
    states: Mapping[str, StepState],
    *,
    cancelling: bool = False,
    paused: bool = False,
) -> Decision:
    """The next moves of a run.

    Args:
        plan: What is carried out.
        context: What the run was launched with.
        states: What is known of the steps; steps that aren't named are pending.
        cancelling: A person has asked to cancel the run.
        paused: A person has asked to begin nothing new: no step, no approval, no question about a failure.
            What follows by itself is still settled, and a run that stops is not held up.

    A step that has finally failed under ``on_failure: fail``, one whose escalation was answered by stopping,
    and cancelling, stop the run: nothing new starts, steps that wait for a person or a clock are withdrawn,
    others in flight are awaited, what never started is cancelled, and what completed is undone. Takes time in
    proportion to steps and needs.
    """
    settled = {step.step_id: states.get(step.step_id, PENDING) for step in plan.steps}
    if cancelling or culprit(plan, settled) is not None:
        return stop(plan, context, settled, cancelling=cancelling)
    moves, ended = _settle(plan, context, settled)
    if culprit(plan, settled) is not None:
        return stop(plan, context, settled, cancelling=False)
    if paused:
        moves = []
    moves.sort(key=lambda move: plan.graph.position[move.step_id])
    for move in moves:
        if isinstance(move, Escalate):
            asked = replace(settled[move.step_id], status=StepStatus.waiting, escalated=True)
            settled[move.step_id] = asked
    return Decision(settled, tuple(moves), finish=Finish("completed") if ended else None)


def _settle(plan: CompiledPlan, context: Context, states: dict[str, StepState]) -> tuple[list[Move], bool]:
    """Settle in ``states`` what follows without doing anything.

    Returns:
        The moves of the steps that are ready, and whether all steps have ended.
    """
    values = values_of(context, states)
    ended = {step_id for step_id, state in states.items() if has_ended(state)}
    for step in plan.graph.escalating:
        if states[step.step_id].status is IS_FAILED:
            ended.discard(step.step_id)
    moves: list[Move] = []
    for step in plan.graph.order:
        if step.step_id in ended or not ended.issuperset(step.needs):
            continue
        state = states[step.step_id]
        if _may_begin(state):
            found = _begin(step, state, values, plan)
            if isinstance(found, StepState):
                states[step.step_id] = state = found
            else:
                moves.append(found)
        if state.status is IS_FAILED and step.on_failure == "escalate":
            moves.append(Escalate(step.step_id, step.escalate_to, state.failure or _UNKNOWN))
        elif has_ended(state):
            ended.add(step.step_id)
    return moves, len(ended) == len(states)


def _may_begin(state: StepState) -> bool:
    if state.status is IS_WAITING:
        return state.approved and not state.escalated
    return state.status is IS_PENDING


def _begin(step: CompiledStep, state: StepState, values: Values, plan: CompiledPlan) -> Move | StepState:
    """The move of a step whose needs have ended, or the state in which it ends without one."""
    try:
        # Resolved before anybody is asked: a step that can't start is not worth a person's decision.
        inputs = attempt(lambda: _inputs_if_wanted(step, state, values))
    except MissingValue as missing:
        return _skipped(state, _without_value(missing, plan))
    if inputs is None:
        return _skipped(state, f"Its condition does not hold: {render(step.when, plan.graph.titles)}.")
    if isinstance(inputs, Failure):
        return _failed(state, inputs)
    if step.approval is not None and not state.approved:
        return AskApproval(step.step_id)
    return Start(step.step_id, inputs)


def _inputs_if_wanted(step: CompiledStep, state: StepState, values: Values) -> dict[str, Any] | None:
    """The step's inputs; None when its condition does not hold. An approval isn't asked for again, so neither is
    whether the step is wanted."""
    if step.when is not None and not state.approved and not evaluate(step.when, values):
        return None
    inputs: dict[str, Any] = resolve(step.inputs, values)
    return inputs


def _without_value(missing: MissingValue, plan: CompiledPlan) -> str:
    step_id = missing.path.split(".")[1]
    title = plan.graph.titles.get(step_id, step_id)
    happened = "failed" if missing.because == "failed" else "was skipped"
    return f"It reads the result of “{title}”, which {happened}."


def _skipped(state: StepState, reason: str) -> StepState:
    return replace(state, status=StepStatus.skipped, reason=reason)


def _failed(state: StepState, failure: Failure) -> StepState:
    return replace(state, status=StepStatus.failed, failure=failure)
