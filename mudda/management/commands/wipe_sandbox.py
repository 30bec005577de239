"""``manage.py wipe_sandbox SANDBOX``: remove everything that the keys of a sandbox have made."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from mudda import sandboxes
from mudda.errors import NotFound
from mudda.models import ApiKey


class Command(BaseCommand):
    help = "Remove everything that the keys of a sandbox have made. The keys stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("sandbox", help="Its id, or the prefix of one of its keys.")

    def handle(self, *args: Any, **options: Any) -> None:
        sandbox_id = _named(options["sandbox"])
        try:
            removed = sandboxes.wipe(sandbox_id)
        except NotFound as error:
            raise CommandError(error.detail) from error
        for kind, count in removed.items():
            if count:
                self.stdout.write(f"{count:>8} {kind.replace('_', ' ')}")
        self.stdout.write(f"Sandbox {sandbox_id} is wiped.")


def _named(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        pass
    key = ApiKey.objects.filter(prefix=text, sandbox__isnull=False).first()
    if key is None or key.sandbox_id is None:
        raise CommandError(f"There is no sandbox {text!r}, and no sandbox key with this prefix.")
    return key.sandbox_id
