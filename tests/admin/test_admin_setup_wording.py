"""The city's own words for what playbooks tell people: who writes them, what they may say, and where they are said."""

import pytest
from django.urls import reverse

from tests import factories
from tests.admin.looking import HOSTILE, assert_tame, said
from workflows.drafting import create_plan, draft_for
from workflows.models import PlaybookWording
from workflows.planning.playbooks import load_playbooks

KIND, STEP = "water_leak", "tell_repaired"
WORDS = {"subject": "Mended: {{ issue.reference }}", "message": "The leak at {{ issue.address }} is mended."}


def _page(kind=KIND, step_id=STEP):
    return reverse("admin:playbook-wording", args=[kind, step_id])


def _write(client, do="save", **given):
    return client.post(_page(), {"do": do, **WORDS, **given})


@pytest.fixture
def writer(client, city):
    client.force_login(factories.make_user("supervisor"))
    return client


def _told(plan, step_id=STEP):
    return next(step["inputs"] for step in plan.current.document["steps"] if step["step_id"] == step_id)


def _draft(by=None):
    planned = draft_for(statement=factories.STATEMENT)
    return create_plan(draft=planned, statement=factories.STATEMENT, by=by)


def test_words_of_the_city_are_said_in_drafts_from_then_on_and_not_before(writer):
    before = _draft()
    answer = _write(writer)
    assert answer.url == reverse("admin:playbook", args=[KIND])
    assert "Saved" in said(answer)
    after = _draft()
    assert _told(after)["message"] == WORDS["message"]
    assert _told(after)["subject"] == WORDS["subject"]
    assert _told(after)["to"] == "{{ issue.reporter }}"
    assert _told(after, "tell_reporter") == _told(before, "tell_reporter")
    assert not after.current.problems
    before.refresh_from_db()
    assert _told(before)["message"] != WORDS["message"]


def test_what_ships_can_be_said_again(writer):
    shipped = _told(_draft())["message"]
    _write(writer)
    assert "ships" in said(_write(writer, do="forget"))
    assert _told(_draft())["message"] == shipped
    assert not PlaybookWording.objects.exists()


def test_a_preview_keeps_nothing_and_fills_in_a_made_up_issue(writer):
    answer = _write(writer, do="preview")
    assert answer.status_code == 200
    assert answer.context["preview"] == ("Mended: ISSUE-000123", "The leak at 123 Main St is mended.")
    assert not PlaybookWording.objects.exists()


def test_what_only_a_run_will_know_is_named_in_the_preview(writer):
    answer = _write(writer, do="preview", message="By {{ steps.dispatch.crew }}.")
    assert answer.context["preview"][1].startswith("By [the crew found in")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("message", "{{ issue.shoe_size }}"),
        ("message", "{{ steps.nowhere.crew }}"),
        ("message", "It is {{ open"),
        ("subject", "{{ issue.reporter }}"),
        ("message", ""),
    ],
)
def test_words_that_could_not_be_sent_are_refused_at_their_field(writer, field, text):
    answer = _write(writer, **{field: text})
    assert answer.status_code == 422
    assert answer.context["form"].errors.keys() == {field}
    assert not PlaybookWording.objects.exists()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_are_only_words(writer, text):
    answer = _write(writer, do="preview", subject=text, message=text)
    assert_tame(answer)
    _write(writer, subject=text, message=text)
    assert_tame(writer.get(reverse("admin:playbook", args=[KIND])))


def test_who_wrote_the_words_is_shown_also_when_that_account_is_gone(writer, colleague):
    _write(writer)
    author = PlaybookWording.objects.get().author
    page = reverse("admin:playbook", args=[KIND])
    assert author.username in colleague.get(page).content.decode()
    author.delete()
    assert (
        WORDS["message"].replace("{{ issue.address }}", "123 Main St") in colleague.get(page).content.decode()
    )


def test_only_who_writes_for_the_whole_city_may_write(owner, colleague, outsider, nobody, administrator):
    for client in (
        owner,
        colleague,
        outsider,
    ):  # the owner and the outsider write policies of their departments
        assert client.get(_page()).status_code == 403
        assert _write(client).status_code == 403
        assert _page() not in client.get(reverse("admin:playbook", args=[KIND])).content.decode()
    assert _write(nobody).url.startswith(reverse("admin:login"))
    assert not PlaybookWording.objects.exists()
    assert administrator.get(_page()).status_code == 200
    assert _page() in administrator.get(reverse("admin:playbook", args=[KIND])).content.decode()


@pytest.mark.parametrize(("kind", "step_id"), [("no_such", STEP), (KIND, "no_such"), (KIND, "dispatch")])
def test_there_are_words_only_where_a_playbook_tells_somebody_something(writer, kind, step_id):
    assert writer.get(_page(kind, step_id)).status_code == 404


def test_every_message_of_every_playbook_can_be_worded(writer):
    from workflows.wording import messages_of

    told = [(kind, one) for kind, book in load_playbooks().playbooks.items() for one in messages_of(book)]
    assert len(told) > 28
    for kind, one in told:
        assert writer.get(_page(kind, one.step_id)).status_code == 200


def test_a_draft_that_is_asked_for_says_the_city_s_words_too(writer):
    from workflows.drafting import ask_for_draft

    _write(writer)
    run = ask_for_draft(statement=factories.STATEMENT)
    assert _told(run.plan)["message"] == WORDS["message"]
