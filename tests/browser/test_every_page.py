"""How every page of the console behaves in a browser: it runs nothing that its Content-Security-Policy forbids, asks no
other host, fits a telephone, and axe-core finds nothing serious in it. In light and dark, wide and narrow."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.browser.conftest import ARGUMENTS, CHROMIUM, WIDE, Visit
from tests.browser.walk import Walk

NARROW = {"width": 360, "height": 740}
SERIOUS = {"serious", "critical"}
ONLY_FINDINGS = {"resultTypes": ["violations"]}
NOTHING_FOUND = "?q=nothing-is-called-so"


@pytest.fixture
def world(transactional_db, temporal_server):
    from tests.safety.world import World

    world = World()
    world.boss.set_password("a long password")
    world.boss.save()
    return world


@pytest.fixture
def addresses(world):
    """The pages to be looked at, and the sign-in."""
    from executions.admin import FAILURE_WAYS, WAYS
    from executions.models import StepRun
    from mudda.models import ApiKey
    from mudda.reports import reports_for

    values = {
        **world.values,
        "app_label": ["issues", "workflows", "executions", "mudda", "auth"],
        "issue_id": world.issue.pk,
        "plan_id": world.plan["workflow_id"],
        "task_id": [str(world.task.pk), str(world.crews.pk)],
        "key_id": ApiKey.objects.first().pk,
        "way": list(WAYS),
        "run_step": StepRun.objects.filter(execution=world.values["execution_id"]).values_list(
            "step_id", flat=True
        )[0],
        "failure_way": list(FAILURE_WAYS),
        "kind": "water_leak",
        "step_id": "tell_repaired",
        "state": "RESOLVED",
        "category": "water_leak",
        "slug": [report.slug for report in reports_for(world.boss)],
        "name": "figures",
        "filter_id": 1,
    }
    pages = Walk(world.boss, values).pages()
    assert len(pages) > 50
    return pages + [f"/admin/{place}/{NOTHING_FOUND}" for place in ("issues/issue", "executions/humantask")]


class Looker:
    """Looks at pages; ``found`` is what is wrong with them."""

    def __init__(self, visit):
        from axe_playwright_python.base import AXE_FILE_PATH

        self.visit, self.page, self.found = visit, visit.page, []
        self.axe = AXE_FILE_PATH.read_text()
        visit.page.expose_function("violated", lambda what: visit.wrong.append(f"policy: {what}"))
        visit.page.add_init_script(
            "document.addEventListener('securitypolicyviolation', "
            "e => window.violated([e.violatedDirective, e.blockedURI, e.sourceFile, e.lineNumber, e.sample].join(' ')))"
        )

    def look(self, address):
        """Wide in light, narrow in dark: what a theme changes are colours, and what a width changes is the rest."""
        before = len(self.found)
        self.page.set_viewport_size(WIDE)
        self.page.goto(address)
        self.page.wait_for_function("window.Alpine && !document.querySelector('html[x-cloak]')")
        self.page.evaluate(self.axe)
        self._look("light", WIDE, address)
        self._look("dark", NARROW, address)
        self._switch("light")
        self.found += [f"{address}: {one}" for one in self.visit.wrong]
        self.visit.wrong.clear()
        print(*self.found[before:] or [f"{address}: nothing"], sep="\n", flush=True)

    def _look(self, theme, size, address):
        self._switch(theme)
        self.page.set_viewport_size(size)
        where = f"{address} in {theme} at {size['width']}"
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        if (over := self.page.evaluate(wide)) > 0:
            self.found.append(f"{where}: {over} pixels wider than the screen")
        results = self.page.evaluate("options => axe.run(document, options)", ONLY_FINDINGS)
        for violation in results["violations"]:
            if violation["impact"] in SERIOUS:
                nodes = " | ".join(f"{n['target']} {n['html'][:150]}" for n in violation["nodes"][:3])
                self.found.append(f"{where}: {violation['id']} ({violation['impact']}): {nodes}")

    def _switch(self, theme):
        """As a person does it in the menu of the account."""
        self.page.evaluate("theme => Alpine.$data(document.documentElement).switchTheme(theme)", theme)
        self.page.wait_for_function(
            "theme => document.documentElement.classList.contains('dark') === (theme === 'dark')", arg=theme
        )


@pytest.fixture
def arabic(start_web):
    """A site in a language that is written from right to left. To be asked for last, as ``visit``."""
    from playwright.sync_api import sync_playwright

    site = start_web(LANGUAGES="ar", LANGUAGE_CODE="ar")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield Visit(browser, site.url)
        browser.close()


def test_every_page_of_the_console_is_at_ease(world, addresses, visit):
    looker = Looker(visit)
    looker.look("/admin/login/")
    visit.sign_in(world.boss)
    visit.page.wait_for_url("**/admin/")
    for address in addresses:
        looker.look(address)
    assert looker.found == [], "\n".join(looker.found)


def test_the_pages_of_the_api_and_of_errors_ask_nobody_else(world, visit):
    looker = Looker(visit)
    page = visit.page
    visit.sign_in(world.boss)
    page.wait_for_url("**/admin/")
    page.goto("/docs")
    page.locator(".opblock").first.wait_for()
    page.locator(".opblock").first.click()
    assert visit.wrong == []
    for address in ("/admin/nowhere/", "/admin/issues/issue/999999999/change/"):
        page.goto(address)
        visit.wrong = [one for one in visit.wrong if " 404 " not in one]
    assert visit.wrong == looker.found == []


@pytest.fixture
def round_trip(world):
    """Pages of each kind, and the session of somebody who may open them."""
    client = Client()
    client.force_login(world.boss)
    pages = [
        reverse("admin:index"),
        reverse("admin:issues_issue_changelist"),
        reverse("admin:issues_issue_change", args=[world.issue.pk]),
        reverse("admin:workflows_workflowplan_change", args=[world.plan["workflow_id"]]),
        reverse("admin:executions_workflowexecution_change", args=[world.values["execution_id"]]),
        reverse("admin:executions_humantask_change", args=[world.task.pk]),
        reverse("admin:issues_department_add"),
        reverse("admin:playbooks"),
    ]
    return pages, client.cookies["sessionid"].value


def test_from_right_to_left_the_console_turns_round_and_nothing_falls_out(round_trip, arabic):
    pages, session = round_trip
    looker, page = Looker(arabic), arabic.page
    looker.look("/admin/login/")
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": arabic.base}])
    for address in pages:
        looker.look(address)
        assert page.locator("html").get_attribute("dir") == "rtl"
        page.set_viewport_size(WIDE)
        menu, content = page.locator("#nav-sidebar").bounding_box(), page.locator("#content").bounding_box()
        assert menu["x"] >= content["x"] + content["width"] - 1, address
    assert looker.found == [], "\n".join(looker.found)
