"""Drafting with a model, in two steps: choose what is relevant, then write the plan from that alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mudda import strictjson
from workflows.plan.problems import Problem
from workflows.planning import answers, prompts
from workflows.planning.approvals import ask_as_playbooks_do, keep_approvals
from workflows.planning.base import Citation, DraftRequest, Facts, Passage
from workflows.planning.calls import Call, Reply
from workflows.planning.choices import (
    CHOICE_NAME,
    REASON_LIMIT,
    Choice,
    choice_schema,
    of_one_department,
    read_choice,
)
from workflows.planning.client import ModelClient
from workflows.planning.config import PlannerSettings
from workflows.planning.failures import PlannerAnswerBad
from workflows.planning.hiding import masked_plan, masked_problems, masked_request
from workflows.planning.masking import Masker
from workflows.planning.places import PLACE_LIMIT
from workflows.planning.text import clean

LONGEST_ANSWER = 512 * 1024  # characters; twice what a plan may have
ACCOUNT_LINES, ACCOUNT_LINE = 50, 500  # sentences, and characters of one


@dataclass(frozen=True)
class Correction:
    """An answer of the model, as it came, and what was wrong with it."""

    answer: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Answer:
    """A plan that the model wrote, with personal data put back.

    ``text`` is what came, personal data masked; ``problems`` are those found while reading it, before validation;
    ``account`` is there for a revision; ``approvals`` says which the model left out (``planning.approvals``).
    """

    document: dict[str, Any]
    text: str
    model: str
    api: str
    problems: tuple[Problem, ...]
    citations: tuple[Citation, ...]
    account: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()


class OpenAIPlanner:
    """Asks about one report. All that it says is masked; all that it returns has personal data put back.

    Every method raises PlannerUnavailable when the service cannot be asked or the budget is spent, and
    PlannerAnswerBad when it refused, was cut off, or answered with nothing or with junk.
    """

    def __init__(self, request: DraftRequest, settings: PlannerSettings, client: ModelClient) -> None:
        self._request, self._settings, self._client = request, settings, client
        self._masker = Masker(request.private, kinds=settings.masked, region=settings.region)
        self._shown = masked_request(request, self._masker)

    def choose(self) -> Choice:
        """Ask what is relevant: facts, activities, policies."""
        catalogue, categories = self._settings.activities, self._settings.categories
        codes = [category.code for category in categories]
        call = Call(
            purpose="choose",
            instructions=prompts.choosing(catalogue, categories),
            messages=(_said("user", prompts.to_choose(self._shown)),),
            name=CHOICE_NAME,
            schema=choice_schema(catalogue, codes, self._request.passages),
        )
        reply = self._client.ask(call)
        with self._client.reading():
            answered = _object(reply.text)
            if not isinstance(answered.get("activities"), list):
                raise PlannerAnswerBad("answer_junk", "The answer chooses no activities.")
            choice = read_choice(answered, self._request, catalogue, categories)
            if not choice.activities:
                raise PlannerAnswerBad("answer_junk", "The answer chooses no activity that exists.")
        place = clean(self._masker.unmask(choice.facts.place), PLACE_LIMIT)
        reason = clean(self._masker.unmask(choice.reason), REASON_LIMIT)
        return replace(choice, facts=replace(choice.facts, place=place), reason=reason)

    def write(self, choice: Choice, corrections: Sequence[Correction] = ()) -> Answer:
        """Ask for the plan, from what was chosen alone."""
        catalogue = self._settings.activities.subset(choice.activities)
        chosen = {passage.id for passage in choice.passages}
        known = of_one_department(self._shown, choice.facts.category, self._settings.categories)
        shown = [passage for passage in known.passages if passage.id in chosen]
        instructions = prompts.writing(
            catalogue, self._settings.departments, self._categories(choice.facts.category)
        )
        call = Call(
            purpose="correct" if corrections else "write",
            instructions=instructions,
            messages=self._conversation(
                prompts.to_write(known, self._masked_facts(choice.facts), shown), corrections
            ),
            name=answers.ANSWER_NAME,
            schema=answers.answer_schema(catalogue, shown),
        )
        answer = self._answer(self._client.ask(call), choice.passages)
        document, added = ask_as_playbooks_do(
            answer.document, choice.facts.category, self._settings.activities
        )
        return replace(answer, document=document, approvals=added)

    def revise(self, document: Any, instruction: str, corrections: Sequence[Correction] = ()) -> Answer:
        """Ask for another text of a plan. ``instruction`` is what staff say should be different."""
        catalogue, passages = self._settings.activities, self._request.passages
        plan = answers.show_plan(masked_plan(document, self._masker, self._settings), passages)
        wish = self._masker.mask(clean(instruction, prompts.INSTRUCTION_LIMIT))
        call = Call(
            purpose="correct" if corrections else "revise",
            instructions=prompts.revising(catalogue, self._settings.departments, self._settings.categories),
            messages=self._conversation(prompts.to_revise(plan, wish, self._shown), corrections),
            name=answers.REVISION_NAME,
            schema=answers.revision_schema(catalogue, passages),
        )
        answer = self._answer(self._client.ask(call), passages)
        revised = answers.keep_unshown(answer.document, document)
        revised, kept = keep_approvals(revised, document, catalogue)
        return replace(answer, document=revised, approvals=kept)

    def _conversation(self, question: str, corrections: Sequence[Correction]) -> tuple[dict[str, str], ...]:
        messages = [_said("user", question)]
        for correction in corrections:
            problems = masked_problems(correction.problems, self._masker)
            messages.append(_said("assistant", prompts.echo(correction.answer)))
            messages.append(_said("user", prompts.corrections(problems)))
        return tuple(messages)

    def _answer(self, reply: Reply, passages: Sequence[Passage]) -> Answer:
        with self._client.reading():
            answered = _object(reply.text)
            plan = answered.get("plan")
            if not isinstance(plan, dict):
                raise PlannerAnswerBad("answer_junk", "The answer holds no plan.")
        masked, problems = answers.read_plan(plan, passages)
        return Answer(
            document=self._masker.unmask_json(masked),
            text=reply.text,
            model=reply.model,
            api=reply.api,
            problems=tuple(problems),
            citations=cite(self._request.passages, passages, plan),
            account=self._account(answered.get("account")),
        )

    def _account(self, answered: object) -> tuple[str, ...]:
        lines = [line for line in answered if isinstance(line, str)] if isinstance(answered, list) else []
        told = [clean(self._masker.unmask(line), ACCOUNT_LINE) for line in lines[:ACCOUNT_LINES]]
        return tuple(line for line in told if line)

    def _categories(self, code: str) -> list[Any]:
        return [category for category in self._settings.categories if category.code == code]

    def _masked_facts(self, facts: Facts) -> Facts:
        place = self._masker.mask(clean(facts.place, PLACE_LIMIT))
        return replace(facts, place=place)


def cite(
    offered: Sequence[Passage], usable: Sequence[Passage] = (), plan: dict[str, Any] | None = None
) -> tuple[Citation, ...]:
    """Every passage that was offered, with the steps of ``plan`` (as answered) that cite it, if it was usable."""
    cited = answers.cited_by(plan) if plan else {}
    known = {passage.id for passage in usable}
    return tuple(
        Citation(
            passage.document,
            passage.version,
            passage.heading,
            passage.id,
            tuple(cited.get(passage.id, ())) if passage.id in known else (),
        )
        for passage in offered
    )


def _said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _object(text: str) -> dict[str, Any]:
    if not text.strip():
        raise PlannerAnswerBad("answer_empty", "The model answered with nothing.")
    if len(text) > LONGEST_ANSWER:
        raise PlannerAnswerBad("answer_junk", f"The answer has {len(text)} characters.")
    answered, problems = strictjson.loads(text)
    if problems:
        raise PlannerAnswerBad("answer_junk", f"The answer is not sound JSON: {problems[0].message}")
    if not isinstance(answered, dict):
        raise PlannerAnswerBad("answer_junk", "The answer is no JSON object.")
    return answered
