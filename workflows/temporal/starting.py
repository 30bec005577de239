"""Starting drafting workflows, and noticing those that ended without saying so here."""

import logging
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from mudda import temporal
from mudda.models import OutboxMessage
from workflows import asking
from workflows.models import PlannerRun, RunStatus
from workflows.temporal.contracts import DRAFTING_WORKFLOW, PREFIX, Asked, planner_queue

logger = logging.getLogger(__name__)

OPEN = (RunStatus.ASKED, RunStatus.RUNNING)

OUTSIDE = {
    "TERMINATED": ("terminated", "Drafting was terminated from outside."),
    "CANCELED": ("cancelled", "Drafting was cancelled from outside."),
    "TIMED_OUT": ("timed_out", "Drafting was timed out from outside."),
    "FAILED": ("ended_unrecorded", "Drafting ended in Temporal without saying so here."),
}
"""Temporal's status of a workflow that is over to our code and words: one that ends by itself has ended its run."""

CLOCKS_DIFFER = timedelta(hours=1)
"""How far before the oldest open run was asked for the look begins: Temporal's clock isn't ours."""

OVERDUE = timedelta(minutes=15)
"""A run this old is started again: harmless and free where Temporal knows it, needed where Temporal lost it."""


def deliver_asking(message: OutboxMessage) -> None:
    """Start the Temporal workflow of a run; starting it twice is harmless.

    Raises:
        TemporalUnavailable: it was not acknowledged in time.
    """
    start_run(message.payload["run"])


def start_run(run_id: UUID | str) -> None:
    asked = Asked(str(run_id), planner_queue(settings.TEMPORAL_TASK_QUEUE))
    try:
        temporal.start_workflow(DRAFTING_WORKFLOW, asked, workflow_id=f"{PREFIX}{run_id}")
    except temporal.TemporalRefused as error:
        asking.give_up(run_id, error.code, error.title)


def start_overdue() -> int:
    """Start again what should long be over. Returns how many were started."""
    overdue = PlannerRun.objects.filter(
        status__in=OPEN, ended_at=None, created_at__lt=timezone.now() - OVERDUE
    ).order_by("created_at")
    ids = list(overdue.values_list("pk", flat=True)[:100])
    for run_id in ids:
        try:
            start_run(run_id)
        except temporal.TemporalUnavailable:
            return 0  # none of the others would fare better
    return len(ids)


def reconcile_ended() -> int:
    """Give up the runs whose Temporal workflow was ended from outside. Returns how many were found.

    Only Temporal's list of closed workflows is asked, and only while a run is open: that costs no action. It is asked
    for all that has closed since the oldest open run began, so that it doesn't matter for how long nobody looked.
    """
    oldest = PlannerRun.objects.filter(status__in=OPEN).order_by("created_at").first()
    if oldest is None:
        return 0
    quoted = ", ".join(f"'{status.title().replace('_', '')}'" for status in OUTSIDE)
    since = (oldest.created_at - CLOCKS_DIFFER).isoformat(timespec="seconds")
    query = (
        f"WorkflowType = '{DRAFTING_WORKFLOW}' AND ExecutionStatus IN ({quoted}) AND CloseTime > '{since}'"
    )
    try:
        closed = dict(temporal.list_workflows(query))
    except temporal.TemporalUnavailable:
        return 0  # it will be asked again
    ended = {workflow_id.removeprefix(PREFIX): OUTSIDE[status] for workflow_id, status in closed.items()}
    found = list(PlannerRun.objects.filter(pk__in=ended, status__in=OPEN).values_list("pk", flat=True))
    for run_id in found:
        asking.give_up(run_id, *ended[str(run_id)])
    return len(found)
