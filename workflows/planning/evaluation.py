"""How often do the playbooks choose as the city's own staff did?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.planning.playbooks import choose


@dataclass(frozen=True)
class Evaluation:
    """``at_1`` and ``at_3`` are shares from 0 to 1; ``confusion`` counts (right, chosen) categories."""

    total: int
    at_1: float
    at_3: float
    confusion: Mapping[tuple[str, str], int]


def evaluate(lines: Iterable[Mapping[str, Any]]) -> Evaluation:
    """Choose a playbook for each line (``{"text", "category"}``, more keys do no harm) and compare.

    Raises:
        KeyError: a line lacks ``text`` or ``category``.
        ValueError: there is no line.
    """
    confusion: Counter[tuple[str, str]] = Counter()
    total = first = among_three = 0
    for line in lines:
        categories = [choice.playbook.category for choice in choose(line["text"])[:3]]
        total += 1
        first += categories[0] == line["category"]
        among_three += line["category"] in categories
        confusion[line["category"], categories[0]] += 1
    if not total:
        raise ValueError("there is no statement to judge by")
    return Evaluation(total, first / total, among_three / total, confusion)
