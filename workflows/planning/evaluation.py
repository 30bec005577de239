"""How often does a planner choose as the city's own staff did?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mudda import strictjson
from workflows.planning.playbooks import choose

Rank = Callable[[str], Sequence[str]]
"""From a statement to the categories that fit it, best first, at least one."""

LONGEST_LINE = 1_000_000
"""Bytes: a line that is longer is named as bad and not read."""


@dataclass(frozen=True)
class Score:
    """Statements of one category: how many, of how many it was the first choice, and one of the first three."""

    total: int
    first: int
    among_three: int


@dataclass(frozen=True)
class Evaluation:
    """``at_1`` and ``at_3`` are shares from 0 to 1; ``confusion`` counts (right, chosen) categories."""

    total: int
    at_1: float
    at_3: float
    confusion: Mapping[tuple[str, str], int]
    categories: Mapping[str, Score] = field(default_factory=dict)


@dataclass(frozen=True)
class BadLine:
    """A line that cannot be judged by: its number, from 1, and why."""

    number: int
    reason: str


def rank_by_playbooks(statement: str) -> list[str]:
    """The categories of the playbooks that fit, best first, each once."""
    return list(dict.fromkeys(choice.playbook.category for choice in choose(statement)))


def evaluate(lines: Iterable[Mapping[str, Any]], rank: Rank = rank_by_playbooks) -> Evaluation:
    """Choose for each line (``{"text", "category"}``, more keys do no harm) and compare.

    Raises:
        KeyError: a line lacks ``text`` or ``category``.
        ValueError: there is no line.
    """
    confusion: Counter[tuple[str, str]] = Counter()
    total: Counter[str] = Counter()
    first: Counter[str] = Counter()
    among_three: Counter[str] = Counter()
    for line in lines:
        right, chosen = line["category"], rank(line["text"])[:3]
        total[right] += 1
        first[right] += chosen[0] == right
        among_three[right] += right in chosen
        confusion[right, chosen[0]] += 1
    count = sum(total.values())
    if not count:
        raise ValueError("there is no statement to judge by")
    categories = {code: Score(total[code], first[code], among_three[code]) for code in sorted(total)}
    return Evaluation(
        count, sum(first.values()) / count, sum(among_three.values()) / count, confusion, categories
    )


def read_lines(lines: Iterable[bytes]) -> Iterator[dict[str, Any] | BadLine]:
    """The lines of a JSONL file, empty ones left out, each as its object or as what is wrong with it."""
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        yield _read_line(number, raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw)


def _read_line(number: int, raw: bytes) -> dict[str, Any] | BadLine:
    if len(raw) > LONGEST_LINE:
        return BadLine(number, f"longer than {LONGEST_LINE:,} bytes")
    value, problems = strictjson.loads(raw)
    if problems:
        return BadLine(number, problems[0].message.rstrip("."))
    if not isinstance(value, dict):
        return BadLine(number, "not a JSON object")
    for name in ("text", "category"):
        if name not in value:
            return BadLine(number, f'no "{name}"')
        if not (isinstance(value[name], str) and value[name].strip()):
            return BadLine(number, f'"{name}" is not a text, or is empty')
    return value
