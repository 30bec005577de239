"""What follows from the text of a revision alone, worked out once: a text with the same digest is the same text."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from workflows.plan.catalogue import offered
from workflows.plan.compiled import CompiledPlan
from workflows.plan.compiler import compile_plan
from workflows.plan.validation import Problem, validate

REMEMBERED = 64
"""Texts. Plans are mostly approved and launched soon after they were written."""


@dataclass(frozen=True)
class _Text:
    digest: str
    document: Any = field(compare=False, repr=False)


def problems_of(document: Any, digest: str, *, category_target: str | None) -> tuple[Problem, ...]:
    """``validate`` with the activities that are offered now. ``digest`` is the normalised document's."""
    return _problems(_Text(digest, document), offered().digest, category_target)


def compiled(document: Any, digest: str, *, category_target: str | None) -> CompiledPlan:
    """``compile_plan`` with the activities that are offered now, under the digest of the revision.

    Raises:
        PlanHasProblems: as ``compile_plan``.
    """
    return _compiled(_Text(digest, document), offered().digest, category_target)


@lru_cache(REMEMBERED)
def _problems(text: _Text, catalogue_digest: str, category_target: str | None) -> tuple[Problem, ...]:
    return tuple(validate(text.document, offered(), category_target=category_target))


@lru_cache(REMEMBERED)
def _compiled(text: _Text, catalogue_digest: str, category_target: str | None) -> CompiledPlan:
    problems = _problems(text, catalogue_digest, category_target)
    # The digest that was approved: a revision saved by an older version may be written otherwise today.
    return compile_plan(text.document, offered(), problems, sha=text.digest)
