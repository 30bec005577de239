"""``manage.py archive_executions --older-than DAYS``: move what finished runs hold out of the database, or back."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from executions.archiving import archivable, archive, bring_back
from mudda.backups.places import Place, place_of
from mudda.errors import MuddaError


class Command(BaseCommand):
    help = "Move what finished runs hold into sealed files in BACKUP_TO, or bring it back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--older-than", type=int, metavar="DAYS", help="Runs that were over before that.")
        what.add_argument("--restore", type=UUID, nargs="+", metavar="ID", help="Bring these runs back.")
        parser.add_argument("--place", default=settings.BACKUP_TO, help="A folder, or s3://bucket/prefix.")
        parser.add_argument("--dry-run", action="store_true", help="Only say how many runs it would be.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            place = place_of(options["place"])
            if options["restore"]:
                self._bring_back(options["restore"], place)
            else:
                self._archive(options["older_than"], place, dry_run=options["dry_run"])
        except MuddaError as error:
            raise CommandError(f"{error.code}: {error.detail}") from error

    def _archive(self, days: int, place: Place, *, dry_run: bool) -> None:
        if days < 1:
            raise CommandError("--older-than is at least 1 day.")
        found = archivable(timezone.now() - timedelta(days=days))
        if dry_run:
            self.stdout.write(f"{len(found)} runs would be moved. Nothing was changed.")
            return
        moved = sum(archive(execution_id, place) for execution_id in found)
        self.stdout.write(f"{moved} runs were moved.")

    def _bring_back(self, ids: list[UUID], place: Place) -> None:
        for execution_id in ids:
            bring_back(execution_id, place)
            self.stdout.write(f"{execution_id} is back.")
