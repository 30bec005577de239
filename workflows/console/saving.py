"""Storing a changed plan from a page, and saying what came of it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from mudda import console
from mudda.errors import MuddaError, PreconditionFailed
from workflows.models import PlanRevision, WorkflowPlan
from workflows.services import current_revision, replace_plan

MEANWHILE = gettext_lazy(
    "Somebody else changed the plan meanwhile. What you wrote is still here; it was not saved."
)


class StepGone(Exception):
    """The step that is to be changed isn't in the plan any more."""


def save_plan(
    request: HttpRequest, plan: WorkflowPlan, change: Callable[[Any], Any], expected: str
) -> WorkflowPlan | None:
    """Store what ``change`` makes of the plan's document, if it is still the one with the digest ``expected``.

    Says what came of it. None where it was refused.
    """
    before = current_revision(plan)
    try:
        saved = replace_plan(
            plan_id=plan.pk,
            document=change(before.document),
            expected_digest=expected,
            by=console.person(request),
        )
    except StepGone:
        messages.error(request, _("Somebody else took this step out meanwhile, so it was not saved."))
    except PreconditionFailed:
        messages.error(request, MEANWHILE)
    except MuddaError as error:
        console.tell(request, error)
    else:
        _tell(request, before, current_revision(saved))
        return saved
    return None


def _tell(request: HttpRequest, before: PlanRevision, now: PlanRevision) -> None:
    if before.pk == now.pk:
        messages.info(request, _("Nothing was different, so nothing was saved."))
        return
    words = _("Saved as revision %(number)s.") % {"number": now.number}
    errors = sum(problem["severity"] == "error" for problem in now.problems)
    if errors:
        rest = ngettext(
            "It has %(count)d error and cannot be approved yet.",
            "It has %(count)d errors and cannot be approved yet.",
            errors,
        )
        words = f"{words} {rest % {'count': errors}}"
    messages.success(request, words)


__all__ = ["MEANWHILE", "StepGone", "save_plan"]
