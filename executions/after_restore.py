"""After a restore: Temporal may know of more than PostgreSQL does. Both are compared, run by run, before the dispatcher
goes on (``mudda.holding``)."""

import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from django.utils import timezone

from executions.models import ExecutionStatus, WorkflowExecution
from executions.reconciling import CLOSED, LIVE, end_from_outside, execution_id_of
from executions.starting import forgotten_since, run_input, start_execution, unagreed, unstarted
from executions.temporal.contracts import PLAN_WORKFLOW
from mudda import holding, temporal
from mudda.errors import NotFound

logger = logging.getLogger(__name__)

RUNNING = f"WorkflowType = '{PLAN_WORKFLOW}' AND ExecutionStatus = 'Running'"
ORPHANED = "Its row is not in this database: it was launched after the back-up that was restored."


@dataclass
class Comparison:
    """What was found, as ids of runs.

    Attributes:
        going_on: Temporal carries them out, and their rows are here.
        adopted: of those, the ones that the rows believed never to have begun.
        ended: over in Temporal, or unknown to it though they had begun; here they have failed now, with the reason.
        orphans: Temporal carries them out and their rows are gone; ``orphans_ended``: those that were terminated.
        to_start: the dispatcher starts them now.
        to_agree: launched longer ago than Temporal remembers; they begin when somebody has said so.
        agreed: somebody has.
        released: restores that the dispatcher was waiting for.
    """

    going_on: list[str] = field(default_factory=list)
    adopted: list[str] = field(default_factory=list)
    ended: dict[str, str] = field(default_factory=dict)
    orphans: list[str] = field(default_factory=list)
    orphans_ended: list[str] = field(default_factory=list)
    to_start: list[str] = field(default_factory=list)
    to_agree: list[str] = field(default_factory=list)
    agreed: list[str] = field(default_factory=list)
    released: int = 0


def reconcile(
    *, start: Collection[UUID] = (), end_orphans: bool = False, dry_run: bool = False
) -> Comparison:
    """Compare every live run with Temporal, bring the rows in step, and let the dispatcher go on.

    Args:
        start: runs of ``to_agree`` that may begin: somebody has made sure that they never did.
        end_orphans: terminate the Temporal workflows whose rows are gone. They stop by themselves with
            ``orphaned_execution`` when they next do something, but one that waits for a person waits for ever.
        dry_run: only say what would be done; the dispatcher stays as it is.

    Raises:
        NotFound: one of ``start`` is no run that waits for that.
        TemporalUnavailable: nothing is released; to be run again.
    """
    found = Comparison()
    found.agreed = _agree(start, dry_run=dry_run)
    for run in _orphans():
        found.orphans.append(run)
        if end_orphans and not dry_run:
            temporal.terminate_workflow(f"mudda-workflow-{run}", reason=ORPHANED)
            found.orphans_ended.append(run)
    since = forgotten_since()
    for execution in WorkflowExecution.objects.filter(status__in=LIVE).order_by("created_at"):
        _compare(execution, found, dry_run=dry_run)
    waiting = unstarted().exclude(pk__in=[*found.adopted, *found.ended])
    too_old = waiting.filter(unagreed(since)).exclude(pk__in=found.agreed)
    found.to_agree = _ids(too_old)
    found.to_start = _ids(waiting.exclude(pk__in=found.to_agree))
    if not dry_run:
        found.released = holding.release()
    return found


def _agree(start: Collection[UUID], *, dry_run: bool) -> list[str]:
    waiting = unstarted().filter(pk__in=start)
    missing = set(start) - set(waiting.values_list("pk", flat=True))
    if missing:
        raise NotFound(f"No run that waits to be started: {', '.join(sorted(map(str, missing)))}.")
    if not dry_run:
        waiting.update(start_agreed_at=timezone.now())
    return sorted(str(pk) for pk in start)


def _orphans() -> Iterator[str]:
    """The runs that Temporal carries out and that have no row here."""
    named = (execution_id_of(workflow_id) for workflow_id, _ in temporal.list_workflows(RUNNING))
    running = {pk for pk in named if pk is not None}
    known = set(WorkflowExecution.objects.filter(pk__in=running).values_list("pk", flat=True))
    yield from sorted(str(pk) for pk in running - known)


def _compare(execution: WorkflowExecution, found: Comparison, *, dry_run: bool) -> None:
    run, status = str(execution.pk), temporal.status_of(execution.temporal_workflow_id)
    begun = execution.temporal_run_id != "" or execution.status != ExecutionStatus.PENDING
    if status is None and not begun:
        return  # to be started, or to be agreed upon
    code = "lost" if status is None else CLOSED.get(status)
    if code is not None:
        found.ended[run] = code
        if not dry_run:
            end_from_outside(execution, code)
        return
    found.going_on.append(run)
    if not execution.temporal_run_id:
        found.adopted.append(run)
        if not dry_run:
            start_execution(execution, run_input(execution))  # it has begun: this only learns which run it is


def _ids(executions: Iterable[WorkflowExecution]) -> list[str]:
    return sorted(str(execution.pk) for execution in executions)
