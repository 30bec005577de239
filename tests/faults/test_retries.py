"""A step's own failures: tried again, counted, final, and what the rest of the run makes of it."""

import json

from tests.faults.city import letter, note

QUICK = {"initial": "PT1S", "max_attempts": 3}


def test_a_mail_server_that_is_busy_twice_is_tried_a_third_time(city):
    city.office.plan("451 Later", "451 Later")
    execution = city.launch(letter(retry=QUICK))
    city.ends(execution)
    step = city.step_row(execution, "tell")
    assert (step["attempts"], step["own_failures"], step["error"]) == (3, 2, None)
    assert set(city.office.counts(execution).values()) == {1}


def test_after_its_attempts_a_step_fails_with_the_reason_and_temporal_shows_the_run_as_failed(city):
    city.office.plan("451 Later", "451 Later")
    execution = city.launch(letter(retry={**QUICK, "max_attempts": 2}), note("after"), priority="high")
    found = city.ends(execution, "failed")
    assert (found["failure"]["code"], found["failure"]["step_id"]) == ("unavailable", "tell")
    assert found["execution_data"] == {"priority": "high", "results": {}}
    assert city.step(execution, "after")["status"] == "cancelled"
    assert city.step_row(execution, "tell")["own_failures"] == 2
    assert city.office.offered == 2
    assert city.temporal_runs(execution) == ["FAILED"]


def test_what_can_never_work_is_not_tried_again(city):
    city.office.plan("550 No such mailbox")
    execution = city.launch(letter())
    assert city.ends(execution, "failed")["failure"]["code"] == "refused"
    assert city.office.offered == 1
    assert city.step(execution, "tell")["attempts"] == 1


def test_under_continue_the_rest_goes_on_and_readers_of_the_output_are_skipped_with_the_reason(city):
    city.office.plan("550 No such mailbox")
    reader = note("reader", needs=["tell"], inputs={"note": "It was {{ steps.tell.status }}."})
    execution = city.launch(
        letter(on_failure="continue"), reader, note("other", needs=["tell"]), issue_id="ISSUE-001"
    )
    found = city.ends(execution)
    assert city.step(execution, "tell")["status"] == "failed"
    assert city.step(execution, "reader")["status"] == "skipped"
    assert "Send tell" in city.step(execution, "reader")["reason"]
    assert city.step(execution, "other")["status"] == "completed"
    assert set(found["execution_data"]) == {"issue_id", "results"}
    assert set(found["execution_data"]["results"]) == {"other"}
    assert city.temporal_runs(execution) == ["COMPLETED"]


def test_a_refused_address_is_neither_in_the_logs_nor_in_temporal(city):
    city.office.refused.add("ann@example.org")
    execution = city.launch(letter())
    found = city.ends(execution, "failed")
    assert found["failure"]["code"] == "recipient_refused"
    city.temporal_runs(execution)  # closed
    told = (city.history(execution).to_json(), json.dumps(found))
    assert all("recipient_refused" in kept for kept in told)
    for kept in (*told, city.site.worker.log.read_text()):
        assert "ann@example.org" not in kept
