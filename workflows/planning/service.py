"""One call from words to a draft: the model where there is a key, the playbooks where it cannot help."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workflows.departments import unknown_departments
from workflows.plan.problems import Problem, has_errors
from workflows.plan.validation import validate
from workflows.planning import prompts
from workflows.planning.base import (
    Citation,
    DraftRequest,
    Facts,
    PlannedDraft,
    PlannerRecord,
    Progress,
    ignore,
)
from workflows.planning.choices import read_facts
from workflows.planning.config import PlannerSettings
from workflows.planning.failures import PlannerAnswerBad, PlannerError, PlannerUnavailable
from workflows.planning.ledger import NOTHING_SPENT, Ledger, keep_nothing
from workflows.planning.playbooks import PlaybookPlanner

if TYPE_CHECKING:
    from workflows.planning.client import ModelClient
    from workflows.planning.openai import Answer, Correction

__all__ = ["CORRECTIONS", "PlannerSettings", "draft_plan", "revise_plan"]

CORRECTIONS = 2  # times that problems are handed back to the model

NEVER_ASKED = ("planner_no_key", "planner_in_sandbox")
"""Why no model was asked, where that is as it should be."""

log = logging.getLogger(__name__)


def draft_plan(
    request: DraftRequest,
    *,
    settings: PlannerSettings,
    progress: Progress = ignore,
    spent: PlannerRecord = NOTHING_SPENT,
    keep: Callable[[PlannerRecord], None] = keep_nothing,
) -> PlannedDraft:
    """Draft a plan, with the model if there is a key, else or on any of its failures with the playbooks.

    A model's draft that still has errors after ``CORRECTIONS`` corrections is returned as it is: it can be
    saved and edited, and validation keeps it from being approved. ``detail["problems"]`` lists what is left.
    Whenever the playbooks drafted, ``detail["fallback"]`` and ``record.fallback`` say why.

    Args:
        progress: told ``category_found``, ``policies_found``, ``plan_written`` and ``validated``, each with the
            name of the planner; told again from the beginning when the playbooks take over.
        spent: by earlier attempts at this draft that ended in a crash; the budget is what they left.
        keep: told what has been spent so far, before and after each call: for the next attempt.

    Raises:
        PlaybookError: the playbooks on disk cannot be used.
    """
    ledger = Ledger(settings, spent=spent, keep=keep)
    try:
        return _with_model(request, settings, ledger, progress)
    except PlannerError as error:
        if error.code not in NEVER_ASKED:
            log.warning("planner fell back to the playbooks: %s", error.code)
        return _with_playbooks(request, settings, ledger, error, progress)


def revise_plan(
    document: Any,
    instruction: str,
    request: DraftRequest,
    *,
    settings: PlannerSettings,
    progress: Progress = ignore,
    spent: PlannerRecord = NOTHING_SPENT,
    keep: Callable[[PlannerRecord], None] = keep_nothing,
) -> PlannedDraft:
    """Have the model change a plan as ``instruction`` says. Playbooks cannot do that: there is no fallback.

    Args:
        document: the plan to change, a playbook's or anybody's; it may have errors.
        request: the report that the plan is about, with what may ground the change.
        progress: told ``plan_written`` and ``validated``.
        spent, keep: as of ``draft_plan``.

    Returns:
        The new text, never validated by a person, with every approval that the plan had
        (``planning.approvals``). ``detail["account"]`` is what the model says it changed, a sentence for each
        change, after one for each approval that it would have lost; ``detail["problems"]`` what is wrong with it
        after ``CORRECTIONS`` corrections.
        ``facts`` are those of ``request``: a revision finds no new ones.

    Raises:
        PlannerUnavailable: no key (``planner_no_key``), no model for a sandbox (``planner_in_sandbox``), no service,
            or the budget is spent.
        PlannerAnswerBad: the model refused or answered with no plan. ``record`` of either says what was asked.
    """
    ledger = Ledger(settings, spent=spent, keep=keep)
    try:
        with _client(settings, ledger) as client:
            from workflows.planning.openai import OpenAIPlanner

            planner = OpenAIPlanner(request, settings, client)
            facts = read_facts({}, request, frozenset(category.code for category in settings.categories))
            answer, problems, rounds = _corrected(
                lambda asked: planner.revise(document, instruction, asked), facts, settings, ledger, progress
            )
    except PlannerError as error:
        error.record = ledger.record(prompts.PROMPT_VERSION, _told(error))
        raise
    detail = _detail(answer, problems, rounds, ledger) | {"account": [*answer.approvals, *answer.account]}
    return _drafted(answer, facts, detail, ledger)


# --- the model --------------------------------------------------------------------------------------


def _with_model(
    request: DraftRequest, settings: PlannerSettings, ledger: Ledger, progress: Progress
) -> PlannedDraft:
    with _client(settings, ledger) as client:
        from workflows.planning.openai import OpenAIPlanner

        planner = OpenAIPlanner(request, settings, client)
        choice = planner.choose()
        _tell_found(progress, choice.facts, [passage.id for passage in choice.passages], "openai")
        answer, problems, rounds = _corrected(
            lambda asked: planner.write(choice, asked), choice.facts, settings, ledger, progress
        )
    detail = _detail(answer, problems, rounds, ledger) | {
        "chosen": choice.as_dict(),
        "approvals": list(answer.approvals),
    }
    return _drafted(answer, choice.facts, detail, ledger)


def _client(settings: PlannerSettings, ledger: Ledger) -> ModelClient:
    if settings.sandbox:
        raise PlannerUnavailable(
            "planner_in_sandbox", "A sandbox sends nothing outside, so no model is asked."
        )
    if not settings.api_key:
        raise PlannerUnavailable("planner_no_key", "There is no key for a model.")
    # The SDK takes a second to import; a city without a key need not wait for it at every start.
    from workflows.planning.client import ModelClient

    return ModelClient(settings, ledger)


def _corrected(
    write: Callable[[Sequence[Correction]], Answer],
    facts: Facts,
    settings: PlannerSettings,
    ledger: Ledger,
    progress: Progress,
) -> tuple[Answer, list[Problem], int]:
    """Ask for a plan until it has no errors, ``CORRECTIONS`` times more at most."""
    from workflows.planning.openai import Correction

    asked: list[Correction] = []
    while True:
        answer = write(asked)
        steps = answer.document.get("steps")
        progress("plan_written", {"planner": "openai", "steps": len(steps) if isinstance(steps, list) else 0})
        problems = _problems(answer, facts, settings)
        errors = tuple(problem for problem in problems if problem.severity == "error")
        if not errors or len(asked) == CORRECTIONS:
            break
        asked.append(Correction(answer.text, errors))
    if _unknown_departments(answer.document, settings):
        # It could be saved, but nobody could approve it: a playbook is of more use.
        raise PlannerAnswerBad("answer_unsafe", "The model insisted on a department that does not exist.")
    if answer.problems and not has_errors(problems[len(answer.problems) :]):
        # What is wrong is not in the plan as it would be stored: it could be approved.
        raise PlannerAnswerBad("answer_junk", "The model insisted on values that are no JSON.")
    rounds = len(asked) + 1
    progress("validated", {"planner": "openai", "errors": len(errors), "rounds": rounds})
    return answer, problems, rounds


def _problems(answer: Answer, facts: Facts, settings: PlannerSettings) -> list[Problem]:
    targets = {category.code: category.target for category in settings.categories}
    return [
        *answer.problems,
        *_unknown_departments(answer.document, settings),
        *validate(answer.document, settings.activities, category_target=targets.get(facts.category)),
    ]


def _unknown_departments(document: dict[str, Any], settings: PlannerSettings) -> list[Problem]:
    known = frozenset(department.code for department in settings.departments if department.active)
    return unknown_departments(document, known)


def _detail(answer: Answer, problems: Sequence[Problem], rounds: int, ledger: Ledger) -> dict[str, Any]:
    left = [problem.as_dict() for problem in problems if problem.severity == "error"]
    return {
        "model": answer.model,
        "api": answer.api,
        "prompt_version": prompts.PROMPT_VERSION,
        "tokens": ledger.tokens,
        "rounds": rounds,
        "problems": left[: prompts.PROBLEMS_TOLD],
    }


def _drafted(answer: Answer, facts: Facts, detail: dict[str, Any], ledger: Ledger) -> PlannedDraft:
    record = ledger.record(prompts.PROMPT_VERSION)
    return PlannedDraft(answer.document, facts, "openai", detail, answer.citations, record)


# --- the playbooks ----------------------------------------------------------------------------------


def _with_playbooks(
    request: DraftRequest,
    settings: PlannerSettings,
    ledger: Ledger,
    error: PlannerError,
    progress: Progress,
) -> PlannedDraft:
    draft = PlaybookPlanner().draft(request)
    fallback = _told(error)
    _tell_found(progress, draft.facts, [], "playbooks")
    progress("plan_written", {"planner": "playbooks", "steps": len(draft.document["steps"])})
    problems = validate(draft.document, settings.activities)
    errors = sum(problem.severity == "error" for problem in problems)
    progress("validated", {"planner": "playbooks", "errors": errors, "rounds": 1})
    asked = ledger.record(prompts.PROMPT_VERSION, fallback)
    if error.code in NEVER_ASKED:
        asked = PlannerRecord(seconds=asked.seconds, fallback=fallback)
    return replace(
        draft,
        detail={**draft.detail, "fallback": fallback},
        citations=tuple(Citation(p.document, p.version, p.heading, p.id) for p in request.passages),
        record=asked,
    )


# --- both -------------------------------------------------------------------------------------------


def _tell_found(progress: Progress, facts: Facts, passages: list[int], planner: str) -> None:
    progress(
        "category_found",
        {"planner": planner, "category": facts.category, "confidence": facts.confidence},
    )
    progress("policies_found", {"planner": planner, "passages": passages})


def _told(error: PlannerError) -> dict[str, Any]:
    return {"code": error.code, "message": error.message}
