"""A plan that is still being written, in the admin."""

from concurrent.futures import ThreadPoolExecutor
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from mudda import events
from tests import factories
from tests.admin.looking import said
from tests.drafting.answers import STATEMENT, answers_well
from workflows.drafting import ask_for_draft
from workflows.models import WorkflowPlan


@pytest.fixture
def staff(city):
    return factories.make_user("supervisor", password="a long password")


@pytest.fixture
def signed_in(staff):
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def drafting(with_model, staff):
    """A plan that waits for a worker."""
    return ask_for_draft(statement=STATEMENT, by=staff).plan


def page(plan):
    return reverse("admin:workflows_workflowplan_change", args=[plan.pk])


def test_the_button_asks_for_a_draft_and_leads_to_its_page(signed_in, with_model):
    from issues.services import report_issue

    issue = report_issue(statement=STATEMENT)
    answer = signed_in.post(reverse("admin:workflows_workflowplan_draft", args=[issue.pk]))
    plan = WorkflowPlan.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, page(plan))
    assert plan.status == "DRAFTING"
    assert "is being written" in said(answer)


def test_without_a_model_the_button_leads_to_a_draft(signed_in):
    from issues.services import report_issue

    issue = report_issue(statement=STATEMENT)
    answer = signed_in.post(reverse("admin:workflows_workflowplan_draft", args=[issue.pk]))
    assert WorkflowPlan.objects.get().status == "DRAFT"
    assert "A draft is ready" in said(answer)


def test_the_page_and_the_list_show_that_it_is_being_written(signed_in, drafting):
    text = signed_in.get(page(drafting)).content.decode()
    assert "still being written" in text
    assert f'data-events="/workflows/{drafting.pk}/events"' in text
    assert "Drafting" in signed_in.get(reverse("admin:workflows_workflowplan_changelist")).content.decode()


@pytest.mark.parametrize("view", ["approve", "reject", "edit"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_there_is_nothing_to_decide_or_to_change_yet(signed_in, drafting, view, method):
    where = reverse(f"admin:workflows_workflowplan_{view}", args=[drafting.pk])
    answer = getattr(signed_in, method)(where, {"digest": "0" * 64, "reason": "x", "text": "{}"})
    assert (answer.status_code, answer["Location"]) == (302, page(drafting))
    assert "is being written" in said(answer)


def test_there_is_nothing_to_launch_yet(signed_in, drafting):
    where = reverse("admin:executions_workflowexecution_launch", args=[drafting.pk])
    for answer in (signed_in.get(where), signed_in.post(where, {"digest": "0" * 64})):
        assert (answer.status_code, answer["Location"]) == (302, page(drafting))


def test_the_page_says_when_a_stage_came_and_that_it_came_again_or_from_the_playbooks(
    staff, drafting, settings, visit
):
    visit.sign_in(staff)
    visit.page.goto(page(drafting))
    done = visit.page.locator("#drafting .is-done")
    again = visit.page.get_by_text("could not be used")
    playbooks = visit.page.get_by_text("the playbooks write one")

    further = {
        "plan.category_found": {"category": "water_leak", "confidence": 0.9},
        "plan.policies_found": {"passages": []},
        "plan.written": {"steps": 1},
    }
    asked = drafting.created_at.astimezone(ZoneInfo(settings.TIME_ZONE))

    def tell(*types, planner):
        def append():
            with transaction.atomic():
                for type in types:
                    events.append(drafting, type, {"run": "1", "planner": planner, **further[type]})
            connection.close()

        with ThreadPoolExecutor(1) as elsewhere:  # in this thread runs the browser's event loop
            elsewhere.submit(append).result()

    tell("plan.category_found", "plan.policies_found", "plan.written", planner="openai")
    expect(done).to_have_count(4)
    expect(done.first).to_contain_text(f"{asked:%H:}")
    expect(again).to_be_hidden()
    tell("plan.written", planner="openai")
    expect(again).to_be_visible()
    tell("plan.category_found", planner="playbooks")
    expect(playbooks).to_be_visible()
    expect(again).to_be_hidden()
    expect(done).to_have_count(2)
    visit.picture("plan-drafting-by-playbooks")
    visit.at_ease()


def test_the_page_turns_into_the_plan_by_itself(
    staff, drafting, openai_server, with_model, start_worker, visit
):
    answers_well(openai_server)
    visit.sign_in(staff)
    visit.page.goto(page(drafting))
    visit.page.get_by_text("still being written").wait_for()
    visit.picture("plan-drafting")
    start_worker(**with_model)
    visit.page.get_by_role("heading", name="Tell the reporter what happens").wait_for(timeout=60_000)
    visit.at_ease()
