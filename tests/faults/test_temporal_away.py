"""Temporal hangs, then is gone, then is back: nothing that was accepted is lost, and nothing is done twice."""

import json
import os
import signal
from types import SimpleNamespace

import psutil
import pytest

from mudda.devstack.processes import Child, worker_command
from tests.faults.city import letter, note, until

LOST, BACK = "lost the connection to Temporal", "the connection to Temporal is back"


@pytest.fixture(scope="module")
def outage(one_city):
    """One outage: plans are executed in it, an approval is given, and a worker is started."""
    city = one_city
    city.mend()
    log = city.site.worker.log
    began = len(log.read_text())
    hung, gone = (city.approved(letter()) for _ in range(2))
    large = city.approved(letter(when={"exists": "{{ data.text }}"}))
    asked = city.launch(letter(requires_approval=True))
    task = city.task(asked)
    late = Child("worker", worker_command(), city.site.environment, city.site.home / "logs" / "late.log")
    with city.more_workers(1):
        os.kill(city.site.temporal.pid, signal.SIGSTOP)
        at_hung = executed(city, hung)
        os.kill(city.site.temporal.pid, signal.SIGCONT)
        city.site.temporal.stop()
        late.start()
        too_large = executed(city, large).execution
        enlarge(city, too_large)
        at_gone = executed(city, gone)
        city.decide(task, "approve")
        status = city.execution(at_gone.execution)["status"]
        until(lambda: LOST in log.read_text()[began:])
        late.wait_until_said("cannot be reached, trying again")
        city.site.temporal.start()
        for run in (at_hung.execution, at_gone.execution, asked):
            city.ends(run, deadline=90)
        late.wait_until_said("worker started")
        until(lambda: BACK in log.read_text()[began:])
        stopped = late.stop()
    return SimpleNamespace(
        city=city,
        hung=at_hung,
        gone=at_gone,
        too_large=too_large,
        asked=asked,
        status=status,
        stopped=stopped,
        log=log.read_text()[began:],
    )


def enlarge(city, execution):
    """As if it had been launched before what a run may start with had a limit."""
    with city.database() as cursor:
        data = json.dumps({"text": "é" * 490_000})
        cursor.execute("UPDATE workflow_executions SET execution_data = %s WHERE id = %s", (data, execution))
        cursor.connection.commit()


def executed(city, plan):
    """The answer to an execute, and what Temporal was when it was there: "stopped", "gone" or at work."""
    answer = city.call("POST", f"/workflows/{plan}/execute", {})
    pid = city.site.temporal.pid
    temporal = "gone" if pid is None else psutil.Process(pid).status()
    return SimpleNamespace(answer=answer, temporal=temporal, execution=answer.json()["execution_id"])


@pytest.mark.parametrize(("how", "temporal"), [("hung", psutil.STATUS_STOPPED), ("gone", "gone")])
def test_an_execute_is_accepted_as_pending_while_temporal_is_away(outage, how, temporal):
    """Nobody waits for Temporal to come back: it does so only after the answers."""
    run = getattr(outage, how)
    assert (run.answer.status_code, run.answer.json()["status"]) == (202, "pending")
    assert run.temporal == temporal


def test_what_was_executed_meanwhile_runs_exactly_once_although_two_dispatchers_start_it(outage):
    assert outage.status == "pending"
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


def test_a_worker_that_is_started_meanwhile_waits_for_temporal_and_works_then(outage):
    assert outage.stopped == 0


def test_a_run_that_temporal_refuses_fails_with_the_reason_and_keeps_nobody_waiting(outage):
    city = outage.city
    until(lambda: city.execution(outage.too_large)["status"] == "failed")
    assert city.execution(outage.too_large)["failure"]["code"] == "temporal_refused"


def test_the_worker_goes_on_with_new_runs(outage):
    outage.city.ends(outage.city.launch(note()))
