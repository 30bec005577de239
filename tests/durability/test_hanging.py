"""Activities that hang, or are silent: they end, or a person is asked; the worker lives on."""

import pytest

from executions.temporal.worker import EXIT_STUCK
from mudda.devstack.processes import Child, manage
from tests.durability.steps import compensated, visit
from tests.faults.city import note, until

SHORT = {"timeout": "PT2S"}

HANGING = {
    "local": visit("local", "visit_local", **SHORT),
    "idempotent": visit("idempotent", "visit_idempotent", **SHORT),
    "silent": visit("silent", "visit_beating"),
    "once_only": visit("once_only", "visit_at_most_once", **SHORT, retry={"max_attempts": 1}),
    "undone": visit("undone", **compensated("undo")),
}


@pytest.fixture(scope="module")
def runs(one_city, outside):
    """One run for each, whose step hangs at the server outside. Together they hold nine of the worker's ten slots."""
    city = one_city
    city.mend()
    held = [outside.hold(path, times=2) for path in ("/local", "/idempotent", "/once_only", "/undo")]
    for _ in range(2):  # each attempt beats twice and is silent then
        outside.say("/silent", go_on=True)
        outside.say("/silent", go_on=True)
        held.append(outside.hold("/silent"))
    outside.say("/bad", fail="for good")
    runs = {
        name: city.launch({**step, "needs": []}, visit("bad", needs=["undone"]))
        if name == "undone"
        else city.launch(step)
        for name, step in HANGING.items()
    }
    yield runs
    for hold in held:
        hold.released.set()


@pytest.mark.parametrize("name", ["local", "idempotent", "silent"])
def test_an_activity_that_hangs_fails_after_its_attempts(one_city, outside, runs, name):
    found = one_city.ends(runs[name], "failed")
    assert (found["failure"]["code"], found["failure"]["step_id"]) == ("timed_out", name)
    row = one_city.step_row(runs[name], name)
    assert (row["status"], row["own_failures"], row["error"]["code"]) == ("failed", 2, "timed_out")
    assert row["attempts"] == 2


def test_an_idempotent_effect_that_hangs_is_asked_for_under_one_key(one_city, outside, runs):
    one_city.ends(runs["idempotent"], "failed")
    assert outside.visits["/idempotent"] == [f"{runs['idempotent']}:idempotent:visit"] * 2


def test_of_an_at_most_once_effect_that_hangs_a_person_is_asked(one_city, outside, runs, name="once_only"):
    task = one_city.task(runs[name])
    assert task["kind"] == "uncertain_effect"
    assert len(outside.visits[f"/{name}"]) == 1
    one_city.decide(task, "it_happened")
    one_city.ends(runs[name])
    assert len(outside.visits[f"/{name}"]) == 1


def test_a_compensation_that_hangs_ends_and_a_supervisor_is_asked(one_city, outside, runs):
    found = one_city.ends(runs["undone"], "failed")
    assert found["failure"]["compensation_failed"] == ["undone"]
    assert len(outside.visits["/undo"]) == 2
    asked = one_city.rows("SELECT kind FROM human_tasks WHERE execution_id = %s", runs["undone"])
    assert asked == [{"kind": "compensation_failed"}]


def test_the_worker_has_room_for_others_meanwhile(one_city, runs):
    one_city.ends(one_city.launch(note()))


def test_an_attempt_that_ends_late_is_not_done_again(city, outside):
    slow = outside.hold("/slow")
    execution = city.launch(visit("slow", **SHORT, retry={"initial": "PT5S", "max_attempts": 2}))
    until(lambda: city.step_row(execution, "slow")["own_failures"] == 1)
    slow.released.set()
    city.ends(execution)
    assert outside.visits["/slow"] == ["attempt 1"]


def test_an_activity_that_beats_may_take_its_time(city, outside):
    for _ in range(9):  # 4.5 s, more than the 2 s that it may be silent
        outside.say("/beating", go_on=True)
    execution = city.launch(visit("beating", "visit_beating"))
    city.ends(execution)
    assert outside.visits["/beating"] == ["attempt 1"] * 10


def test_a_permanent_error_is_not_tried_again(city, outside):
    outside.say("/odd", fail="for good")
    found = city.ends(city.launch(visit("odd")), "failed")
    assert found["failure"] == {"code": "odd", "message": "It is odd.", "step_id": "odd"}
    assert len(outside.visits["/odd"]) == 1


def test_a_passing_error_and_a_defect_are_tried_as_often_as_the_step_may(city, outside):
    outside.say("/passing", fail="for now")
    outside.say("/passing", defect="Ann Smith, 12 Elm St")
    execution = city.launch(visit("passing"))
    found = city.ends(execution, "failed")
    assert found["failure"]["code"] == "internal_error"
    assert "Ann" not in city.history(execution).to_json()
    assert len(outside.visits["/passing"]) == 2


def test_an_effect_that_the_catalogue_entry_does_not_declare_is_not_done(city, outside):
    execution = city.launch(visit("undeclared", "visit_undeclared"))
    assert city.ends(execution, "failed")["failure"]["code"] == "internal_error"
    assert outside.visits["/undeclared"] == []
    assert city.effects(execution) == {}


@pytest.mark.parametrize("activity", ["visit", "visit_local"])
def test_an_output_that_the_schema_forbids_fails_the_step_and_goes_no_further(city, outside, activity):
    outside.say("/forbidden", output={"n": "many"})
    reader = note("reader", inputs={"note": "It was {{ steps.forbidden.n }}."})
    execution = city.launch(visit("forbidden", activity), reader)
    assert city.ends(execution, "failed")["failure"]["code"] == "bad_output"
    assert city.step_row(execution, "forbidden")["output"] is None
    assert city.step(execution, "reader")["status"] == "cancelled"


def test_a_worker_whose_every_slot_hangs_ends_so_that_it_is_started_anew(city, outside):
    hold = outside.hold("/full")
    city.site.worker.kill()  # it would wait for what hangs in it
    command = manage("run_temporal_worker", "--slots", "1")
    small = Child("worker", command, city.site.environment, city.site.home / "logs/small.log")
    small.start()
    try:
        execution = city.launch(visit("full", **SHORT), note("after"))
        until(lambda: small.returncode is not None)
        assert small.returncode == EXIT_STUCK
    finally:
        small.stop()
        hold.released.set()
    city.site.worker.start()
    city.ends(execution)
    row = city.step_row(execution, "full")
    assert (row["attempts"], row["own_failures"], len(outside.visits["/full"])) == (2, 1, 2)
