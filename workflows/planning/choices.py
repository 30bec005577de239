"""The first step of a draft: what is relevant. The form of the model's choice, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from workflows.plan.catalogue import Catalogue
from workflows.planning.answers import closed, one_of, or_null, passage_ids
from workflows.planning.base import URGENCIES, DraftRequest, Facts, Passage, Urgency
from workflows.planning.city import Category
from workflows.planning.places import PLACE_LIMIT
from workflows.planning.text import clean

CHOICE_NAME = "plan_choice"
REASON_LIMIT = 500  # characters
MOST_PEOPLE = 100_000_000

ALWAYS = ("confirm_completion", "send_notification", "update_issue")
"""Activities that the plan may use unasked: each plan tells somebody, most confirm and close."""

GUESSED = ("place", "urgency", "people_affected")
"""Facts that come with a confidence of their own, beside the category's."""


@dataclass(frozen=True)
class Choice:
    """What the plan is written from: facts, the ids of activities (with ``ALWAYS``), passages, and why."""

    facts: Facts
    activities: tuple[str, ...]
    passages: tuple[Passage, ...]
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """For the reviewer; JSON."""
        return {
            "category": self.facts.category,
            "confidence": self.facts.confidence,
            "activities": list(self.activities),
            "passages": [passage.id for passage in self.passages],
            "reason": self.reason,
        }


def choice_schema(
    catalogue: Catalogue, categories: Sequence[str], passages: Sequence[Passage]
) -> dict[str, Any]:
    """Return the JSON Schema of a choice among what is offered."""
    number = {"type": "number"}
    facts = closed(
        {
            "category": one_of(categories),
            "confidence": number,
            "place": {"type": "string"},
            "urgency": one_of(URGENCIES),
            "people_affected": or_null({"type": "integer"}),
            "sure": closed(dict.fromkeys(GUESSED, number)),
        }
    )
    choice = {
        "facts": facts,
        "activities": {"type": "array", "items": one_of(list(catalogue))},
        "reason": {"type": "string"},
    }
    if passages:
        choice["policies"] = passage_ids(passages)
    return closed(choice)


def read_choice(
    answered: Mapping[str, Any], request: DraftRequest, catalogue: Catalogue, categories: Sequence[Category]
) -> Choice:
    """Read a choice, tolerant of a server that does not enforce the schema: what is not offered is passed over.

    A choice without any activity that exists leaves only ``ALWAYS``. Passages of a department that the chosen
    category does not belong to are left out: its reviewers have no business with them.
    """
    facts, reason = answered.get("facts"), answered.get("reason")
    named = {name for name in _list(answered.get("activities")) if isinstance(name, str)}
    ids = {number for number in _list(answered.get("policies")) if type(number) is int}
    codes = frozenset(category.code for category in categories)
    understood = read_facts(facts if isinstance(facts, dict) else {}, request, codes)
    usable = of_one_department(request, understood.category, categories)
    return Choice(
        facts=understood,
        activities=tuple(name for name in catalogue if name in named or name in ALWAYS),
        passages=tuple(passage for passage in usable.passages if passage.id in ids),
        reason=clean(reason, REASON_LIMIT) if isinstance(reason, str) else "",
    )


def of_one_department(request: DraftRequest, category: str, categories: Sequence[Category]) -> DraftRequest:
    """The request with the grounds that the reviewers of a category may read: the whole city's, and those of the
    department that has the issue, or, while none has it, the category's own."""
    department_of = {one.code: one.department for one in categories}
    owner = request.department or department_of.get(category)
    return replace(
        request,
        passages=tuple(one for one in request.passages if one.department in ("", owner)),
        cases=tuple(one for one in request.cases if department_of.get(one.category) == owner),
    )


def read_facts(answered: Mapping[str, Any], request: DraftRequest, categories: frozenset[str]) -> Facts:
    """Bounded facts; what is on file wins over what the model says, and is certain."""
    category = request.category if request.category in categories else answered.get("category")
    urgency = request.urgency or answered.get("urgency")
    place = request.address or answered.get("place")
    known = isinstance(category, str) and category in categories
    said = _share(answered.get("confidence")) if known else 0.0
    confidence = 1.0 if known and category == request.category else said
    people = answered.get("people_affected")
    told = answered.get("sure")
    sure = {name: _share(told.get(name)) for name in GUESSED} if isinstance(told, dict) else {}
    on_file = {"place": request.address, "urgency": request.urgency}
    sure |= {name: 1.0 for name, value in on_file.items() if value}
    return Facts(
        category=str(category) if known else "other",
        confidence=confidence,
        place=clean(place, PLACE_LIMIT) if isinstance(place, str) else "",
        urgency=cast(Urgency, urgency) if urgency in URGENCIES else "normal",
        people_affected=people if type(people) is int and 0 <= people <= MOST_PEOPLE else None,
        sure={"category": confidence, **sure},
    )


def _share(value: object) -> float:
    """A number between 0 and 1; 0 for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return 0.0
    return float(min(1, max(0, value)))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
