"""What this room holds of a sandbox, for ``mudda.sandboxes``; and how its runs end in Temporal."""

from uuid import UUID

from django.db.models import Max

from executions.models import (
    OVER,
    ContractorOrder,
    Document,
    Effect,
    EffectStatus,
    HumanTask,
    LaneReservation,
    Steering,
    StepRun,
    TaskLink,
    TaskUpload,
    WorkflowExecution,
)
from executions.reminders import TASK_LETTER
from executions.starting import WIPED
from executions.temporal.contracts import STEER, TASK_DECIDED
from mudda import outbox, temporal
from mudda.files.storage import name_of
from mudda.models import OutboxMessage
from mudda.sandboxes import Contents, Kind, Removed, delete_kinds, forget_messages, lock_all, remove_files

END_RUN = "end_wiped_run"
"""The kind of the outbox message that terminates a run whose rows are gone: ``{"workflow_id": ...}``."""
MADE_BY_STEPS = ".pdf"
"""The suffix of the files that steps make under the key of their effect."""


def _lock(sandbox_id: UUID) -> None:
    lock_all(WorkflowExecution.objects.filter(sandbox=sandbox_id))


def _delete(sandbox_id: UUID) -> Removed:
    alive = WorkflowExecution.objects.filter(sandbox=sandbox_id).exclude(status__in=OVER).only("pk")
    outbox.put_all(END_RUN, ({"workflow_id": run.temporal_workflow_id} for run in alive.iterator()))
    _remove_files(sandbox_id)
    messages = _forget_messages(sandbox_id)
    return delete_kinds(*_kinds(sandbox_id)) | {"messages": messages}


def _kinds(sandbox_id: UUID) -> tuple[Kind, ...]:
    runs = WorkflowExecution.objects.filter(sandbox=sandbox_id)
    tasks = HumanTask.objects.filter(execution__in=runs)
    return (
        ("links", TaskLink.objects.filter(task__in=tasks)),
        ("uploads", TaskUpload.objects.filter(task__in=tasks)),
        ("tasks", tasks),
        ("effects", Effect.objects.filter(execution__in=runs)),
        ("documents", Document.objects.filter(execution__in=runs)),
        ("lane_reservations", LaneReservation.objects.filter(execution__in=runs)),
        ("contractor_orders", ContractorOrder.objects.filter(execution__in=runs)),
        ("steerings", Steering.objects.filter(execution__in=runs)),
        ("steps", StepRun.objects.filter(execution__in=runs)),
        ("executions", runs),
    )


def _remove_files(sandbox_id: UUID) -> None:
    """Those that are named by a row now, and those that a step which is under way may write while its lease lasts."""
    documents = Document.objects.filter(execution__sandbox=sandbox_id).values_list("name", flat=True)
    uploads = TaskUpload.objects.filter(task__execution__sandbox=sandbox_id).values_list("name", flat=True)
    remove_files([*documents, *uploads])
    begun = Effect.objects.filter(execution__sandbox=sandbox_id, status=EffectStatus.STARTED)
    names = [name_of(key, MADE_BY_STEPS) for key in begun.values_list("key", flat=True)]
    remove_files(names, after=begun.aggregate(Max("lease_until"))["lease_until__max"])


def _forget_messages(sandbox_id: UUID) -> int:
    runs = list(WorkflowExecution.objects.filter(sandbox=sandbox_id).values_list("pk", flat=True))
    tasks = HumanTask.objects.filter(execution__sandbox=sandbox_id).values_list("pk", flat=True)
    return (
        forget_messages(TASK_DECIDED, "execution_id", runs)
        + forget_messages(STEER, "execution_id", runs)
        + forget_messages(TASK_LETTER, "task", tasks)
    )


def deliver_end(message: OutboxMessage) -> None:
    """The outbox's handler: terminate a run in Temporal. One that has ended, or never began, is left alone.

    Raises:
        TemporalUnavailable: to be tried again.
    """
    temporal.terminate_workflow(message.payload["workflow_id"], reason=WIPED)


CONTENTS = Contents(_lock, _delete, _kinds)
