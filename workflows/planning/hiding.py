"""Everything that leaves for a model passes through here: the request with its personal data masked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from workflows.plan.problems import Problem
from workflows.planning.base import DraftRequest, Passage, PastCase
from workflows.planning.masking import STRUCTURE, Masker
from workflows.planning.places import PLACE_LIMIT
from workflows.planning.text import STATEMENT_LIMIT, clean

_WORDS_OF_THE_LANGUAGE = re.compile(r"[A-Za-z][A-Za-z_-]*(?::[A-Za-z_-]+)?|\{\{[\w .]*\}\}|P[0-9DTHMS.]+")
"""Ids, roles, references and durations: in the fields of a plan's structure these are no personal data."""


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


def masked_plan(document: Any, masker: Masker) -> Any:
    """A plan document, which staff may have written anything into, as a model may see it."""
    return _masked(document, masker, is_structure=False)


def _masked(value: Any, masker: Masker, *, is_structure: bool) -> Any:
    if isinstance(value, str):
        is_known = is_structure and _WORDS_OF_THE_LANGUAGE.fullmatch(value)
        return value if is_known else masker.mask(value)
    if isinstance(value, list):
        return [_masked(item, masker, is_structure=is_structure) for item in value]
    if isinstance(value, dict):
        return {
            key: _masked(item, masker, is_structure=is_structure or key in STRUCTURE)
            for key, item in value.items()
        }
    return value


def masked_problems(problems: Sequence[Problem], masker: Masker) -> list[Problem]:
    """Problems quote the plan that they are about, in which personal data has been put back."""
    return [
        replace(problem, message=masker.mask(problem.message), hint=masker.mask(problem.hint))
        for problem in problems
    ]
