"""Reading a plan's revisions, and what differs between any two of them."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Prefetch, QuerySet

from mudda.errors import NotFound
from workflows.models import PlanApproval, PlannerRun, PlanRevision, WorkflowPlan
from workflows.plan.changes import Change, compare
from workflows.plan.changewords import sentence, titles_of

Reader = AbstractBaseUser | AnonymousUser


@dataclass(frozen=True)
class Difference:
    """What changed from one revision to another, in either direction. ``sentences`` has one for each change."""

    older: PlanRevision
    newer: PlanRevision
    changes: tuple[Change, ...]
    sentences: tuple[str, ...]


def revisions_of(*, plan_id: UUID, by: Reader) -> QuerySet[PlanRevision]:
    """The revisions of a plan, newest first, with who wrote and who approved each.

    Raises:
        NotFound: there is no such plan, or ``by`` may not see it.
    """
    if not WorkflowPlan.objects.visible_to(by).filter(pk=plan_id).exists():
        raise NotFound("There is no such plan.")
    approvals = Prefetch("approvals", PlanApproval.objects.select_related("approver"))
    return (
        PlanRevision.objects.filter(plan_id=plan_id)
        .select_related("plan", "author", "planner_run")
        .prefetch_related(approvals)
        .order_by("-number")
    )


def revision_of(*, plan_id: UUID, number: int | None, by: Reader) -> PlanRevision:
    """One revision of a plan, by default the current one.

    Raises:
        NotFound: there is no such plan or revision, or ``by`` may not see it.
    """
    found = revisions_of(plan_id=plan_id, by=by)
    revision = (found.filter(number=number) if number is not None else found).first()
    if revision is None:
        raise NotFound("There is no such revision of this plan.")
    return revision


def run_of(revision: PlanRevision) -> PlannerRun:
    """The planner run that made a revision, with all that was said in it.

    Raises:
        NotFound: no planner made it, but a person.
    """
    run: PlannerRun | None = getattr(revision, "planner_run", None)
    if run is None:
        raise NotFound("No planner wrote this revision.")
    return run


def difference(older: PlanRevision, newer: PlanRevision) -> Difference:
    """Compare two revisions of a plan."""
    changes = compare(older.document, newer.document)
    titles = titles_of(older.document, newer.document)
    return Difference(older, newer, tuple(changes), tuple(sentence(change, titles) for change in changes))


def stored_changes(revision: PlanRevision) -> list[Change]:
    """What was recorded when the revision was saved: the difference from the one before."""
    return [Change.from_dict(change) for change in revision.changes]


def sentences_of(revision: PlanRevision) -> list[str]:
    """The same in words."""
    changes = stored_changes(revision)
    titles = {change.step: change.title for change in changes if change.title}
    titles.update(titles_of(revision.document))
    return [sentence(change, titles) for change in changes]
