"""``manage.py run_temporal_worker``: carry out plans until SIGTERM or Ctrl-C."""

import asyncio
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from executions.temporal.worker import PLANNER_SLOTS, run_worker

CONNECTIONS_BESIDE_STEPS = PLANNER_SLOTS + 3
"""The planner's, the dispatcher's own, that of those who send webhooks, and one to spare."""


class Command(BaseCommand):
    help = "Carry out plans: poll Temporal, do the steps, deliver messages. Stops gracefully on SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--task-queue", default=settings.TEMPORAL_TASK_QUEUE)
        parser.add_argument(
            "--slots", type=int, default=10, help="How many steps may be done at the same time."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        slots, pool = options["slots"], settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]
        if slots < 1:
            raise CommandError("--slots has to be at least 1.")
        if pool < slots + CONNECTIONS_BESIDE_STEPS:
            raise CommandError(
                f"{slots} slots need a pool of {slots + CONNECTIONS_BESIDE_STEPS} connections: "
                f"set DATABASE_POOL_MAX (it is {pool}) or lower --slots."
            )
        asyncio.run(run_worker(task_queue=options["task_queue"], slots=slots))
