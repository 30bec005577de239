"""What goes into a planner and what comes out: plain data, no database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Urgency = Literal["low", "normal", "high", "critical"]
PlannerName = Literal["playbooks", "openai"]

URGENCIES: tuple[Urgency, ...] = ("low", "normal", "high", "critical")


@dataclass(frozen=True)
class Facts:
    """What a planner understood of a statement.

    ``category`` is a code of ``issues/data/categories.yaml``; ``confidence`` lies between 0 and 1;
    ``place`` is the place in the citizen's own words, empty when none was found.
    """

    category: str
    confidence: float
    place: str
    urgency: Urgency


@dataclass(frozen=True)
class DraftRequest:
    """A citizen's words, and what is already known about the issue (which always wins over a guess)."""

    statement: str
    address: str | None = None
    category: str | None = None
    urgency: Urgency | None = None


@dataclass(frozen=True)
class PlannedDraft:
    """A plan as a document, not validated by a person yet, with how it came to be.

    ``detail`` is JSON: for playbooks ``{"playbook", "version", "why", "candidates"}``, for OpenAI ``{"model",
    "api", "tokens", "prompt_version", "rounds", "problems"}``; ``"fallback": {"code", "message"}`` is added
    when OpenAI was asked and could not answer.
    """

    document: dict[str, Any]
    facts: Facts
    planner: PlannerName
    detail: dict[str, Any] = field(default_factory=dict)
