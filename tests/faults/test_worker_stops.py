"""The worker is asked to stop, as every deployment does."""

from tests.faults.city import letter, note, until
from tests.faults.mail import Hold


def test_a_step_in_flight_ends_before_the_worker_does_and_the_rest_is_done_by_the_next(city):
    worker, hold = city.site.worker, Hold()
    until(lambda: city.site.temporal.has_worker("mudda-ai-workflows"))
    city.office.plan(hold)
    execution = city.launch(letter(), note("after"))
    hold.wait()
    began = len(worker.log.read_text())
    worker._process.terminate()
    worker.wait_until_said("Beginning worker shutdown")
    hold.release()
    until(lambda: worker.pid is None)
    assert worker.returncode == 0
    said = [line for line in worker.log.read_text()[began:].splitlines() if "mudda.worker" in line]
    assert [line.partition("] ")[2] for line in said] == [
        "worker stopping: letting steps in flight end",
        "worker stopped",
    ]
    assert city.step(execution, "tell")["status"] == "completed"
    assert city.step(execution, "after")["status"] == "pending"
    worker.start()
    city.ends(execution)
    assert city.step_row(execution, "tell")["attempts"] == 1
    assert set(city.office.counts(execution).values()) == {1}
    started = worker.log.read_text()[began:].count("worker started: ")
    assert started == 1
