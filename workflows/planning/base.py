"""What goes into a planner and what comes out: plain data, no database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

Urgency = Literal["low", "normal", "high", "critical"]
PlannerName = Literal["playbooks", "openai"]
Stage = Literal["category_found", "policies_found", "plan_written", "validated"]
Progress = Callable[[Stage, Mapping[str, Any]], None]
"""Told how far a draft is. The data are ids, codes and counts: never personal data, never the statement."""

URGENCIES: tuple[Urgency, ...] = ("low", "normal", "high", "critical")


def ignore(stage: Stage, data: Mapping[str, Any]) -> None:
    """The ``Progress`` of a caller who waits for the end."""


@dataclass(frozen=True)
class Passage:
    """A part of a policy document that may inform the plan.

    ``id`` is the passage's own, ``document`` the document's UUID as text, ``version`` the number of the version
    that the text is from, ``heading`` the headings above it, ``department`` the code of the department whose policy
    it is, empty for the whole city's.
    """

    id: int
    document: str
    version: int
    heading: str
    text: str
    department: str = ""


def citation_text(document: str, version: int) -> str:
    """How a step's ``policies`` cite a policy document: ``<uuid>@<version>``."""
    return f"{document}@{version}"


@dataclass(frozen=True)
class PastCase:
    """An issue like this one and the plan that was approved for it.

    ``issue`` is its reference, ``steps`` the titles of the approved plan's steps, ``changed`` one sentence for
    each thing that staff changed in the draft.
    """

    issue: str
    statement: str
    category: str
    steps: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True)
class Duplicate:
    """An issue (by its reference) that may be the same one: ``similarity`` of the words lies between 0 and 1.

    ``metres_apart`` is None where one of the two has no position.
    """

    issue: str
    status: str
    hours_apart: float
    metres_apart: float | None
    similarity: float


@dataclass(frozen=True)
class Facts:
    """What a planner understood of a statement.

    ``category`` is a code of ``issues/data/categories.yaml``; ``confidence`` (in the category) lies between 0
    and 1; ``place`` is the place in the citizen's own words, empty when none was found; ``people_affected`` is
    None when nothing is said of it. ``sure`` is the confidence, 0 to 1, in each fact by its name.
    """

    category: str
    confidence: float
    place: str
    urgency: Urgency
    people_affected: int | None = None
    sure: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class DraftRequest:
    """A citizen's words, and what is already known about the issue (which always wins over a guess).

    ``department`` is the code of the one that has the issue, None while that follows from its category.
    ``private`` are values of the record (the reporter's name, e-mail address, telephone number) that never leave
    for a model: they are masked wherever they stand.
    """

    statement: str
    address: str | None = None
    category: str | None = None
    urgency: Urgency | None = None
    department: str | None = None
    passages: tuple[Passage, ...] = ()
    cases: tuple[PastCase, ...] = ()
    private: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Citation:
    """A passage that was offered to the planner, and the ids of the steps that rest on it (maybe none)."""

    document: str
    version: int
    heading: str
    passage: int
    steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlannerRecord:
    """How a draft was made, for whoever asks later; stored as a ``PlannerRun``.

    ``cost`` is in US dollars, None where the price of the model is not known; ``seconds`` the whole draft's.
    ``exchanges`` are the calls to the model as they left and came back, personal data masked:
    ``{"purpose", "api", "form", "request", "response", "seconds", "input_tokens", "output_tokens"}``; with the form
    ``json_object`` the schema stood in the prompt. ``fallback`` is ``{"code", "message"}`` when the playbooks had to
    step in.
    """

    model: str = ""
    prompt_version: str = ""
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = None
    seconds: float = 0.0
    exchanges: tuple[dict[str, Any], ...] = ()
    fallback: dict[str, Any] | None = None


@dataclass(frozen=True)
class PlannedDraft:
    """A plan as a document, not validated by a person yet, with how it came to be.

    ``detail`` is JSON and stays with the revision: for playbooks ``{"playbook", "version", "why",
    "candidates"}``, for OpenAI ``{"model", "api", "tokens", "prompt_version", "chosen", "rounds", "problems",
    "approvals"}``;
    ``"fallback": {"code", "message"}`` is added when OpenAI could not be asked or could not answer.
    """

    document: dict[str, Any]
    facts: Facts
    planner: PlannerName
    detail: dict[str, Any] = field(default_factory=dict)
    citations: tuple[Citation, ...] = ()
    record: PlannerRecord = field(default_factory=PlannerRecord)
