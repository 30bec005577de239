"""``manage.py restore BACKUP``: into an empty database, and the files into the storage. The dispatcher stays off."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from mudda.backups.places import Place, place_of
from mudda.backups.restoring import check, chosen, restore
from mudda.errors import MuddaError


class Command(BaseCommand):
    help = "Restore a back-up into an empty database, and its files into the storage."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("backup", help="Its id, or `latest`: see `manage.py backup --list`.")
        parser.add_argument(
            "--from", dest="place", default=settings.BACKUP_TO, help="A folder, or s3://bucket/prefix."
        )
        parser.add_argument("--check", action="store_true", help="Read all of it, and change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            place = place_of(options["place"])
            backup = chosen(place, options["backup"])
            (self._check if options["check"] else self._restore)(place, backup)
        except MuddaError as error:
            raise CommandError(f"{error.code}: {error.detail}") from error

    def _check(self, place: Place, backup: str) -> None:
        found = check(place, backup)
        rows = sum(found.rows.values())
        self.stdout.write(
            f"Back-up {backup} of {found.made_at} is whole: {rows} rows, {found.files or 0} files."
        )

    def _restore(self, place: Place, backup: str) -> None:
        done = restore(place, backup)
        self.stdout.write(
            f"Back-up {backup} of {done.manifest.made_at}: {done.rows} rows; {done.files_written} files written, "
            f"{done.files_there} were there.\n"
            "The dispatcher stays off. Start Temporal and run `manage.py reconcile`: docs/backup.md."
        )
