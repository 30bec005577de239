"""Random plans, random outcomes, random order of events: what must hold whatever happens."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.plan.compiled import CompiledPlan, CompiledStep
from workflows.plan.scheduler import (
    ENDED,
    AskApproval,
    Context,
    Failure,
    Start,
    StepState,
    StepStatus,
    decide,
)
from workflows.plan.schema import Approval

CONTEXT = Context({"address": "x"}, {"yes": True, "n": 3})
BROKEN = Failure("broken", "It broke.")


@st.composite
def plans(draw):
    """Up to 12 steps, each needing some earlier ones, listed in any order."""
    count = draw(st.integers(1, 12))
    steps = []
    before: dict[str, set[str]] = {}
    for index in range(count):
        step_id = f"s{index}"
        needs = (
            draw(st.lists(st.sampled_from([f"s{i}" for i in range(index)]), unique=True, max_size=3))
            if index
            else []
        )
        before[step_id] = set(needs).union(*(before[need] for need in needs)) if needs else set()
        readable = sorted(before[step_id])
        steps.append(draw(_step(step_id, tuple(needs), readable)))
    return CompiledPlan("d", "c", "Random", tuple(draw(st.permutations(steps))))


@st.composite
def _step(draw, step_id, needs, readable):
    inputs = {}
    conditions = [
        None,
        {"eq": [1, 1]},
        {"eq": [1, 2]},
        {"eq": ["{{ data.yes }}", 1]},
        {"exists": "{{ data.gone }}"},
    ]
    if readable:
        source = draw(st.sampled_from(readable))
        conditions += [{"exists": f"{{{{ steps.{source} }}}}"}, {"gt": [f"{{{{ steps.{source}.n }}}}", 0]}]
        inputs = draw(
            st.sampled_from([{}, {"note": f"{{{{ steps.{source}.n }}}}"}, {"note": "{{ data.gone }}"}])
        )
    return CompiledStep(
        step_id,
        "x",
        step_id,
        draw(st.sampled_from(["program", "program", "person", "clock"])),
        needs,
        inputs,
        draw(st.sampled_from(conditions)),
        draw(st.sampled_from([None, None, Approval("supervisor")])),
        on_failure=draw(st.sampled_from(["fail", "continue", "continue"])),
    )


class Shell:
    """The impure part, played: takes over decisions and lets things happen in a drawn order."""

    def __init__(self, plan, draw):
        self.plan, self.draw = plan, draw
        self.states: dict[str, StepState] = {}
        self.asked: list[str] = []
        self.started: list[str] = []
        self.ended: list[str] = []
        self.finish = None
        self.cancelling = False
        self.stopped_at: int | None = None

    def run(self):
        for _ in range(10 * len(self.plan.steps) + 10):
            self._take(decide(self.plan, CONTEXT, self.states, cancelling=self.cancelling))
            if self.finish is not None:
                return
            self._something_happens()
        raise AssertionError("the run does not end")

    def _take(self, decision):
        assert decision == decide(self.plan, CONTEXT, dict(self.states), cancelling=self.cancelling)
        previous, self.states = self.states, dict(decision.states)
        for step_id, state in self.states.items():
            was = previous.get(step_id, StepState()).status
            assert was not in ENDED or state == previous[step_id], "an ended step changed"
            if state.status in ENDED and was not in ENDED:
                self.ended.append(step_id)
        assert not decision.finish or not decision.moves
        for move in decision.moves:
            step = self.plan.by_id[move.step_id]
            assert all(self.states[need].status in ENDED for need in step.needs), "before its needs"
            if isinstance(move, AskApproval):
                assert step.approval is not None
                self.asked.append(move.step_id)
                self.states[move.step_id] = StepState(StepStatus.waiting)
            else:
                assert isinstance(move, Start)
                assert step.approval is None or self.states[move.step_id].approved
                assert "{{" not in str(move.inputs)
                self.started.append(move.step_id)
                self.states[move.step_id] = replace(self.states[move.step_id], status=StepStatus.running)
        for step_id in decision.withdraw:
            assert self.states[step_id].status is StepStatus.cancelled
        self.finish = decision.finish

    def _something_happens(self):
        alive = [i for i, s in self.states.items() if s.status in (StepStatus.running, StepStatus.waiting)]
        assert alive, "deadlock: nothing runs, nothing waits, and the run is not finished"
        if not self.cancelling and self.draw(st.integers(0, 30)) == 0:
            self.cancelling = True
            return
        step_id = self.draw(st.sampled_from(alive))
        state = self.states[step_id]
        bad = self.draw(st.integers(0, 3)) == 0
        if state.status is StepStatus.waiting and not bad:
            self.states[step_id] = replace(state, approved=True)
            return
        self.ended.append(step_id)
        if bad:
            self.states[step_id] = replace(state, status=StepStatus.failed, failure=BROKEN)
        else:
            output = {"n": self.draw(st.sampled_from([0, 1, None, "text"]))}
            self.states[step_id] = replace(state, status=StepStatus.completed, output=output)


@settings(max_examples=150, deadline=None)
@given(plans(), st.data())
def test_every_run_ends_with_every_step_ended_exactly_once_and_never_before_its_needs(plan, data):
    shell = Shell(plan, data.draw)
    shell.run()
    assert all(state.status in ENDED for state in shell.states.values())
    assert len(shell.started) == len(set(shell.started))
    assert len(shell.asked) == len(set(shell.asked))
    assert sorted(shell.ended) == sorted(step.step_id for step in plan.steps)

    fatal = [
        step.step_id
        for step in plan.steps
        if step.on_failure == "fail" and shell.states[step.step_id].status is StepStatus.failed
    ]
    cancelled = [i for i, state in shell.states.items() if state.status is StepStatus.cancelled]
    if shell.cancelling:
        assert shell.finish.outcome == "cancelled"
    elif fatal:
        assert (shell.finish.outcome, shell.finish.step_id) == ("failed", fatal[0])
    else:
        assert shell.finish.outcome == "completed"
        assert cancelled == []
    for step_id, state in shell.states.items():
        assert (state.status in (StepStatus.skipped, StepStatus.cancelled)) == bool(state.reason)
        assert (state.status is StepStatus.failed) == (state.failure is not None)
        if state.status is StepStatus.completed:
            assert step_id in shell.started


@settings(max_examples=50, deadline=None)
@given(plans(), st.randoms())
def test_the_same_states_give_the_same_moves_however_they_are_listed_and_after_json(plan, rng):
    states = {}
    for step in plan.steps:
        if rng.random() < 0.5:
            states[step.step_id] = StepState(rng.choice(list(StepStatus)), output={"n": 1}, failure=BROKEN)
    keys = list(states)
    rng.shuffle(keys)
    copied = {key: StepState.from_json(states[key].to_json()) for key in keys}
    again = CompiledPlan.from_json(plan.to_json())
    first, second = decide(plan, CONTEXT, states), decide(again, CONTEXT, copied)
    assert first == second
    assert list(first.states) == [step.step_id for step in plan.steps]
