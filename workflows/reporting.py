"""How the planner's drafts fare with staff: approved untouched, edited, rejected, and what was added or removed."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from issues.models import Department
from workflows.models import PlanApproval, PlannerRun, PlanRevision, PlanStatus, WorkflowPlan
from workflows.plan.activity import Schema
from workflows.plan.catalogue import offered
from workflows.plan.changes import compare

UNSORTED = "(no category)"
"""What plans are counted under whose issue nobody has given a category."""

AT_ONCE = 200
"""Edited plans whose texts are read and compared together."""


PLAYBOOKS = "playbooks"
ROLES = ("{{ issue.reporter }}", "{{ issue.department }}")


@dataclass(frozen=True, order=True)
class StepKind:
    """What makes two steps of different plans the same one: what is done, and for whom or with what outcome.

    Not the title: a model words it anew each time, and it may hold a name. ``main`` is the activity's role, group or
    choice as the plan says it, empty where there is none.
    """

    activity_id: str
    main: str


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
        examples: A title for each kind of step that stands in a playbook. What people and models write may hold a
            name, and is not repeated here.
    """

    drafts: int = 0
    untouched: int = 0
    edited: int = 0
    rejected: int = 0
    undecided: int = 0
    in_words: int = 0
    added: Counter[StepKind] = field(default_factory=Counter)
    removed: Counter[StepKind] = field(default_factory=Counter)
    examples: dict[StepKind, str] = field(default_factory=dict)


def fates(
    *, since: datetime | None = None, until: datetime | None = None, planner: str = ""
) -> dict[str, Fate]:
    """What became of drafts, by category, in the order of the categories' codes. What sandboxes hold isn't counted.

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
    for edit in _edits(edited):
        fate = found[edited[edit.plan]]
        fate.added.update(edit.added)
        fate.removed.update(edit.removed)
        fate.examples = edit.examples | fate.examples
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
    ).filter(current__isnull=False, sandbox__isnull=True)
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


@dataclass(frozen=True)
class _Edit:
    """What staff made of one draft: kinds of steps, and titles of the draft's own where a playbook wrote it."""

    plan: Any
    added: set[StepKind]
    removed: set[StepKind]
    examples: dict[StepKind, str]


def _edits(plans: Iterable[Any]) -> Iterator[_Edit]:
    keys, codes = list(plans), _codes()
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        first = PlanRevision.objects.filter(plan__in=some, number=1).values_list(
            "plan_id", "planner", "document"
        )
        drafts = {pk: (planner, document) for pk, planner, document in first}
        for pk, document in WorkflowPlan.objects.filter(pk__in=some).values_list("pk", "current__document"):
            planner, draft = drafts[pk]
            changes = compare(draft, document)
            yield _Edit(
                plan=pk,
                added={_kind(change.after, codes) for change in changes if change.kind == "added"},
                removed={_kind(change.before, codes) for change in changes if change.kind == "removed"},
                examples=_titles(draft, codes) if planner == PLAYBOOKS else {},
            )


def _titles(draft: Any, codes: Collection[str]) -> dict[StepKind, str]:
    steps = draft.get("steps") if isinstance(draft, dict) else None
    return {
        _kind(step, codes): " ".join(step["title"].split())
        for step in (steps if isinstance(steps, list) else ())
        if isinstance(step, dict) and isinstance(step.get("title"), str)
    }


def _kind(step: Any, codes: Collection[str]) -> StepKind:
    step = step if isinstance(step, dict) else {}
    activity_id, inputs = step.get("activity_id"), step.get("inputs")
    spec = offered().get(activity_id) if isinstance(activity_id, str) else None
    if spec is None:
        return StepKind("", "")
    return StepKind(spec.activity_id, _main(spec.inputs, inputs if isinstance(inputs, dict) else {}, codes))


def _main(schema: Schema, inputs: Mapping[str, Any], codes: Collection[str]) -> str:
    """The first role, group or choice that the inputs name, in this order. Whatever else stands in its place may be
    somebody's address."""
    described = schema.get("properties", {})
    for mark in ("x-role", "x-group", "enum"):
        for name in described:
            if mark in described[name] and name in inputs:
                given = inputs[name] if isinstance(inputs[name], list) else [inputs[name]]
                known = [*codes, *ROLES, *described[name].get("enum", ())]
                return ", ".join(sorted(given)) if all(one in known for one in given) else ""
    return ""


def _codes() -> frozenset[str]:
    """The departments, as plans name them."""
    codes = Department.objects.values_list("code", flat=True)
    return frozenset(form for code in codes for form in (code, f"department:{code}"))
