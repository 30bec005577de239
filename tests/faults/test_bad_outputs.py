"""What an activity gives that is not as promised, or cannot be kept, fails its step at once, and quotes nothing."""

from dataclasses import replace

import pytest
from django.db import connection
from temporalio.exceptions import ApplicationError

from executions.deciding import BadAnswer, decide_task
from executions.models import StepRun
from executions.temporal.contracts import EscalateCall, StepCall
from executions.temporal.recording import run_step
from executions.temporal.undoing import escalate
from tests import factories
from tests.time.runs import launch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("temporal_server")]

GOOD = {"status": "OPEN", "updated_at": "2026-05-01T09:00:00Z"}
OPEN = {"type": "object"}


def itself():
    loop = {}
    return loop.setdefault("loop", loop)


def deep(levels):
    found = {}
    for _ in range(levels):
        found = {"deep": found}
    return found


@pytest.fixture
def run():
    """A step with this output schema, and what its activity gives."""

    def given(output, schema=None):
        execution = launch(factories.note_step("odd"))
        step = execution.compiled["steps"][0]
        if schema is not None:
            step["output_schema"] = schema
            execution.save(update_fields=["compiled"])
        call = StepCall(str(execution.pk), "odd", step["activity_id"], step["inputs"], 60, 3)
        return run_step(replace(call), lambda _: output)

    return given


def failure(run, *given):
    with pytest.raises(ApplicationError) as refused:
        run(*given)
    row = StepRun.objects.get()
    assert (refused.value.type, refused.value.non_retryable) == ("bad_output", True)
    assert (row.status, row.own_failures, row.output) == ("failed", 1, None)
    assert row.error == {"code": "bad_output", "message": refused.value.message}
    return refused.value.message


ODD = {
    "nul": "a\x00b",
    "surrogate": "a\ud800b",
    "nan": float("nan"),
    "infinity": float("inf"),
    "large": 2**60,
    "key": {"a\x00b": 1},
    "set": {1},
    "object": object(),
    "itself": itself(),
    "deep": deep(300),
    "very deep": deep(5000),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_an_output_that_cannot_be_kept_fails_its_step_for_good(run, odd):
    message = failure(run, {"odd": odd, "name": "Ann Smith"}, OPEN)
    assert "Ann" not in message
    message.encode()


def test_an_output_that_can_be_kept_is_kept_as_it_is(run):
    given = {"text": "\u2028 und Straße 🚧", "numbers": [2**53, -0.5, -1e10], "deep": deep(30), "none": None}
    run(given, OPEN)
    assert StepRun.objects.get().output == given


@pytest.mark.parametrize("time", ["yesterday", "2026-13-01T09:00:00Z", "2026-05-01", ""])
def test_a_time_that_is_none_is_not_as_promised(run, time):
    assert "/updated_at" in failure(run, {**GOOD, "updated_at": time})


@pytest.mark.parametrize("time", ["yesterday", "2026-05-01"])
def test_a_result_given_by_hand_has_times_where_times_are_promised(time):
    execution = launch(factories.note_step("odd"))
    call = EscalateCall(str(execution.pk), "odd", "supervisor", {"code": "odd", "message": "It is odd."})
    task_id, by = escalate(call).task_id, factories.make_user("supervisor")
    given = {"task_id": task_id, "outcome": "answer", "comment": "I did it.", "by": by}
    with pytest.raises(BadAnswer) as refused:
        decide_task(**given, answer={**GOOD, "updated_at": time})
    assert [error["pointer"] for error in refused.value.errors] == ["/answer/updated_at"]
    assert decide_task(**given, answer=GOOD).answer == GOOD


def test_an_output_that_postgresql_refuses_fails_its_step_and_is_not_quoted(run):
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                RAISE EXCEPTION 'no room for %', NEW.output USING ERRCODE = '22003';
            END $$;
            CREATE TRIGGER refuse BEFORE UPDATE ON step_runs FOR EACH ROW
                WHEN (NEW.output IS NOT NULL AND NEW.output <> 'null') EXECUTE FUNCTION refuse();
        """)
        try:
            assert "OPEN" not in failure(run, GOOD)
        finally:
            cursor.execute("DROP TRIGGER refuse ON step_runs; DROP FUNCTION refuse();")
