"""One call from words to a draft: the model where there is a key, the playbooks where it cannot help."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from workflows.departments import unknown_departments
from workflows.plan.catalogue import Catalogue, offered
from workflows.plan.problems import Problem, has_errors
from workflows.plan.validation import validate
from workflows.planning import prompts
from workflows.planning.base import DraftRequest, PlannedDraft, Progress, ignore
from workflows.planning.city import Category, Department, shipped_categories, shipped_departments
from workflows.planning.failures import PlannerAnswerBad, PlannerError
from workflows.planning.playbooks import PlaybookPlanner

if TYPE_CHECKING:
    from workflows.planning.openai import Answer, Correction

CORRECTIONS = 2  # times that problems are handed back to the model

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PlannerSettings:
    """What drafting needs to know, handed in by the caller.

    Attributes:
        api_key: Empty means playbooks only.
        timeout: Seconds for one attempt of one request; the SDK tries a request up to three times.
        budget: Seconds for the whole draft: no further correction is asked for once they are spent.
        catalogue: None means the activities that this process offers.
        departments, categories: What the model may name, by default the lists as shipped.
    """

    api_key: str = field(default="", repr=False)
    base_url: str = "https://api.openai.com/v1"
    model: str = "gpt-5.4-mini"
    timeout: float = 20.0
    budget: float = 50.0
    catalogue: Catalogue | None = None
    departments: tuple[Department, ...] = field(default_factory=shipped_departments)
    categories: tuple[Category, ...] = field(default_factory=shipped_categories)


def draft_plan(
    request: DraftRequest, *, settings: PlannerSettings, progress: Progress = ignore
) -> PlannedDraft:
    """Draft a plan, with the model if there is a key, else or on any of its failures with the playbooks.

    A model's draft that still has errors after ``CORRECTIONS`` corrections is returned as it is: it can be
    saved and edited, and validation keeps it from being approved. ``detail["problems"]`` lists what is left.

    Raises:
        PlaybookError: the playbooks on disk cannot be used.
    """
    if not settings.api_key:
        return PlaybookPlanner().draft(request)
    try:
        return _draft_with_model(request, settings)
    except PlannerError as error:
        log.warning("planner fell back to the playbooks: %s", error.code)
        draft = PlaybookPlanner().draft(request)
        fallback = {"code": error.code, "message": error.message}
        return replace(draft, detail={**draft.detail, "fallback": fallback})


def _draft_with_model(request: DraftRequest, settings: PlannerSettings) -> PlannedDraft:
    # The SDK takes a second to import; a city without a key need not wait for it at every start.
    from workflows.planning.openai import Correction, OpenAIPlanner

    catalogue = offered() if settings.catalogue is None else settings.catalogue
    planner = OpenAIPlanner(
        settings.api_key,
        settings.base_url,
        settings.model,
        settings.timeout,
        catalogue=catalogue,
        departments=settings.departments,
        categories=settings.categories,
    )
    give_up_at = time.monotonic() + settings.budget
    asked: list[Correction] = []
    tokens = {"input": 0, "output": 0}
    while True:
        answer = planner.ask(request, asked)
        for kind in tokens:
            tokens[kind] += answer.draft.detail["tokens"][kind]
        problems = _problems(answer, catalogue, settings)
        is_last = len(asked) == CORRECTIONS or time.monotonic() > give_up_at
        if is_last or not has_errors(problems):
            break
        asked.append(Correction(answer.text, tuple(p for p in problems if p.severity == "error")))
    return _finished(answer.draft, problems, settings, rounds=len(asked) + 1, tokens=tokens)


def _problems(answer: Answer, catalogue: Catalogue, settings: PlannerSettings) -> list[Problem]:
    targets = {category.code: category.target for category in settings.categories}
    document = answer.draft.document
    return [
        *answer.problems,
        *_unknown_departments(document, settings),
        *validate(document, catalogue, category_target=targets.get(answer.draft.facts.category)),
    ]


def _unknown_departments(document: dict[str, Any], settings: PlannerSettings) -> list[Problem]:
    known = frozenset(department.code for department in settings.departments if department.active)
    return unknown_departments(document, known)


def _finished(
    draft: PlannedDraft,
    problems: Sequence[Problem],
    settings: PlannerSettings,
    *,
    rounds: int,
    tokens: dict[str, int],
) -> PlannedDraft:
    if _unknown_departments(draft.document, settings):
        # It could be saved, but nobody could approve it: a playbook is of more use.
        raise PlannerAnswerBad("answer_unsafe", "The model insisted on a department that does not exist.")
    left = [problem.as_dict() for problem in problems if problem.severity == "error"]
    detail = {**draft.detail, "rounds": rounds, "tokens": tokens, "problems": left[: prompts.PROBLEMS_TOLD]}
    return replace(draft, detail=detail)
