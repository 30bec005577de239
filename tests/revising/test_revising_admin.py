"""Asking for a change in words and reading what differs, on the pages of the admin."""

import pytest
from django.test import Client
from django.urls import reverse

from tests import factories
from tests.admin.looking import HOSTILE, assert_tame, said
from tests.revising.answers import revision, with_police
from workflows.models import PlannerRun, PlanStatus, WorkflowPlan
from workflows.services import current_revision, replace_plan

BOX = 'name="instruction"'


def signed_in(*groups, departments=("water",)):
    client = Client()
    client.force_login(factories.make_user(*groups, departments=departments))
    return client


@pytest.fixture
def plan(city):
    return factories.make_plan()


@pytest.fixture
def owner(city):
    return signed_in("planner", "approver")


def page(plan):
    return reverse("admin:workflows_workflowplan_change", args=[plan.pk])


def asking_page(plan):
    return reverse("admin:workflows_workflowplan_revise", args=[plan.pk])


def diff_page(plan, query=""):
    return reverse("admin:workflows_workflowplan_diff", args=[plan.pk]) + query


def ask(client, plan, instruction="also tell the traffic police", digest=None):
    given = {"instruction": instruction, "digest": digest or current_revision(plan).digest}
    return client.post(asking_page(plan), given)


def edited(plan, document):
    return replace_plan(
        plan_id=plan.pk, document=document, expected_digest=None, by=factories.make_user("planner")
    )


def test_staff_ask_in_words_and_read_what_came_of_it(owner, plan, model, carried_out):
    assert BOX in owner.get(page(plan)).content.decode()
    answer = ask(owner, plan)
    [run] = PlannerRun.objects.filter(purpose="revise")
    address = reverse("admin:workflows_workflowplan_revision_run", args=[plan.pk, run.pk])
    assert answer.url == address
    waiting = owner.get(address).content.decode()
    assert "is being written" in waiting
    assert 'data-follow="' in waiting
    model.revise(revision(with_police(current_revision(plan).document), "The police are told first."))
    carried_out()
    shown = owner.get(address).content.decode()
    assert "The police are told first." in shown
    assert "Tell the traffic police" in shown
    assert "Read it and decide" in shown
    assert "data-follow" not in shown
    plans_page = owner.get(page(plan)).content.decode()
    assert "1 change</a>" in plans_page
    assert "asked for in words" in plans_page


def test_the_page_of_a_change_in_words_shows_how_it_was_made_also_where_nothing_came_of_it(
    owner, plan, model, carried_out
):
    for answer, shown in (("I would rather not.", "I would rather not."), (None, "Tell the traffic police")):
        ask(owner, plan)
        run = PlannerRun.objects.filter(purpose="revise").latest("created_at")
        address = reverse("admin:workflows_workflowplan_revision_run", args=[plan.pk, run.pk])
        assert "How this draft was made" not in owner.get(address).content.decode()
        model.reset()
        model.revise(answer or revision(with_police(current_revision(plan).document), "Told."))
        carried_out()
        text = owner.get(address).content.decode()
        for words in (
            "How this draft was made",
            "100 sent, 50 written",
            "Call 1: revise",
            "Came back",
            shown,
        ):
            assert words in text, words


def test_a_failure_is_told_in_words_on_both_pages(owner, plan, model, carried_out):
    ask(owner, plan)
    edited(plan, factories.document(name="Meanwhile"))
    model.revise(revision(with_police(current_revision(plan).document)))
    carried_out()
    run = PlannerRun.objects.get(purpose="revise")
    text = owner.get(
        reverse("admin:workflows_workflowplan_revision_run", args=[plan.pk, run.pk])
    ).content.decode()
    assert "Nothing was changed" in text
    assert "The plan was changed while the revision was being written" in text
    assert (
        "The plan was changed while the revision was being written" in owner.get(page(plan)).content.decode()
    )


def test_asking_is_about_the_text_that_was_read(owner, plan, model):
    answer = ask(owner, plan, digest="0" * 64)
    assert "changed since you read it" in said(answer)
    assert answer.url == page(plan)
    assert not PlannerRun.objects.filter(purpose="revise").exists()


@pytest.mark.parametrize("instruction", ["", " ", "!?", "x" * 4_001, "\x00", "a\x00b"])
def test_an_instruction_that_says_nothing_is_refused_with_a_word(owner, plan, model, instruction):
    answer = ask(owner, plan, instruction)
    assert answer.url == page(plan)
    assert said(answer)
    assert not PlannerRun.objects.filter(purpose="revise").exists()


def test_without_a_model_there_is_no_box_and_a_word_of_why(owner, plan):
    text = owner.get(page(plan)).content.decode()
    assert BOX not in text
    assert "There is no model here" in text
    assert "OPENAI_API_KEY is not set" in said(ask(owner, plan))


def test_who_only_reads_has_no_box_and_may_not_ask_and_an_outsider_finds_nothing(plan, model):
    colleague = signed_in("viewer")
    assert BOX not in colleague.get(page(plan)).content.decode()
    assert ask(colleague, plan).status_code == 403
    assert colleague.get(diff_page(plan)).status_code == 200
    outsider = signed_in("planner", departments=("parks",))
    assert ask(outsider, plan).url == reverse("admin:index")
    assert outsider.get(diff_page(plan)).url == reverse("admin:index")
    assert Client().get(diff_page(plan)).url.startswith(reverse("admin:login"))
    assert Client().post(asking_page(plan)).url.startswith(reverse("admin:login"))
    assert not PlannerRun.objects.filter(purpose="revise").exists()


def test_a_plan_that_cannot_change_any_more_has_no_box(owner, plan, model):
    WorkflowPlan.objects.filter(pk=plan.pk).update(status=PlanStatus.ARCHIVED)
    assert BOX not in owner.get(page(plan)).content.decode()
    assert "cannot be changed any more" in said(ask(owner, plan))


def test_an_older_revision_is_read_without_a_box(owner, plan, model):
    edited(plan, factories.document(name="Newer"))
    assert BOX not in owner.get(page(plan) + "?revision=1").content.decode()


def test_any_two_revisions_are_compared_field_by_field(owner, plan):
    edited(plan, factories.document(factories.note_step(), factories.note_step("more"), name="Second"))
    edited(plan, factories.document(factories.note_step(inputs={"note": "Other."}), name="Third"))
    text = owner.get(diff_page(plan, "?from=1&to=2")).content.decode()
    assert "New step" in text
    assert '<del class="md-text">A plan</del><ins class="md-text">Second</ins>' in text
    text = owner.get(diff_page(plan)).content.decode()
    assert "Revision 2 and revision 3" in text
    assert "Gone" in text
    assert '<del class="md-text">This is note.</del><ins class="md-text">Other.</ins>' in text
    assert "Nothing differs." in owner.get(diff_page(plan, "?from=2&to=2")).content.decode()


@pytest.mark.parametrize(
    "query", ["?to=9", "?from=9", "?to=x", "?from=²", "?to=99999999999", "?to=%00", "?to=0"]
)
def test_revisions_that_are_not_there_lead_back_or_to_the_last_difference(owner, plan, query):
    assert owner.get(diff_page(plan, query)).status_code in {200, 302}


def test_a_run_of_another_plan_is_not_shown(owner, plan, model):
    ask(owner, plan)
    run = PlannerRun.objects.get(purpose="revise")
    other = factories.make_plan()
    stray = reverse("admin:workflows_workflowplan_revision_run", args=[other.pk, run.pk])
    assert owner.get(stray).url == page(other)


def test_hostile_words_are_shown_as_they_are(owner, plan, model, carried_out):
    hostile = " ".join(HOSTILE)
    ask(owner, plan, hostile)
    document = current_revision(plan).document
    document["steps"][0].update(title=hostile, reason=hostile, inputs={hostile: hostile})
    model.revise(revision(document, hostile))
    carried_out()
    run = PlannerRun.objects.get(purpose="revise")
    address = reverse("admin:workflows_workflowplan_revision_run", args=[plan.pk, run.pk])
    for one in (address, page(plan), diff_page(plan)):
        assert_tame(owner.get(one))


def test_texts_that_are_no_plan_are_compared_too(owner, plan):
    edited(plan, {"steps": [1, {"step_id": ["x"], "inputs": 3, "when": 7}]})
    assert owner.get(diff_page(plan)).status_code == 200
    edited(plan, [1, 2])
    assert "The plan itself" in owner.get(diff_page(plan)).content.decode()


def test_the_pages_ask_the_database_no_more_for_many_revisions(owner, plan, django_assert_max_num_queries):
    for number in range(10):
        edited(plan, factories.document(name=f"Name {number}"))
    with django_assert_max_num_queries(40):
        owner.get(page(plan))
    with django_assert_max_num_queries(25):
        owner.get(diff_page(plan, "?from=1"))
