"""Issues like this one, the plans that were approved for them, and what staff had to change."""

import pytest

from issues.models import Issue
from tests import factories
from tests.api.client import Api
from workflows.cases import likely_duplicates, past_cases, similar_cases
from workflows.models import PlannerRun, WorkflowPlan
from workflows.planning.base import PlannedDraft
from workflows.services import approve_plan, reject_plan, replace_plan

DRAFT = factories.document(factories.note_step("look"), factories.note_step("mend"), name="Mend it")


@pytest.fixture
def planned(chief):
    """Store a plan for an issue as a planner's draft, let staff edit it, and approve it."""
    from workflows import drafting
    from workflows.planning.base import Facts

    def make(issue, *, edited=None, approve=True):
        facts = Facts(
            category=issue.category.code if issue.category else "other",
            confidence=1.0,
            place="",
            urgency="normal",
        )
        draft = PlannedDraft(document=DRAFT, facts=facts, planner="playbooks")
        plan = drafting.create_plan(draft=draft, statement=issue.statement, issue=issue, by=chief)
        if edited is not None:
            plan = replace_plan(plan_id=plan.pk, document=edited, expected_digest=None, by=chief)
        if approve:
            plan = approve_plan(plan_id=plan.pk, digest=plan.current.digest, by=chief)
        return plan

    return make


def references(cases):
    return [case.issue for case in cases]


def test_a_case_says_which_steps_were_approved_and_what_staff_changed_in_the_draft(report, planned):
    steps = [DRAFT["steps"][0], factories.note_step("warn", title="Warn the neighbours")]
    first = report("Water leak under the bridge")
    planned(first, edited={**DRAFT, "steps": steps})
    (case,) = past_cases(report("Water leak in the park"))
    assert (case.issue, case.category) == (first.reference, "water_leak")
    assert case.steps == ("Note look", "Warn the neighbours")
    assert any("Warn the neighbours" in sentence for sentence in case.changed)
    assert any("Note mend" in sentence and "gone" in sentence for sentence in case.changed)


def test_a_draft_that_was_approved_untouched_has_no_changes(report, planned):
    planned(report())
    (case,) = past_cases(report())
    assert case.changed == ()


def test_only_issues_whose_plan_was_approved_and_not_rejected_count(report, planned, chief):
    planned(report(), approve=False)
    plan = planned(report())
    reject_plan(plan_id=plan.pk, reason="No.", by=chief)
    assert past_cases(report()) == []


def test_an_edit_after_the_approval_does_not_change_what_was_approved(report, planned, chief):
    plan = planned(report())
    replace_plan(
        plan_id=plan.pk, document={**DRAFT, "steps": [DRAFT["steps"][0]]}, expected_digest=None, by=chief
    )
    (case,) = past_cases(report())
    assert case.steps == ("Note look", "Note mend")


def test_the_same_kind_comes_first_and_in_it_the_most_similar_words(report, planned):
    hydrant = report("A hydrant was knocked over and sprays water")
    main = report("The water main burst at the school")
    sewer = report("Sewage runs out of the water main at the school", category="sewer")
    Issue.objects.filter(pk=sewer.pk).update(department=main.department)
    for issue in (main, hydrant, sewer):
        planned(issue)
    asked = report("Burst water main near a school")
    assert references(past_cases(asked)) == [main.reference, hydrant.reference, sewer.reference]
    assert references(past_cases(asked, 1)) == [main.reference]


def test_a_case_of_another_kind_needs_words_that_are_alike(report, planned):
    sewer = report("Bad smell from the drain", category="sewer")
    Issue.objects.filter(pk=sewer.pk).update(department=report().department)
    planned(sewer)
    assert past_cases(report("A hydrant was knocked over")) == []


def test_an_issue_without_a_kind_is_compared_with_the_kind_that_was_found_or_that_its_words_suggest(
    report, planned
):
    planned(first := report("Hydrant knocked over by a truck"))
    unknown = report("It is wet everywhere", category=None)
    assert past_cases(unknown) == []
    assert references(past_cases(unknown, category="water_leak")) == [first.reference]
    assert references(past_cases(report("A water pipe leaks", category=None))) == [first.reference]


def test_cases_stay_within_the_department(report, planned, staff, outsider, chief):
    planned(report("A tree fell on the road", category="tree"))
    asked = report("A tree fell on the road", category="water_leak")
    assert past_cases(asked) == []
    assert similar_cases(asked, viewer=staff) == []
    assert len(similar_cases(asked, viewer=outsider)) == 1
    assert len(similar_cases(asked, viewer=chief)) == 1


def test_an_earlier_issue_of_the_same_plan_is_no_case_of_itself(report, planned):
    issue = report()
    planned(issue)
    assert past_cases(issue) == []


def test_personal_data_in_an_earlier_case_is_masked(report, planned):
    reporter = {"name": "Ada Canary", "email": "ada.canary@example.org", "phone": "+1 404 555 0134"}
    statement = "Ada Canary here: water leak, call +1 404 555 0134 or write to ada.canary@example.org"
    steps = [factories.note_step("tell", title="Tell Ada Canary")]
    planned(report(statement, reporter=reporter), edited={**DRAFT, "steps": steps})
    (case,) = past_cases(report())
    text = repr(case)
    for secret in ("Ada", "Canary", "canary", "555"):
        assert secret not in text
    assert "water leak" in case.statement


@pytest.mark.parametrize(
    "words", ["' | !", "\\'", "a & b <-> c:*", "???", "' OR 1=1 --", "水漏れ", "the of and"]
)
def test_no_words_can_break_the_search(report, planned, words):
    planned(report())
    assert len(past_cases(report(words))) == 1


def test_it_takes_few_queries_however_many_cases_there_are(report, planned, django_assert_max_num_queries):
    for _ in range(10):
        planned(report())
    issue = Issue.objects.select_related("category", "department").get(pk=report().pk)
    with django_assert_max_num_queries(7):
        assert len(past_cases(issue)) == 3
    assert WorkflowPlan.objects.count() == 10


def test_duplicates_are_pointed_out_before_anything_is_known_of_an_issue(report, chief):
    first = report("Water leak", address="123 Main St")
    new = report("There is a water leak at 123 Main St", category=None)
    assert [one.issue for one in likely_duplicates(new, viewer=chief)] == [first.reference]
    assert Issue.objects.get(pk=new.pk).category is None


def test_a_draft_is_answered_with_its_possible_duplicates(report, chief, staff, outsider):
    first = report("Water leak", address="123 Main St")
    body = {"problem_statement": "There is a water leak at 123 Main St"}
    for caller, expected in ((chief, [first.reference]), (outsider, [])):
        answer = Api(factories.make_key(owner=caller)).post("/workflows/generate", body)
        assert answer.status_code == 201
        assert [one["issue_id"] for one in answer.json()["duplicates"]] == expected
        run = PlannerRun.objects.get(plan=answer.json()["workflow_id"])
        assert [one["issue_id"] for one in run.duplicates] == expected
        Issue.objects.filter(plans=run.plan).update(status="REJECTED", address="", street="")


def test_duplicates_are_pointed_out_while_a_model_still_writes_the_plan(report, chief, settings):
    settings.OPENAI_API_KEY = "a key"
    first = report("Water leak", address="123 Main St")
    body = {"problem_statement": "There is a water leak at 123 Main St"}
    api = Api(factories.make_key(owner=chief))
    answer = api.post("/workflows/generate", body, Prefer="respond-async")
    assert (answer.status_code, answer.json()["status"]) == (202, "DRAFTING")
    assert [one["issue_id"] for one in answer.json()["duplicates"]] == [first.reference]
