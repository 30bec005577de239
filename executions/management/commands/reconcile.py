"""``manage.py reconcile``: after a restore, compare every live run with Temporal and let the dispatcher go on."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from executions.after_restore import Comparison, reconcile
from mudda.errors import NotFound
from mudda.temporal import TemporalUnavailable

WORDS = {
    "going_on": "Temporal carries them out",
    "adopted": "of those, rows that did not know it yet",
    "ended": "over in Temporal, and now here: a person looks at each",
    "orphans": "in Temporal, without a row here (launched after the back-up)",
    "orphans_ended": "of those, terminated",
    "agreed": "agreed upon, to be started",
    "to_start": "the dispatcher starts them",
    "to_agree": "older than Temporal's memory: begin only with --start ID",
}


class Command(BaseCommand):
    help = "After a restore: compare every live run with Temporal, and let the dispatcher go on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--start",
            type=UUID,
            action="append",
            default=[],
            metavar="ID",
            help="A run that Temporal may have forgotten begins: you have made sure that it never did.",
        )
        parser.add_argument(
            "--end-orphans", action="store_true", help="Terminate what Temporal carries out without a row."
        )
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be done.")
        parser.add_argument("--json", action="store_true", help="For programs.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = reconcile(
                start=options["start"], end_orphans=options["end_orphans"], dry_run=options["dry_run"]
            )
        except (NotFound, TemporalUnavailable) as error:
            raise CommandError(f"{error.detail} The dispatcher stays as it was.") from error
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found), indent=2))
        else:
            self._tell(found, dry_run=options["dry_run"])

    def _tell(self, found: Comparison, *, dry_run: bool) -> None:
        for name, words in WORDS.items():
            runs = getattr(found, name)
            self.stdout.write(f"{len(runs):>8} {words}")
            if name not in {"going_on", "to_start"}:
                for run in runs:
                    why = f" ({runs[run]})" if isinstance(runs, dict) else ""
                    self.stdout.write(f"         {run}{why}")
        if dry_run:
            self.stdout.write("Nothing was changed.")
        elif found.released:
            self.stdout.write("The dispatcher goes on.")
        else:
            self.stdout.write("The dispatcher was not waiting.")
