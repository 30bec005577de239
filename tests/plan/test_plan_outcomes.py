"""A failure that a person is asked about, and a person who doesn't answer in time."""

from dataclasses import replace

import pytest
from plan_samples import ISSUE

from workflows.plan.compiled import CompiledOverdue, CompiledPlan, CompiledStep
from workflows.plan.outcomes import (
    answered,
    awaits_answer,
    completed,
    expired,
    failed,
    not_undone,
    overdue_of,
    retried,
    skipped,
    stopped,
    undone,
)
from workflows.plan.scheduler import (
    AskApproval,
    Context,
    Escalate,
    Failure,
    Finish,
    Start,
    StepState,
    StepStatus,
    decide,
)
from workflows.plan.schema import Approval

CONTEXT = Context(ISSUE, {})
BROKEN = Failure("broken", "It broke.")
FAILED = StepState(StepStatus.failed, failure=BROKEN)
RUNNING = StepState(StepStatus.running)
ASKED = StepState(StepStatus.waiting, failure=BROKEN, escalated=True)
DONE = StepState(StepStatus.completed, output={"n": 1}, completion=1)


def step(step_id, *needs, **more):
    return CompiledStep(step_id, "x", step_id.upper(), more.pop("done_by", "program"), needs, **more)


def risky(step_id, *needs, **more):
    return step(step_id, *needs, on_failure="escalate", escalate_to="supervisor", **more)


def plan(*steps):
    return CompiledPlan("d", "c", "Test", steps)


PLAN = plan(risky("a"), step("b", "a", inputs={"n": "{{ steps.a.n }}"}), step("c"))


def after(state, **options):
    return decide(PLAN, CONTEXT, {"a": state, "c": DONE}, **options)


# --- escalation ---


def test_a_failure_under_escalate_is_put_to_the_group_once_and_its_readers_wait():
    decision = after(FAILED)
    assert decision.moves == (Escalate("a", "supervisor", BROKEN),)
    assert decision.states["a"] == ASKED
    assert decision.states["b"].status is StepStatus.pending
    again = decide(PLAN, CONTEXT, decision.states)
    assert (again.moves, again.finish, again.stopping) == ((), None, False)
    assert again.states == decision.states


def test_what_does_not_need_the_failed_step_goes_on_meanwhile():
    assert decide(PLAN, CONTEXT, {"a": ASKED}).moves == (Start("c", {}),)


def test_a_failure_that_the_decider_finds_is_put_to_the_group_too():
    plan_ = plan(risky("a", inputs={"n": "{{ data.gone }}"}), step("b", "a"))
    (move,) = decide(plan_, CONTEXT, {}).moves
    assert move == Escalate("a", "supervisor", Failure("missing_value", "data.gone has no value."))


def test_nobody_is_asked_while_the_run_is_paused_and_then_they_are():
    paused = after(FAILED, paused=True)
    assert paused.moves == ()
    assert paused.finish is None
    assert paused.states["a"] == FAILED
    assert paused.states["b"].status is StepStatus.pending
    assert decide(PLAN, CONTEXT, paused.states).moves == (Escalate("a", "supervisor", BROKEN),)


def test_a_retry_starts_the_step_again_without_asking_for_the_approval_again():
    plan_ = plan(risky("a", approval=Approval("supervisor"), when={"eq": [1, 1]}))
    asked = decide(plan_, CONTEXT, {"a": replace(FAILED, approved=True)}).states["a"]
    assert asked.approved
    assert decide(plan_, CONTEXT, {"a": asked}).moves == (), "approved and waiting, but for an answer"
    assert decide(plan_, CONTEXT, {"a": retried(asked)}).moves == (Start("a", {}),)


def test_a_retry_after_a_refused_approval_asks_for_the_approval():
    plan_ = plan(risky("a", approval=Approval("supervisor")))
    refused = StepState(StepStatus.failed, failure=Failure("approval_rejected", "No."))
    asked = decide(plan_, CONTEXT, {"a": refused}).states["a"]
    assert decide(plan_, CONTEXT, {"a": retried(asked)}).moves == (AskApproval("a"),)


def test_a_step_that_fails_again_after_a_retry_is_put_to_the_group_again():
    state = failed(replace(retried(ASKED), status=StepStatus.running), Failure("again", "Again."))
    assert after(state).moves == (Escalate("a", "supervisor", Failure("again", "Again.")),)


def test_skipping_goes_on_without_the_step_and_its_readers():
    decision = after(skipped(ASKED, "Not worth it."))
    assert decision.states["a"] == StepState(StepStatus.skipped, reason="Not worth it.")
    assert decision.states["b"].status is StepStatus.skipped
    assert decision.finish == Finish("completed")


def test_an_answer_by_hand_is_the_output_of_the_step():
    state = answered(ASKED, {"n": 7}, completion=2)
    assert state == StepState(StepStatus.completed, output={"n": 7}, completion=2)
    assert after(state).moves == (Start("b", {"n": 7}),)


def test_stopping_makes_the_failure_that_of_the_run():
    decision = after(stopped(ASKED))
    assert decision.finish == Finish("failed", BROKEN, "a")
    assert decision.states["a"] == replace(FAILED, escalated=True)
    assert decision.states["b"].status is StepStatus.cancelled


@pytest.mark.parametrize("options", [{"cancelling": True}, {}])
def test_the_question_is_withdrawn_when_the_run_stops_and_the_step_has_failed_after_all(options):
    plan_ = plan(risky("a"), step("b"))
    decision = decide(plan_, CONTEXT, {"a": ASKED, "b": DONE if options else FAILED}, **options)
    assert decision.withdraw == ("a",)
    assert decision.states["a"] == FAILED
    assert decision.finish == (Finish("cancelled") if options else Finish("failed", BROKEN, "b"))
    assert decide(plan_, CONTEXT, decision.states, **options).finish == decision.finish


def test_nobody_is_asked_about_a_failure_of_a_run_that_stops():
    plan_ = plan(risky("a"), step("b"))
    decision = decide(plan_, CONTEXT, {"a": FAILED, "b": FAILED})
    assert (decision.moves, decision.withdraw) == ((), ())
    assert decision.finish == Finish("failed", BROKEN, "b")


# --- what comes too late ---

LATE = [
    lambda state: completed(state, {}, completion=9),
    lambda state: failed(state, Failure("late", "Late.")),
    retried,
    lambda state: skipped(state, "late"),
    lambda state: answered(state, {}, completion=9),
    stopped,
    undone,
    lambda state: not_undone(state, Failure("late", "Late.")),
    lambda state: expired(step("a", overdue=CompiledOverdue(then="fail")), state, completion=9),
]


@pytest.mark.parametrize("what", LATE)
@pytest.mark.parametrize("status", [s for s in StepStatus if s not in ("pending", "waiting", "running")])
def test_nothing_that_comes_late_changes_a_step_that_has_ended(what, status):
    state = StepState(status, failure=BROKEN, output={"n": 1}, completion=1)
    assert what(state) == state


def test_a_late_end_of_an_attempt_does_not_answer_for_the_person():
    assert awaits_answer(ASKED)
    assert failed(ASKED, Failure("late", "Late.")) == ASKED
    assert completed(ASKED, {}, completion=2) == ASKED


# --- overdue ---

ANSWER = {"n": 0}


def human(then, **more):
    overdue = CompiledOverdue("PT1H", "supervisor", then, ANSWER if then == "answer" else None)
    return step("a", done_by="person", overdue=overdue, **more)


def test_a_step_that_nobody_did_in_time_waits_fails_or_takes_the_answer_that_the_plan_gives():
    assert expired(human("wait"), RUNNING, completion=3) == RUNNING
    assert expired(step("a", done_by="person"), RUNNING, completion=3) == RUNNING
    lost = expired(human("fail"), RUNNING, completion=3)
    assert (lost.status, lost.failure.code) == (StepStatus.failed, "overdue")
    assert expired(human("answer"), RUNNING, completion=3) == StepState(
        StepStatus.completed, output=ANSWER, completion=3
    )


def test_an_overdue_step_falls_under_its_on_failure():
    one = replace(human("fail"), on_failure="escalate", escalate_to="approver")
    lost = expired(one, RUNNING, completion=1)
    (move,) = decide(plan(one), CONTEXT, {"a": lost}).moves
    assert (move.group, move.failure.code) == ("approver", "overdue")


def test_while_its_approval_is_open_the_approval_is_what_is_overdue():
    waiting = StepState(StepStatus.waiting)
    asked = human("answer", approval=Approval("supervisor", overdue=CompiledOverdue(then="fail")))
    assert overdue_of(asked, waiting).then == "fail"
    assert overdue_of(asked, RUNNING).then == "answer"
    assert overdue_of(asked, replace(waiting, approved=True)) is None
    lost = expired(asked, waiting, completion=1)
    assert lost.failure == Failure("overdue", "Nobody decided about this in time.")
    assert expired(human("fail", approval=Approval("supervisor")), waiting, completion=1) == waiting


def test_silence_never_approves_whatever_a_plan_says():
    silent = Approval("supervisor", overdue=CompiledOverdue(then="answer", answer={"approved": True}))
    lost = expired(step("a", approval=silent), StepState(StepStatus.waiting), completion=1)
    assert (lost.status, lost.approved) == (StepStatus.failed, False)


def test_the_question_about_a_failure_does_not_expire():
    assert expired(human("fail"), ASKED, completion=1) == ASKED


def test_every_field_of_a_state_survives_json():
    for state in (
        ASKED,
        DONE,
        stopped(ASKED),
        replace(DONE, compensation="running"),
        replace(DONE, status=StepStatus.compensated, compensation="done"),
    ):
        assert StepState.from_json(state.to_json() | {"later": 1}) == state
    old = {"status": "completed", "approved": True, "output": 5, "failure": None, "reason": ""}
    assert StepState.from_json(old) == StepState(StepStatus.completed, True, 5)
