"""``make chaos``: carry out 500 runs while everything breaks, and write docs/reliability.md."""

import argparse
import random
import sys
from pathlib import Path

from mudda.environment import BASE_DIR
from tests.chaos.page import write_page
from tests.chaos.running import running_city, weather

PAGE = BASE_DIR / "docs" / "reliability.md"


def main(arguments: list[str]) -> int:
    """Return 0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=500, help="plans that are carried out (500)")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="what breaks (any)")
    parser.add_argument("--out", type=Path, default=PAGE, help=f"the page to write ({PAGE.name})")
    given = parser.parse_args(arguments)
    print(f"seed {given.seed}", flush=True)
    with running_city() as city:
        outcome = weather(city, given.runs, given.seed, say=lambda words: print(words, flush=True))
    write_page(given.out, outcome)
    print(f"written: {given.out}")
    for fault in outcome.faults:
        print(fault)
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
