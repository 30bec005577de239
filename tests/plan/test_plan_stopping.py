"""Undoing, cancelling, pausing: what a run does when it doesn't simply go on."""

from dataclasses import replace

import pytest
from plan_samples import ISSUE

from workflows.plan.compiled import CompiledCompensation, CompiledPlan, CompiledStep
from workflows.plan.outcomes import next_completion, not_undone, undone
from workflows.plan.scheduler import (
    AskApproval,
    Compensate,
    Context,
    Failure,
    Finish,
    Start,
    StepState,
    StepStatus,
    decide,
)
from workflows.plan.schema import Approval

CONTEXT = Context(ISSUE, {})
RUNNING = StepState(StepStatus.running)
BROKEN = Failure("broken", "It broke.")
FAILED = StepState(StepStatus.failed, failure=BROKEN)


def done(place, **output):
    return StepState(StepStatus.completed, output=output, completion=place)


def step(step_id, *needs, undo=None, **more):
    """A step that is undone with ``undo`` as the inputs, unless that is None."""
    compensate = None if undo is None else CompiledCompensation(f"undo_{step_id}", undo)
    return CompiledStep(
        step_id, "x", step_id.upper(), more.pop("done_by", "program"), needs, compensate=compensate, **more
    )


def plan(*steps):
    return CompiledPlan("d", "c", "Test", steps)


def play(plan_, states, outcome=undone, **options):
    """Undo to the end; gives what was undone in which order, and the last decision."""
    order = []
    for _ in range(20):
        decision = decide(plan_, CONTEXT, states, **options)
        if decision.finish is not None:
            return order, decision
        (move,) = decision.moves
        assert isinstance(move, Compensate)
        order.append(move.step_id)
        states = dict(decision.states)
        assert states[move.step_id].compensation == "running"
        still = decide(plan_, CONTEXT, states, **options)
        assert (still.moves, still.finish) == ((), None), "one at a time"
        states[move.step_id] = outcome(states[move.step_id])
    raise AssertionError("it does not end")


THREE = plan(
    step("a", undo={}), step("b", undo={}), step("c", undo={}), step("d"), step("e", "a", "b", "c", "d")
)


def test_completed_steps_are_undone_newest_completion_first_and_then_the_run_is_over():
    states = {"a": done(2), "b": done(4), "c": done(1), "d": done(3), "e": FAILED}
    order, last = play(THREE, states)
    assert order == ["b", "a", "c"]
    assert last.finish == Finish("failed", BROKEN, "e")
    assert last.stopping
    assert {i: (s.status.value, s.compensation) for i, s in last.states.items()} == {
        "a": ("compensated", "done"), "b": ("compensated", "done"), "c": ("compensated", "done"),
        "d": ("completed", ""), "e": ("failed", ""),
    }  # fmt: skip


def test_a_cancelled_run_undoes_too_and_ends_cancelled():
    states = {"a": done(1), "b": done(2)}
    order, last = play(plan(step("a", undo={}), step("b", undo={}), step("c")), states, cancelling=True)
    assert order == ["b", "a"]
    assert last.finish == Finish("cancelled")


def test_a_run_that_completes_undoes_nothing():
    plan_ = plan(step("a", undo={}), step("b", undo={}, on_failure="continue"))
    decision = decide(plan_, CONTEXT, {"a": done(1), "b": FAILED})
    assert (decision.moves, decision.finish, decision.stopping) == ((), Finish("completed"), False)


def test_only_what_completed_is_undone():
    plan_ = plan(*(step(i, undo={}, on_failure="continue") for i in "abc"), step("d"))
    skipped, failed_ = StepState(StepStatus.skipped, reason="r"), FAILED
    order, _ = play(plan_, {"a": skipped, "b": failed_, "c": done(1), "d": FAILED})
    assert order == ["c"]


def test_steps_in_flight_are_awaited_before_anything_is_undone_and_undone_when_they_complete():
    plan_ = plan(step("a", undo={}), step("b", undo={}), step("c"))
    states = {"a": done(1), "b": RUNNING, "c": FAILED}
    decision = decide(plan_, CONTEXT, states)
    assert (decision.moves, decision.finish, decision.stopping) == ((), None, True)
    order, _ = play(plan_, states | {"b": done(2)})
    assert order == ["b", "a"]


def test_people_and_clocks_in_flight_are_not_undone_because_they_did_not_complete():
    plan_ = plan(step("a", undo={}), step("b", undo={}, done_by="person"), step("c"))
    order, last = play(plan_, {"a": done(1), "b": RUNNING, "c": FAILED})
    assert order == ["a"]
    assert last.states["b"].status is StepStatus.cancelled


def test_compensations_read_the_outputs_of_their_own_step_and_of_those_before():
    plan_ = plan(
        step("a", undo={"id": "{{ steps.a.id }}"}),
        step("b", "a", undo={"ids": ["{{ steps.b.id }}", "{{ steps.a.id }}"], "at": "{{ issue.address }}"}),
        step("c", "b"),
    )
    states = {"a": done(1, id="A"), "b": done(2, id="B"), "c": FAILED}
    first = decide(plan_, CONTEXT, states)
    assert first.moves == (Compensate("b", "undo_b", {"ids": ["B", "A"], "at": "123 Main St"}),)
    then = decide(plan_, CONTEXT, first.states | {"b": undone(first.states["b"])})
    assert then.moves == (Compensate("a", "undo_a", {"id": "A"}),)


@pytest.mark.parametrize("before", [StepState(StepStatus.skipped), done(1, other=1), FAILED])
def test_a_compensation_without_its_values_has_failed_and_the_rest_goes_on(before):
    plan_ = plan(
        step("z", undo={}),
        step("a", on_failure="continue"),
        step("b", "a", undo={"id": "{{ steps.a.id }}"}),
        step("c"),
    )
    states = {"z": done(1), "a": before, "b": done(3), "c": FAILED}
    order, last = play(plan_, states)
    assert order == ["z"]
    assert last.finish == Finish("failed", BROKEN, "c", ("b",))
    left = last.states["b"]
    assert (left.status, left.compensation) == (StepStatus.completed, "failed")
    assert left.failure.code == "missing_value"
    assert "steps.a" in left.failure.message


def test_a_compensation_that_finally_fails_is_told_and_the_rest_goes_on():
    states = {"a": done(1), "b": done(2), "c": done(3), "d": done(4), "e": FAILED}

    def outcome(state):
        return not_undone(state, Failure("gone", "No such lane.")) if state.completion == 2 else undone(state)

    order, last = play(THREE, states, outcome)
    assert order == ["c", "b", "a"]
    assert last.finish == Finish("failed", BROKEN, "e", ("b",))
    assert last.states["b"] == replace(
        done(2), compensation="failed", failure=Failure("gone", "No such lane.")
    )
    _, cancelled = play(THREE, states, outcome, cancelling=True)
    assert cancelled.finish == Finish("cancelled", compensation_failed=("b",))


def test_compensation_takes_no_notice_of_pause_or_of_a_cancel():
    states = {"a": done(1), "b": done(2), "c": done(3), "d": done(4), "e": FAILED}
    begun = decide(THREE, CONTEXT, states)
    for options in ({"paused": True}, {"cancelling": True}, {"paused": True, "cancelling": True}):
        decision = decide(THREE, CONTEXT, states, **options)
        assert (decision.states, decision.moves) == (begun.states, begun.moves)
        assert decide(THREE, CONTEXT, begun.states, **options).states == begun.states


def test_where_completions_were_not_counted_a_step_is_undone_before_those_that_it_needs():
    plan_ = plan(step("c", "b", undo={}), step("a", undo={}), step("b", "a", undo={}), step("d", "c"))
    states = {i: replace(done(None)) for i in "abc"} | {"d": FAILED}
    assert play(plan_, states)[0] == ["c", "b", "a"]


def test_completions_are_counted_from_one():
    assert next_completion({}) == 1
    assert next_completion({"a": done(3), "b": FAILED, "c": done(1)}) == 4


# --- pause ---

PAUSABLE = plan(
    step("a", approval=Approval("supervisor")),
    step("b"),
    step("c", when={"eq": [1, 2]}),
    step("d", "c", inputs={"x": "{{ steps.c }}"}),
)


def test_a_paused_run_begins_nothing_but_settles_what_follows_by_itself():
    decision = decide(PAUSABLE, CONTEXT, {}, paused=True)
    assert decision.moves == ()
    assert decision.finish is None
    assert [state.status.value for state in decision.states.values()] == [
        "pending", "pending", "skipped", "skipped",
    ]  # fmt: skip


def test_a_resumed_run_goes_on_as_if_it_had_not_been_paused():
    paused = decide(PAUSABLE, CONTEXT, {}, paused=True)
    assert decide(PAUSABLE, CONTEXT, paused.states).moves == decide(PAUSABLE, CONTEXT, {}).moves
    assert decide(PAUSABLE, CONTEXT, {}).moves == (AskApproval("a"), Start("b", {}))


def test_an_approval_given_while_paused_starts_nothing_until_the_run_is_resumed():
    states = {"a": StepState(StepStatus.waiting, approved=True), "b": RUNNING}
    assert decide(PAUSABLE, CONTEXT, states, paused=True).moves == ()
    assert decide(PAUSABLE, CONTEXT, states).moves == (Start("a", {}),)


def test_a_paused_run_whose_steps_have_all_ended_is_over():
    assert decide(plan(step("a")), CONTEXT, {"a": done(1)}, paused=True).finish == Finish("completed")


def test_a_failure_while_paused_stops_the_run():
    decision = decide(plan(step("a"), step("b")), CONTEXT, {"a": FAILED}, paused=True)
    assert decision.finish == Finish("failed", BROKEN, "a")


def test_a_paused_run_can_be_cancelled():
    decision = decide(PAUSABLE, CONTEXT, {}, paused=True, cancelling=True)
    assert decision.finish == Finish("cancelled")


def test_a_finish_is_told_as_json():
    assert Finish("failed", BROKEN, "e", ("b",)).to_json() == {
        "outcome": "failed",
        "failure": {"code": "broken", "message": "It broke."},
        "step_id": "e",
        "compensation_failed": ["b"],
    }
