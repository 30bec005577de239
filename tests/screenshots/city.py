"""A made-up city for pictures: people who do their work, seen in the middle of a day."""

import json
from typing import Final

from mudda.devstack.site import Site

STAFF: Final = "j.rivera"
PASSWORD: Final = "a long password"


def make_city(site: Site, *, issues: int) -> dict[str, str]:
    """Fill the site; where things are, by the names that ``tests.screenshots.screens`` uses."""
    made = site.manage(
        "shell", "--no-imports", "-c", f"from tests.screenshots.making import make; make({issues})"
    )
    places: dict[str, str] = json.loads(made.strip().splitlines()[-1])
    return places
