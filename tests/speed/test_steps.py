"""How many statements a step takes, and the end of a run: a gain that is lost shows here."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from executions.activities.registry import implementations
from executions.models import StepStatus
from executions.temporal.contracts import FinishCall, StepCall
from executions.temporal.finishing import finish_execution
from executions.temporal.putoff import has_failed
from executions.temporal.recording import run_step, with_database
from tests.faults.city import note
from tests.time.runs import launch

pytestmark = pytest.mark.django_db(transaction=True)

FIRST, STEP, END = 17, 15, 7
"""The first also notes that the run has begun. BEGIN and COMMIT are counted; the activity's own are six, and more of
them than of others: a lock, a look for the note, the note and its event."""


def taken(work):
    with CaptureQueriesContext(connection) as captured:
        work()
    return [query["sql"] for query in captured]


def do(run, step):
    call = StepCall(str(run.pk), step.step_id, step.activity_id, step.compiled["inputs"], 60, 3)
    return taken(lambda: run_step(call, implementations()[step.activity_id]))


def test_a_step_and_the_end_of_a_run():
    run = launch(*(note(f"n{n}") for n in range(3)))
    first, second, third = run.steps.order_by("position")
    assert len(do(run, first)) <= FIRST
    do(run, second)
    statements = do(run, third)
    assert len(statements) <= STEP, "\n".join(statements)
    end = FinishCall(str(run.pk), "completed")
    statements = taken(lambda: with_database(lambda: finish_execution(end)))
    assert len(statements) <= END, "\n".join(statements)
    run.refresh_from_db()
    assert set(run.execution_data["results"]) == {"n0", "n1", "n2"}
    assert {step.status for step in run.steps.all()} == {StepStatus.COMPLETED}
    assert not has_failed(run.pk)
