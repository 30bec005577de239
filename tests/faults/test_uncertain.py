"""The worker is killed exactly between the mail server's acceptance and our commit."""

import threading

import pytest

from tests.faults.city import letter, note, until
from tests.faults.mail import ACCEPT

WHO = {"it_happened", "do_it_again", "stop"}


@pytest.fixture(scope="module")
def interrupted(one_city):
    """Three runs, one for each word that a supervisor may say, whose letters were taken as the worker died."""
    city = one_city
    city.mend()
    all_there = threading.Barrier(len(WHO), action=city.site.worker.kill)

    def die_then_take(mail):
        all_there.wait(60)
        return ACCEPT

    city.office.plan(*[die_then_take] * len(WHO))
    runs = {outcome: city.launch(letter(timeout="PT5S"), note("after")) for outcome in WHO}
    until(lambda: len(city.office.mails) == len(WHO))
    city.site.worker.start()
    return runs


@pytest.mark.parametrize("outcome", sorted(WHO))
def test_the_letter_is_not_sent_again_and_a_supervisor_is_asked(one_city, interrupted, outcome):
    execution = interrupted[outcome]
    task = one_city.task(execution)
    assert (task["kind"], task["group"], task["status"]) == ("uncertain_effect", "supervisor", "open")
    assert one_city.effects(execution) == {"tell:letter-0": "uncertain"}
    assert one_city.execution(execution)["status"] == "running"
    assert len(one_city.office.about(execution)) == 1


def test_only_a_supervisor_can_say_what_is_true(one_city, interrupted):
    task = one_city.task(interrupted["it_happened"])
    assert one_city.decide(task, "it_happened", by="dispatcher", status=403)["code"] == "forbidden"


def test_when_it_happened_the_run_completes_with_one_letter(one_city, interrupted):
    execution = interrupted["it_happened"]
    one_city.decide(one_city.task(execution), "it_happened")
    found = one_city.ends(execution)
    assert found["execution_data"]["results"]["tell"]["status"] == "sent"
    assert one_city.effects(execution) == {"tell:letter-0": "done"}
    assert len(one_city.office.about(execution)) == 1


def test_do_it_again_sends_a_second_letter_that_a_mailbox_knows_as_the_same(one_city, interrupted):
    execution = interrupted["do_it_again"]
    one_city.decide(one_city.task(execution), "do_it_again")
    one_city.ends(execution)
    assert one_city.effects(execution) == {"tell:letter-0": "done"}
    assert list(one_city.office.counts(execution).values()) == [2]


def test_stop_fails_the_run_with_the_persons_words(one_city, interrupted):
    execution = interrupted["stop"]
    one_city.decide(one_city.task(execution), "stop", comment="The address is wrong.")
    found = one_city.ends(execution, "failed")
    assert found["failure"] == {
        "code": "stopped_by_person",
        "message": "The address is wrong.",
        "step_id": "tell",
    }
    assert one_city.step(execution, "after")["status"] == "cancelled"
    assert one_city.effects(execution) == {"tell:letter-0": "uncertain"}, (
        "nobody has said whether it happened"
    )
    assert len(one_city.office.about(execution)) == 1
