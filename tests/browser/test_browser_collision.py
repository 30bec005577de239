"""Two reviewers at the same plan, each in a browser of their own."""

import re

import pytest

from tests.browser.conftest import ARGUMENTS, CHROMIUM, Visit

STATEMENT = "Water leak at 123 Main St, it runs over the sidewalk since this morning"


@pytest.fixture
def reviewers(transactional_db):
    """A supervisor and a colleague of the same department, and the address of a draft for both."""
    from django.urls import reverse

    from tests import factories
    from workflows.drafting import create_plan, draft_for

    factories.load_city()
    people = [
        factories.make_user("supervisor", departments=("water",), password="a long password")
        for _ in range(2)
    ]
    plan = create_plan(draft=draft_for(statement=STATEMENT), statement=STATEMENT, by=people[0])
    return people, plan, reverse("admin:workflows_workflowplan_change", args=[plan.pk])


@pytest.fixture
def outcome(reviewers):
    """Looks at the plan once the browsers are closed."""
    _, plan, _ = reviewers
    yield
    plan.refresh_from_db()
    assert (plan.status, plan.current.number) == ("APPROVED", 2)
    assert plan.current.document["steps"][1]["title"] == "Call out two crews"
    assert plan.current.approvals.get().digest == plan.current.digest


@pytest.fixture
def desks(live_web):
    """Two browsers. To be asked for last: while they run, the test may not use the ORM."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield Visit(browser, live_web.url), Visit(browser, live_web.url)
        browser.close()


def test_an_approval_of_what_a_colleague_changes_meanwhile_is_refused_and_the_change_is_shown(
    reviewers, outcome, desks
):
    (first, second), _, address = reviewers
    mine, theirs = desks
    mine.sign_in(first)
    theirs.sign_in(second)

    mine.page.goto(address)
    mine.page.get_by_role("link", name="Approve", exact=True).first.click()
    mine.page.get_by_role("button", name="Approve", exact=True).wait_for()

    theirs.page.goto(address)
    theirs.page.get_by_role("link", name="Change step 2").click()
    theirs.page.get_by_label("What is done").fill("Call out two crews")
    theirs.page.get_by_role("button", name="Save as a new revision").click()
    theirs.page.get_by_text("Saved as revision 2.").wait_for()
    theirs.at_ease()

    mine.page.get_by_role("button", name="Approve", exact=True).click()
    mine.page.wait_for_url(re.compile(r"/diff/\?from=1&to=2"))
    mine.page.get_by_text("changed since you read it").wait_for()
    mine.page.locator("ins", has_text="Call out two crews").wait_for()
    mine.picture("collision")

    mine.page.get_by_role("link", name="Read it whole and decide").click()
    mine.page.get_by_role("link", name="Approve", exact=True).first.click()
    mine.page.get_by_role("button", name="Approve", exact=True).click()
    mine.page.get_by_text("Approved.").wait_for()
    mine.at_ease()


def test_the_keyboard_alone_reaches_a_step_through_the_picture(reviewers, desks):
    (first, _), _, address = reviewers
    desk, _ = desks
    desk.sign_in(first)
    desk.page.goto(address)
    box = desk.page.locator("a.md-graph-step").nth(2)
    box.focus()
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_url(re.compile(r"#step-3$"))
    assert desk.page.locator("#step-3").evaluate("card => card.matches(':target')")
    desk.at_ease()
