"""``make fuzz``: try the API as every role, 10,000 requests and more, and write docs/fuzz.md."""

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django

from mudda.devstack.site import Site
from mudda.environment import BASE_DIR

PAGE = BASE_DIR / "docs" / "fuzz.md"
UNHURRIED = {"RATE_LIMIT_KEY": "100000000", "RATE_LIMIT_ANONYMOUS": "100000000", "LOG_LEVEL": "WARNING"}
"""A role has one key: with the usual rate most of what is tried would be 429."""


def main(arguments: list[str]) -> int:
    """Try every role; return 0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "--examples", type=int, default=10, help="of each operation and role, besides coverage (10)"
    )
    parser.add_argument("--scenarios", type=int, default=50, help="that follow the links, of each role (50)")
    parser.add_argument("--seed", type=int, default=1, help="another one tries other things (1)")
    parser.add_argument("--role", action="append", help="only this one; may be given again")
    parser.add_argument(
        "--phase", action="append", help="examples, coverage, fuzzing or stateful; all by default"
    )
    parser.add_argument("--out", type=Path, default=PAGE, help=f"the page to write ({PAGE.name})")
    given = parser.parse_args(arguments)
    with running_site() as site:
        from tests.fuzz import callers, page
        from tests.fuzz.running import PHASES, Plan

        phases = tuple(given.phase or PHASES)
        plan = Plan(given.seed, given.examples, given.scenarios, phases=phases)
        found = {}
        callers.seed_city(callers.authorization_of(callers.SERVICE))
        for role in given.role or callers.ROLES:
            found[role] = try_role(site, role, plan)
    page.write_page(given.out, found, plan)
    print(f"\nwritten: {given.out}")
    return 1 if any(outcome.findings for outcome in found.values()) else 0


@contextlib.contextmanager
def running_site() -> Iterator[Site]:
    """A site in a folder of its own, with Django set up for its database in this process; gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="mudda-fuzz-"))
    site = Site(home, UNHURRIED)
    try:
        site.start()
        os.environ.clear()  # nothing of the caller's bends what is tried
        os.environ.update(site.environment, DJANGO_SETTINGS_MODULE="mudda.settings")
        django.setup()
        yield site
    finally:
        site.stop()
        shutil.rmtree(home, ignore_errors=True)


def try_role(site: Site, role: str, plan: Any) -> Any:
    """Try everything as ``role``, and tell how far it is."""
    from tests.fuzz import callers, running

    begun = time.monotonic()
    outcome = running.run(site.url, callers.authorization_of(role), running.read_document(), plan)
    outcome.seconds = time.monotonic() - begun
    print(
        f"{role}: {outcome.total} requests in {outcome.seconds:.0f} s, {len(outcome.findings)} findings",
        flush=True,
    )
    for finding in outcome.findings:
        print(f"\n{finding}\n", flush=True)
    return outcome


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
