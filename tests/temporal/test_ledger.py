"""What a run tells the read side of its steps."""

from executions.temporal.ledger import Ledger
from workflows.plan.states import Failure, StepState, StepStatus


def test_a_failure_that_a_person_is_asked_about_is_told_by_whoever_asks_alone():
    """Carried by another activity too, it would end the step again whenever that is repeated."""
    ledger = Ledger({"dear": StepState(StepStatus.waiting), "other": StepState(StepStatus.running)})
    ledger.fail("dear", Failure("approval_rejected", "Too dear."))
    ledger.fail("other", Failure("failed", "It failed."))
    asked = StepState(StepStatus.waiting, failure=Failure("approval_rejected", "Too dear."), escalated=True)
    ledger.take_over({**ledger.states, "dear": asked})
    assert [carried.step_id for carried in ledger.take_unsaved()] == ["other"]


def test_what_was_sent_of_a_step_can_be_sent_again_and_nothing_else_of_it():
    ledger = Ledger({"asked": StepState(StepStatus.waiting), "done": StepState(StepStatus.running)})
    ledger.complete("asked", {"n": 2}, recorded=False)
    ledger.complete("done", {"n": 1})
    (sent,) = ledger.take_unsaved()
    ledger.send_again("asked")
    ledger.send_again("done")  # its activity has written that itself
    assert ledger.take_unsaved() == [sent]
