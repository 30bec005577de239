"""A change asked for in words, by clicks, with a real worker and Temporal between the page and the model."""

import pytest

from tests.browser.conftest import ARGUMENTS, CHROMIUM, Visit
from tests.revising.answers import revision, with_police

REPORTER = {"name": "Ada Citizen", "email": "ada@example.org"}


@pytest.fixture
def staff(transactional_db):
    from tests import factories

    factories.load_city()
    user = factories.make_user("supervisor", departments=("water",), password="a long password")
    user.username = "j.rivera"
    user.save()
    return user


@pytest.fixture
def draft(staff):
    from workflows.drafting import create_plan, draft_for

    statement = "Water leak at 123 Main St, it runs over the sidewalk since this morning"
    return create_plan(draft=draft_for(statement=statement), statement=statement, reporter=REPORTER, by=staff)


def test_staff_ask_in_words_watch_it_being_written_and_read_what_differs(
    staff, draft, openai_server, start_web, start_worker
):
    from playwright.sync_api import sync_playwright

    document = draft.current.document
    changed = with_police(document)
    changed["steps"] = [dict(step) for step in changed["steps"][:-1]]
    changed["steps"][2]["title"] = "Send the water crew out at once"
    openai_server.revise(
        revision(changed, "The traffic police are told before anything else.", "The last step is gone.")
    )
    with_model = {
        "OPENAI_API_KEY": "sk-test-key",
        "OPENAI_BASE_URL": openai_server.base_url,
        "OPENAI_MODEL": "test-model",
    }
    web = start_web(**with_model)
    start_worker(**with_model)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        visit = Visit(browser, web.url)
        page = visit.page
        visit.sign_in(staff)
        page.goto(f"/admin/workflows/workflowplan/{draft.pk}/change/")
        wish = "also tell the traffic police before closing the lane"
        page.get_by_label("What should be different?").fill(wish)
        visit.picture("revise-ask")
        page.get_by_role("button", name="Ask for it").click()
        page.get_by_text("The traffic police are told before anything else.", exact=True).wait_for(
            timeout=60_000
        )
        visit.picture("revise-done")
        page.get_by_role("link", name="Read it and decide").click()
        page.get_by_text("Revision 2 · written by openai").wait_for()
        visit.picture("revise-plan")
        page.get_by_role("link", name="changes", exact=False).first.click()
        page.get_by_text("Revision 1 and revision 2").wait_for()
        assert page.locator("ins", has_text="Send the water crew out at once").count() == 1
        visit.picture("revise-diff")
        browser.close()
