"""What people tell a run: decisions about its tasks, pause and resume. Pure: no clock, no Temporal.

Messages may come twice, in another order than they were sent in, and before the run knows what they are about.
Loads inside Temporal's sandbox: no Django.
"""

from collections.abc import Iterator

from executions.temporal.contracts import PAUSE, RunState, Steer, TaskDecided
from executions.temporal.ledger import Ledger
from workflows.plan import outcomes
from workflows.plan.states import Failure, has_ended


class People:
    """What has been asked and heard.

    Attributes:
        asked: task id to step id, of the steps that wait for a person.
        decisions: by task id, those that no step waits for yet.
        heard: ids of messages.
        paused: whether nothing new may begin.
        steered: the number of the last wish that counted.
    """

    def __init__(self, state: RunState) -> None:
        self.asked = dict(state.asked)
        self.decisions = {decided.task_id: decided for decided in state.decisions}
        self.heard = set(state.heard)
        self.paused = state.paused
        self.steered = state.steered

    def hear_decision(self, decided: TaskDecided) -> None:
        """A decision about a task; one that was delivered twice counts once."""
        if self._is_new(decided.message_id):
            self.decisions[decided.task_id] = decided

    def hear_steer(self, steer: Steer) -> None:
        """Pause or resume. The later wish counts, whichever arrives first; one without a number counts as it comes."""
        if not self._is_new(steer.message_id) or 0 < steer.number < self.steered:
            return
        self.paused, self.steered = steer.action == PAUSE, max(self.steered, steer.number)

    def _is_new(self, message_id: str) -> bool:
        new = message_id not in self.heard
        self.heard.add(message_id)
        return new

    def take_decisions(self) -> Iterator[tuple[TaskDecided, str]]:
        """The decisions that steps wait for, with their step ids; one may arrive before its task's id does."""
        for task_id in [task_id for task_id in self.decisions if task_id in self.asked]:
            yield self.decisions.pop(task_id), self.asked.pop(task_id)


def apply_decision(decided: TaskDecided, step_id: str, ledger: Ledger) -> bool:
    """Put in what was decided about a step; returns whether the step is to be done again."""
    state = ledger.of(step_id)
    if has_ended(state):
        return False
    match decided.then:
        case "again":
            return True
        case "approved":
            ledger.change(step_id, approved=True)
        case "answer":
            ledger.complete(step_id, decided.answer, recorded=False)
        case "retry":
            ledger.put(step_id, outcomes.retried(state))
        case "skip":
            reason = decided.reason or "A person skipped it."
            ledger.put(step_id, outcomes.skipped(state, reason), carry=True)
        case "stop":
            ledger.put(step_id, outcomes.stopped(state), carry=True)
        case "rejected":
            reason = decided.reason or "The approval was refused."
            ledger.fail(step_id, Failure("approval_rejected", reason))
        case _:
            reason = decided.reason or "A person stopped it."
            ledger.fail(step_id, Failure(decided.code or "stopped_by_person", reason))
    return False
