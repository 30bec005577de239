"""How urgent is it? Words of danger in the statement, and what the playbook knows about its own kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workflows.planning.base import URGENCIES, Urgency
from workflows.planning.matching import TermIndex, parse_term

# What speaks of danger whatever the kind of issue is.
_ANYWHERE: dict[Urgency, tuple[str, ...]] = {
    "critical": (
        "emergency", "live wire", "wires down", "power line down", "exposed wires", "gas smell", "smell gas",
        "explosion", "on fire", "trapped", "someone fell", "child fell", "someone hurt", "got hurt",
        "injured", "injury", "electrocuted", "life threatening",
    ),
    "high": (
        "dangerous", "danger", "hazard", "hazardous", "unsafe", "urgent", "urgently", "immediately", "asap",
        "right away", "could fall", "about to fall", "could be hurt", "will get hurt", "get killed",
        "wheelchair stuck", "blocking traffic", "blocks the road", "school children", "flat tire", "accident",
    ),
    "low": ("not urgent", "no rush", "no hurry", "when you can", "minor", "cosmetic", "eyesore"),
}  # fmt: skip


def hints_index(hints: Mapping[Urgency, Iterable[str]]) -> TermIndex:
    """Build the index of urgency words. Raises ValueError when a hint holds no word."""
    return TermIndex(parse_term(level, written, 1.0) for level, said in hints.items() for written in said)


_GENERAL = hints_index(_ANYWHERE)


def find_urgency(statement: str, hints: TermIndex | None = None, default: Urgency = "normal") -> Urgency:
    """Return the most urgent level that ``statement`` speaks of; ``default`` when it speaks of none.

    A word of low urgency counts only where nothing more urgent is said.
    """
    said = {match.kind for match in _GENERAL.matches(statement)}
    if hints is not None:
        said |= {match.kind for match in hints.matches(statement)}
    for level in ("critical", "high"):
        if level in said:
            return _more_urgent(level, default)
    return "low" if "low" in said else default


def _more_urgent(one: Urgency, other: Urgency) -> Urgency:
    return max(one, other, key=URGENCIES.index)
