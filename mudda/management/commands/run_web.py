"""``manage.py run_web``: serve the API, the admin and the pages until SIGTERM or Ctrl-C."""

from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand

GRACE_SECONDS = 25
"""How long requests in flight have to end, and streams of events before they are cut, once it is asked to stop."""


class Command(BaseCommand):
    help = "Serve HTTP on API_HOST and API_PORT. On SIGTERM answers what it has begun, takes nothing new, and ends."
    requires_system_checks: list[str] = []  # noqa: RUF012 - the settings have refused what cannot work

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.API_HOST)
        parser.add_argument("--port", type=int, default=settings.API_PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        uvicorn.run(
            "mudda.asgi:application",
            host=options["host"],
            port=options["port"],
            access_log=False,
            log_level="warning",
            # Which proxies are believed is TRUSTED_PROXIES' and BEHIND_TLS_PROXY's to say: mudda.addresses.
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
