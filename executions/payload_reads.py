"""Who of the staff has read in Temporal what runs hold: an event of each run, and none that the reader may not see."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from executions.models import WorkflowExecution
from mudda import events
from mudda.errors import Forbidden
from mudda.models import Event

PREFIX = "mudda-workflow-"
READ = "execution.payloads_read"

ONE_READING = timedelta(minutes=15)
"""Temporal's interface asks for each event of a history by itself: what one person reads of one run in this time is
told once."""


def note_reading(user: Any, workflow_ids: Mapping[str, int]) -> None:
    """Write that ``user`` was shown payloads of these Temporal workflows, in the transaction of the reading.

    Raises:
        Forbidden: one of them is a run that they may not see.
    """
    wanted = {pk for workflow_id in workflow_ids if (pk := _run_of(workflow_id)) is not None}
    runs = WorkflowExecution.objects.filter(pk__in=wanted).defer("compiled", "execution_data", "issue_facts")
    visible = {run.pk: run for run in runs.visible_to(user)}
    if wanted - visible.keys():
        raise Forbidden("One of these runs is not yours to see.")
    since = timezone.now() - ONE_READING
    for _, run in sorted(visible.items()):  # in one order, as each locks its row
        if not Event.objects.filter(stream=run.stream, type=READ, actor_id=user.pk, at__gt=since).exists():
            events.append(run, READ, actor=user)


def _run_of(workflow_id: str) -> UUID | None:
    if not workflow_id.startswith(PREFIX):
        return None
    try:
        return UUID(workflow_id.removeprefix(PREFIX))
    except ValueError:
        return None
