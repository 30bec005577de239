"""What a crew reads in the letter that calls it out."""

from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.utils import timezone

from executions.activities.fieldwork import dispatch_crew
from issues.models import Category
from tests import factories
from tests.activities.attempts import attempt, launch
from tests.time.runs import crew

pytestmark = pytest.mark.django_db

CITY = "America/New_York"


@pytest.fixture
def letter(settings):
    """``letter(step)`` calls out the crew of a step, and gives the letter and the task."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    def send(step):
        run = launch(step)
        with timezone.override(CITY):
            task = dispatch_crew(attempt(run, "repair", **step["inputs"])).task
        return mail.outbox[-1], task

    return send


def test_it_says_by_when_as_a_day_and_an_hour_of_the_city(letter):
    sent, task = letter(crew(due="P1DT30M"))
    local = task.due_at.astimezone(ZoneInfo(CITY))
    due = f"{local:%A}, {local.day} {local:%B %Y, %H:%M %Z}"
    assert f"Due:        {due}\n" in sent.body
    for part in (sent.body, sent.alternatives[0][0]):
        assert due in part
        assert "P1D" not in part


def test_it_says_nothing_of_when_where_nothing_is_due(letter):
    factories.make_category()
    Category.objects.update(target="")
    sent, task = letter(crew())
    assert task.due_at is None
    for part in (sent.body, sent.alternatives[0][0]):
        assert "Due" not in part
