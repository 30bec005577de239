"""A task with files in a real browser: the theme's scripts are part of what a person uses."""

import pytest

from tests.browser.conftest import ARGUMENTS, CHROMIUM, Visit
from tests.links.pictures import paper, picture


@pytest.fixture
def crew(transactional_db):
    """A task of a crew that has said that it comes, and a supervisor who may decide it."""
    from executions.crews import CREW_FORM
    from executions.models import HumanTask, StepRun
    from executions.services import launch_execution
    from executions.tasks import open_task
    from tests import factories

    staff = factories.make_user("supervisor", departments=("water",), password="a long password")
    run = launch_execution(
        plan_id=factories.make_plan(by=staff).pk, execution_data={}, by=staff, approve=True
    )
    step = StepRun.objects.select_related("execution__plan__issue__department").get(execution=run)
    task = open_task(step, kind="dispatch_crew", title="Call out", outcomes=["done"], form=CREW_FORM)
    HumanTask.objects.filter(pk=task.pk).update(crew="Crew 7", accepted_at=task.opened_at)
    return staff, task


@pytest.fixture
def desk(live_web):
    """To be asked for last: while the browser runs, the test may not use the ORM."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield Visit(browser, live_web.url)
        browser.close()


@pytest.fixture
def answered(crew):
    """Looks at the task once the browser is closed."""
    _, task = crew
    yield
    task.refresh_from_db()
    assert (task.answer["crew"], task.answer["notes"]) == ("Crew 7", "Clamped the joint.")
    assert len(task.answer["photos"]) == 2


def test_choosing_files_changes_no_other_field_and_a_bad_one_loses_nothing(crew, answered, desk, tmp_path):
    staff, task = crew
    contents = {"leak.jpg": picture(), "estimate.pdf": paper(), "program.jpg": b"MZ not a picture"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    page = desk.page
    desk.sign_in(staff)
    page.goto(f"/admin/executions/humantask/{task.pk}/change/")
    page.get_by_label("What was done").fill("Clamped the joint.")
    page.get_by_label("Add files: Photos").set_input_files([tmp_path / name for name in contents])
    assert page.get_by_label("Crew").input_value() == "Crew 7"
    page.get_by_role("button", name="Send the answer").click()
    page.get_by_text("program.jpg: ").wait_for()
    assert page.get_by_label("Crew").input_value() == "Crew 7"
    assert page.get_by_label("Send along").count() == 2
    desk.wrong = [one for one in desk.wrong if " 422 " not in one]  # the browser notes the refusal
    desk.picture("task-files")
    page.get_by_role("button", name="Send the answer").click()
    page.get_by_text("Thank you.").wait_for()
    page.locator(".md-photo img").first.wait_for()
    desk.picture("task-files-decided")
