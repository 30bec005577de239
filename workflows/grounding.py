"""What a draft may rest on, looked up before a planner is asked: policies in force and similar cases.

Whoever belongs to a department reads its policies and cases, and the whole city's. Whose an issue is follows from its
category, which a model may still have to find: so what the likeliest departments know is searched, and once the issue
has its department nothing of the others is kept beside the plan.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from issues.models import Category, Issue
from workflows.cases import past_cases
from workflows.models import PlannerRun
from workflows.planning.base import DraftRequest, Passage, PastCase, PlannedDraft
from workflows.planning.playbooks import choose
from workflows.planning.prompts import fenced
from workflows.policies.models import PolicyDocument, PolicyPassage
from workflows.policies.search import search_passages

LIKELIEST = 3
"""Kinds of issue whose departments are searched while it isn't known whose an issue is."""
LEFT_OUT = "(left out: another department's)"


@dataclass(frozen=True)
class Grounds:
    """What is offered to a planner."""

    passages: tuple[Passage, ...] = ()
    cases: tuple[PastCase, ...] = ()

    def offered(self, request: DraftRequest) -> DraftRequest:
        """The request with what it may rest on."""
        return replace(request, passages=self.passages, cases=self.cases)

    def keep(self, run: PlannerRun, planned: PlannedDraft) -> None:
        """Put what was offered into the run, but for what its issue's department may not read; the caller saves it.
        Of cases only which they were: their words and plans stay where they are."""
        readable = Readable.beside(run)
        cited = {citation.passage for citation in planned.citations}
        others = readable.passages_of_others([*cited, *(passage.id for passage in self.passages)])
        kinds = readable.kinds_of_others(case.category for case in self.cases)
        run.citations = [
            *(asdict(citation) for citation in planned.citations if citation.passage not in others),
            *(
                {
                    "document": passage.document,
                    "version": passage.version,
                    "heading": passage.heading,
                    "passage": passage.id,
                    "steps": [],
                }
                for passage in self.passages
                if passage.id not in cited | others
            ),
        ]
        run.cases = [
            {"issue": case.issue, "category": case.category}
            for case in self.cases
            if case.category not in kinds
        ]
        run.exchanges = readable.exchanges(run.exchanges)


def grounds_for(issue: Issue, words: str) -> Grounds:
    """Look up what concerns an issue. Where its department isn't known yet, those of the likeliest kinds stand for
    it."""
    departments = _departments_of(issue, words)
    kinds = set(Category.objects.filter(department__code__in=departments).values_list("code", flat=True))
    cases = past_cases(issue, category=issue.category.code if issue.category else None)
    documents = PolicyDocument.objects.all().beside(issue.sandbox_id).within(*departments)
    return Grounds(
        passages=tuple(search_passages(words, documents)),
        cases=tuple(case for case in cases if case.category in kinds),
    )


def _departments_of(issue: Issue, words: str) -> list[str]:
    """Codes: the issue's own department, or those of the likeliest kinds."""
    if issue.department is not None:
        return [issue.department.code]
    likeliest = [choice.playbook.category for choice in choose(words, by_examples=False)[:LIKELIEST]]
    found = Category.objects.filter(code__in=likeliest).values_list("department__code", flat=True)
    return sorted(set(found))


# --- what may be read beside a plan -----------------------------------------------------------------

_OFFERED = re.compile(r"<(policies|cases)>(\[.*?)(?:</\1>|\Z)", re.DOTALL)
"""What a prompt offers, as ``prompts.fenced`` writes it; without its end where a long text was cut."""


@dataclass(frozen=True)
class Readable:
    """What the reviewers of a plan may read of other departments' knowledge: nothing.

    ``owner`` is the code of the department that has the issue. While none has it, all may be read: those who are
    limited to a department don't see its plans.
    """

    owner: str | None

    @classmethod
    def beside(cls, run: PlannerRun) -> Readable:
        """By the department that has the issue now."""
        issue = Issue.objects.filter(plans=run.plan_id).select_related("department").get()
        return cls(issue.department.code if issue.department else None)

    def passages_of_others(self, ids: Iterable[int | str]) -> set[Any]:
        """Those of other departments' policies."""
        if self.owner is None:
            return set()
        readable = PolicyDocument.objects.all().within(self.owner)
        numbers = {one for one in ids if isinstance(one, int)}
        found = PolicyPassage.objects.filter(pk__in=numbers).exclude(version__document__in=readable)
        return set(found.values_list("pk", flat=True))

    def kinds_of_others(self, categories: Iterable[int | str]) -> set[Any]:
        """The codes that are other departments'."""
        if self.owner is None:
            return set()
        of_others = Category.objects.exclude(department__code=self.owner).values_list("code", flat=True)
        return set(of_others).intersection(categories)

    def exchanges(self, exchanges: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The calls to the model without the words of what may not be read; which passages they were stays."""
        if self.owner is None:
            return [dict(one) for one in exchanges]
        return [{**one, "request": self._request(one.get("request"))} for one in exchanges]

    def _request(self, value: Any) -> Any:
        if isinstance(value, str):
            return _OFFERED.sub(self._offered, value)
        if isinstance(value, list):
            return [self._request(item) for item in value]
        if isinstance(value, dict):
            return {key: self._request(item) for key, item in value.items()}
        return value

    def _offered(self, match: re.Match[str]) -> str:
        try:
            entries = json.loads(match[2])
        except ValueError:
            return fenced(match[1], LEFT_OUT)
        if match[1] == "policies":
            key, others = "id", self.passages_of_others(_members(entries, "id"))
        else:
            key, others = "category", self.kinds_of_others(_members(entries, "category"))
        kept = [
            {key: one[key], "text": LEFT_OUT} if others.intersection(_members([one], key)) else one
            for one in entries
        ]
        return match[0] if kept == entries else fenced(match[1], kept)


def _members(entries: list[Any], key: str) -> list[int | str]:
    """The members of this name. A model's answer that is sent back may look like what we offer, and hold anything."""
    found = [one.get(key) for one in entries if isinstance(one, dict)]
    return [one for one in found if isinstance(one, str) or (type(one) is int and 0 < one < 2**63)]
