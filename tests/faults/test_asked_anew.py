"""Who stops a run has not said whether an uncertain effect happened: trying the step again asks again."""

import uuid

import pytest
from django.utils import timezone

from executions.deciding import decide_task
from executions.models import Effect, EffectStatus, TaskStatus
from executions.tasks import ask_about_uncertain_effect
from tests import factories
from tests.faults.city import letter
from tests.time.runs import launch

pytestmark = pytest.mark.django_db


def test_a_stopped_question_is_asked_anew_and_the_effect_stays_uncertain_until_it_is_answered():
    step = launch(letter()).steps.get(step_id="tell")
    effect = Effect.objects.create(
        key=f"{step.execution_id}:tell:letter-0",
        execution_id=step.execution_id,
        step_id="tell",
        effect_class="at_most_once",
        status=EffectStatus.UNCERTAIN,
        holder=uuid.uuid4(),
        lease_until=timezone.now(),
    )
    by = factories.make_user("supervisor")
    first = ask_about_uncertain_effect(step, effect)
    assert ask_about_uncertain_effect(step, effect) == first
    decide_task(task_id=first.pk, outcome="stop", by=by)
    effect.refresh_from_db()
    assert effect.status == EffectStatus.UNCERTAIN
    second = ask_about_uncertain_effect(step, effect)
    assert second != first
    assert second.status == TaskStatus.OPEN
    assert ask_about_uncertain_effect(step, effect) == second
    decide_task(task_id=second.pk, outcome="it_happened", by=by)
    effect.refresh_from_db()
    assert effect.status == EffectStatus.DONE
