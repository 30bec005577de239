"""A run followed live in a real browser, with the worker and Temporal at work; tasks done by keyboard alone."""

import re

import pytest

from tests.browser.conftest import ARGUMENTS, CHROMIUM, Visit

STATEMENT = "Water leak at 123 Main St, it runs over the sidewalk since this morning"
CREW = "Call out the water crew"


@pytest.fixture
def reported(staff):
    """What a citizen has reported, and nobody has looked at."""
    from issues.models import Category
    from issues.services import report_issue

    return report_issue(
        statement=STATEMENT,
        address="123 Main St",
        category=Category.objects.get(code="water_leak"),
        reporter={"name": "Ada Citizen", "email": "ada@example.org"},
    )


@pytest.fixture
def draft(staff, reported):
    from workflows.drafting import create_plan, draft_for

    planned = draft_for(statement=STATEMENT, issue=reported)
    return create_plan(draft=planned, statement=STATEMENT, issue=reported, by=staff)


@pytest.fixture
def launched(staff, draft):
    from executions.services import launch_execution

    return launch_execution(plan_id=draft.pk, execution_data={}, by=staff, approve=True)


@pytest.fixture
def broken(staff):
    """A run whose only step fails: the city has no numbers for text messages, and a person is asked what to do."""
    from executions.services import launch_execution
    from tests import factories

    step = {
        "step_id": "tell",
        "activity_id": "send_notification",
        "title": "Tell the neighbours",
        "inputs": {"to": "{{ issue.reporter }}", "message": "The water is off.", "channel": "sms"},
        "on_failure": {"escalate": "supervisor"},
    }
    plan = factories.make_plan(factories.document(step, factories.note_step(needs=["tell"])), by=staff)
    return launch_execution(plan_id=plan.pk, execution_data={}, by=staff, approve=True)


def page_of(run):
    return f"/admin/executions/workflowexecution/{run}/change/"


def mark(page):
    """Whoever loads the page again loses the mark."""
    page.evaluate("window.marked = true")


def assert_never_loaded_again(page):
    assert page.evaluate("window.marked") is True


def test_from_a_citizens_words_to_a_completed_run_by_clicks_and_live(staff, live_worker, visit):
    page = visit.page
    visit.sign_in(staff)
    visit.go("Issues")
    page.get_by_role("link", name="Record an issue").click()
    page.get_by_label("What is wrong, in the reporter's words").fill(STATEMENT)
    page.get_by_label("Address", exact=True).fill("123 Main St")
    page.get_by_label("Category").select_option("Water leak or burst main")
    page.get_by_label("Name of the reporter").fill("Ada Citizen")
    page.get_by_label("E-mail address of the reporter").fill("ada@example.org")
    visit.picture("record-an-issue")
    page.get_by_role("button", name="Record the issue").click()
    page.get_by_text("The issue is recorded.").wait_for()
    page.get_by_text("ada@example.org").wait_for()
    page.get_by_role("button", name="Draft a plan").click()
    page.get_by_role("link", name="Approve and launch").first.click()
    page.get_by_role("button", name="Approve and launch").click()
    page.wait_for_url(re.compile(r"/workflowexecution/[0-9a-f-]{36}/change/"))
    mark(page)
    page.locator("#follow-live", has_text="Live").wait_for()
    page.locator(".mr-waits .mr-what").get_by_role("link", name=CREW).wait_for(timeout=60_000)
    visit.picture("run-waits")

    desk = page.context.new_page()
    desk.goto("/admin/executions/humantask/mine/")
    desk.get_by_role("button", name="Claim").click()
    desk.get_by_text("The task is yours.").wait_for()
    page.locator(".mr-waits").get_by_text(staff.username, exact=True).wait_for()
    desk.get_by_role("link", name=CREW).click()
    desk.get_by_label("Crew", exact=True).fill("Crew 7")
    desk.get_by_role("button", name="Send the answer").click()
    desk.get_by_text("Thank you.").wait_for()

    page.get_by_text("7 of 7 steps have ended").wait_for(timeout=60_000)
    page.locator(".md-head .md-badge", has_text="Completed").wait_for()
    assert_never_loaded_again(page)
    assert page.locator("#follow-live").is_hidden()
    page.get_by_text("E-mail to the reporter").first.wait_for()
    visit.picture("run-completed")


def test_where_events_cannot_be_had_the_page_asks_again_and_stays_current(
    staff, launched, live_worker, visit
):
    page, run = visit.page, str(launched.pk)
    visit.sign_in(staff)
    page.route("**/events?*", lambda route: route.fulfill(status=406, body=""))
    page.goto(page_of(run))
    mark(page)
    page.locator("#follow-live", has_text="Asks again every few seconds").wait_for()
    page.locator(".mr-waits .mr-what").get_by_role("link", name=CREW).wait_for(timeout=60_000)
    page.get_by_role("link", name="Pause").wait_for()
    other = page.context.new_page()
    other.goto(page_of(run))
    other.get_by_role("link", name="Pause").click()
    other.get_by_label("Reason").fill("The street is closed.")
    other.get_by_role("button", name="Pause").click()
    other.get_by_text("The run is paused.").wait_for()
    page.get_by_text("The street is closed.").first.wait_for()
    page.get_by_role("link", name="Resume").wait_for()
    assert_never_loaded_again(page)
    visit.wrong = [one for one in visit.wrong if "406" not in one]  # the browser notes what it was refused
    visit.at_ease()


def test_what_is_open_and_what_has_the_focus_stay_so_while_the_page_changes(
    staff, launched, live_worker, visit
):
    page, run = visit.page, str(launched.pk)
    visit.sign_in(staff)
    page.goto(page_of(run))
    page.locator(".mr-waits .mr-what").get_by_role("link", name=CREW).wait_for(timeout=60_000)
    page.get_by_text("History, ").click()
    page.get_by_text("Over time").click()
    summary = page.locator("summary", has_text="History, ")
    summary.focus()
    before = summary.text_content()
    other = page.context.new_page()
    other.goto(page_of(run))
    other.get_by_role("link", name="Pause").click()
    other.get_by_label("Reason").fill("The street is closed.")
    other.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused since").wait_for()
    assert summary.text_content() != before
    assert page.evaluate("document.activeElement.textContent") == summary.text_content()
    assert page.get_by_text("Execution paused").is_visible()
    assert not page.locator(".mr-timeline ol").is_visible()
    visit.at_ease()


def test_a_failed_step_is_left_out_from_the_runs_page(staff, broken, live_worker, visit):
    page, run = visit.page, str(broken.pk)
    visit.sign_in(staff)
    page.goto(page_of(run))
    page.get_by_role("link", name="Go on without it").wait_for(timeout=60_000)
    visit.picture("run-failed-step")
    page.get_by_role("link", name="Go on without it").click()
    page.get_by_label("Reason").fill("They were told by loudspeaker.")
    visit.picture("run-skip")
    page.get_by_role("button", name="Go on without it").click()
    page.locator(".md-head .md-badge", has_text="Completed").wait_for(timeout=60_000)
    visit.at_ease()


# --- by keyboard alone ------------------------------------------------------------------------------


@pytest.fixture
def tasks(staff):
    """Three tasks for a supervisor, one of them with a form."""
    from datetime import timedelta

    from django.utils import timezone

    from executions.crews import CREW_FORM
    from executions.models import HumanTask, StepRun
    from executions.services import launch_execution
    from executions.tasks import open_task
    from tests import factories

    plan = factories.make_plan(by=staff)
    run = launch_execution(plan_id=plan.pk, execution_data={}, by=staff, approve=True)
    step = StepRun.objects.select_related("execution__plan__issue__department").get(execution=run)
    crew = open_task(step, kind="dispatch_crew", title="Send a crew", outcomes=["done"], form=CREW_FORM)
    for at, title in enumerate(("Approve: close the lane", "Approve: dig"), 2):
        task = open_task(step, kind="approval", title=title, outcomes=["approve", "reject"], suffix=str(at))
        HumanTask.objects.filter(pk=task.pk).update(due_at=timezone.now() + timedelta(days=at))
    HumanTask.objects.filter(pk=crew.pk).update(due_at=timezone.now() - timedelta(hours=1))


def focused(page):
    return page.evaluate("document.activeElement.innerText")


def test_tasks_are_done_by_keyboard_alone(staff, tasks, visit):
    page = visit.page
    visit.sign_in(staff)
    page.goto("/admin/executions/humantask/mine/")
    page.get_by_text("Send a crew").wait_for()
    visit.picture("inbox")
    page.keyboard.press("?")
    page.get_by_text("claim the task that has the focus").wait_for()
    visit.picture("inbox-keys")
    page.keyboard.press("j")
    assert focused(page) == "Send a crew"
    page.keyboard.press("j")
    assert focused(page) == "Approve: close the lane"
    ring = page.evaluate(
        "(({outlineStyle: s, outlineWidth: w}) => [s, w])(getComputedStyle(document.activeElement))"
    )
    assert ring == ["solid", "2px"]
    page.keyboard.press("k")
    page.keyboard.press("c")
    page.get_by_text("The task is yours.").wait_for()
    page.keyboard.press("j")
    assert focused(page) == "Send a crew"
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Your answer").wait_for()
    page.keyboard.press("e")
    assert page.evaluate("document.activeElement.name") == "answer-crew"
    page.keyboard.type("Crew 7, called by phone")  # no key of these does anything but write
    page.keyboard.press("Tab")
    page.keyboard.type("Clamped the joint.")
    assert page.evaluate("document.activeElement.value") == "Clamped the joint."
    visit.picture("task-by-keyboard")
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    page.get_by_text("Thank you.").wait_for()
    page.get_by_text("Crew 7, called by phone").wait_for()
    visit.picture("task-over")
    page.keyboard.press("n")
    page.locator(".md-title", has_text="Approve: close the lane").wait_for()
    page.keyboard.press("r")
    page.locator(".md-title", has_text="Hand this task on?").wait_for()
    visit.picture("task-hand-on")
    page.go_back()
    page.keyboard.press("m")
    page.get_by_role("heading", name="To take, for my groups").wait_for()
    visit.at_ease()


def test_single_keys_can_be_switched_off(staff, tasks, visit):
    page = visit.page
    visit.sign_in(staff)
    page.goto("/admin/executions/humantask/mine/")
    page.keyboard.press("?")
    page.get_by_label("Single keys do something").uncheck()
    page.reload()
    page.get_by_text("Send a crew").wait_for()
    page.keyboard.press("j")
    page.keyboard.press("a")
    assert page.evaluate("document.activeElement.tagName") == "BODY"
    assert page.url.endswith("/mine/")
    page.locator("summary", has_text="Keys").click()
    assert not page.get_by_label("Single keys do something").is_checked()
    visit.at_ease()


# --- without JavaScript -----------------------------------------------------------------------------


@pytest.fixture
def plain_visit(live_web):
    """A browser that runs no scripts."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        visit = Visit(browser, live_web.url)
        context = browser.new_context(base_url=live_web.url, java_script_enabled=False)
        context.set_default_timeout(20_000)
        visit.page = context.new_page()
        yield visit
        browser.close()


def test_without_javascript_everything_works_but_nothing_is_live(staff, tasks, plain_visit):
    page = plain_visit.page
    plain_visit.sign_in(staff)
    page.goto("/admin/executions/humantask/mine/")
    page.get_by_role("button", name="Claim").first.click()
    page.get_by_role("link", name="Send a crew").click()
    page.get_by_role("link", name="the run of").click()
    page.get_by_text("This page stays as it is until it is loaded again").wait_for()
    page.get_by_role("link", name="Pause").click()
    page.get_by_label("Reason").fill("The street is closed.")
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused since").wait_for()
    page.locator(".mr-waits .mr-what").get_by_role("link", name="Send a crew").click()
    page.get_by_label("Crew", exact=True).fill("Crew 7")
    page.get_by_role("button", name="Send the answer").click()
    page.get_by_text("Thank you.").wait_for()
