"""A real browser on a real server. Debian's Chromium, driven by Playwright; `make test` says how to install it.

With ``PYTEST_SCREENSHOTS=<folder>`` in the environment the tests leave pictures of the pages there.
"""

import os
from pathlib import Path

import pytest

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
WIDE, PHONE = {"width": 1280, "height": 1000}, {"width": 390, "height": 844}


@pytest.fixture
def staff(transactional_db):
    """A supervisor of the water department; password ``a long password``."""
    from tests import factories

    factories.load_city()
    user = factories.make_user("supervisor", departments=("water",), password="a long password")
    user.username = "j.rivera"
    user.save()
    return user


class Visit:
    """A browser at a site: ``page`` is Playwright's; what must not happen is collected in ``wrong``."""

    def __init__(self, browser, base):
        self.base = base
        self.wrong = []
        context = browser.new_context(viewport=WIDE, base_url=base, reduced_motion="reduce")
        context.set_default_timeout(20_000)
        context.on("request", self._request)
        context.on("response", self._response)
        context.on("weberror", lambda error: self.wrong.append(f"page error: {error.error}"))
        context.on("console", self._console)
        self.page = context.new_page()

    def _request(self, request):
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.wrong.append(f"a request to another host: {request.url}")

    def _response(self, response):
        if response.status >= 500:
            self.wrong.append(f"{response.status} {response.url}")

    def _console(self, message):
        if message.type == "error":
            self.wrong.append(f"console: {message.text} {message.location}")

    def sign_in(self, user):
        self.page.goto("/")
        self.page.get_by_label("Username").fill(user.username)
        self.page.get_by_label("Password").fill("a long password")
        self.page.get_by_role("button", name="Log in").click()

    def go(self, room):
        self.page.locator("#nav-sidebar-apps a", has_text=room).click()
        self.page.locator("h1", has_text=room).wait_for()

    def at_ease(self):
        """Nothing is wider than the screen, and nothing went wrong."""
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert self.page.evaluate(wide) <= 0
        assert self.wrong == []

    def picture(self, name):
        """Pictures at both widths, where somebody wants them; always looks that both are at ease. ``<name>.png``
        is what the wide screen shows without scrolling, for the README."""
        folder = os.environ.get("PYTEST_SCREENSHOTS")
        for width, size in (("wide", WIDE), ("phone", PHONE)):
            self.page.set_viewport_size(size)
            self.at_ease()
            if folder:
                self.page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)
        self.page.set_viewport_size(WIDE)
        if folder:
            self.page.screenshot(path=Path(folder) / f"{name}.png")


@pytest.fixture
def visit(live_web):
    """To be asked for last: while the browser runs, the test may not use the ORM."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield Visit(browser, live_web.url)
        browser.close()
