"""A step that a person has to agree to, while the plan runs."""

import pytest

from tests.faults.city import letter, note
from tests.faults.mail import Hold

ASK = {"requires_approval": {"group": "supervisor", "reason": "It costs money."}}
FOUR_EYES = {"requires_approval": {"group": "supervisor", "reason": "It costs money.", "four_eyes": True}}


def test_nothing_is_done_before_the_approval_and_it_is_done_once_after_it(city):
    execution = city.launch(letter(**ASK))
    task = city.task(execution)
    assert (task["kind"], task["group"], task["question"]) == ("approval", "supervisor", "It costs money.")
    assert city.step(execution, "tell")["status"] == "waiting"
    assert city.office.mails == []
    city.decide(task, "approve")
    city.ends(execution)
    assert set(city.office.counts(execution).values()) == {1}
    assert city.step(execution, "tell")["attempts"] == 1


def test_a_refusal_fails_the_run(city):
    execution = city.launch(letter(**ASK), note("after"))
    city.decide(city.task(execution), "reject", comment="Too dear.")
    found = city.ends(execution, "failed")
    assert found["failure"] == {"code": "approval_rejected", "message": "Too dear.", "step_id": "tell"}
    assert city.step(execution, "after")["status"] == "cancelled"
    assert city.office.mails == []


def test_a_refusal_under_continue_lets_the_rest_go_on(city):
    execution = city.launch(letter(on_failure="continue", **ASK), note("after"))
    city.decide(city.task(execution), "reject")
    city.ends(execution)
    assert city.step(execution, "tell")["error"]["code"] == "approval_rejected"
    assert city.step(execution, "after")["status"] == "completed"
    assert city.office.mails == []


def test_who_wrote_or_approved_the_plan_cannot_decide_with_four_eyes_and_another_group_never_can(city):
    execution = city.launch(note(**FOUR_EYES), by="author")
    task = city.task(execution)
    assert city.decide(task, "approve", by="author", status=403)["code"] == "forbidden"
    assert city.decide(task, "approve", by="dispatcher", status=403)["code"] == "forbidden"
    assert city.decide(task, "approve", by="integration", status=403)["code"] == "forbidden"
    city.decide(task, "approve", by="supervisor")
    city.ends(execution)


@pytest.mark.parametrize("second", ["approve", "reject"])
def test_whoever_comes_second_is_told_who_was_first_and_when(city, second):
    execution = city.launch(note(**ASK))
    task = city.task(execution)
    first = city.decide(task, "approve")
    problem = city.decide(task, second, by="author", status=409)
    assert problem["code"] == "task_closed"
    assert (problem["decided_by"], problem["outcome"]) == ("sam", "approve")
    assert problem["decided_at"][:19] == first["decided_at"][:19]
    city.ends(execution)


def test_an_open_approval_is_withdrawn_when_the_run_fails_elsewhere(city):
    hold = Hold("550 No such mailbox")
    city.office.plan(hold)
    execution = city.launch(note(needs=[], **ASK), note("first", needs=[]), letter(needs=["first"]))
    task = city.task(execution)
    hold.release()
    city.ends(execution, "failed")
    assert city.expect(200, "GET", f"/workflows/tasks/{task['id']}", by="supervisor")["status"] == "withdrawn"
    assert city.decide(task, "approve", status=409)["code"] == "task_closed"
