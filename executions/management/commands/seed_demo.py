"""``manage.py seed_demo``: fill a development database with believable data, by the hundred thousand."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from executions.seeding.filling import Filled, SeededAlready, fill, floored, is_development


class Command(BaseCommand):
    help = (
        "Add issues with their reporters, plans in every status, runs, steps, tasks and events: the history of an "
        "invented city. Nothing is sent, and no Temporal workflow is started."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--issues", type=int, default=1_000, help="How many (default: 1,000).")
        parser.add_argument(
            "--seed", type=int, default=1, help="Another city for another number (default: 1)."
        )
        parser.add_argument(
            "--now", help="Up to when it goes, such as 2026-05-01T12:00:00Z (default: the last full hour)."
        )
        parser.add_argument(
            "--not-development",
            action="store_true",
            help="Fill this database although it isn't the embedded one and DEBUG is off.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["issues"] < 1:
            raise CommandError("--issues is at least 1.")
        if not is_development() and not options["not_development"]:
            raise CommandError(
                "This database is neither the embedded one of this project nor is DEBUG on: what is invented would "
                "stand among what is real, and can't be removed. Pass --not-development to do it all the same."
            )
        try:
            filled = fill(
                options["issues"],
                seed=options["seed"],
                now=self._now(options["now"]),
                progress=self._tell(options["issues"]),
            )
        except SeededAlready as error:
            raise CommandError(f"{error.title} --seed {options['seed'] + 1}, for one.") from error
        self.stdout.write(
            f"{filled.issues:,} issues, {filled.plans:,} plans, {filled.runs:,} runs, {filled.steps:,} steps, "
            f"{filled.tasks:,} tasks and {filled.events:,} events in {filled.seconds:.0f} s."
        )

    def _now(self, text: str | None) -> Any:
        if text is None:
            return floored(timezone.now())
        try:
            found = parse_datetime(text)
        except ValueError:
            found = None
        if found is None:
            raise CommandError(f"--now: {text!r} is no moment such as 2026-05-01T12:00:00Z.")
        return found if timezone.is_aware(found) else timezone.make_aware(found)

    def _tell(self, issues: int) -> Any:
        def progress(filled: Filled) -> None:
            self.stdout.write(
                f"{filled.issues:>9,} of {issues:,} issues · {filled.steps:>11,} steps · {filled.events:>11,} events · "
                f"{filled.seconds:>5.0f} s"
            )
            self.stdout.flush()

        return progress
