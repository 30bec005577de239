"""How the planner's drafts fare with staff: approved untouched, edited, rejected, and what was added or removed."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from workflows.models import PlanApproval, PlannerRun, PlanRevision, PlanStatus, WorkflowPlan
from workflows.plan.changes import compare

UNSORTED = "(no category)"
"""What plans are counted under whose issue nobody has given a category."""

AT_ONCE = 200
"""Edited plans whose texts are read and compared together."""


@dataclass(frozen=True)
class StepName:
    """What makes two steps of different plans the same one: what is done, and its title."""

    activity_id: str
    title: str


@dataclass
class Fate:
    """What became of the drafts of one category.

    Attributes:
        drafts: Plans that a planner drafted. Each is one of the next four.
        untouched: Approved with the very text that was drafted.
        edited: Approved with another text.
        rejected: Rejected, and not changed since.
        undecided: Still waiting, or archived without an approval.
        in_words: Of all, those with a revision that was asked for in words.
        added, removed: Steps that the text of today has and the draft had not, and the other way round, each
            with the number of plans.
    """

    drafts: int = 0
    untouched: int = 0
    edited: int = 0
    rejected: int = 0
    undecided: int = 0
    in_words: int = 0
    added: Counter[StepName] = field(default_factory=Counter)
    removed: Counter[StepName] = field(default_factory=Counter)


def fates(
    *, since: datetime | None = None, until: datetime | None = None, planner: str = ""
) -> dict[str, Fate]:
    """What became of drafts, by category, in the order of the categories' codes.

    Args:
        since, until: when the plans were made; the end is not included.
        planner: ``playbooks`` or ``openai``: only the drafts of that one.
    """
    found: dict[str, Fate] = {}
    edited: dict[Any, str] = {}
    for row in _plans(since, until, planner).iterator():
        category = row["issue__category__code"] or UNSORTED
        fate = found.setdefault(category, Fate())
        touched = row["current__digest"] != row["first_digest"]
        _count(fate, row["status"], row["approved"], touched=touched)
        fate.in_words += row["asked_in_words"]
        if touched:
            edited[row["pk"]] = category
    for pk, added, removed in _edits(edited):
        found[edited[pk]].added.update(added)
        found[edited[pk]].removed.update(removed)
    return dict(sorted(found.items()))


def _plans(since: datetime | None, until: datetime | None, planner: str) -> QuerySet[Any, Any]:
    revisions = PlanRevision.objects.filter(plan=OuterRef("pk"))
    first = revisions.filter(number=1)
    in_words = PlannerRun.objects.filter(plan=OuterRef("pk"), purpose="revise", revision__isnull=False)
    plans = WorkflowPlan.objects.annotate(
        first_digest=Subquery(first.values("digest")[:1]),
        first_planner=Subquery(first.values("planner")[:1]),
        approved=Exists(PlanApproval.objects.filter(revision=OuterRef("current"))),
        asked_in_words=Exists(in_words),
    ).filter(current__isnull=False)
    if since is not None:
        plans = plans.filter(created_at__gte=since)
    if until is not None:
        plans = plans.filter(created_at__lt=until)
    if planner:
        plans = plans.filter(first_planner=planner)
    return plans.order_by("pk").values(
        "pk",
        "status",
        "issue__category__code",
        "current__digest",
        "first_digest",
        "approved",
        "asked_in_words",
    )


def _count(fate: Fate, status: str, approved: bool, *, touched: bool) -> None:
    fate.drafts += 1
    if status == PlanStatus.REJECTED:
        fate.rejected += 1
    elif status == PlanStatus.APPROVED or (status == PlanStatus.ARCHIVED and approved):
        fate.edited += touched
        fate.untouched += not touched
    else:
        fate.undecided += 1


def _edits(plans: Iterable[Any]) -> Iterator[tuple[Any, set[StepName], set[StepName]]]:
    """For each plan the steps that were added to its draft, and those that were removed."""
    keys = list(plans)
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        drafts = dict(PlanRevision.objects.filter(plan__in=some, number=1).values_list("plan_id", "document"))
        for pk, document in WorkflowPlan.objects.filter(pk__in=some).values_list("pk", "current__document"):
            changes = compare(drafts[pk], document)
            yield (
                pk,
                {_name(change.after) for change in changes if change.kind == "added"},
                {_name(change.before) for change in changes if change.kind == "removed"},
            )


def _name(step: Any) -> StepName:
    step = step if isinstance(step, dict) else {}
    activity, title = step.get("activity_id"), step.get("title")
    return StepName(
        activity if isinstance(activity, str) else "",
        " ".join(title.split()) if isinstance(title, str) else "",
    )
