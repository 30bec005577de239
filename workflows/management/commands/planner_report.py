"""``manage.py planner_report``: by category, what staff made of the planner's drafts."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, time
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from mudda.strictjson import quoted
from workflows.reporting import Fate, StepKind, fates

COLUMNS = ("drafts", "untouched", "edited", "rejected", "undecided", "in_words")
ALL = "all"
LONGEST_TITLE = 80
UNKNOWN = "(no activity of ours)"


class Command(BaseCommand):
    help = (
        "Show by category how often drafts are approved untouched, edited or rejected, and which steps staff "
        "add and remove most often."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since", type=moment, help="Plans made from then on: 2026-05-01, in the city's time."
        )
        parser.add_argument("--until", type=moment, help="Plans made before then.")
        parser.add_argument(
            "--planner", choices=["playbooks", "openai"], default="", help="Drafts of this one only."
        )
        parser.add_argument(
            "--steps", type=int, default=5, help="Steps named for each category (default: 5)."
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object instead of tables.")

    def handle(self, *args: Any, **options: Any) -> None:
        found = fates(since=options["since"], until=options["until"], planner=options["planner"])
        if options["json"]:
            self.stdout.write(json.dumps(as_json(found, options["steps"]), ensure_ascii=False))
            return
        if not found:
            self.stdout.write("No plan was drafted in this time.")
            return
        for line in report(found, options["steps"]):
            self.stdout.write(line)


def moment(text: str) -> datetime:
    """A date (its beginning) or a date and time; without a zone in the city's."""
    try:
        day = parse_date(text)
        found = datetime.combine(day, time.min) if day else parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise ArgumentTypeError(f"{text!r} is no date such as 2026-05-01")
    return found if timezone.is_aware(found) else timezone.make_aware(found)


def total(found: Mapping[str, Fate]) -> Fate:
    """All categories together."""
    whole = Fate()
    for fate in found.values():
        for name in COLUMNS:
            setattr(whole, name, getattr(whole, name) + getattr(fate, name))
        whole.added.update(fate.added)
        whole.removed.update(fate.removed)
        whole.examples = fate.examples | whole.examples
    return whole


def as_json(found: Mapping[str, Fate], steps: int) -> dict[str, Any]:
    """The report as JSON: counts, and for each category the steps by name with the number of plans."""
    return {
        "total": _fate_json(total(found), steps),
        "categories": {code: _fate_json(fate, steps) for code, fate in found.items()},
    }


def _fate_json(fate: Fate, steps: int) -> dict[str, Any]:
    return {
        **{name: getattr(fate, name) for name in COLUMNS},
        "added": _steps_json(fate.added, fate.examples, steps),
        "removed": _steps_json(fate.removed, fate.examples, steps),
    }


def _steps_json(
    kinds: Counter[StepKind], examples: Mapping[StepKind, str], limit: int
) -> list[dict[str, Any]]:
    return [
        {**asdict(kind), "example": examples.get(kind, ""), "plans": count}
        for kind, count in most(kinds, limit)
    ]


def most(steps: Counter[StepKind], limit: int) -> list[tuple[StepKind, int]]:
    """The most frequent steps; those of equal count in the order of their names."""
    ordered = sorted(steps.items(), key=lambda item: (-item[1], item[0]))
    return ordered[: max(limit, 0)]


def report(found: Mapping[str, Fate], steps: int) -> Iterator[str]:
    """A table of counts with the shares of what was decided, then the steps of each category."""
    width = max(len(code) for code in (*found, "category"))
    heads = "".join(f"{name.replace('_', ' '):>18}" for name in COLUMNS[1:5])
    yield f"{'category':<{width}}  {'drafts':>6}{heads}  {'in words':>8}"
    for code, fate in [*found.items(), (ALL, total(found))]:
        cells = "".join(f"{_cell(fate, name):>18}" for name in COLUMNS[1:5])
        yield f"{code:<{width}}  {fate.drafts:>6}{cells}  {fate.in_words:>8}"
    yield ""
    yield "Shares are of the drafts that were decided. In words: with a revision that was asked for in words."
    for code, fate in found.items():
        if fate.added or fate.removed:
            yield ""
            yield f"{code}: steps most often"
            yield from _steps("added", fate.added, fate.examples, steps)
            yield from _steps("removed", fate.removed, fate.examples, steps)


def _cell(fate: Fate, name: str) -> str:
    count = getattr(fate, name)
    decided = fate.untouched + fate.edited + fate.rejected
    return f"{count}" if name == "undecided" or not decided else f"{count} ({count / decided:.0%})"


def _steps(
    what: str, steps: Counter[StepKind], examples: Mapping[StepKind, str], limit: int
) -> Iterator[str]:
    for kind, count in most(steps, limit):
        example = f"  such as {quoted(examples[kind], LONGEST_TITLE)}" if examples.get(kind) else ""
        words = " ".join(word for word in (kind.activity_id or UNKNOWN, kind.main) if word)
        yield f"  {what:<7}  {count:>4}  {words}{example}"
