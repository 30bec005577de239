from dataclasses import replace

import pytest
from plan_samples import ISSUE, NINE, leak, message_step, plan_of

from workflows.plan.compiled import CompiledPlan, CompiledStep
from workflows.plan.compiler import compile_plan
from workflows.plan.scheduler import (
    AskApproval,
    Context,
    Failure,
    Finish,
    Start,
    StepState,
    StepStatus,
    decide,
)
from workflows.plan.schema import Approval

CONTEXT = Context(ISSUE, {"priority": "high", "long": "x" * 60_000})
RUNNING, WAITING = StepState(StepStatus.running), StepState(StepStatus.waiting)
BROKEN = Failure("broken", "It broke.")


def done(**output):
    return StepState(StepStatus.completed, output=output)


def failed(failure=BROKEN):
    return StepState(StepStatus.failed, failure=failure)


def step(step_id, *needs, **more):
    return CompiledStep(
        step_id, "update_issue", step_id.upper(), more.pop("done_by", "program"), needs, **more
    )


def plan(*steps):
    return CompiledPlan("d", "c", "Test", steps)


def started(decision):
    return [move.step_id for move in decision.moves if isinstance(move, Start)]


def statuses(decision):
    return {step_id: state.status.value for step_id, state in decision.states.items()}


ASSESSED = done(severity="high", lane_affected=True, depth=2)


# --- order ---


def test_only_steps_without_needs_start_first():
    decision = decide(compile_plan(leak(), NINE), CONTEXT, {})
    assert started(decision) == ["assess"]
    assert decision.finish is None
    assert statuses(decision) == dict.fromkeys(("assess", "repair", "warn", "report"), "pending")


def test_steps_that_do_not_need_each_other_go_side_by_side_in_the_order_of_the_plan():
    decision = decide(plan(step("z"), step("b", "z"), step("a", "z")), CONTEXT, {"z": done()})
    assert started(decision) == ["b", "a"]


def test_the_order_of_listing_does_not_matter_where_needs_are_written():
    reversed_plan = plan(step("c", "b"), step("b", "a"), step("a"))
    assert started(decide(reversed_plan, CONTEXT, {})) == ["a"]
    assert started(decide(reversed_plan, CONTEXT, {"a": done()})) == ["b"]


def test_a_step_waits_for_all_of_its_needs():
    joined = plan(step("a"), step("b"), step("c", "a", "b"))
    assert started(decide(joined, CONTEXT, {"a": done(), "b": RUNNING})) == []
    assert started(decide(joined, CONTEXT, {"a": done(), "b": done()})) == ["c"]


def test_what_runs_is_not_started_again():
    decision = decide(plan(step("a")), CONTEXT, {"a": RUNNING})
    assert decision.moves == ()
    assert decision.finish is None


def test_a_run_whose_steps_have_all_ended_is_completed():
    decision = decide(plan(step("a"), step("b")), CONTEXT, {"a": done(), "b": StepState(StepStatus.skipped)})
    assert decision.finish == Finish("completed")


# --- values ---


def test_a_step_starts_with_its_references_resolved():
    states = {"assess": ASSESSED}
    decision = decide(compile_plan(leak(), NINE), CONTEXT, states)
    assert decision.moves == (
        AskApproval("repair"),
        Start("warn", {"to": "issue.reporter", "message": "Water is off at 123 Main St."}),
    )


def test_whole_outputs_reach_later_steps_with_their_types():
    states = {"assess": ASSESSED, "repair": done(crew=None), "warn": done()}
    (move,) = decide(compile_plan(leak(), NINE), CONTEXT, states).moves
    assert move.inputs == {"title": "Leak", "sections": [ASSESSED.output, {"crew": None}]}


def test_a_condition_that_does_not_hold_skips_the_step_and_the_rest_goes_on():
    states = {"assess": done(severity="low", lane_affected=False), "repair": done(crew="A")}
    decision = decide(compile_plan(leak(), NINE), CONTEXT, states)
    assert decision.states["warn"].status is StepStatus.skipped
    assert 'the lane affected found in "Look at the leak" is yes' in decision.states["warn"].reason
    assert started(decision) == ["report"]


def test_the_reader_of_a_skipped_step_is_skipped_with_the_reason_and_so_is_its_reader():
    chain = plan(
        step("a", when={"eq": [1, 2]}),
        step("b", "a", inputs={"note": "{{ steps.a.x }}"}),
        step("c", "b", inputs={"note": "{{ steps.b }}"}),
        step("d", "c"),
    )
    decision = decide(chain, CONTEXT, {})
    assert statuses(decision) == {"a": "skipped", "b": "skipped", "c": "skipped", "d": "pending"}
    assert decision.states["b"].reason == "It reads the result of “A”, which was skipped."
    assert started(decision) == ["d"]


def test_the_reader_of_a_failed_step_is_skipped_when_the_plan_goes_on():
    both = plan(
        step("a", on_failure="continue"), step("b", "a", inputs={"note": "{{ steps.a.x }}"}), step("c", "a")
    )
    decision = decide(both, CONTEXT, {"a": failed()})
    assert decision.states["b"].status is StepStatus.skipped
    assert "failed" in decision.states["b"].reason
    assert started(decision) == ["c"]
    assert decide(both, CONTEXT, decision.states | {"c": done()}).finish == Finish("completed")


def test_a_step_may_ask_whether_another_was_skipped():
    plan_ = plan(step("a", when={"eq": [1, 2]}), step("b", "a", when={"not": {"exists": "{{ steps.a }}"}}))
    assert started(decide(plan_, CONTEXT, {})) == ["b"]


def test_a_value_that_is_not_there_fails_the_step_that_reads_it():
    decision = decide(plan(step("a", inputs={"note": "{{ data.nothing }}"})), CONTEXT, {})
    assert decision.states["a"].failure == Failure("missing_value", "data.nothing has no value.")
    assert decision.finish == Finish("failed", decision.states["a"].failure, "a")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"when": {"eq": ["{{ data.priority }}", 1]}}, "bad_condition"),
        ({"when": {"lt": ["{{ data.priority }}", 1]}}, "bad_condition"),
        ({"when": {"eq": ["{{ data.gone }}", 1]}}, "missing_value"),
        ({"inputs": {"note": "{{ broken"}}, "bad_reference"),
        ({"inputs": {"note": "{{ data.long }}" * 20}}, "over_limit"),
    ],
)
def test_what_cannot_be_decided_or_resolved_fails_the_step_for_good(fields, code):
    decision = decide(plan(step("a", on_failure="continue", **fields), step("b", "a")), CONTEXT, {})
    assert decision.states["a"].failure.code == code
    assert started(decision) == ["b"]


# --- approval ---

APPROVED = step("a", approval=Approval("supervisor"))


def test_a_step_that_needs_approval_is_asked_for_and_not_started():
    assert decide(plan(APPROVED), CONTEXT, {}).moves == (AskApproval("a"),)


def test_while_approval_is_open_nothing_is_asked_again():
    decision = decide(plan(APPROVED), CONTEXT, {"a": WAITING})
    assert decision.moves == ()
    assert decision.finish is None


@pytest.mark.parametrize("status", [StepStatus.waiting, StepStatus.pending])
def test_an_approved_step_starts_once(status):
    assert started(decide(plan(APPROVED), CONTEXT, {"a": StepState(status, approved=True)})) == ["a"]
    assert decide(plan(APPROVED), CONTEXT, {"a": StepState(StepStatus.running, approved=True)}).moves == ()


def test_a_refused_approval_fails_the_run():
    refused = failed(Failure("approval_rejected", "No budget."))
    decision = decide(plan(APPROVED, step("b", "a")), CONTEXT, {"a": refused})
    assert decision.finish == Finish("failed", refused.failure, "a")


def test_nobody_is_asked_about_a_step_that_will_be_skipped():
    plan_ = plan(
        step("a", when={"eq": [1, 2]}),
        step("b", "a", approval=Approval("supervisor"), inputs={"note": "{{ steps.a }}"}),
        step("c", "a", approval=Approval("supervisor"), when={"exists": "{{ steps.a }}"}),
    )
    decision = decide(plan_, CONTEXT, {})
    assert decision.moves == ()
    assert decision.finish == Finish("completed")


# --- stopping ---


def test_after_a_failure_nothing_new_starts_waiting_steps_are_withdrawn_and_running_ones_awaited():
    plan_ = plan(step("a"), replace(APPROVED, step_id="b"), step("c"), step("d"), step("e", "c"))
    states = {"a": failed(), "b": WAITING, "c": RUNNING}
    decision = decide(plan_, CONTEXT, states)
    assert decision.moves == ()
    assert decision.withdraw == ("b",)
    assert decision.finish is None
    assert statuses(decision) == {
        "a": "failed", "b": "cancelled", "c": "running", "d": "cancelled", "e": "cancelled",
    }  # fmt: skip
    assert decision.states["d"].reason == "The run stopped before this step."

    again = decide(plan_, CONTEXT, decision.states | {"c": done()})
    assert again.withdraw == ()
    assert again.finish == Finish("failed", BROKEN, "a")


def test_people_and_clocks_are_not_awaited_when_the_run_stops():
    plan_ = plan(
        step("a"), step("b", done_by="person"), step("c", done_by="clock"),
        step("d", done_by="person", ends_when_told=True), step("e"),
    )  # fmt: skip
    states = {"a": failed(), "b": RUNNING, "c": RUNNING, "d": RUNNING, "e": RUNNING}
    decision = decide(plan_, CONTEXT, states)
    assert decision.withdraw == ("b", "c")
    assert statuses(decision)["d"] == statuses(decision)["e"] == "running"
    assert decision.finish is None


def test_a_failure_found_while_deciding_stops_what_would_have_started():
    decision = decide(plan(step("a"), step("b", inputs={"note": "{{ data.gone }}"})), CONTEXT, {})
    assert decision.moves == ()
    assert statuses(decision) == {"a": "cancelled", "b": "failed"}


def test_cancelling_stops_the_run_and_ends_in_cancelled():
    plan_ = plan(step("a"), step("b"), step("c", "b"))
    decision = decide(plan_, CONTEXT, {"a": done(), "b": RUNNING}, cancelling=True)
    assert decision.moves == ()
    assert decision.finish is None
    assert decision.states["c"].reason == "The run was cancelled before this step."
    assert decide(plan_, CONTEXT, decision.states | {"b": failed()}, cancelling=True).finish == Finish(
        "cancelled"
    )


def test_cancelling_before_anything_began_ends_at_once():
    decision = decide(compile_plan(leak(), NINE), CONTEXT, {}, cancelling=True)
    assert decision.finish == Finish("cancelled")
    assert set(statuses(decision).values()) == {"cancelled"}


def test_the_step_that_made_the_run_fail_is_the_first_in_the_plan():
    other = Failure("other", "Too.")
    states = {"a": failed(other), "b": failed(), "c": failed()}
    plan_ = plan(step("a", on_failure="continue"), step("b"), step("c"))
    assert decide(plan_, CONTEXT, states).finish == Finish("failed", BROKEN, "b")


# --- the rest ---


def test_the_argument_is_not_changed():
    states = {"assess": done(severity="low", lane_affected=False)}
    before = dict(states)
    decide(compile_plan(leak(), NINE), CONTEXT, states)
    assert states == before


def test_a_step_state_survives_json():
    for state in (StepState(), ASSESSED, failed(), StepState(StepStatus.skipped, True, reason="because")):
        assert StepState.from_json(state.to_json() | {"later": 1}) == state
    assert StepState.from_json({}) == StepState()


def test_a_plan_of_200_steps_is_decided_step_by_step_to_its_end():
    steps = [message_step(f"s{i}", f"{{{{ steps.s{i - 1}.status }}}}" if i else "go") for i in range(200)]
    compiled = compile_plan(plan_of(*steps), NINE)
    states = {}
    for i in range(200):
        decision = decide(compiled, CONTEXT, states)
        assert started(decision) == [f"s{i}"]
        states = decision.states | {f"s{i}": done(status="sent")}
    assert decide(compiled, CONTEXT, states).finish == Finish("completed")
