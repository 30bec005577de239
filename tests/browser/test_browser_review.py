"""From a draft to a completed run, by clicks only."""

import re

import pytest

REPORTER = {"name": "Ada Citizen", "email": "ada@example.org"}
STATEMENT = "Water leak at 123 Main St, it runs over the sidewalk since this morning"


@pytest.fixture
def draft(staff):
    from workflows.drafting import create_plan, draft_for

    planned = draft_for(statement=STATEMENT)
    return create_plan(draft=planned, statement=STATEMENT, reporter=REPORTER, by=staff)


@pytest.fixture
def hostile_issue(staff):
    from issues.models import Category
    from issues.services import report_issue, update_issue
    from tests.admin.looking import HOSTILE
    from workflows.drafting import create_plan, draft_for
    from workflows.services import replace_plan

    statement = "Water leak " + " ".join(HOSTILE)
    category = Category.objects.get(code="water_leak")
    issue = report_issue(
        statement=statement, address=HOSTILE[0], category=category, reporter={"name": HOSTILE[1]}
    )
    update_issue(issue_id=issue.pk, note=statement)
    plan = create_plan(
        draft=draft_for(statement=statement, issue=issue), statement=statement, issue=issue, by=staff
    )
    steps = [dict(step) for step in plan.current.document["steps"]]
    for step, text in zip(steps, HOSTILE, strict=False):
        step.update(title=text, reason=text)
    document = {**plan.current.document, "steps": steps, "workflow_name": HOSTILE[1]}
    replace_plan(plan_id=plan.pk, document=document, expected_digest=None, by=staff)
    return issue


def test_staff_find_a_draft_read_it_approve_and_launch_it_and_follow_the_run(
    staff, draft, live_worker, visit
):
    title, reference = draft.title, draft.issue.reference
    page = visit.page
    visit.sign_in(staff)
    visit.picture("home")
    visit.go("Issues")
    visit.picture("issues")
    page.get_by_role("link", name=reference).click()
    visit.picture("issue")
    visit.go("Plans")
    visit.picture("plans")
    page.get_by_role("link", name=title).click()
    page.get_by_role("heading", name="Call out the water crew").wait_for()
    visit.picture("plan-review")
    page.get_by_role("link", name="Edit", exact=True).click()
    visit.picture("plan-edit")
    page.get_by_role("link", name="Back to the plan").click()
    page.get_by_role("link", name="Approve and launch").first.click()
    page.get_by_text("The city begins").or_(page.get_by_text("begins to carry it out")).first.wait_for()
    visit.picture("confirm")
    page.get_by_role("button", name="Approve and launch").click()
    page.wait_for_url(re.compile(r"/workflowexecution/[0-9a-f-]{36}/change/"))
    run = page.url
    page.locator(".mr-waits").get_by_text("Call out the water crew").wait_for(timeout=60_000)
    visit.go("Tasks")
    visit.picture("tasks")
    page.get_by_role("link", name="Call out the water crew").click()
    page.get_by_label("Crew").fill("Crew 7")
    visit.picture("task")
    page.get_by_role("button", name="Send the answer").click()
    page.get_by_text("Thank you.").wait_for()
    visit.picture("task-decided")
    page.goto(run)
    page.get_by_text("7 of 7 steps have ended").wait_for(timeout=60_000)
    page.locator(".md-head .md-badge", has_text="Completed").wait_for()
    page.get_by_text("What went in").first.click()
    visit.picture("run")
    with page.expect_download() as download:
        page.locator("a[href*='/workflows/documents/']").first.evaluate(
            "link => { link.download = ''; link.click(); }"
        )
    assert download.value.path().read_bytes().startswith(b"%PDF")
    visit.at_ease()


def test_hostile_words_do_nothing_in_a_real_browser(staff, hostile_issue, visit):
    page, reference = visit.page, hostile_issue.reference
    visit.sign_in(staff)
    visit.go("Issues")
    visit.at_ease()
    page.get_by_role("link", name=reference).click()
    page.get_by_role("heading", name="What the citizen wrote").wait_for()
    visit.picture("hostile-issue")
    page.get_by_role("heading", name="Plans").locator("..").get_by_role("link").first.click()
    page.get_by_role("heading", name="At a glance").wait_for()
    visit.picture("hostile-plan")
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_role("heading", name="Edit step by step").wait_for()
    visit.picture("hostile-steps")
    page.get_by_role("link", name="Change step 1", exact=True).click()
    visit.picture("hostile-step")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name="As JSON").click()
    page.get_by_role("button", name="Check only").click()
    visit.at_ease()
    page.get_by_role("link", name="Back to the plan").click()
    page.get_by_role("link", name="Approve and launch").first.click()
    visit.picture("hostile-confirm")
    assert page.evaluate("window.pwned") is None


# --- by keyboard alone ------------------------------------------------------------------------------

NAME = """() => {
  const one = document.activeElement;
  return (one.ariaLabel ?? one.labels?.[0]?.firstChild.textContent ?? one.innerText).split("\\n")[0].trim();
}"""
MOST_TABS = 250


def tab_to(page, name):
    """Go on from one thing to the next until what is called so has the focus, and can be seen to have it."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate(NAME) == name:
            ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            shadow = page.evaluate("getComputedStyle(document.activeElement).boxShadow")
            assert ring != "none" or shadow != "none", f"nobody sees that {name} has the focus"
            return
    raise AssertionError(f"a keyboard does not get to {name}")


def test_a_plan_is_edited_approved_and_launched_by_keyboard_alone(staff, draft, visit):
    page = visit.page
    visit.sign_in(staff)
    page.goto(f"/admin/workflows/workflowplan/{draft.pk}/change/")
    tab_to(page, "Edit")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Edit step by step").wait_for()
    tab_to(page, "Change step 2")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save as a new revision").wait_for()
    tab_to(page, "What is done")
    page.keyboard.press("Control+a")
    page.keyboard.type("Call out the night crew")
    tab_to(page, "Save as a new revision")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Back to the plan").wait_for()
    tab_to(page, "Back to the plan")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Call out the night crew").wait_for()
    tab_to(page, "Approve and launch")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Approve and launch").wait_for()
    tab_to(page, "Approve and launch")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/workflowexecution/[0-9a-f-]{36}/change/"))
    page.get_by_text("steps have ended").first.wait_for()
    assert visit.wrong == []
