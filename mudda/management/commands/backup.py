"""``manage.py backup``: the database and the files of the storage, encrypted, to a folder or a bucket."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from mudda.backups import manifest
from mudda.backups.making import back_up
from mudda.backups.places import place_of
from mudda.errors import MuddaError


class Command(BaseCommand):
    help = "Back up the database and the files of the storage, encrypted with BACKUP_KEY, to BACKUP_TO."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", default=settings.BACKUP_TO, help="A folder, or s3://bucket/prefix.")
        parser.add_argument(
            "--without-files", action="store_true", help="The storage keeps copies of its files by itself."
        )
        parser.add_argument(
            "--list", action="store_true", help="Name the finished back-ups, the oldest first."
        )
        parser.add_argument("--json", action="store_true", help="For programs.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            place = place_of(options["to"])
            if options["list"]:
                self.stdout.write("\n".join(manifest.finished(place)))
                return
            made = back_up(place, files=not options["without_files"])
        except MuddaError as error:
            raise CommandError(f"{error.code}: {error.detail}") from error
        if options["json"]:
            self.stdout.write(json.dumps(asdict(made), indent=2))
            return
        size = sum(part.size for part in made.parts.values())
        files = "no files" if made.files is None else f"{made.files} files"
        self.stdout.write(
            f"{sum(made.rows.values())} rows of {len(made.rows)} tables, {files}: {size:,} bytes."
        )
        self.stdout.write(f"Back-up {made.id}")
