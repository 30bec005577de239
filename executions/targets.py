"""The target of a whole run: when it is due, and noticing, once, that it is late."""

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from executions.calendars import due_by
from executions.models import OVER, WorkflowExecution
from issues.models import Issue
from mudda import events
from workflows.plan.compiled import CompiledPlan

logger = logging.getLogger(__name__)

AT_ONCE = 100
"""The most runs of one sweep: the dispatcher has other things to do as well."""


def target_of(plan: CompiledPlan, issue: Issue, start: datetime) -> datetime | None:
    """When a run launched at ``start`` has to be over: what the plan says, else the category's target, counted while
    the issue's department works. None where neither says anything, or what is said can't be counted."""
    category = issue.category.target if issue.category is not None else ""
    return due_by(start, plan.due or category, issue.department)


def late(now: datetime) -> Q:
    """The runs that are not over and should be."""
    return Q(due_at__isnull=False, due_at__lt=now) & ~Q(status__in=OVER)


def sweep_targets() -> int:
    """Note the runs that have become late, each once, whoever else sweeps. Returns how many.

    Nothing else happens to them: what is to be done about a step that is late its own ``overdue`` says.
    """
    found = WorkflowExecution.objects.filter(late(timezone.now()), overdue_noted_at=None)
    return sum(_note(pk) for pk in found.order_by("due_at").values_list("pk", flat=True)[:AT_ONCE])


@transaction.atomic
def _note(execution_id: UUID) -> bool:
    """Whether it was noted here: another worker's run is passed by."""
    now = timezone.now()
    unnoted = WorkflowExecution.objects.filter(late(now), pk=execution_id, overdue_noted_at=None)
    run = unnoted.select_for_update(skip_locked=True).only("pk", "due_at").first()
    if run is None or run.due_at is None:
        return False
    WorkflowExecution.objects.filter(pk=run.pk).update(overdue_noted_at=now)
    events.append(run, "execution.overdue", {"due_at": run.due_at.isoformat()})
    return True
