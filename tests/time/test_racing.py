"""A deadline and a person at the same moment, and several workers at once: exactly one of them is first."""

import threading
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection, connections

from executions.deadlines import sweep_deadlines
from executions.deciding import TaskClosed, decide_task
from executions.links import revoke_links
from executions.models import HumanTask, TaskStatus
from tests import factories
from tests.faults.city import until
from tests.time.runs import confirm, happened, make_late, make_task, told

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("temporal_server")]

ANSWER = {"confirmed": True}


class Doing(threading.Thread):
    """Does something on a thread and a connection of its own; ``result`` is what it gave or raised."""

    def __init__(self, function):
        super().__init__(daemon=True)
        self.function, self.result = function, None
        self.start()

    def run(self):
        try:
            self.result = self.function()
        except Exception as error:
            self.result = error
        finally:
            connections.close_all()

    def ended(self):
        self.join(20)
        assert not self.is_alive(), "it waits for ever"
        return self.result


@contextmanager
def row_locked(task, table="human_tasks"):
    """Somebody else holds the row of the task, or of its run."""
    parameters = connection.get_connection_params()
    for ours in ("pool", "cursor_factory", "context", "prepare_threshold"):
        parameters.pop(ours, None)
    with psycopg.connect(**parameters) as other:
        held = task.pk if table == "human_tasks" else task.execution_id
        other.execute(f"SELECT 1 FROM {table} WHERE id = %s FOR UPDATE", [held])
        yield other
        other.rollback()


def waiting():
    """How many wait for a lock just now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return cursor.fetchone()[0]


@pytest.fixture
def person():
    return factories.make_user("dispatcher")


@pytest.fixture
def task():
    return make_late(make_task(confirm(due="PT4H", overdue={"then": "fail"})))


def deciding(task, person):
    return lambda: decide_task(task_id=task.pk, outcome="done", answer=ANSWER, by=person)


def test_a_deadline_that_is_first_at_the_lock_wins_and_the_person_is_told(task, person):
    with row_locked(task):
        sweep = Doing(sweep_deadlines)
        until(lambda: waiting() == 1, 20)
        decision = Doing(deciding(task, person))
        until(lambda: waiting() == 2, 20)
    assert sweep.ended() == 1
    refused = decision.ended()
    assert isinstance(refused, TaskClosed)
    assert refused.extra["task_status"] == "expired"
    task.refresh_from_db()
    assert (task.status, task.answer, task.decided_by) == (TaskStatus.EXPIRED, None, None)
    assert [message["then"] for message in told(task)] == ["fail"]
    assert happened(task) == ["task.opened", "task.expired"]


def test_a_person_who_is_first_at_the_lock_wins_and_the_deadline_passes_by(task, person):
    with row_locked(task):
        decision = Doing(deciding(task, person))
        until(lambda: waiting() == 1, 20)
        sweep = Doing(sweep_deadlines)
        assert sweep.ended() == 0
        assert waiting() == 1
    assert decision.ended().status == TaskStatus.DECIDED
    assert sweep_deadlines() == 0
    task.refresh_from_db()
    assert (task.status, task.answer, task.decided_by) == (TaskStatus.DECIDED, ANSWER, person)
    assert [message["then"] for message in told(task)] == ["answer"]
    assert happened(task) == ["task.opened", "task.decided"]


def test_a_deadline_that_has_seen_the_task_open_looks_again_once_it_has_the_row(task):
    """The sweep has chosen the task and waits for its row; whoever has that decides it, and then lets it go."""
    with row_locked(task) as other:
        sweep = Doing(sweep_deadlines)
        until(lambda: waiting() == 1, 20)
        other.execute("UPDATE human_tasks SET status = 'decided' WHERE id = %s", [task.pk])
        other.commit()
    assert sweep.ended() == 0
    task.refresh_from_db()
    assert (task.status, told(task)) == (TaskStatus.DECIDED, [])


@pytest.mark.parametrize("arrange", ["decide", "revoke links"])
def test_a_worker_that_withdraws_the_task_and_a_person_do_not_wait_in_a_circle(task, person, arrange):
    """The worker has the run's row and then takes the task's; so does everybody."""
    person_does = {"decide": deciding(task, person), "revoke links": lambda: revoke_links(task)}[arrange]
    with row_locked(task, "workflow_executions") as worker:
        waits = Doing(person_does)
        until(lambda: waiting() == 1, 20)
        worker.execute("UPDATE human_tasks SET status = 'withdrawn' WHERE id = %s", [task.pk])
        worker.commit()
    result = waits.ended()
    if arrange == "decide":
        assert isinstance(result, TaskClosed)
        assert result.extra["task_status"] == "withdrawn"
    else:
        assert result == 0


def test_ten_people_and_four_workers_at_once_leave_one_winner(task, person):
    everybody = [Doing(deciding(task, person)) for _ in range(10)] + [
        Doing(sweep_deadlines) for _ in range(4)
    ]
    results = [one.ended() for one in everybody]
    decided = [r for r in results if isinstance(r, HumanTask)]
    assert len(decided) + sum(r for r in results if isinstance(r, int)) == 1
    assert len([r for r in results if isinstance(r, TaskClosed)]) == 10 - len(decided)
    assert len(told(task)) == 1
    assert len(happened(task)) == 2


def test_several_workers_remind_each_late_task_once():
    tasks = [make_late(make_task(confirm(due="PT4H", overdue={"remind": "PT1H"}))) for _ in range(8)]

    def sweep_thrice():
        return sum(sweep_deadlines() for _ in range(3))

    workers = [Doing(sweep_thrice) for _ in range(4)]
    assert sum(worker.ended() for worker in workers) == len(tasks)
    assert set(HumanTask.objects.values_list("reminders", flat=True)) == {1}
    assert all(happened(task) == ["task.opened", "task.reminded"] for task in tasks)
