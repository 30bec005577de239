"""Issues like this one: those whose plan was approved, and those that may be the same.

What earlier cases teach is what staff made of the planner's draft: the approved steps, and what they had to change.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import Q, QuerySet

from issues.duplicates import (
    SAME_WORDS,
    STEMS,
    VAGUE,
    Duplicate,
    Report,
    possible_duplicates,
    report_of,
    stems_of,
)
from issues.models import WORDS, Issue, within_departments
from issues.nearness import likeness
from issues.serializers import duplicates_output
from mudda import prepared
from workflows.models import PlanApproval, PlanRevision, PlanStatus
from workflows.plan.changes import compare
from workflows.plan.changewords import render, titles_of
from workflows.planning.base import PastCase
from workflows.planning.masking import Masker
from workflows.planning.places import find_place
from workflows.planning.playbooks import choose

RECENT = 2_000
"""Issues that are looked at for each question: the newest, for what a city does changes."""
PLANS_OF = (
    "SELECT id FROM workflow_plans WHERE issue_id = ANY(%(issues)s::bigint[]) AND status <> %(no)s::text"
)
APPROVED_OF = """
    SELECT DISTINCT plan.issue_id FROM workflow_plans plan
    JOIN plan_revisions revision ON revision.plan_id = plan.id
    JOIN plan_approvals approval ON approval.revision_id = revision.id
    WHERE plan.id = ANY(%(plans)s::uuid[])
"""
MOST_STEMS = 60
MOST_STEPS = 30
MOST_CHANGES = 10
LONGEST_STATEMENT = 1_000
"""Characters of an earlier statement that are handed on: enough to say what it was about."""

User = AbstractBaseUser | AnonymousUser


@dataclass(frozen=True)
class Case:
    """An issue, the revision of its plan that was approved, and what staff changed in the first draft for that."""

    issue: Issue
    approved: PlanRevision
    steps: tuple[str, ...]
    changed: tuple[str, ...]


def guessed_category(statement: str) -> str:
    """The code of the kind that the words speak of, ``other`` when they speak of none; nobody has said so yet."""
    return choose(statement)[0].playbook.category


# --- earlier cases ----------------------------------------------------------------------------------


def past_cases(issue: Issue, limit: int = 3, *, category: str | None = None) -> list[PastCase]:
    """Issues like ``issue`` with the plans that were approved for them, for a planner: personal data is masked.
    What a sandbox holds is like nothing but what it holds itself.

    Only cases of the same department, where the issue has one: whoever may read the draft may read them too.

    Args:
        category: a code, for an issue that has none yet; by default what its words suggest.
    """
    return [_masked(case) for case in similar_cases(issue, limit=limit, category=category)]


def similar_cases(
    issue: Issue, *, limit: int = 3, category: str | None = None, viewer: User | None = None
) -> list[Case]:
    """The same for people, as it was written.

    Args:
        viewer: only cases of their departments. Without one, only cases of the issue's own department.
    """
    kind = issue.category.code if issue.category else category or guessed_category(issue.statement)
    others = Issue.objects.filter(sandbox=issue.sandbox_id).exclude(pk=issue.pk)
    if viewer is not None:
        others = others.filter(within_departments(viewer, "department"))
    elif issue.department_id is not None:
        others = others.filter(department=issue.department_id)
    words = stems_of(issue.statement)
    same = Q(category__code=kind) if kind and kind != VAGUE else Q(pk__in=[])
    found = list(_alike(others.filter(same), words)[:limit])
    if len(found) < limit:
        found += _with_the_same_words(others.exclude(same), words)[: limit - len(found)]
    return _cases(found)


def _alike(issues: QuerySet[Issue], words: frozenset[str]) -> QuerySet[Any]:
    """Those with an approved plan, the most similar words first."""
    # In two steps: joined into one, a planner without statistics multiplied the tables by each other.
    candidates = list(issues.order_by("-reported_at", "-pk").values_list("pk", flat=True)[:RECENT])
    plans = [
        pk for (pk,) in prepared.fetch(PLANS_OF, {"issues": candidates, "no": PlanStatus.REJECTED.value})
    ]
    newest = [pk for (pk,) in prepared.fetch(APPROVED_OF, {"plans": plans})]
    lexemes = " | ".join(
        "'" + word.replace("\\", "").replace("'", "''") + "'" for word in sorted(words)[:MOST_STEMS]
    )
    query = SearchQuery(lexemes, search_type="raw", config="simple")
    ranked = Issue.objects.filter(pk__in=newest).annotate(rank=SearchRank(WORDS, query))
    return ranked.select_related("category", "reporter").order_by("-rank", "-reported_at")


def _with_the_same_words(issues: QuerySet[Issue], words: frozenset[str]) -> list[Any]:
    ranked = _alike(issues, words).annotate(stems=STEMS)[:20]
    return [row for row in ranked if likeness(words, frozenset(row.stems)) >= SAME_WORDS]


def _approvals() -> QuerySet[PlanApproval]:
    return PlanApproval.objects.exclude(revision__plan__status=PlanStatus.REJECTED)


def _cases(issues: Iterable[Issue]) -> list[Case]:
    """Each issue with its newest approved revision, in two queries."""
    rows = list(issues)
    newest: dict[int, PlanRevision] = {}
    approvals = _approvals().filter(revision__plan__issue__in=rows).order_by("-pk")
    for approval in approvals.select_related("revision__plan").defer("revision__canonical_text"):
        newest.setdefault(approval.revision.plan.issue_id, approval.revision)
    plans = [revision.plan_id for revision in newest.values()]
    drafts = {
        draft.plan_id: draft.document
        for draft in PlanRevision.objects.filter(plan__in=plans, number=1).only("plan", "document")
    }
    return [
        _case(row, newest[row.pk], drafts.get(newest[row.pk].plan_id)) for row in rows if row.pk in newest
    ]


def _case(issue: Issue, approved: PlanRevision, draft: Any) -> Case:
    document = approved.document
    changes = compare(draft, document) if draft is not None else []
    return Case(
        issue=issue,
        approved=approved,
        steps=tuple(_titles(document))[:MOST_STEPS],
        changed=tuple(render(changes, titles_of(draft, document)))[:MOST_CHANGES],
    )


def _titles(document: Any) -> Iterable[str]:
    steps = document.get("steps") if isinstance(document, dict) else None
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict) and isinstance(title := step.get("title") or step.get("step_id"), str):
            yield title


def _masked(case: Case) -> PastCase:
    issue = case.issue
    masker = Masker(issue.reporter.private if issue.reporter else (), region=settings.CITY_REGION or "US")
    return PastCase(
        issue=issue.reference,
        statement=masker.mask(issue.statement)[:LONGEST_STATEMENT],
        category=issue.category.code if issue.category else "",
        steps=tuple(map(masker.mask, case.steps)),
        changed=tuple(map(masker.mask, case.changed)),
    )


# --- duplicates -------------------------------------------------------------------------------------


def duplicates_for(issue: Issue, viewer: User | None) -> list[dict[str, Any]]:
    """``likely_duplicates`` as a PlannerRun keeps them and the API shows them; none for nobody."""
    return duplicates_output(likely_duplicates(issue, viewer=viewer)) if viewer is not None else []


def likely_duplicates(issue: Issue, *, viewer: User, limit: int = 5) -> list[Duplicate]:
    """``possible_duplicates`` of an issue before a plan is written for it: where its kind or place isn't known yet,
    what the words suggest stands for it. Nothing is stored."""
    known = report_of(issue)
    if not (known.category and known.address):
        known = Report(
            statement=known.statement,
            category=known.category or guessed_category(known.statement),
            address=known.address or find_place(known.statement),
            latitude=known.latitude,
            longitude=known.longitude,
            reported_at=known.reported_at,
            issue=known.issue,
            sandbox=known.sandbox,
        )
    return possible_duplicates(known, viewer=viewer, limit=limit)
