"""What withdrawing a step that was put off would lose."""

from uuid import uuid4

import pytest
from django.utils import timezone

from executions.models import Effect, StepRun
from executions.temporal.putoff import loses_something
from tests.time.runs import confirm, launch

pytestmark = pytest.mark.django_db


@pytest.fixture
def step():
    found = StepRun.objects.with_compiled().select_related("execution").get(execution=launch(confirm("tell")))
    found.error = {"code": "smtp_away", "message": "The mail server is away."}
    return found


def effect(step, effect_class, status):
    return Effect.objects.create(
        key=f"{step.execution_id}:{step.step_id}:letter",
        execution=step.execution,
        step_id=step.step_id,
        effect_class=effect_class,
        status=status,
        holder=uuid4(),
        lease_until=timezone.now(),
    )


def test_nothing_is_lost_where_nothing_was_done(step):
    assert not loses_something(step)


@pytest.mark.parametrize(
    ("effect_class", "status", "expected"),
    [
        ("at_most_once", "failed", False),
        ("queryable", "failed", True),  # it may be there: the next attempt asks
        ("idempotent", "failed", True),
        ("at_most_once", "uncertain", True),
        ("at_most_once", "done", True),
    ],
)
def test_an_effect_is_lost_unless_it_is_known_that_it_did_not_happen(step, effect_class, status, expected):
    effect(step, effect_class, status)
    assert loses_something(step) is expected


def test_an_attempt_that_hangs_may_do_it_yet(step):
    step.error = {"code": "timed_out", "message": "It took too long."}
    assert loses_something(step)
