"""``manage.py evaluate_planner FILE.jsonl``: how often the planner chooses the category that staff chose."""

import json
import resource
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workflows.planning.base import DraftRequest
from workflows.planning.city import shipped_categories
from workflows.planning.evaluation import BadLine, Evaluation, Rank, evaluate, rank_by_playbooks, read_lines

SHOWN_BAD = 20
"""Bad lines that are named; the others are counted."""

STATUS = Path("/proc/self/status")

PLAYBOOKS, OPENAI = "playbooks", "openai"


class Command(BaseCommand):
    help = (
        "Judge the planner's choice of category by statements whose category is known, a JSON object a line."
    )
    requires_system_checks = ()  # the playbooks need no database

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", type=Path, help='JSONL: {"text": "...", "category": "pothole_pavement"} a line.'
        )
        parser.add_argument(
            "--planner",
            choices=[PLAYBOOKS, OPENAI],
            default=PLAYBOOKS,
            help="Who chooses: the playbooks (default), or the model of OPENAI_MODEL, which costs money.",
        )
        parser.add_argument("--limit", type=int, help="Judge by the first N statements only.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object instead of tables.")

    def handle(self, *args: Any, **options: Any) -> None:
        lines = _lines(options["file"], options["limit"])
        rank = _rank_by_model() if options["planner"] == OPENAI else rank_by_playbooks
        began = time.monotonic()
        found = evaluate(lines, rank)
        seconds = time.monotonic() - began
        if options["json"]:
            self.stdout.write(json.dumps(as_json(found, options["planner"], seconds), ensure_ascii=False))
            return
        for line in report(found):
            self.stdout.write(line)
        self.stdout.write("")
        took = f"in {seconds:.1f} s, {peak_memory() / 1e6:.0f} MB of memory at most"
        self.stdout.write(f"{found.total} statements by {options['planner']} {took}")
        if options["planner"] == OPENAI:
            self.stdout.write("The model names one category, so its second and third choice are not known.")
        self.stdout.write(f"accuracy at 1: {100 * found.at_1:.1f}%")
        self.stdout.write(f"accuracy at 3: {100 * found.at_3:.1f}%")


def _lines(path: Path, limit: int | None) -> list[dict[str, Any]]:
    """Every line of the file, or a word on each that is bad: half a file would be judged by something else."""
    try:
        with path.open("rb") as file:
            read = list(read_lines(file))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    bad = [line for line in read if isinstance(line, BadLine)]
    if bad:
        named = [f"{path}, line {line.number}: {line.reason}" for line in bad[:SHOWN_BAD]]
        more = [f"and {len(bad) - SHOWN_BAD} more"] if len(bad) > SHOWN_BAD else []
        raise CommandError("\n".join([*named, *more]))
    good = [line for line in read if isinstance(line, dict)][:limit]
    if not good:
        raise CommandError(f"{path}: there is no statement to judge by")
    return good


def _rank_by_model() -> Rank:
    """Only the first step of a draft is asked for: it names the category."""
    from workflows.drafting import has_model, planner_settings
    from workflows.planning.client import ModelClient
    from workflows.planning.failures import PlannerError
    from workflows.planning.ledger import Ledger
    from workflows.planning.openai import OpenAIPlanner

    if not has_model():
        raise CommandError("There is no model: OPENAI_API_KEY is not set.")
    settings = planner_settings()

    def rank(statement: str) -> list[str]:
        try:
            with ModelClient(settings, Ledger(settings)) as client:
                return [OpenAIPlanner(DraftRequest(statement), settings, client).choose().facts.category]
        except PlannerError as error:
            raise CommandError(f"The model gave no answer ({error.code}): {error.message}") from error

    return rank


def as_json(found: Evaluation, planner: str, seconds: float) -> dict[str, Any]:
    """An evaluation as JSON; shares in percent."""
    confusion: dict[str, dict[str, int]] = {}
    for (right, chosen), count in sorted(found.confusion.items()):
        confusion.setdefault(right, {})[chosen] = count
    return {
        "planner": planner,
        "total": found.total,
        "accuracy_at_1": _percent(found.at_1),
        "accuracy_at_3": _percent(found.at_3),
        "categories": {
            code: {
                "total": score.total,
                "accuracy_at_1": _percent(score.first / score.total),
                "accuracy_at_3": _percent(score.among_three / score.total),
            }
            for code, score in found.categories.items()
        },
        "confusion": confusion,
        "seconds": round(seconds, 3),
        "peak_memory_mb": round(peak_memory() / 1e6, 1),
    }


def peak_memory() -> int:
    """The most memory that this process has had resident, in bytes."""
    if (
        STATUS.is_file()
    ):  # Linux: what getrusage says there may be the parent's, from before it became this program
        [line] = [line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _percent(share: float) -> float:
    return round(100 * share, 1)


def report(found: Evaluation) -> Iterator[str]:
    """Two tables: the accuracy of each category, and which was taken for which."""
    known = {category.code for category in shipped_categories()}
    width = max(len("category"), *(len(code) + 2 for pair in found.confusion for code in pair))
    yield f"{'category':<{width}}  {'lines':>5}  {'at 1':>6}  {'at 3':>6}"
    for code, score in found.categories.items():
        shares = f"{score.first / score.total:>6.1%}  {score.among_three / score.total:>6.1%}"
        odd = "" if code in known else "  (no category of ours)"
        yield f"{code:<{width}}  {score.total:>5}  {shares}{odd}"
    yield ""
    yield from confusion_table(found.confusion, width)


def confusion_table(confusion: Any, width: int) -> Iterator[str]:
    """A row for each right category, a numbered column for each that was chosen."""
    codes = sorted({code for pair in confusion for code in pair})
    numbers = {code: number for number, code in enumerate(codes, 1)}
    cell = max(3, *(len(str(count)) + 1 for count in confusion.values()))
    yield "confusion: a row is what staff chose, a column what the planner chose"
    yield " " * (width + 4) + "".join(f"{number:>{cell}}" for number in numbers.values())
    for right in codes:
        counts = [confusion.get((right, chosen), 0) for chosen in codes]
        yield f"{numbers[right]:>3} {right:<{width}}" + "".join(f"{count or '.':>{cell}}" for count in counts)
