"""``manage.py export_audit_log --since 2026-01-01``: who did what and when, as JSON lines."""

import json
from argparse import ArgumentParser
from datetime import datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from mudda.audit import entries


class Command(BaseCommand):
    help = (
        "Write the audit log as JSON lines, the oldest first: events, the admin's history, sign-ins. "
        "docs/security.md has the columns."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        when = "a date, or a time as 2026-01-31T08:00; without a zone, the city's"
        parser.add_argument("--since", required=True, help=f"What happened from then on: {when}.")
        parser.add_argument("--until", help="What happened before then (default: until now).")

    def handle(self, *args: Any, since: str, until: str | None, **options: Any) -> None:
        first = _moment("--since", since)
        end = _moment("--until", until) if until else timezone.now()
        if first >= end:
            raise CommandError("--since is not before --until.")
        for entry in entries(first, end):
            self.stdout.write(json.dumps(entry, cls=_Exact, ensure_ascii=False))


class _Exact(DjangoJSONEncoder):
    """Times as PostgreSQL has them: to the microsecond, in UTC. Django's encoder cuts them to milliseconds."""

    def default(self, o: Any) -> Any:
        if isinstance(o, datetime):
            return o.isoformat(timespec="microseconds")
        return super().default(o)


def _moment(option: str, text: str) -> datetime:
    """What an option says. Raises CommandError where that is no time."""
    try:
        found = parse_datetime(text) if len(text) > 10 else None
        day = parse_date(text) if len(text) <= 10 else None
    except ValueError as error:  # well formed, and there is no such day
        raise CommandError(f"{option}: {error}.") from error
    if day is not None:
        found = datetime.combine(day, time())
    if found is None:
        raise CommandError(f"{option} {text!r} is no date and no time, such as 2026-01-31T08:00.")
    return found if timezone.is_aware(found) else timezone.make_aware(found)
