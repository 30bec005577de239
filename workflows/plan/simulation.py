"""What a run would do, with nothing done: the decider of real runs on declared durations.

The times and costs are those that the catalogue declares, not measurements; people are taken to answer after
``ANSWER_SECONDS``. Deterministic: no clock, no chance, no I/O.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal, NamedTuple

from workflows.plan import outcomes
from workflows.plan.checks.inputs import schema_problems
from workflows.plan.comparing import timestamp
from workflows.plan.compiled import CompiledPlan, CompiledStep
from workflows.plan.durations import parse_seconds
from workflows.plan.examples import EXAMPLE_TIME, example
from workflows.plan.people import group_name, messages_of, roles_of
from workflows.plan.scheduler import (
    ENDED,
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
    decide,
)
from workflows.plan.simulated import (
    AskedApproval,
    Entry,
    EntryKind,
    Escalation,
    Involved,
    Message,
    Simulation,
)

__all__ = [
    "ANSWER_SECONDS", "AskedApproval", "Entry", "Escalation", "Involved", "Message", "Simulation", "simulate",
]  # fmt: skip

ANSWER_SECONDS = 3600
"""How long a person is taken to think about an approval or a failure: chosen by us, not measured."""

Answer = Literal["retry", "skip", "answer", "stop"]


def simulate(
    compiled: CompiledPlan,
    context: Context,
    *,
    answers: Mapping[str, Any] | None = None,
    approvals: Mapping[str, bool] | None = None,
    failing: Collection[str] = (),
    escalations: Mapping[str, Answer] | None = None,
    started_at: str | None = None,
    city: str = "",
) -> Simulation:
    """Play a run to its end.

    Args:
        compiled: The plan.
        context: What it would be launched with.
        answers: Assumed outputs by step id; others are made from the output schema. One that the schema forbids
            fails the step with ``bad_output``, as in a run.
        approvals: Assumed decisions by step id; others are approved.
        failing: Steps assumed to fail, with the code ``assumed``.
        escalations: Assumed answers to failures by step id, else ``stop``. A second failure of a step that was
            tried again stops the run.
        started_at: RFC 3339 moment of the launch, for waits until a moment; the issue's ``reported_at`` when
            left out.
        city: The city's name, for text messages.
    """
    run = _Run(compiled, context, answers or {}, approvals or {}, set(failing), escalations or {})
    run.city = city
    run.launched = timestamp(started_at or context.issue.get("reported_at")) or run.launched
    return run.play()


class _Event(NamedTuple):
    """Something that will happen; ``turn`` makes the order of what happens at the same second sure."""

    at: int
    turn: int
    move: Move
    failure: Failure | None


class _Run:
    """The shell of a run in which nothing is done."""

    def __init__(
        self,
        plan: CompiledPlan,
        context: Context,
        answers: Mapping[str, Any],
        approvals: Mapping[str, bool],
        failing: set[str],
        escalations: Mapping[str, Answer],
    ) -> None:
        self.plan, self.context = plan, context
        self.answers, self.approvals, self.failing, self.escalations = (
            answers,
            approvals,
            failing,
            escalations,
        )
        self.launched = timestamp(EXAMPLE_TIME)
        self.city = ""
        self.now = self.turn = 0
        self.cost: float = 0
        self.states: dict[str, StepState] = {}
        self.coming: list[_Event] = []
        self.begun: dict[str, tuple[int, dict[str, Any]]] = {}
        self.over: dict[str, int] = {}
        self.again: set[str] = set()
        self.undoing: list[Entry] = []
        self.people: dict[str, dict[str, None]] = {}
        self.messages: list[Message] = []
        self.asked: list[AskedApproval] = []
        self.escalated: list[Escalation] = []

    def play(self) -> Simulation:
        while True:
            decision = decide(self.plan, self.context, self.states)
            self._take_over(decision)
            if decision.finish is not None:
                return self._told(decision.finish)
            for move in decision.moves:
                self._begin(move, self.plan.by_id[move.step_id])
            self._happen()

    def _take_over(self, decision: Decision) -> None:
        self.states = dict(decision.states)
        for step_id, state in self.states.items():
            if state.status in ENDED:
                self.over.setdefault(step_id, self.now)
            else:
                self.over.pop(step_id, None)
        gone = set(decision.withdraw)
        self.coming = [event for event in self.coming if event.move.step_id not in gone]
        heapq.heapify(self.coming)

    # --- beginning ------------------------------------------------------------------------------

    def _begin(self, move: Move, step: CompiledStep) -> None:
        if isinstance(move, Start):
            self._start(move, step)
        elif isinstance(move, AskApproval):
            self._ask(move, step)
        elif isinstance(move, Escalate):
            self._involve(group_name(move.group), step)
            told = (move.group, move.failure.code, move.failure.message, self.now)
            self.escalated.append(Escalation(step.step_id, *told))
            self._later(ANSWER_SECONDS, move)
        elif step.compensate is not None:
            self.cost += step.compensate.cost
            self._later(step.compensate.typical_seconds, move)

    def _start(self, move: Start, step: CompiledStep) -> None:
        self._set(step, status=StepStatus.running)
        self.begun[step.step_id] = (self.now, move.inputs)
        wrong = next(schema_problems(move.inputs, step.input_schema), None)
        if wrong is not None:
            self._later(0, move, Failure("bad_input", f"{wrong[0] or 'inputs'}: {wrong[2]}"))
            return
        self.cost += step.cost
        for who in roles_of(step, move.inputs):
            self._involve(who, step)
        self.messages += messages_of(step, move.inputs, self.context.issue, self.city)
        failure = Failure("assumed", "Assumed to fail.") if step.step_id in self.failing else None
        try:
            self._later(self._duration(step, move.inputs), move, failure)
        except (ValueError, TypeError) as error:
            self._later(0, move, Failure("bad_input", f"It cannot wait for that: {error}"))

    def _duration(self, step: CompiledStep, inputs: dict[str, Any]) -> int:
        if step.done_by != "clock":
            return step.typical_seconds
        if "for" in inputs:
            return parse_seconds(inputs["for"])
        until = timestamp(inputs.get("at"))
        if until is None or self.launched is None:
            raise ValueError("it is no moment")
        now = self.launched + timedelta(seconds=self.now)
        return max(0, round((until - now).total_seconds()))

    def _ask(self, move: AskApproval, step: CompiledStep) -> None:
        self._set(step, status=StepStatus.waiting)
        self._later(ANSWER_SECONDS, move)
        if step.approval is None:
            return
        self._involve(group_name(step.approval.group), step)
        asked = AskedApproval(
            step.step_id,
            step.title,
            step.approval.group,
            step.approval.reason,
            step.approval.four_eyes,
            step.approval.due,
            self.now,
        )
        self.asked.append(asked)

    def _later(self, seconds: int, move: Move, failure: Failure | None = None) -> None:
        self.turn += 1
        heapq.heappush(self.coming, _Event(self.now + seconds, self.turn, move, failure))

    # --- happening ------------------------------------------------------------------------------

    def _happen(self) -> None:
        event = heapq.heappop(self.coming)
        self.now, step = event.at, self.plan.by_id[event.move.step_id]
        state = self.states[step.step_id]
        match event.move:
            case AskApproval():
                state = self._decided(step, state)
            case Escalate():
                state = self._answered(step, state)
            case Compensate() as undo:
                state = self._undone(undo, step, state)
            case Start():
                state = self._ended(event.failure, step, state)
        self.states[step.step_id] = state

    def _decided(self, step: CompiledStep, state: StepState) -> StepState:
        approved = self.approvals.get(step.step_id, True)
        _replace_last(self.asked, step, approved=approved, decided_seconds=self.now)
        if approved:
            return replace(state, approved=True)
        return outcomes.failed(state, Failure("approval_rejected", "The approval was refused."))

    def _ended(self, failure: Failure | None, step: CompiledStep, state: StepState) -> StepState:
        output = self._output(step)
        wrong = None
        if step.step_id in self.answers:
            wrong = next(schema_problems(output, step.output_schema), None)
        if failure is None and wrong is not None:
            failure = Failure("bad_output", f"{wrong[0] or 'output'}: {wrong[2]}")
        if failure is not None:
            return outcomes.failed(state, failure)
        return outcomes.completed(state, output, completion=outcomes.next_completion(self.states))

    def _output(self, step: CompiledStep) -> Any:
        if step.step_id in self.answers:
            return self.answers[step.step_id]
        now = EXAMPLE_TIME
        if self.launched is not None:
            now = (self.launched + timedelta(seconds=self.now)).isoformat()
        return example(step.output_schema, now)

    def _answered(self, step: CompiledStep, state: StepState) -> StepState:
        answer = self.escalations.get(step.step_id, "stop")
        if answer == "retry" and step.step_id in self.again:
            answer = "stop"
        _replace_last(self.escalated, step, answer=answer)
        match answer:
            case "retry":
                self.again.add(step.step_id)
                self.failing.discard(step.step_id)
                return outcomes.retried(state)
            case "skip":
                return outcomes.skipped(state, "A person is assumed to skip it.")
            case "answer":
                place = outcomes.next_completion(self.states)
                return outcomes.answered(state, self._output(step), completion=place)
            case _:
                return outcomes.stopped(state)

    def _undone(self, undo: Compensate, step: CompiledStep, state: StepState) -> StepState:
        start = self.now - (step.compensate.typical_seconds if step.compensate else 0)
        self.undoing.append(
            Entry(step.step_id, step.title, undo.activity_id, "program", start, self.now, "completed",
                  inputs=undo.inputs, kind="compensation")
        )  # fmt: skip
        return outcomes.undone(state)

    # --- telling --------------------------------------------------------------------------------

    def _set(self, step: CompiledStep, **changes: Any) -> None:
        self.states[step.step_id] = replace(self.states[step.step_id], **changes)

    def _involve(self, who: str, step: CompiledStep) -> None:
        self.people.setdefault(who, {})[step.step_id] = None

    def _told(self, finish: Finish) -> Simulation:
        entries = [*(self._entry(step) for step in self.plan.steps), *self.undoing, *self._not_undone()]
        position = self.plan.graph.position
        order: dict[EntryKind, int] = {"step": 0, "compensation": 1}
        entries.sort(key=lambda one: (one.start_seconds, order[one.kind], position[one.step_id]))
        return Simulation(
            tuple(entries),
            tuple(Involved(who, tuple(steps)) for who, steps in sorted(self.people.items())),
            tuple(self.messages), tuple(self.asked), tuple(self.escalated),
            self.cost, self.now, finish,
        )  # fmt: skip

    def _entry(self, step: CompiledStep) -> Entry:
        state, end = self.states[step.step_id], self.over[step.step_id]
        start, inputs = self.begun.get(step.step_id, (end, None))
        reason = state.reason
        if state.status is StepStatus.failed and state.failure is not None:
            reason = state.failure.message
        return Entry(
            step.step_id, step.title, step.activity_id, step.done_by, start, end, state.status.value, reason, inputs
        )  # fmt: skip

    def _not_undone(self) -> list[Entry]:
        """What should have been undone and couldn't even be begun."""
        return [
            Entry(step.step_id, step.title, step.compensate.activity_id, "program", self.now, self.now,
                  "failed", failure.message, kind="compensation")
            for step in self.plan.steps
            if step.compensate is not None
            and self.states[step.step_id].compensation == "failed"
            and (failure := self.states[step.step_id].failure) is not None
        ]  # fmt: skip


def _replace_last(told: list[Any], step: CompiledStep, **changes: Any) -> None:
    """Complete the newest entry of a step."""
    at = max(place for place, one in enumerate(told) if one.step_id == step.step_id)
    told[at] = replace(told[at], **changes)
