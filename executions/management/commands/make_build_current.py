"""``manage.py make_build_current``: after a roll-out, give the work to the new build once its workers poll."""

import asyncio
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from executions.temporal.versions import NotYet, make_current
from mudda import temporal

PAUSE = 2.0
"""Seconds between attempts."""


class Command(BaseCommand):
    help = (
        "Make TEMPORAL_BUILD_ID the current version of TEMPORAL_DEPLOYMENT_NAME as soon as its workers poll."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--within", type=float, default=300.0, help="Seconds to wait for the build's workers."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name, build = settings.TEMPORAL_DEPLOYMENT_NAME, settings.TEMPORAL_BUILD_ID
        if not (name and build):
            raise CommandError("Set TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_BUILD_ID: they say which build.")
        try:
            asyncio.run(_patiently(name, build, within=options["within"]))
        except (NotYet, RuntimeError) as problem:
            raise CommandError(
                f"Build {build} of {name} was not made current within {options['within']:g} s: {problem} "
                "The build that was current still is. Look whether the new workers run and are ready."
            ) from problem
        self.stdout.write(f"Build {build} of {name} is current.")


async def _patiently(name: str, build: str, *, within: float) -> None:
    """Raises:
    NotYet: the build's workers did not poll in time.
    RuntimeError: Temporal could not be reached in time.
    """
    until = asyncio.get_running_loop().time() + within
    while True:
        try:
            await make_current(await temporal.connect(), name, build)
            return
        except (NotYet, RuntimeError):
            if asyncio.get_running_loop().time() > until:
                raise
        await asyncio.sleep(PAUSE)
