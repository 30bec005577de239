"""Long runs continue as new in Temporal, and nobody notices."""

import asyncio
import threading
from collections import Counter
from datetime import datetime

import pytest
from temporalio.client import Client

from tests.durability.steps import ASK, chain, lane, visit
from tests.faults.city import letter, until, wait

BACKLOG = 10
"""How many messages may be on their way to the run at the same time."""


def long_plan():
    """75 steps: lanes to undo, an approval, clocks, and a letter at the end."""
    first = [lane("lane_a"), *(visit(f"v{n}") for n in range(25)), lane("lane_b")]
    middle = [visit("asked", **ASK), *(visit(f"w{n}") for n in range(20)), lane("lane_c")]
    last = [wait("clock", inputs={"for": "PT2S"}), *(visit(f"x{n}") for n in range(22)), letter("last")]
    long_clock = wait("long", needs=["v20"], inputs={"for": "PT12S"})
    steps = chain(first + middle + last)
    steps[-1]["needs"].append(
        "long"
    )  # which fails the run: not before the clock has ended, however fast the others are
    return [*steps, long_clock]


async def _told(city, execution):
    client = await Client.connect(city.site.temporal.address)
    query = f"WorkflowId = 'mudda-workflow-{execution}'"
    return [run.status.name async for run in client.list_workflows(query)]


def temporal_runs(city, execution):
    """The statuses of the run's Temporal runs."""
    return Counter(asyncio.run(_told(city, execution)))


def steer(city, execution, action):
    path = f"/workflows/executions/{execution}/{action}"
    city.expect(202, "POST", path, {"reason": "Because."}, by="author")


def untold(city, execution):
    """The messages to the run that have not been delivered."""
    return city.rows(
        "SELECT last_error FROM mudda_outboxmessage WHERE payload->>'execution_id' = %s AND delivered_at IS NULL",
        execution,
    )


@pytest.fixture(scope="module")
def long_run(one_city, outside):
    """A long run that failed at its last step, paused, resumed and decided while it went on."""
    city = one_city
    city.mend()
    outside.visits.clear()
    city.office.plan("550 No such mailbox")
    execution = city.launch(*long_plan())
    stop = threading.Event()

    def pester():
        """Pause and resume all the time: most of it arrives while the run continues as new. No faster than it can be
        told, so that all of it has arrived long before the run ends."""
        while not stop.is_set():
            steer(city, execution, "pause")
            steer(city, execution, "resume")
            until(lambda: len(untold(city, execution)) < BACKLOG)

    pestering = threading.Thread(target=pester)
    pestering.start()
    try:
        city.decide(city.task(execution, deadline=120), "approve")
        until(
            lambda: city.step(execution, "w10")["status"] == "completed", 120, lambda: city.story(execution)
        )
    finally:
        stop.set()
        pestering.join()
    until(lambda: not untold(city, execution))  # nobody can be told once the run is over
    city.ends(execution, "failed", deadline=120)
    return execution


def test_it_has_continued_as_new_several_times_and_ended_as_it_should(one_city, long_run):
    until(lambda: temporal_runs(one_city, long_run)["FAILED"] == 1)
    assert temporal_runs(one_city, long_run)["CONTINUED_AS_NEW"] >= 3
    failure = one_city.execution(long_run)["failure"]
    assert (failure["code"], failure["step_id"]) == ("refused", "last")


def test_every_step_was_done_once_and_in_order(one_city, outside, long_run):
    visits = {path: keys for path, keys in outside.visits.items() if keys}
    assert len(visits) == 68
    assert all(keys == ["attempt 1"] for keys in visits.values())
    started = {step["step_id"]: step["started_at"] for step in one_city.execution(long_run)["steps"]}
    order = [step["step_id"] for step in long_plan()[:-1] if step["activity_id"] != "wait_until"]
    assert sorted(order, key=lambda step_id: started[step_id]) == order


def test_what_was_done_before_is_undone_afterwards_newest_first(one_city, long_run):
    undone = one_city.rows(
        "SELECT data->>'step_id' AS step FROM mudda_event WHERE stream = %s AND type = 'step.compensated' ORDER BY seq",
        f"execution:{long_run}",
    )
    assert [row["step"] for row in undone] == ["lane_c", "lane_b", "lane_a"]


def test_a_clock_that_ran_meanwhile_ends_when_it_would_have(one_city, long_run):
    step = one_city.step(long_run, "long")
    begun = one_city.step_row(long_run, "v20")["ended_at"]
    ended = datetime.fromisoformat(one_city.step_row(long_run, "long")["output"]["ended_at"])
    assert step["status"] == "completed"
    assert 12 <= (ended - begun).total_seconds() < 16


def test_no_message_is_lost_however_many_come_while_it_continues(one_city, long_run):
    found = one_city.rows(
        "SELECT count(*) AS all FROM mudda_outboxmessage WHERE payload->>'execution_id' = %s", long_run
    )
    assert found[0]["all"] >= 20
    assert untold(one_city, long_run) == []
    assert one_city.execution(long_run)["paused_at"] is None


def test_a_run_is_cancelled_after_it_has_continued_and_temporal_shows_it_as_cancelled(city):
    execution = city.launch(
        *chain([lane("lane"), *(visit(f"v{n}") for n in range(30)), visit("asked", **ASK)])
    )
    city.task(execution, deadline=120)
    assert temporal_runs(city, execution)["CONTINUED_AS_NEW"] >= 1
    steer(city, execution, "cancel")
    city.ends(execution, "cancelled")
    until(lambda: temporal_runs(city, execution)["CANCELED"] == 1)
    assert city.step(execution, "lane")["status"] == "compensated"
