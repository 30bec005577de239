"""Bring the catalogues in locale/ in step with the code."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mudda.catalogues import out_of_step, refresh


class Command(BaseCommand):
    help = "Bring the catalogues in locale/ in step with the code; with --check only say whether they are."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing, fail where something would change"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            if found := out_of_step():
                raise CommandError("\n".join(["Run `make messages`:", *found]))
            return
        for language, untranslated in refresh().items():
            self.stdout.write(f"{language}: {untranslated} without a translation")
