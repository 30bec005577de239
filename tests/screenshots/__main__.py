"""``make screenshots``: pictures of every screen for docs/screenshots, from a whole site with a made-up city in it.

Light, dark, and at the width of a telephone. They are made by a browser and so are never quite the same twice: this is
run when a screen has changed, by a person who then looks at each.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from mudda.devstack.site import Site
from mudda.environment import BASE_DIR
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.screenshots.city import PASSWORD, STAFF, make_city
from tests.screenshots.screens import SCREENS, Screen

OUT = BASE_DIR / "docs" / "screenshots"
WIDE, PHONE = {"width": 1280, "height": 860}, {"width": 360, "height": 780}
LONGEST = 2_400
"""Pixels of a long page that are shown."""
KINDS = (("light", "light", WIDE), ("dark", "dark", WIDE), ("phone", "light", PHONE))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", action="append", help="the name of a screen; may be given again")
    parser.add_argument("--issues", type=int, default=400, help="how many issues the city has")
    given = parser.parse_args(arguments)
    wanted = [screen for screen in SCREENS if not given.only or screen.name in given.only]
    home = Path(tempfile.mkdtemp(prefix="mudda-screenshots-"))
    city = {"CITY_NAME": "City of Riverton", "TIME_ZONE": "Europe/Amsterdam", "CITY_HOLIDAYS": "NL"}
    site = Site(home, city)
    try:
        site.start()
        places = make_city(site, issues=given.issues)
        given.out.mkdir(parents=True, exist_ok=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            for name, picture in _pictures(browser, site.url, wanted, places):
                (given.out / f"{name}.webp").write_bytes(picture)
                print(f"{name}: {len(picture):,} bytes", flush=True)
            browser.close()
    finally:
        site.stop()
        shutil.rmtree(home, ignore_errors=True)
    return 0


def _pictures(
    browser: Browser, base: str, screens: list[Screen], places: dict[str, str]
) -> Iterator[tuple[str, bytes]]:
    for kind, theme, size in KINDS:
        page = _signed_in(browser, base, theme, size)
        stranger = browser.new_context(base_url=base, viewport=size).new_page()  # type: ignore[arg-type]
        for screen in screens:
            if not screen.signed_in and kind == "dark":
                continue  # pages for everybody have one look
            shown = page if screen.signed_in else stranger
            shown.goto(screen.path(places))
            if screen.before:
                screen.before(shown)
            shown.wait_for_load_state("networkidle") if not screen.follows else shown.wait_for_timeout(800)
            yield f"{screen.name}-{kind}", _picture(shown)


def _signed_in(browser: Browser, base: str, theme: str, size: Any) -> Page:
    context = browser.new_context(base_url=base, viewport=size, reduced_motion="reduce")
    context.add_init_script(f"localStorage.setItem('adminTheme', JSON.stringify('{theme}'))")
    page = context.new_page()
    page.goto("/admin/")
    page.get_by_label("Username").fill(STAFF)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")
    return page


def _picture(page: Page) -> bytes:
    shot = Image.open(BytesIO(page.screenshot(full_page=True)))
    shot = shot.crop((0, 0, shot.width, min(shot.height, LONGEST)))
    written = BytesIO()
    shot.save(written, "WEBP", quality=78, method=6)
    return written.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
