"""What reporters are told at each state of their issue: the city's words by category, whom they reach, and what is said
where several could be."""

import pytest
from django.urls import reverse

from tests import factories
from tests.admin.looking import HOSTILE, assert_tame
from workflows.drafting import create_plan, draft_for
from workflows.models import PlaybookWording
from workflows.planning.playbooks import load_playbooks
from workflows.wording import EVERY, Words, letters_at, messages_of, states_told

LIST = "admin:messages"
DONE = {"subject": "Done: {{ issue.reference }}", "message": "We are done at {{ issue.address }}."}


def _page(state="RESOLVED", category="water_leak"):
    if category == EVERY:
        return reverse("admin:messages-every", args=[state])
    return reverse("admin:messages-category", args=[state, category])


def _write(client, category="water_leak", state="RESOLVED", do="save", **given):
    return client.post(_page(state, category), {"do": do, **DONE, **given})


@pytest.fixture
def writer(client, city):
    client.force_login(factories.make_user("supervisor"))
    return client


def _told(statement=factories.STATEMENT, issue=None):
    """What a draft from now on says to whom, by the step."""
    plan = create_plan(draft=draft_for(statement=statement, issue=issue), statement=statement, issue=issue)
    assert not [one for one in plan.current.problems if one["severity"] == "error"]
    return {
        step["step_id"]: step["inputs"]
        for step in plan.current.document["steps"]
        if step["activity_id"] == "send_notification"
    }


def test_every_letter_to_a_reporter_belongs_to_a_state():
    assert states_told() == ["OPEN", "IN_PROGRESS", "RESOLVED", "CLOSED"]
    at = {state: set() for state in states_told()}
    for book in load_playbooks().playbooks.values():
        for one in messages_of(book, Words(())):
            assert bool(one.state) is (one.to == "{{ issue.reporter }}")
            if one.state:
                at[one.state].add(one.step_id)
    assert at["OPEN"] == {"acknowledge"}
    assert at["IN_PROGRESS"] >= {"tell_reporter"}
    assert at["RESOLVED"] == {"tell_done", "tell_repaired"}
    assert at["CLOSED"] == {"tell_no_work", "tell_handed_over", "tell_not_ours"}


def test_words_of_a_category_at_a_state_are_said_there_alone_and_taken_back(writer):
    before = _told()
    assert _write(writer).url == reverse(LIST)
    after = _told()
    assert after["tell_repaired"]["message"] == DONE["message"]
    assert after["tell_repaired"]["subject"] == DONE["subject"]
    assert after["tell_repaired"]["to"] == before["tell_repaired"]["to"]
    assert after["tell_reporter"] == before["tell_reporter"]
    assert DONE["message"] not in str(_told("Graffiti on a wall at 5 Elm St"))
    page = writer.get(reverse("admin:playbook", args=["water_leak"])).content.decode()
    assert "We are done at 123 Main St." in page
    _write(writer, do="forget")
    assert _told() == before


def test_the_closest_words_are_said(writer):
    _write(writer, category=EVERY, message="For everybody.")
    assert _told()["tell_repaired"]["message"] == "For everybody."
    assert _told("Graffiti on a wall at 5 Elm St")["tell_done"]["message"] == "For everybody."
    _write(writer, message="For leaks.")
    assert _told()["tell_repaired"]["message"] == "For leaks."
    step = reverse("admin:playbook-wording", args=["water_leak", "tell_repaired"])
    writer.post(step, {"do": "save", **DONE, "message": "At this step."})
    assert _told()["tell_repaired"]["message"] == "At this step."
    listed = {
        row.name: [cell.whose for cell in row.cells] for row in writer.get(reverse(LIST)).context["rows"]
    }
    assert listed["Every category"] == ["ships", "ships", "own", "ships"]
    assert listed["Water leak or burst main"] == ["", "ships", "own", ""]
    assert "words of its own" in writer.get(_page()).content.decode()


def test_a_category_that_no_playbook_is_for_has_its_words_in_the_one_that_is_chosen(writer):
    from issues.models import Category, Department
    from issues.services import report_issue

    water = Department.objects.get(code="water")
    fountain = Category.objects.create(code="fountain", name="Fountain", department=water)
    issue = report_issue(statement=factories.STATEMENT, address="123 Main St", category=fountain)
    assert len(letters_at("fountain", "RESOLVED")) > 20
    assert _write(writer, category="fountain").status_code == 302
    assert _told(issue=issue)["tell_repaired"]["message"] == DONE["message"]
    assert _told()["tell_repaired"]["message"] != DONE["message"]


def test_a_draft_that_is_asked_for_says_them_too_and_a_models_does_not(writer):
    from dataclasses import replace

    from workflows.drafting import ask_for_draft
    from workflows.wording import with_own_words

    _write(writer)
    run = ask_for_draft(statement=factories.STATEMENT)
    assert DONE["message"] in str(run.plan.current.document)
    planned = draft_for(statement=factories.STATEMENT)
    shipped = replace(planned, document=load_playbooks().playbooks["water_leak"].plan, planner="openai")
    assert with_own_words(shipped) is shipped


def test_a_preview_keeps_nothing_and_fills_in_a_made_up_issue(writer):
    answer = _write(writer, do="preview")
    assert answer.context["preview"] == ("Done: ISSUE-000123", "We are done at 123 Main St.")
    assert not PlaybookWording.objects.exists()
    shipped = writer.get(_page()).context["form"].initial
    assert shipped["subject"] == "Repaired: {{ issue.reference }}"
    assert writer.get(_page(category=EVERY)).context["form"].initial == {"subject": "", "message": ""}


@pytest.mark.parametrize(
    ("category", "field", "text"),
    [
        ("water_leak", "message", "{{ issue.shoe_size }}"),
        ("water_leak", "message", "It is {{ open"),
        ("water_leak", "subject", "{{ issue.reporter }}"),
        ("water_leak", "message", ""),
        (EVERY, "message", "By {{ steps.dispatch.crew }}."),
    ],
)
def test_words_that_one_of_the_letters_could_not_say_are_refused_at_their_field(
    writer, category, field, text
):
    answer = _write(writer, category=category, **{field: text})
    assert answer.status_code == 422
    assert answer.context["form"].errors.keys() == {field}
    assert not PlaybookWording.objects.exists()


def test_a_step_may_be_named_where_all_letters_come_after_it(writer):
    text = "By {{ steps.dispatch.crew }}."
    assert _write(writer, message=text).status_code == 302
    assert _told()["tell_repaired"]["message"] == text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_are_only_words(writer, text):
    assert_tame(_write(writer, do="preview", subject=text, message=text))
    _write(writer, subject=text, message=text)
    for address in (_page(), reverse("admin:playbook", args=["water_leak"])):
        assert_tame(writer.get(address))


@pytest.mark.parametrize(
    ("state", "category"),
    [("OPEN", "water_leak"), ("REJECTED", EVERY), ("NOWHERE", "water_leak"), ("RESOLVED", "no_such")],
)
def test_there_are_words_only_where_somebody_is_told_something(writer, state, category):
    assert writer.get(_page(state, category)).status_code == 404


def test_who_reads_plans_reads_the_list_and_only_who_writes_for_the_whole_city_writes(
    owner, colleague, outsider, nobody, administrator
):
    for one in (owner, colleague, outsider):
        answer = one.get(reverse(LIST))
        assert answer.status_code == 200
        assert _page() not in answer.content.decode()
        assert one.get(_page()).status_code == 403
        assert _write(one).status_code == 403
        assert _write(one, do="forget").status_code == 403
    for address in (reverse(LIST), _page(), _page(category=EVERY)):
        assert nobody.get(address).url.startswith(reverse("admin:login"))
    assert not PlaybookWording.objects.exists()
    assert _page() in administrator.get(reverse(LIST)).content.decode()
    assert administrator.get(_page()).status_code == 200
    nothing = factories.make_user()
    nobody.force_login(nothing)
    assert nobody.get(reverse(LIST)).status_code == 403


def test_the_list_reads_the_words_once(writer, django_assert_max_num_queries):
    for state in ("IN_PROGRESS", "RESOLVED", "CLOSED"):
        _write(writer, category=EVERY, state=state)
    with django_assert_max_num_queries(10):
        writer.get(reverse(LIST))
