"""``manage.py create_api_key NAME --scope plans:write ...``: print a new key, once, as the last word."""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from mudda import scopes
from mudda.apikeys import NEW_SANDBOX, create_api_key
from mudda.errors import InvalidRequest
from mudda.oauth import make_client


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
        parser.add_argument("--expires", help="When it ends: days from now, or a date (default: never).")
        parser.add_argument("--rate", type=int, help="Calls a minute (default: RATE_LIMIT_KEY).")
        parser.add_argument(
            "--network",
            action="append",
            default=[],
            dest="networks",
            help="From where it may be used, such as 203.0.113.0/24; repeat for more (default: anywhere).",
        )
        parser.add_argument(
            "--department",
            action="append",
            default=[],
            dest="departments",
            help="The code of a department that it is tied to; repeat for more (default: all of its owner's).",
        )
        parser.add_argument(
            "--sandbox",
            nargs="?",
            const=NEW_SANDBOX,
            metavar="ID",
            help="See and make nothing that is real: in a new sandbox, or in the one with this id, of the same owner.",
        )
        parser.add_argument(
            "--oauth",
            action="store_true",
            help="Make an OAuth 2 client too, and print its id and its secret, once, before the key.",
        )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        owner = None
        if options["owner"]:
            owner = get_user_model().objects.filter(username=options["owner"]).first()
            if owner is None:
                raise CommandError(f"There is no user {options['owner']!r}.")
        if options["rate"] is not None and options["rate"] < 1:
            raise CommandError("--rate is at least 1.")
        names = ("name", "scopes", "rate", "networks", "departments", "sandbox")
        given = {name: options[name] for name in names}
        try:
            row, key = create_api_key(**given, owner=owner, expires_at=_moment(options["expires"]))
        except InvalidRequest as error:
            raise CommandError(error.detail) from error
        if row.sandbox_id is not None:
            self.stdout.write(f"A sandbox key: what it makes isn't real. Sandbox {row.sandbox_id}")
        if options["oauth"]:
            client_id, secret = make_client(row)
            self.stdout.write(f"OAuth client, shown this once: client_id={client_id} client_secret={secret}")
        self.stdout.write(f"Key {row.prefix} for {row.owner.get_username()}, shown this once: {key}")


def _moment(text: str | None) -> datetime | None:
    """``90`` (days from now), ``2027-01-31`` or ``2027-01-31T12:00`` as a moment in the city's time.

    Raises:
        CommandError: it is none of these, or has passed.
    """
    if text is None:
        return None
    try:
        if text.isdecimal():
            found = timezone.now() + timedelta(days=int(text))
        elif (day := parse_date(text)) is not None:
            found = timezone.make_aware(datetime.combine(day, datetime.min.time()))
        elif (moment := parse_datetime(text)) is not None:
            found = moment if timezone.is_aware(moment) else timezone.make_aware(moment)
        else:
            raise ValueError(text)
    except (ValueError, OverflowError) as error:
        raise CommandError("--expires is a number of days, or a date such as 2027-01-31.") from error
    if found <= timezone.now():
        raise CommandError("--expires has passed already.")
    return found
