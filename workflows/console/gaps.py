"""What is missing beside a plan, named, so that a page with a hole says what the hole is."""

from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from workflows.console.review import Review
from workflows.models import PlanRevision, WorkflowPlan
from workflows.plan.schema import SCHEMA_VERSION
from workflows.services import wrote_part_of


def gaps_of(plan: WorkflowPlan, read: Review | None) -> list[str]:
    """A sentence for each thing that a reviewer would look for and not find."""
    return [*_of_issue(plan), *(_of_text(read) if read is not None else ())]


def _of_issue(plan: WorkflowPlan) -> Iterable[str]:
    issue = plan.issue
    if issue.category is None:
        yield _("The issue has no category, so no target time of a category applies.")
    if issue.department is None:
        yield _("The issue has no department: steps for “the issue’s department” have nobody to go to.")
    if issue.reporter is None:
        yield _("Nobody is on file as the reporter: messages to the reporter have nowhere to go.")


def _of_text(read: Review) -> Iterable[str]:
    if read.version != SCHEMA_VERSION:
        yield _(
            "This plan says that it is written in version %(theirs)s of the plan language; version %(ours)s is read "
            "here, so parts of it may not be understood."
        ) % {"theirs": _("(none)") if read.version is None else read.version, "ours": SCHEMA_VERSION}


def own_work(plan: WorkflowPlan, reader: User) -> str:
    """Why ``reader`` may not approve this plan though others may; "" where nothing is in the way."""
    if not settings.PLAN_FOUR_EYES or not wrote_part_of(plan, reader):
        return ""
    return _("You asked for this plan or wrote a part of it, so somebody else has to approve it.")


def author_of(revision: PlanRevision) -> str:
    """Who wrote a revision or asked for it; "" where no person did. Read with its author."""
    if revision.author_id is None:
        return ""
    if revision.author is None:
        return _("account %(number)s (deleted)") % {"number": revision.author_id}
    return revision.author.get_username()


__all__ = ["author_of", "gaps_of", "own_work"]
