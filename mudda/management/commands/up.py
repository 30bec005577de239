"""``manage.py up``: what ``make up`` runs. See :mod:`mudda.devstack.up`."""

import os
import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction

from mudda import scopes
from mudda.apikeys import create_api_key
from mudda.devstack.surroundings import read_env_file
from mudda.environment import mudda_home


class Command(BaseCommand):
    help = "Run PostgreSQL, Temporal, the web server and the worker on this machine until Ctrl-C."
    requires_system_checks: list[str] = []  # noqa: RUF012

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--prepare",
            action="store_true",
            help="Only migrate the database, load the reference data and the sample policies.",
        )
        parser.add_argument(
            "--accounts",
            action="store_true",
            help="With --prepare: make a staff account and an API key, if there is no administrator, and show them.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["prepare"]:
            call_command("migrate", verbosity=0)
            call_command("load_reference_data")
            call_command("load_sample_policies")
            if options["accounts"]:
                self._make_accounts()
        else:
            # Our settings may have read a killed stack's file: what it says is not the caller's wish.
            stale = read_env_file(mudda_home() / "stack.env")
            asked = {name: value for name, value in os.environ.items() if stale.get(name) != value}
            os.execve(sys.executable, [sys.executable, "-m", "mudda.devstack.up"], asked)  # noqa: S606

    @transaction.atomic
    def _make_accounts(self) -> None:
        if User.objects.filter(is_superuser=True, is_active=True).exists():
            return
        password = secrets.token_urlsafe(12)
        user = User.objects.create_superuser("admin", "admin@city.example.org", password)
        _, key = create_api_key(name="make up", scopes=sorted(scopes.known()), owner=user)
        self.stdout.write("Made on this first start, and shown this once:")
        self.stdout.write(f"  staff account  {user.get_username()}  {password}")
        self.stdout.write(f"  API key        {key}")
