"""What people tell a run counts once, and in the order in which they meant it."""

import itertools

from executions.temporal.contracts import PAUSE, RESUME, RunState, Steer, TaskDecided
from executions.temporal.people import People


def test_the_later_wish_counts_in_whatever_order_they_arrive_and_however_often():
    wishes = [Steer("a", PAUSE, 7), Steer("b", RESUME, 8), Steer("c", PAUSE, 12)]
    for order in itertools.permutations([*wishes, wishes[2], wishes[0]]):
        people = People(RunState())
        for wish in order:
            people.hear_steer(wish)
        assert (people.paused, people.steered) == (True, 12)


def test_the_later_wish_counts_also_after_the_run_has_continued_as_new():
    people = People(RunState(paused=False, steered=8))
    people.hear_steer(Steer("a", PAUSE, 7))
    assert not people.paused


def test_wishes_without_a_number_count_as_they_come():
    people = People(RunState())
    for message_id, action in enumerate([PAUSE, RESUME, PAUSE]):
        people.hear_steer(Steer(str(message_id), action))
        assert people.paused is (action == PAUSE)


def test_a_decision_waits_until_its_task_is_known_and_counts_once():
    people = People(RunState())
    decided = TaskDecided("m", "task", "step", "approved")
    for _ in range(2):
        people.hear_decision(decided)
    assert list(people.take_decisions()) == []
    people.asked["task"] = "step"
    assert list(people.take_decisions()) == [(decided, "step")]
    people.hear_decision(decided)
    assert people.asked == people.decisions == {}
