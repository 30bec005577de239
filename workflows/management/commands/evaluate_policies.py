"""``manage.py evaluate_policies FILE.jsonl``: how often a search of the policies finds the right one."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workflows.policies.evaluation import Question, UnknownPolicy, ask, recall


class Command(BaseCommand):
    help = "Print the recall of the search of policies on statements whose policy is known."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file",
            type=Path,
            help='Lines of JSON: {"statement": ..., "policy": its id, its heading, or a sample\'s name}.',
        )
        parser.add_argument("--misses", action="store_true", help="Show the statements that were not found.")

    def handle(self, *args: Any, **options: Any) -> None:
        questions = _questions(options["file"])
        try:
            answers = ask(questions)
        except UnknownPolicy as error:
            raise CommandError(f"{error} `manage.py load_sample_policies` adds those that ship.") from error
        self.stdout.write(f"statements: {len(answers)}")
        for at in (1, 3, 5):
            self.stdout.write(f"recall at {at}: {recall(answers, at):.1%}")
        for answer in answers:
            if answer.rank is None and options["misses"]:
                found = "; ".join(answer.found) or "nothing"
                self.stdout.write(
                    f"missed {answer.question.policy}: {answer.question.statement} (found: {found})"
                )


def _questions(file: Path) -> list[Question]:
    found = []
    try:
        lines = file.read_text(encoding="utf-8").split("\n")  # a statement may have U+2028 in it
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            found.append(Question(str(row["statement"]), str(row["policy"])))
        except (ValueError, TypeError, KeyError) as error:
            raise CommandError(f"{file}, line {number}: no JSON object with statement and policy.") from error
    if not found:
        raise CommandError(f"{file} has no lines.")
    return found
