"""``manage.py apply_retention``: remove the personal data whose term, as the settings have it, is over."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mudda import retention
from mudda.errors import MuddaError
from mudda.retention import Outcome


class Command(BaseCommand):
    help = "Remove the personal data whose term (RETENTION_...) is over. Approvals, digests and events stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be removed.")
        parser.add_argument("--json", action="store_true", help="For programs.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            outcomes = retention.apply(dry_run=options["dry_run"])
        except MuddaError as error:
            raise CommandError(f"{error.code}: {error.detail}") from error
        if options["json"]:
            self.stdout.write(json.dumps([asdict(outcome) for outcome in outcomes], indent=2))
            return
        for outcome in outcomes:
            self.stdout.write(_line(outcome))
        if options["dry_run"]:
            self.stdout.write("Nothing was changed.")


def _line(outcome: Outcome) -> str:
    if not outcome.days:
        return f"{outcome.name}: kept (RETENTION_{outcome.name.upper()} is 0)"
    erased = ", ".join(f"{count} {sort}" for sort, count in outcome.erased.items() if count)
    told = f"{outcome.name}: {outcome.due} older than {outcome.days} days"
    return f"{told}; removed {erased}" if erased else told
