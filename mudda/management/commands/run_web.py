"""``manage.py run_web``: serve the API, the admin and the pages until SIGTERM or Ctrl-C."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from mudda.environment import as_given
from mudda.web import web_command


class Command(BaseCommand):
    help = "Serve HTTP on API_HOST and API_PORT. On SIGTERM answers what it has begun, takes nothing new, and ends."
    requires_system_checks: list[str] = []  # noqa: RUF012 - the settings have refused what cannot work

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.API_HOST)
        parser.add_argument("--port", type=int, default=settings.API_PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        # Becomes the server: mudda.asgi chooses some settings for itself, and here they have been read already.
        os.execve(sys.executable, web_command(options["host"], options["port"]), as_given())  # noqa: S606
