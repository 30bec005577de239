"""Whose a task is, until when, and what became of it: as its page and the list of tasks show it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from executions.accepting import accept_task, decline_task
from executions.assigning import claim_task, hold_task
from executions.crews import CREW_FORM
from executions.deciding import decide_task
from executions.links import issue_link
from executions.models import HumanTask
from executions.tasks import open_task
from tests.admin.looking import HOSTILE, assert_tame, assert_undecided, decision_on, page_of_task, said

LIST = "/admin/executions/humantask/"


def arrange(name, task):
    return reverse(f"admin:executions_humantask_{name}", args=[task.pk])


@pytest.fixture
def crew(step):
    return open_task(
        step, kind="dispatch_crew", title="Call out the crew", outcomes=["done"], form=CREW_FORM, due="PT4H"
    )


@pytest.fixture
def dispatcher(people):
    from tests import factories

    return factories.make_user("dispatcher", departments=("water",))


@pytest.fixture
def at_the_desk(dispatcher, client):
    client.force_login(dispatcher)
    return client


def change(task, **fields):
    HumanTask.objects.filter(pk=task.pk).update(**fields)


def test_the_due_time_is_shown_on_the_citys_clock(owner, crew, settings):
    settings.TIME_ZONE = "America/New_York"
    timezone.activate("America/New_York")
    try:
        change(crew, due_at=datetime(2030, 7, 1, 18, 30, tzinfo=UTC))
        assert "due Mon 1 Jul 2030, 14:30 EDT" in owner.get(page_of_task(crew)).content.decode()
        assert "Mon 1 Jul 2030, 14:30" in owner.get(LIST).content.decode()
    finally:
        timezone.deactivate()


def test_what_is_overdue_says_so_and_can_be_listed_but_not_while_it_is_on_hold(owner, crew):
    assert "Overdue</span>" not in owner.get(page_of_task(crew)).content.decode()
    change(crew, due_at=timezone.now() - timedelta(hours=1))
    for address in (page_of_task(crew), LIST, f"{LIST}?state=overdue"):
        text = owner.get(address).content.decode()
        assert "Overdue</span>" in text and crew.title in text
    change(crew, status="on_hold", held_at=timezone.now())
    assert "Overdue</span>" not in owner.get(page_of_task(crew)).content.decode()
    assert crew.title not in owner.get(f"{LIST}?state=overdue").content.decode()


def test_a_held_task_says_since_when_and_why_and_can_still_be_decided(owner, crew, people):
    hold_task(task_id=crew.pk, reason="Frost until Monday.", by=people["owner"])
    text = owner.get(page_of_task(crew)).content.decode()
    assert "On hold since" in text and "Frost until Monday." in text
    assert "Thank you" in said(owner.post(decision_on(crew), {"outcome": "done"}))


def test_a_task_that_somebody_else_has_is_shown_without_its_form(at_the_desk, owner, crew, people):
    claim_task(task_id=crew.pk, by=people["owner"])
    text = at_the_desk.get(page_of_task(crew)).content.decode()
    assert f"It is {people['owner'].username}" in text
    assert 'name="outcome"' not in text and "Give back" not in text
    assert people["owner"].username in said(at_the_desk.post(decision_on(crew), {"outcome": "done"}))
    assert_undecided(crew)
    assert 'name="outcome"' in owner.get(page_of_task(crew)).content.decode()


def test_a_task_is_claimed_and_given_back_with_one_button_each(at_the_desk, crew, dispatcher):
    assert ">Claim<" in at_the_desk.get(page_of_task(crew)).content.decode()
    assert "yours" in said(at_the_desk.post(arrange("claim", crew)))
    crew.refresh_from_db()
    assert crew.assignee == dispatcher
    text = at_the_desk.get(page_of_task(crew)).content.decode()
    assert ">Give back<" in text and ">Claim<" not in text
    assert crew.title in at_the_desk.get(f"{LIST}?state=mine").content.decode()
    at_the_desk.post(arrange("release", crew))
    crew.refresh_from_db()
    assert crew.assignee is None
    assert crew.title not in at_the_desk.get(f"{LIST}?state=mine").content.decode()


def test_supervisors_give_back_what_somebody_else_has(owner, crew, dispatcher, at_the_desk):
    claim_task(task_id=crew.pk, by=dispatcher)
    assert ">Give back<" in owner.get(page_of_task(crew)).content.decode()
    owner.post(arrange("release", crew))
    crew.refresh_from_db()
    assert crew.assignee is None


@pytest.mark.parametrize("name", ["claim", "release"])
def test_only_whoever_may_decide_claims_and_nothing_happens_by_looking(
    colleague, outsider, nobody, owner, crew, name
):
    assert colleague.post(arrange(name, crew)).status_code == 403
    assert outsider.post(arrange(name, crew)).url == reverse("admin:index")
    assert nobody.post(arrange(name, crew)).url.startswith(reverse("admin:login"))
    assert owner.get(arrange(name, crew)).status_code == 405
    crew.refresh_from_db()
    assert crew.assignee is None
    text = colleague.get(page_of_task(crew)).content.decode()
    assert ">Claim<" not in text and ">Give back<" not in text


def test_a_claim_that_comes_second_is_told_who_was_first(at_the_desk, crew, people):
    claim_task(task_id=crew.pk, by=people["owner"])
    assert people["owner"].username in said(at_the_desk.post(arrange("claim", crew)))


def test_an_escalated_task_says_when_and_to_whom(owner, crew):
    change(crew, group="supervisor", escalated_at=timezone.now(), reminders=2)
    text = owner.get(page_of_task(crew)).content.decode()
    assert "to the group supervisor" in text and "2 times" in text


def test_the_crew_that_comes_and_the_one_that_could_not_are_shown(owner, crew, people):
    decline_task(task_id=crew.pk, reason="The digger is broken.", by=people["owner"])
    text = owner.get(page_of_task(crew)).content.decode()
    assert "Declined" in text and "The digger is broken." in text
    arrival = timezone.now() + timedelta(hours=2)
    accept_task(task_id=crew.pk, crew="Crew 7", arrival_at=arrival, by=people["owner"])
    text = owner.get(page_of_task(crew)).content.decode()
    assert "Crew 7" in text and "accepted" in text
    assert timezone.localtime(arrival).strftime("%H:%M") in text
    assert "The digger is broken." not in text
    assert 'value="Crew 7"' in text  # and need not be typed again


def test_who_decided_through_a_link_is_named_by_role(owner, crew):
    issue_link(crew, "department:water")
    decide_task(task_id=crew.pk, outcome="done", answer={}, by=crew.links.get())
    words = "the department Water Supply, through a signed link"
    assert words in owner.get(page_of_task(crew)).content.decode()
    run = reverse("admin:executions_workflowexecution_change", args=[crew.execution_id])
    assert words in owner.get(run).content.decode()
    change(crew, decided_role="issue.reporter")
    assert "the reporter, through a signed link" in owner.get(page_of_task(crew)).content.decode()


def test_a_task_that_nobody_did_says_that_it_ended(owner, crew):
    change(crew, status="expired", decided_at=timezone.now())
    text = owner.get(page_of_task(crew)).content.decode()
    assert "<dt>Ended</dt>" in text and "Expired" in text
    assert ">Claim<" not in text


def test_hostile_words_of_crews_and_colleagues_stay_text(owner, crew):
    for text in HOSTILE:
        change(
            crew, crew=text, accepted_at=timezone.now(), arrival_at=timezone.now(), assign_reason=text, reminders=1,
            status="on_hold", held_at=timezone.now(), hold_reason=text, declined_at=None, decided_role="",
        )  # fmt: skip
        assert_tame(owner.get(page_of_task(crew)), text)
        change(crew, accepted_at=None, status="open", declined_at=timezone.now(), decline_reason=text)
        assert_tame(owner.get(page_of_task(crew)), text)
        change(crew, status="decided", outcome="done", decided_at=timezone.now(), decided_role=text)
        assert_tame(owner.get(page_of_task(crew)))
        assert_tame(owner.get(LIST))
