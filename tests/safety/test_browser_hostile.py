"""Hostile words in a real browser: an issue, a plan, its older revision, a policy and its search. Nothing runs."""

import pytest
from django.urls import reverse

from tests.browser.conftest import ARGUMENTS, CHROMIUM, Visit
from tests.safety import hostile

HANDFUL = [
    hostile.OWN[name]
    for name in (
        "script", "image", "closing", "attribute", "link", "markdown", "Alpine", "frame", "entities", "Django",
        "right to left",
    )
]  # fmt: skip


@pytest.fixture
def pages(transactional_db):
    """Somebody who sees everything, and the addresses of the pages that show the handful."""
    from django.contrib.auth.models import User

    from tests import factories
    from tests.safety.test_hostile_pages import pages_of, planned, policy_of

    factories.load_city()
    boss = User.objects.create_superuser("boss", password="a long password")
    plan, policy = planned(HANDFUL, boss), policy_of(HANDFUL, boss)
    listed = reverse("admin:workflows_policydocument_changelist")
    found = dict(pages_of(plan)) | {
        "policies": listed,
        "policy": reverse("admin:workflows_policydocument_change", args=[policy.pk]),
        "search": f"{listed}?q=%3Cscript%3Ewindow.pwned%3D1%3C%2Fscript%3E",
    }
    return boss, found


def test_nothing_that_somebody_wrote_runs_or_asks_in_a_browser(pages, live_web):
    from playwright.sync_api import sync_playwright

    boss, addresses = pages
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        visit = Visit(browser, live_web.url)
        asked = []
        visit.page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
        visit.sign_in(boss)
        visit.page.wait_for_url("**/admin/")
        for name, address in addresses.items():
            answer = visit.page.goto(address)
            assert answer.status == 200, name
            visit.page.wait_for_load_state("load")
            visit.page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true })")
            visit.page.evaluate(
                "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
            )
            assert visit.page.evaluate("window.pwned === undefined"), name
            assert (asked, visit.wrong) == ([], []), name
        browser.close()
