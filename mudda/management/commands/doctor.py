"""``manage.py doctor``: look at everything that the site stands on, say what is wrong and what to do."""

import logging
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mudda.doctor import telling
from mudda.doctor.registry import Check, Level, checks
from mudda.doctor.running import examine, worst

FAULTY = 1
"""The exit code where something is wrong; 2 for a wrong command line."""


class Command(BaseCommand):
    help = (
        "Look at the database, Temporal, workers, e-mail, storage, the planner's service, clocks and disks; say what "
        "is wrong and what to do. Changes nothing, sends nothing, costs nothing. Exit code 1 where there is an error."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012 - what is wrong is to be told, not to stop this

    def add_arguments(self, parser: ArgumentParser) -> None:
        known = ", ".join(checks())
        parser.add_argument(
            "--only",
            action="append",
            default=[],
            metavar="NAME",
            help=f"Only this; repeat for more: {known}.",
        )
        parser.add_argument(
            "--skip", action="append", default=[], metavar="NAME", help="All but this; repeat for more."
        )
        parser.add_argument("--json", action="store_true", help="Tell machines.")
        parser.add_argument(
            "--timeout", type=float, metavar="SECONDS", help="For each check, instead of its own time."
        )
        parser.add_argument(
            "--fail-level",
            choices=("error", "warning"),
            default="error",
            help="From what on the exit code is 1 (default: %(default)s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["timeout"] is not None and not options["timeout"] > 0:
            raise CommandError("--timeout is more than 0 seconds.", returncode=2)
        # The pool warns of each attempt to connect: the check of the database says it once, and what to do.
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
        reports = examine(_chosen(options["only"], options["skip"]), seconds=options["timeout"])
        self.stdout.write(telling.as_json(reports) if options["json"] else telling.as_text(reports))
        if worst(reports) in _failing(options["fail_level"]):
            sys.exit(FAULTY)


def _chosen(only: Iterable[str], skip: Iterable[str]) -> list[Check]:
    """Raises:
    CommandError: there is no check of one of these names, or none is left.
    """
    known = checks()
    if unknown := [name for name in (*only, *skip) if name not in known]:
        told = f"There is no check called {', '.join(unknown)}. Known: {', '.join(known)}."
        raise CommandError(told, returncode=2)
    chosen = [check for name, check in known.items() if name not in skip and (not only or name in only)]
    if not chosen:
        raise CommandError("No check is left.", returncode=2)
    return chosen


def _failing(fail_level: str) -> set[Level]:
    return {Level.ERROR} if fail_level == "error" else {Level.ERROR, Level.WARNING}
