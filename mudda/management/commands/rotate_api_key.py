"""``manage.py rotate_api_key PREFIX``: give a key another text, or its OAuth client another secret, and print it, once,
as the last word.
"""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mudda.apikeys import OVERLAP, KeyRevoked, rotate_api_key
from mudda.models import ApiKey
from mudda.oauth import make_client

DAY = timedelta(days=1)


class Command(BaseCommand):
    help = "Give an API key another text and print it, once, as the last word of the output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("prefix", help="What the key begins with: the 8 characters before the point.")
        parser.add_argument(
            "--overlap",
            type=float,
            default=OVERLAP / DAY,
            help="Days that the old one works too (default: %(default)g; 0: not a moment longer).",
        )
        parser.add_argument(
            "--oauth",
            action="store_true",
            help="Give its OAuth client another secret, and leave the key's own text as it is.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        key = ApiKey.objects.filter(prefix=options["prefix"]).first()
        if key is None:
            raise CommandError(f"There is no key that begins with {options['prefix']!r}.")
        if not 0 <= options["overlap"] <= 365:
            raise CommandError("--overlap is between 0 and 365 days.")
        if options["oauth"] and key.oauth_application is None:
            raise CommandError("The key has no OAuth client.")
        rotate = self._rotate_secret if options["oauth"] else self._rotate_text
        try:
            rotate(key, options["overlap"] * DAY)
        except KeyRevoked as error:
            raise CommandError(error.detail) from error

    def _rotate_text(self, key: ApiKey, overlap: timedelta) -> None:
        row, text = rotate_api_key(key, overlap=overlap)
        self._say(f"Key {row.prefix}", row.previous_until, text)

    def _rotate_secret(self, key: ApiKey, overlap: timedelta) -> None:
        client_id, secret = make_client(key, overlap=overlap)
        key.refresh_from_db()
        self._say(f"Secret of {client_id}", key.previous_client_secret_until, secret)

    def _say(self, what: str, until: datetime | None, text: str) -> None:
        self.stdout.write(
            f"{what}, the old one works until {until:%Y-%m-%d %H:%M} UTC, shown this once: {text}"
        )
