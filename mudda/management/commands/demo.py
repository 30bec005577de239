"""``manage.py demo``: what ``make demo`` runs. See :mod:`mudda.devstack.demo`."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Do the main job through the HTTP API, on an embedded stack of its own."
    requires_system_checks: list[str] = []  # noqa: RUF012

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--home", help="Where it keeps its things; remade by every run.")

    def handle(self, *args: Any, **options: Any) -> None:
        home = ["--home", options["home"]] if options["home"] else []
        os.execv(sys.executable, [sys.executable, "-m", "mudda.devstack.demo", *home])  # noqa: S606
