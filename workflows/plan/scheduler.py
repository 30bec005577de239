"""The pure decider: what has happened to each step goes in, the next moves come out.

No clock, no I/O, no memory: the same states give the same decision, which is what Temporal's replay
needs. The shell around it (the Temporal workflow, later the simulation) does what the decision says:

- it takes over ``Decision.states``,
- sets a step to ``waiting`` for each ``AskApproval`` and to ``running`` for each ``Start``,
- stops waiting for the steps in ``withdraw`` and ignores what still comes from them,
- and when something ends, puts the new ``StepState`` in and calls ``decide`` again.

An approval given is ``approved=True`` (the status may stay ``waiting``); one refused is ``failed`` with the
code ``approval_rejected``.

Loads inside Temporal's sandbox: standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

from workflows.plan.compiled import CompiledPlan, CompiledStep
from workflows.plan.conditions import BadCondition, evaluate, render
from workflows.plan.references import BadReference, MissingValue, TooLong, Values, resolve


class StepStatus(StrEnum):
    """Where a step of a run stands."""

    pending = "pending"
    waiting = "waiting"
    running = "running"
    completed = "completed"
    failed = "failed"
    skipped = "skipped"
    compensated = "compensated"
    cancelled = "cancelled"


ENDED = frozenset(
    {
        StepStatus.completed, StepStatus.failed, StepStatus.skipped,
        StepStatus.compensated, StepStatus.cancelled,
    }
)  # fmt: skip


@dataclass(frozen=True)
class Failure:
    """Why a step failed for good: a stable code and a sentence."""

    code: str
    message: str

    def to_json(self) -> dict[str, str]:
        """``{code, message}``."""
        return {"code": self.code, "message": self.message}


@dataclass(frozen=True)
class StepState:
    """One step of a run.

    Attributes:
        status: Where it stands.
        approved: A person has agreed to it.
        output: What it gave, a JSON value, once completed.
        failure: Why it failed.
        reason: Why it was skipped or cancelled, for people.
    """

    status: StepStatus = StepStatus.pending
    approved: bool = False
    output: Any = None
    failure: Failure | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a JSON object with every field."""
        return {
            "status": self.status.value,
            "approved": self.approved,
            "output": self.output,
            "failure": self.failure and self.failure.to_json(),
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StepState:
        """From ``to_json``; unknown fields are ignored."""
        failure = data.get("failure")
        return cls(
            StepStatus(data.get("status", "pending")),
            bool(data.get("approved", False)),
            data.get("output"),
            None if failure is None else Failure(failure["code"], failure["message"]),
            data.get("reason", ""),
        )


@dataclass(frozen=True)
class Context:
    """What a run was launched with: the issue (roles as opaque text) and the caller's data."""

    issue: dict[str, Any]
    data: dict[str, Any]


@dataclass(frozen=True)
class AskApproval:
    """Ask a person to agree to this step."""

    step_id: str


@dataclass(frozen=True)
class Start:
    """Start this step with these inputs, references resolved."""

    step_id: str
    inputs: dict[str, Any]


Move = AskApproval | Start


@dataclass(frozen=True)
class Finish:
    """The run is over.

    Attributes:
        outcome: How it ended.
        failure, step_id: For ``failed``: the failure and the step that made it fail.
    """

    outcome: Literal["completed", "failed", "cancelled"]
    failure: Failure | None = None
    step_id: str | None = None


@dataclass(frozen=True)
class Decision:
    """What to do now.

    Attributes:
        states: Every step of the plan; skips and failures that follow from what happened are settled.
        moves: What to begin, in the plan's order.
        withdraw: Steps to stop waiting for, because the run is stopping (``cancelled`` in ``states``).
        finish: Set when nothing is left to do or to wait for.
    """

    states: dict[str, StepState]
    moves: tuple[Move, ...] = ()
    withdraw: tuple[str, ...] = ()
    finish: Finish | None = None


_PENDING = StepState()


def decide(
    plan: CompiledPlan, context: Context, states: Mapping[str, StepState], *, cancelling: bool = False
) -> Decision:
    """The next moves of a run.

    Args:
        plan: What is carried out.
        context: What the run was launched with.
        states: What is known of the steps; steps that aren't named are pending.
        cancelling: A person has asked to cancel the run.

    A step that has finally failed under ``on_failure: fail``, and cancelling, stop the run: nothing new
    starts, steps that wait for a person or a clock are withdrawn, others in flight are awaited, and what
    never started is cancelled. Takes time in proportion to steps and needs.
    """
    settled = {step.step_id: states.get(step.step_id, _PENDING) for step in plan.steps}
    if cancelling or _culprit(plan, settled) is not None:
        return _stopping(plan, settled, cancelling=cancelling)
    moves, ended = _settle(plan, context, settled)
    if _culprit(plan, settled) is not None:
        return _stopping(plan, settled, cancelling=False)
    moves.sort(key=lambda move: plan.graph.position[move.step_id])
    return Decision(settled, tuple(moves), finish=Finish("completed") if ended else None)


def _has_ended(state: StepState) -> bool:
    # By identity: hashing or comparing members of an Enum costs more than everything else here.
    status = state.status
    return (
        status is not StepStatus.pending
        and status is not StepStatus.waiting
        and status is not StepStatus.running
    )


def _culprit(plan: CompiledPlan, states: Mapping[str, StepState]) -> CompiledStep | None:
    """The first step in the plan whose failure stops the run."""
    for step in plan.steps:
        if states[step.step_id].status is StepStatus.failed and step.on_failure == "fail":
            return step
    return None


def _settle(plan: CompiledPlan, context: Context, states: dict[str, StepState]) -> tuple[list[Move], bool]:
    """Settle in ``states`` what follows without doing anything.

    Returns:
        The moves of the steps that are ready, and whether all steps have ended.
    """
    values = Values(context.issue, context.data, lambda step_id: _output(states, step_id))
    ended = {step_id for step_id, state in states.items() if _has_ended(state)}
    moves: list[Move] = []
    for step in plan.graph.order:
        if step.step_id in ended or not ended.issuperset(step.needs):
            continue
        state = states[step.step_id]
        if not _may_begin(state):
            continue
        found = _begin(step, state, values, plan)
        if isinstance(found, StepState):
            states[step.step_id] = found
            ended.add(step.step_id)
        else:
            moves.append(found)
    return moves, len(ended) == len(states)


def _may_begin(state: StepState) -> bool:
    return state.status is StepStatus.pending or (state.status is StepStatus.waiting and state.approved)


def _output(states: Mapping[str, StepState], step_id: str) -> Any:
    state = states.get(step_id, _PENDING)
    if state.status is StepStatus.completed:
        return state.output
    path = f"steps.{step_id}"
    if state.status in (StepStatus.failed, StepStatus.compensated):
        raise MissingValue(path, "failed")
    raise MissingValue(path, "skipped" if _has_ended(state) else "absent")


def _begin(step: CompiledStep, state: StepState, values: Values, plan: CompiledPlan) -> Move | StepState:
    """The move of a step whose needs have ended, or the state in which it ends without one."""
    try:
        if step.when is not None and not state.approved and not evaluate(step.when, values):
            return _skipped(state, f"Its condition does not hold: {render(step.when, plan.graph.titles)}.")
        # Resolved before anybody is asked: a step that can't start is not worth a person's decision.
        inputs = resolve(step.inputs, values)
    except MissingValue as missing:
        return _without_value(state, missing, plan)
    except BadCondition as error:
        return _failed(state, "bad_condition", str(error))
    except BadReference as error:
        return _failed(state, "bad_reference", str(error))
    except TooLong as error:
        return _failed(state, "over_limit", str(error))
    if step.approval is not None and not state.approved:
        return AskApproval(step.step_id)
    return Start(step.step_id, inputs)


def _without_value(state: StepState, missing: MissingValue, plan: CompiledPlan) -> StepState:
    if missing.because == "absent":
        return _failed(state, "missing_value", f"{missing.path} has no value.")
    step_id = missing.path.split(".")[1]
    title = plan.graph.titles.get(step_id, step_id)
    happened = "failed" if missing.because == "failed" else "was skipped"
    return _skipped(state, f"It reads the result of “{title}”, which {happened}.")


def _skipped(state: StepState, reason: str) -> StepState:
    return replace(state, status=StepStatus.skipped, reason=reason)


def _failed(state: StepState, code: str, message: str) -> StepState:
    return replace(state, status=StepStatus.failed, failure=Failure(code, message))


def _stopping(plan: CompiledPlan, states: dict[str, StepState], *, cancelling: bool) -> Decision:
    what = "was cancelled" if cancelling else "stopped"
    withdraw: list[str] = []
    for step in plan.steps:
        state = states[step.step_id]
        in_flight = state.status is StepStatus.running and step.withdrawable
        if state.status is StepStatus.waiting or in_flight:
            withdraw.append(step.step_id)
            reason = f"Withdrawn because the run {what}."
        elif state.status is StepStatus.pending:
            reason = f"The run {what} before this step."
        else:
            continue
        states[step.step_id] = replace(state, status=StepStatus.cancelled, reason=reason)
    awaited = any(state.status is StepStatus.running for state in states.values())
    finish = None if awaited else _ending(plan, states, cancelling=cancelling)
    return Decision(states, withdraw=tuple(withdraw), finish=finish)


def _ending(plan: CompiledPlan, states: Mapping[str, StepState], *, cancelling: bool) -> Finish:
    culprit = _culprit(plan, states)
    if cancelling or culprit is None:
        return Finish("cancelled")
    return Finish("failed", states[culprit.step_id].failure, culprit.step_id)
