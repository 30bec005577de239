"""What a run knows of its steps, and what of that the read side hasn't been told yet. Pure: no clock, no Temporal.

Loads inside Temporal's sandbox: no Django.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from executions.temporal.contracts import Carried
from workflows.plan import outcomes
from workflows.plan.states import PENDING, Failure, StepState, has_ended


class Ledger:
    """``states`` by step id; in ``unsaved`` what rides along to the read side with the next activity, and in ``sent``
    what has done so."""

    def __init__(self, states: Mapping[str, StepState], unsaved: Iterable[Carried] = ()) -> None:
        self.states = dict(states)
        self.unsaved = {carried.step_id: carried for carried in unsaved}
        self.sent: dict[str, Carried] = {}

    def of(self, step_id: str) -> StepState:
        """The step's state; pending where nothing is known."""
        return self.states.get(step_id, PENDING)

    def put(self, step_id: str, state: StepState, *, carry: bool = False) -> None:
        """Adopt a state; ``carry`` it where no activity has written it."""
        self.states[step_id] = state
        if carry:
            self.carry(step_id)

    def change(self, step_id: str, **changes: Any) -> None:
        self.states[step_id] = replace(self.of(step_id), **changes)

    def complete(self, step_id: str, output: Any, *, recorded: bool = True) -> None:
        """The step has given its output. What comes after it was withdrawn changes nothing."""
        state = self.of(step_id)
        if has_ended(state):
            return
        finish = outcomes.answered if outcomes.awaits_answer(state) else outcomes.completed
        completion = outcomes.next_completion(self.states)
        self.put(step_id, finish(state, output, completion=completion), carry=not recorded)

    def fail(self, step_id: str, failure: Failure, *, recorded: bool = False) -> None:
        """The step has failed for good; ``recorded`` where an activity has written so."""
        state = self.of(step_id)
        if not has_ended(state):
            self.put(step_id, outcomes.failed(state, failure), carry=not recorded)

    def take_over(self, states: Mapping[str, StepState]) -> None:
        """Adopt what the scheduler settled, and carry what has ended by that."""
        before, self.states = self.states, dict(states)
        for step_id, state in self.states.items():
            if has_ended(state) and not has_ended(before.get(step_id, PENDING)):
                self.carry(step_id)
            elif outcomes.awaits_answer(state):
                # Who asks about the failure writes it. Carried by another activity, whose attempts may be many, it
                # would end the step again, and withdraw the question, long after.
                self.unsaved.pop(step_id, None)

    def carry(self, step_id: str) -> None:
        """Have the read side told of the step's state."""
        state = self.states[step_id]
        error = state.failure.to_json() if state.failure else None
        self.unsaved[step_id] = Carried(step_id, state.status.value, state.output, error, state.reason)

    def take_unsaved(self) -> list[Carried]:
        self.sent |= self.unsaved
        taken, self.unsaved = list(self.unsaved.values()), {}
        return taken

    def send_again(self, step_id: str) -> None:
        """What was sent of a step may still be on its way, with an activity that nobody waits for any more; whoever
        changes the step's end takes it along. Told twice, it changes nothing."""
        if step_id in self.sent:
            self.unsaved[step_id] = self.sent[step_id]

    def ended(self) -> set[str]:
        """The steps that have ended."""
        return {step_id for step_id, state in self.states.items() if has_ended(state)}
