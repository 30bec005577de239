"""Random plans, random outcomes, random order of events: what must hold whatever happens."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.plan import outcomes
from workflows.plan.compiled import CompiledCompensation, CompiledOverdue, CompiledPlan, CompiledStep
from workflows.plan.scheduler import (
    ENDED,
    Compensate,
    Context,
    Failure,
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
        draw(st.sampled_from([None, None, Approval("supervisor", overdue=CompiledOverdue(then="fail"))])),
        on_failure=draw(st.sampled_from(["fail", "continue", "continue", "escalate", "escalate"])),
        escalate_to="supervisor",
        overdue=draw(st.sampled_from(OVERDUE)),
        compensate=draw(st.sampled_from([None, *_compensations(step_id, readable)])),
    )


OVERDUE = [None, *(CompiledOverdue(then=then, answer={"n": 2}) for then in ("wait", "fail", "answer"))]


def _compensations(step_id, readable):
    sources = [step_id, *readable[:1]]
    inputs = [{}, *({"n": f"{{{{ steps.{source}.n }}}}"} for source in sources)]
    return [CompiledCompensation("undo", given) for given in inputs]


class Shell:
    """The impure part, played: takes over decisions and lets things happen in a drawn order."""

    def __init__(self, plan, draw):
        self.plan, self.draw = plan, draw
        self.states: dict[str, StepState] = {}
        self.asked: list[str] = []
        self.started: list[str] = []
        self.ended: list[str] = []
        self.again: list[str] = []  # steps that a person had tried again
        self.undone: list[str] = []
        self.log: list[object] = []
        self.finish = None
        self.cancelling = self.paused = self.stopping = False
        self.patience = 8  # people change their minds, but not for ever

    def run(self):
        for _ in range(30 * len(self.plan.steps) + 30):
            self._take(self._decide())
            if self.finish is not None:
                return
            self._something_happens()
        raise AssertionError("the run does not end")

    def _decide(self):
        return decide(self.plan, CONTEXT, dict(self.states), cancelling=self.cancelling, paused=self.paused)

    def _take(self, decision):
        assert decision == self._decide()
        previous, self.states = self.states, dict(decision.states)
        for step_id, state in self.states.items():
            was = previous.get(step_id, StepState())
            if was.status in ENDED and not self._open_failure(step_id, was):
                assert replace(state, compensation="", failure=None) == replace(
                    was, compensation="", failure=None
                ), "an ended step changed"
            elif self._is_over(step_id, state, decision):
                self.ended.append(step_id)
        assert not decision.finish or not decision.moves
        assert not self.stopping or decision.stopping, "a run that stops goes on stopping"
        self.stopping = decision.stopping
        for move in decision.moves:
            self.log.append(move)
            getattr(self, f"_{type(move).__name__.lower()}")(move, self.plan.by_id[move.step_id])
        for step_id in decision.withdraw:
            assert self.states[step_id].status in (StepStatus.cancelled, StepStatus.failed)
        self.finish = decision.finish
        again = self._decide()
        assert (again.moves, again.withdraw, again.finish) == ((), (), self.finish), "begun twice"
        assert again.states == self.states

    def _open_failure(self, step_id, state):
        """Failed, but a person is still to be asked what to do about it."""
        escalates = self.plan.by_id[step_id].on_failure == "escalate"
        return state.status is StepStatus.failed and escalates and not state.escalated and not self.stopping

    def _is_over(self, step_id, state, decision):
        return state.status in ENDED and (decision.stopping or not self._open_failure(step_id, state))

    def _may_begin(self, step):
        assert not self.stopping
        assert not self.paused
        for need in step.needs:
            state = self.states[need]
            assert state.status in ENDED, "before its needs"
            assert not self._open_failure(need, state), "before it is known what becomes of its needs"

    def _askapproval(self, move, step):
        self._may_begin(step)
        assert step.approval is not None
        self.asked.append(move.step_id)
        self.states[move.step_id] = replace(self.states[move.step_id], status=StepStatus.waiting)

    def _start(self, move, step):
        self._may_begin(step)
        assert step.approval is None or self.states[move.step_id].approved
        assert "{{" not in str(move.inputs)
        self.started.append(move.step_id)
        self.states[move.step_id] = replace(self.states[move.step_id], status=StepStatus.running)

    def _escalate(self, move, step):
        assert not self.stopping
        assert not self.paused
        assert step.on_failure == "escalate"
        assert outcomes.awaits_answer(self.states[move.step_id])

    def _compensate(self, move, step):
        assert self.stopping
        assert step.compensate.activity_id == move.activity_id
        assert "{{" not in str(move.inputs)
        running = [i for i, s in self.states.items() if s.compensation == "running"]
        assert running == [move.step_id], "one at a time"
        assert all(state.status in ENDED for state in self.states.values()), "while something still runs"
        self.undone.append(move.step_id)

    def _something_happens(self):
        alive = [
            i
            for i, s in self.states.items()
            if s.status in (StepStatus.running, StepStatus.waiting) or s.compensation == "running"
        ]
        if self.paused and (not alive or self.draw(st.integers(0, 3)) == 0):
            self.paused = False
            return
        assert alive, "deadlock: nothing runs, nothing waits, and the run is not finished"
        whim = self.draw(st.integers(0, 40)) if self.patience else 0
        if whim > 38:
            self.patience -= 1
            self.cancelling, self.paused = self.cancelling or whim == 39, self.paused or whim == 40
            return
        step_id = self.draw(st.sampled_from(alive))
        self.states[step_id] = state = self._next(step_id, self.states[step_id])
        if self._is_over(step_id, state, self) and state.compensation == "":
            self.ended.append(step_id)

    def _next(self, step_id, state):
        """The state of a step to which something has happened."""
        place = outcomes.next_completion(self.states)
        bad = self.draw(st.integers(0, 3)) == 3
        output = {"n": self.draw(st.sampled_from([0, 1, None, "text"]))}
        if state.compensation == "running":
            return outcomes.not_undone(state, BROKEN) if bad else outcomes.undone(state)
        if outcomes.awaits_answer(state):
            what = self.draw(st.sampled_from(["skip", "answer", "stop", *["retry"] * bool(self.patience)]))
            if what == "retry":
                self.patience -= 1
                self.again.append(step_id)
            return {
                "retry": outcomes.retried(state),
                "skip": outcomes.skipped(state, "A person said so."),
                "answer": outcomes.answered(state, output, completion=place),
                "stop": outcomes.stopped(state),
            }[what]
        step = self.plan.by_id[step_id]
        human = state.status is StepStatus.waiting or step.done_by == "person"
        if human and self.draw(st.integers(0, 3)) == 3:
            late = outcomes.expired(step, state, completion=place)
            if late != state:
                return late
        if state.status is StepStatus.waiting and not bad:
            return replace(state, approved=True)
        if bad:
            return outcomes.failed(state, BROKEN)
        return outcomes.completed(state, output, completion=place)


def _finished(plan, data):
    shell = Shell(plan, data.draw)
    shell.run()
    return shell


@settings(max_examples=200, deadline=None)
@given(plans(), st.data())
def test_every_run_ends_with_every_step_ended_exactly_once_and_never_before_its_needs(plan, data):
    shell = _finished(plan, data)
    assert all(state.status in ENDED for state in shell.states.values())
    assert sorted(shell.ended) == sorted(step.step_id for step in plan.steps)
    for once in (shell.started, shell.asked):
        assert all(once.count(step_id) <= 1 + shell.again.count(step_id) for step_id in once)

    fatal = [
        step.step_id
        for step in plan.steps
        if shell.states[step.step_id].status is StepStatus.failed
        and (step.on_failure == "fail" or shell.states[step.step_id].escalated)
    ]
    cancelled = [i for i, state in shell.states.items() if state.status is StepStatus.cancelled]
    if shell.cancelling and shell.stopping:
        assert shell.finish.outcome == "cancelled"
    elif fatal:
        assert (shell.finish.outcome, shell.finish.step_id) == ("failed", fatal[0])
    else:
        assert shell.finish.outcome == "completed"
        assert cancelled == []
        assert not shell.stopping
    for state in shell.states.values():
        assert (state.status in (StepStatus.skipped, StepStatus.cancelled)) == bool(state.reason)
        assert (state.status is StepStatus.failed or state.compensation == "failed") == bool(state.failure)


@settings(max_examples=200, deadline=None)
@given(plans(), st.data())
def test_what_is_undone_is_exactly_what_completed_and_can_be_undone_newest_completion_first(plan, data):
    shell = _finished(plan, data)
    left = set(shell.finish.compensation_failed)
    completions = {i: state.completion for i, state in shell.states.items() if state.completion}
    can_be_undone = {
        i for i, state in shell.states.items() if plan.by_id[i].compensate is not None and i in completions
    }
    if not shell.stopping:
        assert (shell.undone, left) == ([], set())
        return
    never_begun = left - set(shell.undone)
    assert set(shell.undone) | left == can_be_undone
    assert all(shell.states[i].failure.code == "missing_value" for i in never_begun)
    places = [completions[step_id] for step_id in shell.undone]
    assert places == sorted(places, reverse=True)
    assert len(places) == len(set(places))
    for step_id in can_be_undone:
        state = shell.states[step_id]
        expected = ("completed", "failed") if step_id in left else ("compensated", "done")
        assert (state.status.value, state.compensation) == expected


@settings(max_examples=100, deadline=None)
@given(plans(), st.data())
def test_a_run_cancelled_at_any_moment_ends_cancelled_and_starts_nothing_more(plan, data):
    shell = Shell(plan, data.draw)
    for _ in range(data.draw(st.integers(0, 12))):
        shell._take(shell._decide())
        if shell.finish is not None:
            return
        shell._something_happens()
    shell.cancelling, before = True, len(shell.log)
    shell.run()
    assert shell.finish.outcome == "cancelled"
    assert all(isinstance(move, Compensate) for move in shell.log[before:])


class Script:
    """Draws once and plays the same again."""

    def __init__(self, draw):
        self.draw, self.drawn = draw, []

    def record(self, strategy):
        self.drawn.append(self.draw(strategy))
        return self.drawn[-1]

    def replay(self):
        again = iter(self.drawn)
        return lambda strategy: next(again)


@settings(max_examples=50, deadline=None)
@given(plans(), st.data())
def test_the_same_happenings_give_the_same_order_also_after_json(plan, data):
    script = Script(data.draw)
    first = Shell(plan, script.record)
    first.run()
    second = Shell(CompiledPlan.from_json(plan.to_json()), script.replay())
    second.run()
    assert second.log == first.log
    assert list(second.states) == list(first.states)
    assert (second.states, second.finish) == (first.states, first.finish)


@settings(max_examples=50, deadline=None)
@given(plans(), st.randoms())
def test_the_same_states_give_the_same_moves_however_they_are_listed_and_after_json(plan, rng):
    states = {}
    for step in plan.steps:
        if rng.random() < 0.5:
            status, undoing = rng.choice(list(StepStatus)), rng.choice(["", "running", "done", "failed"])
            states[step.step_id] = StepState(
                status,
                rng.random() < 0.5,
                {"n": 1},
                BROKEN,
                "",
                rng.random() < 0.5,
                rng.randint(1, 9),
                undoing,
            )
    keys = list(states)
    rng.shuffle(keys)
    copied = {key: StepState.from_json(states[key].to_json()) for key in keys}
    again = CompiledPlan.from_json(plan.to_json())
    first, second = decide(plan, CONTEXT, states), decide(again, CONTEXT, copied)
    assert first == second
    assert list(first.states) == [step.step_id for step in plan.steps]
