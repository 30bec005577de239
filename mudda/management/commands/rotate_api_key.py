"""``manage.py rotate_api_key PREFIX``: give a key another text and print it, once, as the last word."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mudda.apikeys import OVERLAP, KeyRevoked, rotate_api_key
from mudda.models import ApiKey

DAY = timedelta(days=1)


class Command(BaseCommand):
    help = "Give an API key another text and print it, once, as the last word of the output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("prefix", help="What the key begins with: the 8 characters before the point.")
        parser.add_argument(
            "--overlap",
            type=float,
            default=OVERLAP / DAY,
            help="Days that the old text works too (default: %(default)g; 0: not a moment longer).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        key = ApiKey.objects.filter(prefix=options["prefix"]).first()
        if key is None:
            raise CommandError(f"There is no key that begins with {options['prefix']!r}.")
        if not 0 <= options["overlap"] <= 365:
            raise CommandError("--overlap is between 0 and 365 days.")
        try:
            row, text = rotate_api_key(key, overlap=options["overlap"] * DAY)
        except KeyRevoked as error:
            raise CommandError(error.detail) from error
        self.stdout.write(
            f"Key {row.prefix}, the old one works until {row.previous_until:%Y-%m-%d %H:%M} UTC, "
            f"shown this once: {text}"
        )
