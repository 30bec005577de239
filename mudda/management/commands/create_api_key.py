"""``manage.py create_api_key NAME --scope plans:write ...``: print a new key, once, as the last word."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from mudda import scopes
from mudda.apikeys import UnknownScope, create_api_key


class Command(BaseCommand):
    help = "Make an API key and print it, once, as the last word of the output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="What the key is for.")
        parser.add_argument(
            "--scope",
            action="append",
            required=True,
            dest="scopes",
            help="What it may do; repeat for more. Known: " + ", ".join(sorted(scopes.known())),
        )
        parser.add_argument(
            "--owner", help="The user whose permissions bound it (default: a service account)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        owner = None
        if options["owner"]:
            owner = get_user_model().objects.filter(username=options["owner"]).first()
            if owner is None:
                raise CommandError(f"There is no user {options['owner']!r}.")
        try:
            row, key = create_api_key(name=options["name"], scopes=options["scopes"], owner=owner)
        except UnknownScope as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"Key {row.prefix} for {row.owner.get_username()}, shown this once: {key}")
