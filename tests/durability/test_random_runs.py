"""Random runs on Temporal's time-skipping server: what must hold whatever happens, with the real workflow."""

import asyncio
import sysconfig
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporalio.testing import WorkflowEnvironment

from executions.temporal.calling import LOCAL_ATTEMPTS
from tests.durability.random_runs import ENDED_WORDS, Fate, carry_out, fates, plans, worker
from workflows.plan.compiled import CompiledCompensation, CompiledPlan, CompiledStep
from workflows.plan.schema import Approval, Retry

SERVER = Path(sysconfig.get_path("scripts")) / "temporal-test-server"


@pytest.fixture(scope="module")
def run():
    """Carries out a plan to its end, on one server and one worker for all."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def wait(work, seconds=60):
        return asyncio.run_coroutine_threadsafe(work, loop).result(seconds)

    async def start():
        environment = await WorkflowEnvironment.start_time_skipping(test_server_existing_path=str(SERVER))
        working = worker(environment.client)
        await working.__aenter__()
        return environment, working

    environment, working = wait(start())
    yield lambda plan, fate: wait(carry_out(environment.client, plan, fate))
    wait(working.__aexit__(None, None, None))
    wait(environment.shutdown())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@settings(
    max_examples=120, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(plans(), st.data())
def test_every_run_ends_as_it_should(run, plan, data):
    world, seen = run(plan, data.draw(fates(plan)))
    states = seen.ledger.states
    assert not world.wrong

    # Each step has ended, once, and the read side says the same as the run.
    assert {i: state.status.value for i, state in states.items()} == world.statuses
    assert set(world.statuses.values()) <= ENDED_WORDS
    for step_id, ends in world.ends.items():
        final = [end for end in ends if end != "compensated"]
        if plan.by_id[step_id].on_failure == "escalate":  # failures that somebody was asked about
            final = [end for at, end in enumerate(final) if end != "failed" or at == len(final) - 1]
        assert len(final) == 1, (step_id, ends)

    # The run has ended once.
    (finish,) = world.finishes
    stopped = finish.outcome != "completed"
    if world.calls < (world.fate.cancel_at or 1_000):
        assert finish.outcome != "cancelled"

    # What was undone is what completed and can be, newest first, and only if the run was stopped.
    completed = [i for i, state in states.items() if state.completion and plan.by_id[i].compensate]
    newest_first = sorted(completed, key=lambda i: -states[i].completion)
    assert world.undone == (newest_first if stopped else [])
    left = [step_id for step_id in world.undone if not world.fate.undo[step_id]]
    assert sorted(finish.compensation_failed) == sorted(left)
    assert {i for i, status in world.statuses.items() if status == "compensated"} == set(world.undone) - set(
        left
    )


@pytest.mark.parametrize("activity_id", ["remote", "local"])
def test_a_step_that_trouble_outside_kept_from_writing_its_end_is_written_as_failed_by_the_run(
    run, activity_id
):
    retry = Retry(3, initial_seconds=1, backoff=1.0)
    step = CompiledStep(
        "a",
        activity_id,
        "a",
        "program",
        give_up_after_seconds=5,
        retry=retry,
        local_ok=activity_id == "local",
    )
    plan = CompiledPlan("d", "c", "Away", (step,))
    world, seen = run(plan, Fate({"a": "away"}, {}, {}, {}, None, None))
    assert world.tries["a"] > (LOCAL_ATTEMPTS if step.local_ok else 1)  # then the server repeats it
    assert world.statuses == {"a": "failed"}
    (finish,) = world.finishes
    assert (finish.outcome, finish.failure["code"], finish.step_id) == ("failed", "timed_out", "a")
    assert seen.ledger.states["a"].failure.code == "timed_out"


def test_a_step_is_undone_only_once_the_read_side_knows_that_it_completed(run):
    """Its answer rode along with a question that is still on its way when another step stops the run."""
    undo = CompiledCompensation("remote", {})
    answered = CompiledStep("answered", "remote", "answered", "person", compensate=undo)
    question = CompiledStep(
        "question", "remote", "question", "program", ("answered",), approval=Approval("supervisor")
    )
    breaks = CompiledStep("breaks", "remote", "breaks", "program", ("answered",))
    plan = CompiledPlan("d", "c", "Late", (answered, question, breaks))
    fate = Fate(
        {"answered": "ok", "question": "ok", "breaks": "fail"},
        {"question": True},
        {"answered": True},
        {},
        None,
        None,
        frozenset({"question"}),
    )
    world, _ = run(plan, fate)
    assert world.ends["answered"] == ["completed", "compensated"]
    assert world.statuses == {"answered": "compensated", "question": "cancelled", "breaks": "failed"}
