"""What staff see beside an issue and a plan, and how they correct it."""

from dataclasses import replace
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from issues.facts import facts_of, record_facts
from issues.models import Department, Issue
from tests import factories
from tests.admin.looking import HOSTILE, assert_tame, said
from workflows.models import PlannerRun, PlanRevision, RunStatus, WorkflowPlan
from workflows.planning.base import Citation, Facts, PlannedDraft, PlannerRecord
from workflows.services import approve_plan, replace_plan

DRAFT = factories.document(factories.note_step("look"), factories.note_step("mend"), name="Mend it")
POLICY = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def page(obj):
    kind = "issues_issue" if isinstance(obj, Issue) else "workflows_workflowplan"
    return reverse(f"admin:{kind}_change", args=[obj.pk])


def correct(issue):
    return reverse("admin:issues_issue_facts", args=[issue.pk])


def text_of(client, obj):
    return client.get(page(obj)).content.decode()


def understood(**changes):
    given = {
        "category": "water_leak",
        "confidence": 0.83,
        "place": "123 Main St",
        "urgency": "high",
        "people_affected": 40,
        "sure": {"place": 0.6, "urgency": 0.3, "people_affected": 0.4},
    }
    return Facts(**{**given, **changes})


@pytest.fixture
def owner(staff):
    return signed_in(staff)


RECORD = PlannerRecord(
    model="gpt-canary",
    prompt_version="7",
    calls=2,
    input_tokens=12_345,
    output_tokens=678,
    cost=Decimal("0.0123"),
    seconds=4.25,
    exchanges=(
        {"purpose": "choose", "request": {"input": "<b>sent</b>"}, "response": {"category": "water_leak"},
         "seconds": 1.5, "input_tokens": 100, "output_tokens": 20},
    ),
)  # fmt: skip
CITATIONS = (
    Citation(document=POLICY, version=3, heading="Burst mains", passage=1, steps=("mend",)),
    Citation(document=POLICY, version=3, heading="Hydrants", passage=2),
)
CHOSEN = {
    "category": "water_leak", "confidence": 0.83, "activities": ["dispatch_crew", "update_issue"],
    "passages": [1], "reason": "Ann Lee's cellar is wet.",
}  # fmt: skip


def made(issue, **changes):
    """A plan of a model, with everything that is kept of how it was made."""
    from workflows import drafting

    given = {
        "document": DRAFT, "facts": understood(), "planner": "openai", "citations": CITATIONS, "record": RECORD,
        "detail": {"why": "It leaks.", "chosen": CHOSEN},
    }  # fmt: skip
    draft = PlannedDraft(**{**given, **changes})
    plan = drafting.create_plan(draft=draft, statement=issue.statement, issue=issue, by=None)
    return WorkflowPlan.objects.get(pk=plan.pk)


@pytest.fixture
def plan(report):
    return made(report("A pipe is broken at 123 Main St", category=None))


def test_the_review_page_shows_what_was_understood_and_how_surely(owner, plan):
    text = text_of(owner, plan)
    for shown in (
        "What was understood",
        "Water leak or burst main",
        "83% sure",
        "about 40",
        "30% sure",
        "High",
    ):
        assert shown in text
    assert "read by a model" in text


def test_the_review_page_shows_how_the_draft_was_made(owner, plan):
    text = text_of(owner, plan)
    for shown in (
        "How this draft was made", "gpt-canary", "version 7", "12,345 sent, 678 written", "$0.0123", "4.2 s",
        "Burst mains", "Note mend", "1 policy was read and not cited", "Hydrants", "Call 1: choose, 1.5 s",
        "&lt;b&gt;sent&lt;/b&gt;", "It leaks.",
    ):  # fmt: skip
        assert shown in text, shown


def test_the_review_page_shows_the_first_step_under_headings_that_can_be_read(owner, plan):
    text = " ".join(text_of(owner, plan).split())
    for row in (
        "<dt>Category</dt><dd><bdi>Water leak or burst main, 83% sure</bdi></dd>",
        "<dt>Activities</dt><dd><bdi>Send a crew</bdi><br><bdi>Update the issue</bdi></dd>",
        "<dt>Policies</dt><dd><bdi>Burst mains, version 3</bdi></dd>",
        "<dt>Why</dt><dd><bdi>Ann Lee&#x27;s cellar is wet.</bdi></dd>",
    ):
        assert row in text, row
    assert "What it chose to write from" in text
    assert "confidence 0.83" not in text and "dispatch_crew" not in text


@pytest.mark.parametrize(
    "chosen", [None, "x", 7, {}, {"passages": 7, "activities": {"a": 1}, "confidence": "x"}]
)
def test_a_first_step_of_any_form_is_shown(owner, report, chosen):
    plan = made(report("A pipe is broken", category=None), detail={"chosen": chosen})
    assert "How this draft was made" in text_of(owner, plan)


def test_a_fallback_that_has_a_name_is_said_in_the_readers_language(owner, report):
    fallback = {"code": "planner_no_key", "message": "There is no key for a model."}
    plan = made(
        report("A pipe is broken at 123 Main St", category=None), record=replace(RECORD, fallback=fallback)
    )
    address = reverse("admin:workflows_workflowplan_change", args=[plan.pk])
    page = owner.get(address, headers={"Accept-Language": "nl"}).content.decode()
    assert "Er is geen sleutel voor een taalmodel." in page
    assert "planner_no_key" in page


def test_a_fallback_says_why_the_playbooks_wrote_it(owner, report):
    fallback = {"code": "budget_spent", "message": "The budget of this draft is spent."}
    record = replace(RECORD, cost=None, fallback=fallback)
    text = text_of(owner, made(report("A pipe is broken at 123 Main St", category=None), record=record))
    assert "The budget of this draft is spent." in text
    assert "budget_spent" in text
    assert "not known" in text


def test_an_edit_by_staff_was_made_by_nobody_elses_model(owner, plan, chief):
    replace_plan(plan_id=plan.pk, document={**DRAFT, "description": "New."}, expected_digest=None, by=chief)
    assert "gpt-canary" not in text_of(owner, plan)
    older = owner.get(page(plan), {"revision": "1"}).content.decode()
    assert "gpt-canary" in older


def test_duplicates_are_shown_where_a_draft_is_asked_for_though_the_place_stands_only_in_the_words(
    chief, report
):
    first = report("Water leak at the corner", address="123 Main St")
    new = report("There is a water leak at 123 Main St", category=None)
    text = text_of(signed_in(chief), new)
    assert "Possible duplicates, by the words" in text and first.reference in text
    assert "Possible duplicates" not in text_of(signed_in(chief), report("Water leak", address="9 Elm St"))
    Issue.objects.filter(pk=new.pk).update(status="CLOSED")
    assert first.reference not in text_of(signed_in(chief), new)


def test_duplicates_are_shown_once_where_some_of_them_are_found_by_what_is_on_file(chief, report):
    first = report("Water leak, water leak", address="123 Main St")
    new = report("Water leak", category=None, address="123 Main St")
    panel = text_of(signed_in(chief), new).partition("Possible duplicates")[2].partition("</section>")[0]
    assert panel.count(page(first)) == 1


def test_duplicates_are_shown_while_the_plan_is_still_being_written(chief, outsider, report, settings):
    settings.OPENAI_API_KEY = "a key"
    first = report("Water leak", address="123 Main St")
    new = report("There is a water leak at 123 Main St", category=None)
    client = signed_in(chief)
    asked = client.post(reverse("admin:workflows_workflowplan_draft", args=[new.pk]), follow=True)
    plan = WorkflowPlan.objects.get(issue=new)
    assert plan.status == "DRAFTING"
    for text in (asked.content.decode(), text_of(client, plan)):
        assert "still being written" in text and "Possible duplicates" in text and first.reference in text
    Issue.objects.filter(pk=new.pk).update(department=Department.objects.get(code="parks"))
    text = text_of(signed_in(outsider), plan)
    assert "still being written" in text and first.reference not in text


def test_possible_duplicates_are_shown_on_the_issue_and_on_its_plan(owner, plan, report):
    twin = report("Pipe is broken", address="123 Main Street", hours_ago=3)
    for obj in (plan, plan.issue):
        text = text_of(owner, obj)
        assert "Possible duplicates" in text
        assert twin.reference in text
        assert "3 hours apart" in text


def test_similar_cases_are_shown_with_what_staff_changed(owner, plan, report, chief):
    from workflows import drafting

    earlier = report("A pipe burst under the road")
    planned = PlannedDraft(document=DRAFT, facts=understood(), planner="playbooks")
    other = drafting.create_plan(draft=planned, statement=earlier.statement, issue=earlier, by=chief)
    edited = {**DRAFT, "steps": [DRAFT["steps"][0], factories.note_step("warn", title="Warn the school")]}
    other = replace_plan(plan_id=other.pk, document=edited, expected_digest=None, by=chief)
    approve_plan(plan_id=other.pk, digest=other.current.digest, by=chief)
    text = text_of(owner, plan)
    for shown in (
        "Similar cases",
        earlier.reference,
        "A pipe burst under the road",
        "Warn the school",
        "changes by staff",
    ):
        assert shown in text
    assert f"{page(other)}?revision=2" in text


def test_nothing_of_other_departments_is_shown_beside_a_plan(plan, report, outsider):
    report("Pipe is broken", address="123 Main Street")
    client = signed_in(outsider)
    assert client.get(page(plan)).status_code == 302
    assert client.get(correct(plan.issue)).status_code == 302
    assert client.post(correct(plan.issue), {"urgency": "low"}).status_code == 302
    assert Issue.objects.get(pk=plan.issue_id).urgency == "high"


def test_a_viewer_reads_the_facts_and_cannot_correct_them(plan):
    viewer = signed_in(factories.make_user("viewer", departments=("water",)))
    assert correct(plan.issue) not in text_of(viewer, plan.issue)
    assert viewer.get(correct(plan.issue)).status_code == 403
    assert viewer.post(correct(plan.issue), {"urgency": "low"}).status_code == 403


def form(issue, **changes):
    issue.refresh_from_db()
    facts = {fact.name: "" if fact.value is None else fact.value for fact in facts_of(issue)}
    return {**facts, "version": issue.event_seq, **changes}


def test_staff_correct_one_fact_and_the_others_stay_guesses(owner, plan, staff):
    issue = plan.issue
    assert correct(issue) in text_of(owner, plan)
    response = owner.post(correct(issue), form(issue, urgency="low"))
    assert response.url == page(issue)
    issue.refresh_from_db()
    sources = {fact.name: fact.source for fact in facts_of(issue)}
    assert sources == {
        "category": "openai",
        "place": "openai",
        "urgency": "staff",
        "people_affected": "openai",
    }
    assert f"set by {staff.username}" in text_of(owner, issue)
    assert record_facts(issue, understood(sure={"urgency": 1.0}), "openai") == ()


def test_staff_confirm_the_rest_with_one_tick(owner, plan):
    issue = plan.issue
    owner.post(correct(issue), form(issue, people_affected="", confirm="on"))
    issue.refresh_from_db()
    assert {fact.source for fact in facts_of(issue)} == {"staff"}
    assert issue.people_affected is None


def test_a_correction_of_an_older_page_changes_nothing_and_says_so(owner, plan, chief):
    issue = plan.issue
    late = form(issue, urgency="low")
    owner.post(correct(issue), form(issue, place="5 Elm St"))
    response = owner.post(correct(issue), late)
    assert "changed since you read it" in said(response)
    issue.refresh_from_db()
    assert (issue.address, issue.urgency) == ("5 Elm St", "high")


def test_an_issue_that_was_handed_over_is_gone_from_the_list(owner, plan):
    issue = plan.issue
    response = owner.post(correct(issue), form(issue, category="tree"))
    assert response.url == reverse("admin:issues_issue_changelist")
    issue.refresh_from_db()
    assert issue.department.code == "parks"


@pytest.mark.parametrize(
    "wrong", [{"people_affected": "-1"}, {"urgency": "now"}, {"category": "nonsense"}, {"place": "x" * 201}]
)
def test_a_form_with_a_mistake_comes_back(owner, plan, wrong):
    assert owner.post(correct(plan.issue), form(plan.issue, **wrong)).status_code == 422


def test_hostile_words_are_shown_in_every_panel_and_never_markup(owner, report, chief):
    from workflows import drafting

    for text in HOSTILE:
        twin = report(f"pipe is broken {text}", address="123 Main Street")
        planned = PlannedDraft(
            document={**DRAFT, "workflow_name": text[:100]}, facts=understood(), planner="playbooks"
        )
        other = drafting.create_plan(draft=planned, statement=twin.statement, issue=twin, by=chief)
        steps = [{**DRAFT["steps"][0], "title": text}]
        other = replace_plan(
            plan_id=other.pk, document={**DRAFT, "steps": steps}, expected_digest=None, by=chief
        )
        approve_plan(plan_id=other.pk, digest=other.current.digest, by=chief)
        record = PlannerRecord(
            model=text,
            prompt_version=text[:20],
            exchanges=({"purpose": text, "request": text, "response": [text]},),
            fallback={"code": text, "message": text},
        )
        citation = Citation(document=text, version=1, heading=text, passage=1, steps=(text,))
        chosen = {"category": text, "activities": [text], "passages": [1], "reason": text}
        issue = report("A pipe is broken at 123 Main St", category=None)
        plan = made(issue, record=record, citations=(citation,), detail={"why": text, "chosen": chosen})
        assert_tame(owner.get(page(plan)), text)
        assert_tame(owner.get(page(plan.issue)))
        assert_tame(owner.post(correct(plan.issue), form(plan.issue, place=text, urgency="now")), text)


def test_a_run_without_anything_known_is_shown_too(owner, report):
    issue = report("A pipe is broken at 123 Main St", category=None)
    plan = made(issue, planner="", record=PlannerRecord(), citations=(), detail={})
    assert PlannerRun.objects.get(plan=plan).status == RunStatus.DONE
    assert "How this draft was made" in text_of(owner, plan)
    assert PlanRevision.objects.filter(plan=plan).count() == 1
