"""Waiting, running side by side, and leaving out."""

from datetime import UTC, datetime, timedelta

from tests.faults.city import letter, note, until, wait
from tests.faults.mail import Hold


def times(step):
    return datetime.fromisoformat(step["started_at"]), datetime.fromisoformat(step["ended_at"])


def test_wait_for_lets_that_time_go_by_before_what_needs_it(city):
    execution = city.launch(note("before"), wait(inputs={"for": "PT2S"}), note("after"))
    found = city.ends(execution)
    before, after = (times(city.step(execution, name)) for name in ("before", "after"))
    assert after[0] - before[1] >= timedelta(seconds=2)
    ended_at = datetime.fromisoformat(found["execution_data"]["results"]["pause"]["ended_at"])
    assert before[1] < ended_at < after[1]


def test_wait_until_a_time_ends_then_and_at_once_when_it_is_past(city):
    at = datetime.now(UTC) + timedelta(seconds=4)
    until_then = wait("then", needs=[], inputs={"at": "{{ data.at }}"})
    long_past = wait("past", needs=[], inputs={"at": "2001-01-01T00:00:00+01:00"})
    execution = city.launch(until_then, long_past, note("after", needs=["then"]), at=at.isoformat())
    results = city.ends(execution)["execution_data"]["results"]
    assert datetime.fromisoformat(results["then"]["ended_at"]) >= at
    assert datetime.fromisoformat(results["past"]["ended_at"]) < at
    assert times(city.step(execution, "after"))[0] >= at


def test_a_long_wait_is_shown_as_waiting_and_ends_with_the_run_that_fails(city):
    hold = Hold("550 No such mailbox")
    city.office.plan(hold)
    execution = city.launch(letter(needs=[]), wait("long", needs=[], inputs={"for": "P30D"}))
    hold.wait()
    until(lambda: city.step(execution, "long")["status"] == "waiting")
    hold.release()
    city.ends(execution, "failed")
    assert city.step(execution, "long")["status"] == "cancelled"


def test_steps_that_do_not_need_each_other_run_side_by_side(city):
    left, right = Hold(), Hold()
    city.office.plan(left, right)
    execution = city.launch(letter("a", needs=[]), letter("b", needs=[]), note("both", needs=["a", "b"]))
    left.wait()
    right.wait()  # it has arrived although nobody has answered the first
    assert {city.step(execution, name)["status"] for name in ("a", "b")} == {"running"}
    assert city.step(execution, "both")["status"] == "pending"
    left.release()
    right.release()
    city.ends(execution)


def test_a_step_whose_condition_does_not_hold_is_skipped_with_the_reason(city):
    when = {"eq": ["{{ data.priority }}", "high"]}
    execution = city.launch(letter(when=when), note("after"), priority="low")
    found = city.ends(execution)
    skipped = city.step(execution, "tell")
    assert skipped["status"] == "skipped"
    assert skipped["reason"]
    assert city.office.mails == []
    assert set(found["execution_data"]["results"]) == {"after"}


def test_outputs_reach_later_steps_with_their_type_and_inside_text(city):
    quoted = "It was {{ steps.tell.status }} by {{ steps.tell.channel }}."
    execution = city.launch(letter(), note("quote", inputs={"note": quoted}))
    city.ends(execution)
    assert city.step_row(execution, "quote")["inputs"] == {"note": "It was sent by email."}
