"""Handing on, holding, a crew's word and signed links, on the page of a task: who may, and what the services say."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from executions.accepting import accept_task
from executions.assigning import claim_task, hold_task
from executions.console.arranging import ARRANGEMENTS
from executions.crews import CREW_FORM
from executions.links import ensure_usable, find_link, issue_link
from executions.models import HumanTask
from executions.tasks import open_task
from mudda.models import OutboxMessage
from tests import factories
from tests.admin.looking import HOSTILE, assert_tame, assert_undecided, page_of_task, said


def arrange(name, task):
    return reverse(f"admin:executions_humantask_{name.replace('-', '_')}", args=[task.pk])


def soon():
    return timezone.localtime(timezone.now() + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")


@pytest.fixture
def crew(step):
    return open_task(
        step, kind="dispatch_crew", title="Call out the crew", outcomes=["done"], form=CREW_FORM, due="PT4H"
    )


@pytest.fixture
def dispatcher(people):
    return factories.make_user("dispatcher", departments=("water",), email="d@city.example.org")


@pytest.fixture
def at_the_desk(dispatcher, client):
    client.force_login(dispatcher)
    return client


def offered(client, task):
    text = client.get(page_of_task(task)).content.decode()
    return {name for name in ARRANGEMENTS if f'"{arrange(name, task)}"' in text}


# --- what is offered --------------------------------------------------------------------------------


def test_what_is_offered_is_what_would_not_be_refused(
    owner, at_the_desk, colleague, crew, people, dispatcher
):
    everything_free = {"claim", "hand-on", "hold", "accept", "decline", "give-link"}
    assert offered(at_the_desk, crew) == everything_free
    assert offered(colleague, crew) == set()
    claim_task(task_id=crew.pk, by=people["owner"])
    assert offered(at_the_desk, crew) == {"accept", "decline"}
    assert offered(owner, crew) == {"release", "hand-on", "hold", "accept", "decline", "give-link"}
    hold_task(task_id=crew.pk, reason="Frost.", by=people["owner"])
    issue_link(crew, "department:water")
    accept_task(task_id=crew.pk, crew="Crew 7", arrival_at=timezone.now(), by=people["owner"])
    assert offered(owner, crew) == {
        "release", "hand-on", "resume", "decline", "give-link", "withdraw-links",
    }  # fmt: skip
    HumanTask.objects.filter(pk=crew.pk).update(status="decided")
    assert offered(owner, crew) == set()


def test_a_task_for_a_group_has_no_links_and_one_of_another_kind_no_crew(owner, step):
    task = open_task(step, kind="approval", title="Approve", outcomes=["approve"], group="supervisor")
    assert offered(owner, task) == {"claim", "hand-on", "hold"}


def test_a_page_that_names_colleagues_opens_only_for_those_who_could_hand_the_task_on(
    owner, at_the_desk, colleague, outsider, nobody, crew, people, dispatcher
):
    claim_task(task_id=crew.pk, by=people["owner"])
    address, reason = arrange("hand-on", crew), {"reason": "Mine now."}
    for given in ({}, reason, {**reason, "user": dispatcher.username}):
        for ask in (at_the_desk.get, at_the_desk.post):
            answer = ask(address, given)
            assert answer.url == page_of_task(crew)
            assert people["owner"].username not in answer.content.decode()
    assert "not yours to do" in said(at_the_desk.get(address))
    assert colleague.get(address).status_code == colleague.post(address, reason).status_code == 403
    assert outsider.get(address).url == outsider.post(address, reason).url == reverse("admin:index")
    assert nobody.get(address).url.startswith(reverse("admin:login"))
    assert owner.get(address).status_code == 200
    crew.refresh_from_db()
    assert crew.assignee == people["owner"]


# --- handing on -------------------------------------------------------------------------------------


def test_a_task_is_handed_to_a_colleague_who_gets_a_letter_and_reads_why(
    owner, at_the_desk, crew, dispatcher
):
    text = owner.get(arrange("hand-on", crew)).content.decode()
    assert f'<option value="{dispatcher.username}"></option>' in text
    response = owner.post(
        arrange("hand-on", crew), {"user": dispatcher.username, "group": "", "reason": "You know the valve."}
    )
    assert "handed on" in said(response)
    crew.refresh_from_db()
    assert (crew.assignee, crew.assign_reason) == (dispatcher, "You know the valve.")
    assert OutboxMessage.objects.filter(kind="task_letter", payload__task=str(crew.pk)).count() == 1
    assert "You know the valve." in at_the_desk.get(page_of_task(crew)).content.decode()


def test_a_task_is_handed_to_a_group(owner, crew):
    owner.post(arrange("hand-on", crew), {"user": "", "group": "supervisor", "reason": "Too much for us."})
    crew.refresh_from_db()
    assert (crew.group, crew.assignee) == ("supervisor", None)
    assert "Too much for us." in owner.get(page_of_task(crew)).content.decode()


def test_only_groups_with_as_much_say_are_offered(owner, step):
    task = open_task(step, kind="approval", title="Approve", outcomes=["approve"], group="approver")
    text = owner.get(arrange("hand-on", task)).content.decode()
    assert set(re.findall(r'<option value="(\w+)"', text)) & {"viewer", "dispatcher", "planner"} == set()
    assert {"approver", "supervisor", "administrator"} <= set(re.findall(r'<option value="(\w+)"', text))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"user": "", "group": ""}, "one of the two"),
        ({"user": "somebody", "group": "supervisor"}, "one of the two"),
        ({"user": "no.such.person", "group": ""}, "Nobody of this name may decide this task."),
        ({"user": "", "group": "no such group"}, "not one of the available choices"),
        ({"user": "", "group": "supervisor", "reason": "  "}, "This field is required."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(owner, crew, given, words):
    response = owner.post(arrange("hand-on", crew), {"reason": "Because of the frost.", **given})
    text = response.content.decode()
    assert response.status_code == 422 and words in text
    assert given["user"] in text and ("Because of the frost." in text or "reason" in given)
    crew.refresh_from_db()
    assert (crew.assignee, crew.group) == (None, "")


def test_colleagues_who_could_not_do_it_are_not_suggested(owner, crew, people, dispatcher):
    inactive = factories.make_user("supervisor", departments=("water",))
    inactive.is_active = False
    inactive.save()
    text = owner.get(arrange("hand-on", crew)).content.decode()
    suggested = set(re.findall(r'<option value="([^"]*)"></option>', text))
    assert {dispatcher.username, people["owner"].username, people["administrator"].username} <= suggested
    assert not suggested & {people["outsider"].username, people["colleague"].username, inactive.username}


# --- its clock --------------------------------------------------------------------------------------


def test_a_task_is_put_on_hold_with_a_reason_and_its_clock_goes_on(owner, crew):
    assert owner.post(arrange("hold", crew), {"reason": " "}).status_code == 422
    assert "clock stands still" in said(owner.post(arrange("hold", crew), {"reason": "Frost until Monday."}))
    crew.refresh_from_db()
    assert (crew.status, crew.hold_reason) == ("on_hold", "Frost until Monday.")
    assert "on hold already" in said(owner.post(arrange("hold", crew), {"reason": "Again."}))
    assert "goes on" in said(owner.post(arrange("resume", crew)))
    crew.refresh_from_db()
    assert crew.status == "open"
    assert "not on hold" in said(owner.post(arrange("resume", crew)))


# --- a crew's word ----------------------------------------------------------------------------------


def test_a_crew_that_says_so_by_phone_is_noted_and_one_that_cannot_come_too(owner, crew):
    assert "who comes, and when" in said(
        owner.post(arrange("accept", crew), {"crew": "Crew 7", "arrival_at": soon()})
    )
    crew.refresh_from_db()
    assert crew.crew == "Crew 7"
    assert timedelta(hours=1, minutes=58) < crew.arrival_at - timezone.now() <= timedelta(hours=2)
    assert "Crew 7 has accepted it." in said(
        owner.post(arrange("accept", crew), {"crew": "Crew 8", "arrival_at": soon()})
    )
    assert owner.post(arrange("decline", crew), {"reason": ""}).status_code == 422
    assert "queue" in said(owner.post(arrange("decline", crew), {"reason": "The digger is broken."}))
    crew.refresh_from_db()
    assert (crew.crew, crew.accepted_at, crew.decline_reason) == ("", None, "The digger is broken.")
    assert_undecided(crew)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"arrival_at": "2001-01-01T10:00"}, "This is in the past."),
        ({"arrival_at": "2901-01-01T10:00"}, "more than 60 days away"),
        ({"arrival_at": "soon"}, "Enter a valid date/time."),
        ({"crew": "  "}, "This field is required."),
        ({"crew": "x" * 501}, "at most 500 characters"),
    ],
)
def test_a_crew_that_is_not_told_right_is_asked_again(owner, crew, given, words):
    response = owner.post(arrange("accept", crew), {"crew": "Crew 7", "arrival_at": soon(), **given})
    assert response.status_code == 422 and words in response.content.decode()
    crew.refresh_from_db()
    assert crew.accepted_at is None


# --- signed links -----------------------------------------------------------------------------------


def test_a_link_is_shown_once_and_is_good_until_it_is_withdrawn(owner, crew):
    response = owner.post(arrange("give-link", crew), {"role": "department:water"})
    text = response.content.decode()
    assert "no-store" in response["Cache-Control"]
    token = re.search(r'id="link">[^<]*/t/([\w-]+)<', text)[1]
    link = find_link(token)
    assert (link.task, link.role) == (crew, "department:water")
    ensure_usable(link)
    text = owner.get(page_of_task(crew)).content.decode()
    assert token not in text and "the department Water" in text and ">good<" in text
    assert "Withdraw every link" in owner.get(arrange("withdraw-links", crew)).content.decode()
    link.refresh_from_db()
    assert link.revoked_at is None  # looking changes nothing
    assert "do not work any more" in said(owner.post(arrange("withdraw-links", crew)))
    link.refresh_from_db()
    assert link.revoked_at is not None
    assert ">withdrawn<" in owner.get(page_of_task(crew)).content.decode()


def test_a_link_is_for_one_of_ours(owner, crew):
    assert owner.post(arrange("give-link", crew), {"role": "user:1"}).status_code == 422
    assert not crew.links.exists()


# --- who may ----------------------------------------------------------------------------------------

GIVEN = {
    "claim": {}, "release": {}, "resume": {}, "hold": {"reason": "Mine."}, "decline": {"reason": "Mine."},
    "hand-on": {"group": "supervisor", "reason": "Mine."},
    "accept": {"crew": "Crew 7", "arrival_at": "2030-01-01T10:00"},
    "give-link": {"role": "department:water"}, "withdraw-links": {},
}  # fmt: skip


def test_every_way_is_tested_for_who_may():
    assert set(GIVEN) == set(ARRANGEMENTS)


@pytest.mark.parametrize("name", GIVEN)
def test_colleagues_who_only_read_outsiders_and_nobody_arrange_nothing(
    colleague, outsider, nobody, crew, people, name
):
    before = HumanTask.objects.values().get(pk=crew.pk)
    assert colleague.post(arrange(name, crew), GIVEN[name]).status_code == 403
    assert outsider.post(arrange(name, crew), GIVEN[name]).url == reverse("admin:index")
    assert nobody.post(arrange(name, crew), GIVEN[name]).url.startswith(reverse("admin:login"))
    for client, status in ((colleague, 403), (outsider, 302), (nobody, 302)):
        if ARRANGEMENTS[name].form is not None:
            assert client.get(arrange(name, crew)).status_code == status
    assert HumanTask.objects.values().get(pk=crew.pk) == before
    assert not crew.links.exists()


@pytest.mark.parametrize("name", sorted(set(GIVEN) - {"claim", "release", "resume", "withdraw-links"}))
def test_what_somebody_else_has_is_arranged_by_leaders_alone_and_crews_words_by_all(
    at_the_desk, crew, people, name
):
    claim_task(task_id=crew.pk, by=people["owner"])
    response = at_the_desk.post(arrange(name, crew), {**GIVEN[name], "arrival_at": soon()})
    crew.refresh_from_db()
    if name in {"accept", "decline"}:  # who is on the spot knows, whoever follows it up in the office
        assert crew.accepted_at is not None if name == "accept" else crew.declined_at is not None
    else:
        assert f"It is {people['owner'].username}" in said(response)
        assert (crew.assignee, crew.status, crew.group) == (people["owner"], "open", "")
        assert not crew.links.exists()


@pytest.mark.parametrize("name", GIVEN)
def test_what_is_over_is_arranged_no_more_and_says_so(owner, crew, name):
    HumanTask.objects.filter(pk=crew.pk).update(status="withdrawn", comment="The run was stopped.")
    response = owner.post(arrange(name, crew), GIVEN[name])
    assert response.url == page_of_task(crew)
    assert "The run was stopped." in said(response)
    if ARRANGEMENTS[name].form is not None:
        assert "withdrawn" in said(owner.get(arrange(name, crew)))


def test_hostile_names_and_reasons_stay_text(owner, crew):
    for text in HOSTILE:
        assert_tame(owner.post(arrange("hand-on", crew), {"user": text, "reason": text}), text)
        assert_tame(owner.post(arrange("accept", crew), {"crew": text, "arrival_at": text}), text)
        HumanTask.objects.filter(pk=crew.pk).update(title=text)
        assert_tame(owner.get(arrange("hold", crew)), text)
    factories.make_user("supervisor", departments=("water",), first_name=HOSTILE[0])
    assert_tame(owner.get(arrange("hand-on", crew)))
