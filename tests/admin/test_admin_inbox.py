"""My tasks: what is with somebody or waits for their groups, what is due first at the top."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from executions.assigning import claim_task, hold_task
from executions.console.inbox import mine
from executions.models import HumanTask
from executions.tasks import open_task
from tests import factories
from tests.admin.looking import HOSTILE, assert_tame, page_of_task, said

INBOX = "/admin/executions/humantask/mine/"
LIST = "/admin/executions/humantask/"


@pytest.fixture
def opened(step):
    """Opens a task for the run's first step: ``opened(title, due in hours, **fields)``."""

    def open_one(title, due=None, **fields):
        task = open_task(step, kind="approval", title=title, outcomes=["approve", "reject"], suffix=title)
        due_at = timezone.now() + timedelta(hours=due) if due is not None else None
        HumanTask.objects.filter(pk=task.pk).update(due_at=due_at, **fields)
        task.refresh_from_db()
        return task

    return open_one


@pytest.fixture
def dispatcher(people):
    return factories.make_user("dispatcher", departments=("water",))


@pytest.fixture
def at_the_desk(dispatcher, client):
    client.force_login(dispatcher)
    return client


def section(text, name):
    """One section of the inbox."""
    return re.search(rf'aria-labelledby="inbox-{name}".*?</section>', text, re.DOTALL)[0]


def titles(text, name="groups"):
    return re.findall(r'class="mr-what"><a href="[^"]*"><bdi>([^<]*)<', section(text, name))


def look(client):
    return client.get(INBOX).content.decode()


def test_what_is_due_first_is_at_the_top_and_what_never_is_at_the_end(at_the_desk, opened):
    for title, due in (("Never", None), ("In a day", 24), ("Late", -1), ("Soon", 1)):
        opened(title, due)
    text = look(at_the_desk)
    assert titles(text) == ["Late", "Soon", "In a day", "Never"]
    assert section(text, "groups").count("Overdue</span>") == 1


def test_tasks_are_with_me_to_take_or_on_hold(at_the_desk, dispatcher, people, opened):
    claim_task(task_id=opened("Mine").pk, by=dispatcher)
    opened("Anybody's")
    opened("My group's", group="dispatcher")
    opened("Another group's", group="supervisor")
    claim_task(task_id=opened("Somebody else's").pk, by=people["owner"])
    hold_task(task_id=opened("Waits").pk, reason="Frost until Monday.", by=people["owner"])
    opened("Over", status="decided")
    text = look(at_the_desk)
    assert titles(text, "mine") == ["Mine"]
    assert sorted(titles(text, "groups")) == ["Anybody&#x27;s", "My group&#x27;s"]
    assert titles(text, "held") == ["Waits"] and "Frost until Monday." in text
    assert list(mine(dispatcher).values_list("title", flat=True).order_by("title")) == [
        "Anybody's",
        "Mine",
        "My group's",
    ]


def test_four_eyes_keep_a_task_from_whoever_made_the_plan_and_from_nobody_else(owner, people, opened, client):
    opened("Two more eyes", four_eyes=True)
    assert titles(look(owner)) == []
    client.force_login(factories.make_user("supervisor", departments=("water",)))
    assert titles(look(client)) == ["Two more eyes"]


def test_a_task_is_claimed_in_the_inbox_and_stays_there(at_the_desk, opened, dispatcher):
    task = opened("Mine soon")
    claim = reverse("admin:executions_humantask_claim", args=[task.pk])
    assert claim in look(at_the_desk)
    response = at_the_desk.post(claim, {"back": "inbox"})
    assert response.url == INBOX and "yours" in said(response)
    task.refresh_from_db()
    assert task.assignee == dispatcher
    assert titles(look(at_the_desk), "mine") == ["Mine soon"]
    assert at_the_desk.post(claim, {"back": "https://example.org/"}).url == page_of_task(task)


def test_empty_sections_say_what_would_fill_them(at_the_desk, colleague):
    text = look(at_the_desk)
    for words in (
        "Claim a task below",
        "Runs open tasks when they need a person",
        "A task whose clock somebody stops",
    ):
        assert words in text
    assert "You may read tasks, but not decide them" in look(colleague)


def test_readers_see_no_task_of_their_own_and_no_way_to_claim(colleague, opened):
    task = opened("Not for readers")
    text = look(colleague)
    assert task.title not in text and "/claim/" not in text


def test_outsiders_see_none_of_it_and_nobody_signs_in_first(outsider, nobody, opened, people):
    task = opened("Water's")
    assert task.title not in look(outsider).replace("&#x27;", "'")
    assert nobody.get(INBOX).url.startswith(reverse("admin:login"))
    outsider.force_login(factories.make_user())  # of staff, but in no group
    assert outsider.get(INBOX).status_code == 403


def test_what_is_not_real_is_not_among_my_tasks(at_the_desk, opened, people):
    from mudda.models import Sandbox

    opened("Real")
    opened("Not real", sandbox=Sandbox.objects.create(owner=people["owner"]))
    assert titles(look(at_the_desk)) == ["Real"]


def test_after_a_task_the_next_one_is_a_key_away(at_the_desk, opened):
    first, second = opened("First", 1), opened("Second", 2)
    decide = reverse("admin:executions_humantask_decide", args=[first.pk])
    at_the_desk.post(decide, {"outcome": "approve"})
    text = at_the_desk.get(page_of_task(first)).content.decode()
    assert f'href="{page_of_task(second)}" aria-keyshortcuts="n"' in text
    HumanTask.objects.filter(pk=second.pk).update(status="decided")
    assert "No other task waits for you" in at_the_desk.get(page_of_task(first)).content.decode()


def test_every_key_of_a_list_of_keys_presses_something_that_is_there(at_the_desk, opened):
    task = opened("With keys")
    for address, keys in ((INBOX, {"c", "a", "?"}), (page_of_task(task), {"e", "c", "r", "h", "m", "?"})):
        text = at_the_desk.get(address).content.decode()
        listed = set(re.findall(r"<kbd>([^<]*)</kbd>", text))
        pressing = set(re.findall(r'aria-keyshortcuts="([^"]*)"', text))
        assert keys <= pressing and pressing <= listed


def test_empty_lists_say_what_would_fill_them(owner, people):
    assert "Runs open tasks when they need a person" in owner.get(LIST).content.decode()
    assert "A run begins when" in owner.get("/admin/executions/workflowexecution/").content.decode()
    assert "Nothing is like that." in owner.get(f"{LIST}?state=decided").content.decode()


def test_hostile_words_in_the_inbox_stay_text(at_the_desk, opened, step):
    for at, text in enumerate(HOSTILE):
        opened(f"{at}{text}", hold_reason=text, status="on_hold", held_at=timezone.now())
        opened(f"b{at}{text}", at)
    issue = step.execution.plan.issue
    issue.address = HOSTILE[0]
    issue.save()
    assert_tame(at_the_desk.get(INBOX), *HOSTILE)


def test_a_long_inbox_is_cut_and_leads_to_the_whole_list(at_the_desk, opened, monkeypatch):
    monkeypatch.setattr("executions.console.inbox.SHOWN", 2)
    for at in range(3):
        opened(f"Task {at}", at)
    text = look(at_the_desk)
    assert titles(text) == ["Task 0", "Task 1"]
    assert f'href="{LIST}?for=me"' in section(text, "groups")


def test_the_inbox_takes_the_same_number_of_queries_however_long_it_is(
    at_the_desk, opened, dispatcher, people
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from executions.links import issue_link
    from executions.services import launch_execution

    def fill(at):
        plan = factories.make_plan(by=people["owner"])
        run = launch_execution(plan_id=plan.pk, execution_data={}, by=people["owner"], approve=True)
        for place in ("groups", "mine", "held"):
            task = opened(f"{place} {at}", at)
            fields = {"assignee": dispatcher} if place == "mine" else {}
            HumanTask.objects.filter(pk=task.pk).update(
                execution=run,
                status="on_hold" if place == "held" else "open",
                held_at=timezone.now(),
                **fields,
            )
            issue_link(task, "department:water")

    fill(0)
    with CaptureQueriesContext(connection) as few:
        look(at_the_desk)
    for at in range(1, 8):
        fill(at)
    with CaptureQueriesContext(connection) as many:
        look(at_the_desk)
    assert len(many) == len(few) <= 16
