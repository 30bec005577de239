"""The worker is killed in each phase of a step, all at the same moment: nothing is lost, no effect happens twice."""

import os
import signal
import time

import pytest

from tests.durability.steps import compensated, visit
from tests.faults.city import note, until, wait

SOON = {"timeout": "PT12S"}
CLASSES = ["visit_idempotent", "visit_queryable", "visit_at_most_once", "visit", "visit_local"]


@pytest.fixture(scope="module")
def runs(one_city, outside):
    """Runs whose steps were each in another phase when the worker died; a new one goes on."""
    city = one_city
    city.mend()
    holds = {name: outside.hold(f"/in_{name}") for name in CLASSES}
    holds["committed"] = outside.hold("/committed/committed")
    holds["undoing"] = outside.hold("/undo_it")
    outside.say("/broken", fail="for good")
    runs = {name: city.launch(visit(f"in_{name}", name, **SOON), note("after")) for name in CLASSES}
    runs["committed"] = city.launch(
        visit("committed", **SOON, title="Killed after its commit"), note("after")
    )
    runs["undoing"] = city.launch(
        visit("undoing", needs=[], **compensated("undo_it", "visit_soon")), visit("broken", needs=["undoing"])
    )
    runs["before"] = city.launch(
        wait("clock", inputs={"for": "PT3S"}), visit("before", **SOON), note("after")
    )
    with city.database() as cursor:
        # The step after the clock cannot write that it begins.
        cursor.execute("SELECT 1 FROM workflow_executions WHERE id = %s FOR UPDATE", (runs["before"],))
        until(lambda: city.rows("SELECT 1 FROM pg_locks WHERE NOT granted"))
        for hold in holds.values():
            hold.wait()
        city.site.worker.kill()
    for hold in holds.values():
        hold.released.set()
    city.site.worker.start()
    return runs


@pytest.mark.parametrize("name", ["before", "committed", *(n for n in CLASSES if n != "visit_at_most_once")])
def test_the_run_completes_and_the_step_is_not_blamed(one_city, runs, name):
    found = one_city.ends(runs[name])
    row = found["steps"][-2]
    assert row["status"] == "completed"
    assert one_city.step_row(runs[name], row["step_id"])["own_failures"] == 0
    assert one_city.temporal_runs(runs[name]) == ["COMPLETED"]


def test_before_it_has_begun_nothing_has_happened(one_city, outside, runs):
    one_city.ends(runs["before"])
    assert outside.visits["/before"] == ["attempt 1"]


def test_an_idempotent_effect_is_asked_for_again_under_the_same_key(one_city, outside, runs):
    one_city.ends(runs["visit_idempotent"])
    key = f"{runs['visit_idempotent']}:in_visit_idempotent:visit"
    assert outside.visits["/in_visit_idempotent"] == [key, key]


def test_of_a_queryable_effect_the_other_side_is_asked_and_it_is_not_repeated(one_city, outside, runs):
    execution = runs["visit_queryable"]
    one_city.ends(execution)
    key = f"{execution}:in_visit_queryable:visit"
    assert outside.visits["/in_visit_queryable"] == outside.questions["/in_visit_queryable"] == [key]
    assert one_city.effects(execution) == {"in_visit_queryable:visit": "done"}


def test_an_at_most_once_effect_is_asked_about_and_never_repeated(one_city, outside, runs):
    execution = runs["visit_at_most_once"]
    task = one_city.task(execution)
    assert task["kind"] == "uncertain_effect"
    one_city.decide(task, "it_happened")
    one_city.ends(execution)
    assert len(outside.visits["/in_visit_at_most_once"]) == 1


def test_what_has_no_effect_is_done_again(one_city, outside, runs):
    for name in ("visit", "visit_local"):
        one_city.ends(runs[name])
        assert outside.visits[f"/in_{name}"] == ["attempt 1", "attempt 2"]


def test_what_was_committed_is_not_done_again_though_the_answer_was_lost(one_city, outside, runs):
    one_city.ends(runs["committed"])
    assert outside.visits["/committed"] == ["attempt 1"]
    assert one_city.step_row(runs["committed"], "committed")["attempts"] == 1


def test_undoing_that_was_interrupted_is_done_again_and_noted_once(one_city, outside, runs):
    found = one_city.ends(runs["undoing"], "failed")
    assert found["steps"][0]["status"] == "compensated"
    assert "compensation_failed" not in found["failure"]
    assert len(outside.visits["/undo_it"]) == 2
    undone = one_city.rows(
        "SELECT 1 FROM mudda_event WHERE stream = %s AND type = 'step.compensated'",
        f"execution:{runs['undoing']}",
    )
    assert len(undone) == 1


def test_parts_that_restart_while_steps_are_under_way_cost_nothing(city, outside):
    """PostgreSQL and a durable Temporal go away and come back, with a step in flight and a run that waits."""
    hold = outside.hold("/across")
    across = city.launch(
        visit("across", "visit_idempotent"), visit("then", "visit_at_most_once"), note("after")
    )
    waits = city.launch(note("first"), note("asked", requires_approval={"group": "supervisor"}))
    task = city.task(waits)
    hold.wait()
    city.site.temporal.kill()
    city.site.postgres.stop()
    hold.released.set()
    time.sleep(2)
    city.site.postgres.start()
    city.site.temporal.start()
    until(lambda: city.call("GET", f"/workflows/executions/{across}").status_code == 200)
    city.ends(across, deadline=120)
    assert len(set(outside.visits["/across"])) == 1
    assert len(outside.visits["/then"]) == 1
    assert city.step_row(across, "across")["own_failures"] == 0
    city.decide(task, "approve")
    city.ends(waits)


def test_of_two_live_attempts_of_one_step_only_the_later_is_believed(city, outside):
    """The first attempt's worker stands still; when it goes on, its step has been done by another."""
    first = outside.hold("/twice", output={"n": 1})
    outside.say("/twice", output={"n": 2})
    execution = city.launch(visit("twice", timeout="PT3S"), note("after"))
    first.wait()
    os.killpg(city.site.worker.pid, signal.SIGSTOP)
    with city.more_workers(1):
        try:
            city.ends(execution)
        finally:
            first.released.set()
            os.killpg(city.site.worker.pid, signal.SIGCONT)
        time.sleep(2)  # the first comes back, late
    row = city.step_row(execution, "twice")
    assert (row["output"], row["attempts"], row["own_failures"]) == ({"n": 2}, 2, 0)
    query = "SELECT data->>'step_id' AS step FROM mudda_event WHERE stream = %s AND type = 'step.completed'"
    assert [row["step"] for row in city.rows(query, f"execution:{execution}")] == ["twice", "after"]
    city.ends(city.launch(note()))


@pytest.mark.parametrize("outcome", ["skip", "retry"])
def test_an_attempt_that_ends_while_a_person_is_asked_about_it_ends_nothing(city, outside, outcome):
    path = f"late_{outcome}"
    held = outside.hold(f"/{path}", n=1)
    once = {
        "timeout": "PT2S",
        "retry": {"initial": "PT1S", "max_attempts": 1},
        "on_failure": {"escalate": "supervisor"},
    }
    execution = city.launch(visit(path, **once), note("after", needs=[path]))
    task = city.task(execution)
    assert (task["kind"], city.step_row(execution, path)["error"]["code"]) == ("escalation", "timed_out")
    held.released.set()
    time.sleep(1)  # the attempt comes back, late
    assert city.step_row(execution, path)["status"] == "waiting"
    city.decide(task, outcome, comment="So be it.")
    run = city.ends(execution)
    row = city.step_row(execution, path)
    assert (row["status"], run["steps"][1]["status"]) == (
        {"skip": "skipped", "retry": "completed"}[outcome],
        "completed",
    )
    assert len(outside.visits[f"/{path}"]) == {"skip": 1, "retry": 2}[outcome]


def test_an_idempotent_effect_of_two_live_attempts_waits_for_its_lease(city, outside):
    hold = outside.hold("/leased")
    execution = city.launch(visit("leased", "visit_idempotent", timeout="PT3S", retry={"max_attempts": 3}))
    hold.wait()
    until(lambda: city.step_row(execution, "leased")["attempts"] >= 2)
    hold.released.set()
    city.ends(execution)
    assert len(set(outside.visits["/leased"])) == 1
    assert city.effects(execution) == {"leased:visit": "done"}
