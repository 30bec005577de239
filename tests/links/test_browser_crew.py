"""A crew with a phone, from its letter to the end of the run. Debian's Chromium at 390 pixels."""

import email
import email.policy
import os
import re
from pathlib import Path

import pytest

from tests.browser.conftest import ARGUMENTS, CHROMIUM, PHONE
from tests.faults.city import until
from tests.links.pictures import paper, picture

NARROW = {"width": 360, "height": 740}


@pytest.fixture
def launched(transactional_db, temporal_server):
    """The water leak's plan, launched."""
    from executions.services import launch_execution
    from tests import factories
    from workflows.drafting import create_plan, draft_for

    factories.load_city()
    by = factories.make_user("administrator")
    reporter = {"name": "Ada Citizen", "email": "ada@example.org"}
    planned = draft_for(statement=factories.STATEMENT)
    plan = create_plan(draft=planned, statement=factories.STATEMENT, reporter=reporter, by=by)
    return launch_execution(plan_id=plan.pk, execution_data={}, by=by, approve=True)


def letter_to_crew(folder, execution):
    """The text of the letter with the crew's link, once it is there."""
    files = list(folder.glob(f"*{execution}.dispatch*.eml"))
    if not files:
        return ""
    message = email.message_from_bytes(files[0].read_bytes(), policy=email.policy.default)
    return message.get_body(("plain",)).get_content()


def test_a_crew_opens_its_link_accepts_sends_a_photo_and_the_run_completes(
    launched, live_worker, live_web, start_worker, mudda_home, tmp_path
):
    from playwright.sync_api import sync_playwright

    execution = str(launched.pk)
    text = until(lambda: letter_to_crew(mudda_home / "mail", execution))
    link = live_web.url + re.search(r"(/t/[\w-]+)", text)[1]
    (tmp_path / "leak.jpg").write_bytes(picture(size=(1200, 900)))
    (tmp_path / "estimate.pdf").write_bytes(paper())
    (tmp_path / "virus.jpg").write_bytes(b"MZ this is no picture")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(viewport=PHONE, java_script_enabled=False, has_touch=True)
        context.set_default_timeout(20_000)
        wrong = []
        context.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        context.on("request", lambda asked: live_web.url in asked.url or wrong.append(asked.url))
        context.on("response", lambda got: got.status >= 500 and wrong.append(f"{got.status} {got.url}"))
        page = context.new_page()

        def look(name):
            folder = os.environ.get("PYTEST_SCREENSHOTS")
            for size in (NARROW, PHONE):
                page.set_viewport_size(size)
                assert page.locator("html").bounding_box()["width"] <= size["width"]
                wide = page.locator("body").evaluate_handle  # scripts are off in the page, not for us
                assert wide("body => body.scrollWidth").json_value() <= size["width"]
            if folder:
                page.screenshot(path=Path(folder) / f"link-{name}.png", full_page=True)

        page.goto(link)
        assert "/t/" in page.url and link.rpartition("/")[2] not in page.url
        look("offered")
        page.get_by_role("button", name="Accept").click()
        page.get_by_text("Say who comes.").wait_for()
        look("accept-error")
        page.get_by_label("Who comes?").fill("Crew 7")
        page.get_by_role("button", name="Accept").click()
        page.get_by_role("heading", name="When the work is done").wait_for()
        look("accepted")
        page.get_by_label("What was done").fill("Clamped the cracked joint.")
        files = page.get_by_label("Add files: Photos")
        files.set_input_files([tmp_path / "leak.jpg", tmp_path / "estimate.pdf", tmp_path / "virus.jpg"])
        page.get_by_role("button", name="Done").click()
        page.get_by_text("virus.jpg: This is not a JPEG").wait_for()
        assert page.get_by_label("What was done").input_value() == "Clamped the cracked joint."
        assert page.get_by_role("checkbox", checked=True).count() == 2
        look("file-error")
        wrong = [line for line in wrong if "422" not in line]  # the browser says so of a form with errors
        page.get_by_role("button", name="Done").click()
        page.get_by_role("heading", name="Thank you").wait_for()
        look("done")
        page.goto(link)
        page.get_by_text("There is nothing more to do here.").wait_for()
        browser.close()
        assert wrong == []
    until(lambda: _status(launched) == "completed")
    launched.refresh_from_db()
    result = launched.execution_data["results"]["dispatch"]
    assert (result["crew"], result["notes"]) == ("Crew 7", "Clamped the cracked joint.")
    assert len(result["photos"]) == 2
    assert "has repaired the leak" in launched.plan.issue.notes.order_by("pk")[1].text


def _status(execution):
    execution.refresh_from_db()
    return execution.status
