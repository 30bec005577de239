"""Temporal hangs, then is gone, then is back: nothing that was accepted is lost, and nothing is done twice."""

import os
import signal
import time
from types import SimpleNamespace

import pytest

from tests.faults.city import letter, note, until

LOST, BACK = "lost the connection to Temporal", "the connection to Temporal is back"


@pytest.fixture(scope="module")
def outage(one_city):
    """One outage with three workers: two plans are executed in it, and one approval is given."""
    city = one_city
    city.mend()
    log = city.site.worker.log
    began = len(log.read_text())
    hung, gone = city.approved(letter()), city.approved(letter())
    asked = city.launch(letter(requires_approval=True))
    task = city.task(asked)
    with city.more_workers(2):
        os.kill(city.site.temporal.pid, signal.SIGSTOP)
        at_hung = executed(city, hung)
        os.kill(city.site.temporal.pid, signal.SIGCONT)
        city.site.temporal.stop()
        at_gone = executed(city, gone)
        city.decide(task, "approve")
        pending = [city.execution(run.execution)["status"] for run in (at_hung, at_gone)]
        until(lambda: LOST in log.read_text()[began:])
        city.site.temporal.start()
        ended = [city.ends(run, deadline=90) for run in (at_hung.execution, at_gone.execution, asked)]
        until(lambda: BACK in log.read_text()[began:])
    return SimpleNamespace(
        city=city,
        hung=at_hung,
        gone=at_gone,
        asked=asked,
        pending=pending,
        ended=ended,
        log=log.read_text()[began:],
    )


def executed(city, plan):
    began = time.monotonic()
    answer = city.call("POST", f"/workflows/{plan}/execute", {})
    seconds = time.monotonic() - began
    return SimpleNamespace(answer=answer, seconds=seconds, execution=answer.json()["execution_id"])


@pytest.mark.parametrize("how", ["hung", "gone"])
def test_an_execute_is_accepted_as_pending_within_six_seconds(outage, how):
    run = getattr(outage, how)
    assert (run.answer.status_code, run.answer.json()["status"]) == (202, "pending")
    assert run.seconds < 6


def test_what_was_executed_meanwhile_runs_exactly_once_although_three_dispatchers_start_it(outage):
    assert outage.pending[1] == "pending"
    for run in (outage.hung.execution, outage.gone.execution):
        assert outage.city.temporal_runs(run) == ["COMPLETED"]
        assert set(outage.city.office.counts(run).values()) == {1}
        assert outage.city.step_row(run, "tell")["attempts"] == 1


def test_a_decision_made_meanwhile_is_delivered_once(outage):
    history = outage.city.history(outage.asked)
    signals = [e for e in history.events if e.HasField("workflow_execution_signaled_event_attributes")]
    assert len(signals) == 1
    assert set(outage.city.office.counts(outage.asked).values()) == {1}
    waiting = "SELECT * FROM mudda_outboxmessage WHERE payload->>'execution_id' = %s AND delivered_at IS NULL"
    assert outage.city.rows(waiting, outage.asked) == []


def test_the_worker_says_once_that_the_connection_is_lost_and_once_that_it_is_back(outage):
    assert (outage.log.count(LOST), outage.log.count(BACK)) == (1, 1)


def test_the_worker_goes_on_with_new_runs(outage):
    outage.city.ends(outage.city.launch(note()))
