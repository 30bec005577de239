"""``python -m benchmarks``: measure everything in one run and write docs/performance.md."""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import listeners
from benchmarks.page import write_page
from benchmarks.stack import running_stack
from mudda.environment import BASE_DIR

PAGE = BASE_DIR / "docs" / "performance.md"


def main(arguments: list[str]) -> int:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute, to see that it runs: not for figures")
    parser.add_argument("--waiting", type=int, help="runs that wait for a person (10,000)")
    parser.add_argument(
        "--executions", type=int, help="executions stored when reads are measured (1,000,000)"
    )
    parser.add_argument("--issues", type=int, help="issues stored when the console is measured (100,000)")
    parser.add_argument("--part", action="append", help="only this one, such as growth; may be given again")
    parser.add_argument("--out", type=Path, default=PAGE, help=f"the page to write ({PAGE.name})")
    given = parser.parse_args(arguments)
    found: dict[str, str] = {}

    def keep(name: str, table: str) -> None:
        """Write the page after every part: what breaks off leaves what it has measured."""
        found[name] = table
        write_page(given.out, found, quick=given.quick)

    measure(
        keep,
        only=given.part,
        quick=given.quick,
        waiting=given.waiting or (60 if given.quick else 10_000),
        executions=given.executions or (2_000 if given.quick else 1_000_000),
        issues=given.issues or (500 if given.quick else 100_000),
    )
    print(f"\nwritten: {given.out}")
    return 0


def measure(
    keep: Callable[[str, str], None],
    *,
    only: list[str] | None,
    quick: bool,
    waiting: int,
    executions: int,
    issues: int,
) -> None:
    """Measure, and ``keep(name, table)`` each table of the page as soon as it is there."""

    def part(name: str, work: Callable[[], str]) -> None:
        if only and name not in only:
            return
        begun = time.monotonic()
        table = work()
        keep(name, table)
        print(f"\n{name} ({time.monotonic() - begun:.0f} s)\n\n{table}", flush=True)

    many_listeners = 50 if quick else 2_000
    listeners.allow_files(many_listeners)  # before the server starts, which inherits it
    with running_stack() as stack:
        from benchmarks import (
            choosing,
            deciding,
            engine,
            footprint,
            growth,
            pages,
            serving,
            side_by_side,
            stored,
        )
        from benchmarks import waiting as people

        few, many = (2, 5) if quick else (50, 200)
        part("deciding", lambda: deciding.measure(times=5 if quick else 100))
        part("choosing", lambda: choosing.measure(many=200 if quick else choosing.STATEMENTS))
        part("engine", lambda: engine.measure(stack, rounds=1 if quick else 5, many=many, few=few))
        part("end to end", lambda: serving.measure_end_to_end(stack, many=many * 2, few=few))
        part("launching", lambda: serving.measure_launching(stack, many=many * 2))
        rounds, each = (1, 5) if quick else (7, 60)
        part("execute", lambda: side_by_side.measure_execute(stack, rounds=rounds, many=each))
        part("generate", lambda: side_by_side.measure_generate(stack, rounds=rounds, many=each))
        part("layers", lambda: side_by_side.measure_layers(stack, rounds=rounds, many=each))
        sizes = (2, 4) if quick else (5, 50, 200)
        part("growth", lambda: growth.measure(stack, sizes=sizes, times=1 if quick else 5))
        part("footprint", lambda: footprint.measure(stack, many=10 if quick else 400))
        part("listeners", lambda: listeners.measure(stack, listeners=many_listeners))
        part("waiting", lambda: people.measure(stack, waiting=waiting, reads=5 if quick else 200))
        part("pages", lambda: pages.measure(stack, issues=issues, reads=3 if quick else 30))
        # Last: nothing else is measured beside a million rows.
        part("stored", lambda: stored.measure(stack, executions=executions, reads=5 if quick else 200))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
