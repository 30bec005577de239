"""Everything that leaves for a model passes through here: the request with its personal data masked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from workflows.plan.activity import ISSUE_FIELDS, QUESTION_TYPES, Schema
from workflows.plan.comparing import OPERATORS
from workflows.plan.problems import Problem
from workflows.plan.references import ROOTS
from workflows.plan.schema import GROUPS, PLAN_FIELDS, STEP_FIELDS, Approval, Overdue, RetryWish
from workflows.planning.base import URGENCIES, DraftRequest, Passage, PastCase
from workflows.planning.config import PlannerSettings
from workflows.planning.masking import STRUCTURE, Masker
from workflows.planning.places import PLACE_LIMIT
from workflows.planning.text import STATEMENT_LIMIT, clean

_LANGUAGE = frozenset(
    {
        *PLAN_FIELDS, *STEP_FIELDS, *ISSUE_FIELDS, *ROOTS, *OPERATORS, *GROUPS, *URGENCIES, *QUESTION_TYPES,
        *(member.name for kind in (Approval, Overdue, RetryWish) for member in fields(kind)),
        "escalate", "fail", "continue", "wait", "department",
        "ask", "type", "options", "keep_location",
    }
)  # fmt: skip
"""The words that every plan may hold whatever the city: no personal data, even where a reporter is called so."""

_STEP_ID = re.compile(r"[a-z][a-z0-9_]{0,62}")
_CODES = re.compile(r"[\w-]+(?::[\w-]+)?|\{\{[\w .-]*\}\}")
_CODE = re.compile(r"[\w-]+")
_NO_WORDS = re.compile(r"P[0-9DTHMS.]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}@[0-9]{1,9}")
"""Durations, and policies as steps cite them."""


def masked_request(request: DraftRequest, masker: Masker) -> DraftRequest:
    """The request as a model may see it. ``private`` is empty in it: the masker knows those values."""

    def hide(text: str, limit: int = STATEMENT_LIMIT) -> str:
        return masker.mask(clean(text, limit))

    def passage(given: Passage) -> Passage:
        return replace(given, heading=hide(given.heading), text=hide(given.text))

    def case(given: PastCase) -> PastCase:
        return replace(
            given,
            statement=hide(given.statement),
            steps=tuple(hide(title) for title in given.steps),
            changed=tuple(hide(line) for line in given.changed),
        )

    return replace(
        request,
        statement=hide(request.statement),
        address=hide(request.address, PLACE_LIMIT) if request.address else None,
        passages=tuple(passage(given) for given in request.passages),
        cases=tuple(case(given) for given in request.cases),
        private=(),
    )


def masked_plan(document: Any, masker: Masker, settings: PlannerSettings) -> Any:
    """A plan document, which staff may have written anything into, as a model may see it.

    Names of members and the fields of a plan's structure pass as they are only where they are words of the language,
    of the city's lists or of its catalogue, or ids of the plan's own steps; anything else is masked like prose.
    """
    known = frozenset({*_LANGUAGE, *_words_of_the_city(settings), *_step_ids(document)})
    return _Hidden(masker, known).value(document, is_structure=False)


@dataclass(frozen=True)
class _Hidden:
    """Masks JSON values; ``known`` are the words that are no personal data where no prose is meant."""

    masker: Masker
    known: frozenset[str]

    def value(self, value: Any, *, is_structure: bool) -> Any:
        if isinstance(value, str):
            return value if is_structure and self._is_known(value) else self.masker.mask(value)
        if isinstance(value, list):
            return [self.value(item, is_structure=is_structure) for item in value]
        if isinstance(value, dict):
            return {
                self.name(key): self.value(item, is_structure=is_structure or key in STRUCTURE)
                for key, item in value.items()
            }
        return value

    def name(self, name: str) -> str:
        return name if name in self.known else self.masker.mask(name)

    def _is_known(self, text: str) -> bool:
        if _NO_WORDS.fullmatch(text):
            return True
        return bool(_CODES.fullmatch(text)) and self.known.issuperset(_CODE.findall(text))


def _words_of_the_city(settings: PlannerSettings) -> Iterator[str]:
    yield from (department.code for department in settings.departments)
    yield from (category.code for category in settings.categories)
    for activity_id, spec in settings.activities.items():
        yield activity_id
        yield from _words_of(spec.inputs)
        yield from _words_of(spec.output)


def _words_of(schema: Schema) -> Iterator[str]:
    """The names of an object's members, and what they may be where there is a choice."""
    for name, described in schema.get("properties", {}).items():
        yield name
        yield from (choice for choice in described.get("enum", ()) if isinstance(choice, str))


def _step_ids(document: Any) -> Iterable[str]:
    steps = document.get("steps") if isinstance(document, dict) else None
    ids = [step.get("step_id") for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []
    return [one for one in ids if isinstance(one, str) and _STEP_ID.fullmatch(one)]


def masked_problems(problems: Sequence[Problem], masker: Masker) -> list[Problem]:
    """Problems point into the plan that they are about, and quote it; personal data has been put back into it."""
    return [
        replace(
            problem,
            pointer=_masked_pointer(problem.pointer, masker),
            message=masker.mask(problem.message),
            hint=masker.mask(problem.hint),
        )
        for problem in problems
    ]


def _masked_pointer(pointer: str, masker: Masker) -> str:
    hidden = _Hidden(masker, _LANGUAGE)
    names = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")]
    return "/".join(hidden.name(name).replace("~", "~0").replace("/", "~1") for name in names)
