"""Sixteen callers execute the same plan at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.faults.city import note

CALLERS = 16


def at_once(city, plan, keys):
    """The answers to one execute a key (None for none), all sent at the same moment."""
    ready = Barrier(len(keys))

    def one(key):
        headers = {"Idempotency-Key": key} if key else {}
        ready.wait()
        return city.call("POST", f"/workflows/{plan}/execute", {"execution_data": {"n": 1}}, **headers)

    with ThreadPoolExecutor(len(keys)) as threads:
        return list(threads.map(one, keys))


def ensure_one(city, plan, execution):
    city.ends(execution)
    assert city.rows("SELECT id::text FROM workflow_executions WHERE plan_id = %s", plan) == [
        {"id": execution}
    ]
    assert city.temporal_runs(execution) == ["COMPLETED"]


def test_with_the_same_idempotency_key_all_get_the_same_answer(city):
    plan = city.approved(note())
    answers = at_once(city, plan, ["the same"] * CALLERS)
    assert {answer.status_code for answer in answers} == {202}, [a.text for a in answers]
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    ensure_one(city, plan, answers[0].json()["execution_id"])


@pytest.mark.parametrize(
    "keys", [[f"key {n}" for n in range(CALLERS)], [None] * CALLERS], ids=["different", "none"]
)
def test_with_different_keys_or_none_one_is_accepted_and_the_others_get_its_id(city, keys):
    plan = city.approved(note())
    answers = at_once(city, plan, keys)
    accepted = [answer.json() for answer in answers if answer.status_code == 202]
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert (len(accepted), len(refused)) == (1, CALLERS - 1), [a.text for a in answers]
    execution = accepted[0]["execution_id"]
    assert {(problem["code"], problem["execution_id"]) for problem in refused} == {
        ("already_executed", execution)
    }
    ensure_one(city, plan, execution)
