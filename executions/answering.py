"""How the API answers with a task or a run, and how it finds out whether they are still what the caller has read."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from executions.deciding import locked_task
from executions.models import HumanTask, WorkflowExecution
from executions.serializers import TaskOutput
from executions.showing import run_shown
from mudda import etags
from mudda.drf import caller


def task_answer(task: HumanTask) -> Response:
    """A task with its tag. Tasks count no versions: any difference that shows makes another tag."""
    data = TaskOutput(task).data
    return Response(data, headers={"ETag": etags.quoted(etags.hash_of(data))})


@contextmanager
def unchanged(request: Request, task_id: UUID, *, by_execution: bool = False) -> Iterator[None]:
    """A transaction in which a task is changed, if it is still what ``If-Match`` names.

    Args:
        by_execution: the caller names the step of a run, and so has read the run.

    Raises:
        PreconditionFailed: it is not; carries the current ``etag``.
        NotFound, TaskClosed: as for ``decide_task``.
    """
    with transaction.atomic():
        expected = etags.if_match(request)
        if expected is not None:
            task = locked_task(task_id, caller(request))
            tag = task.execution.event_seq if by_execution else etags.hash_of(TaskOutput(task).data)
            etags.ensure_current(expected, tag)
        yield


def execution_answer(execution: WorkflowExecution, *, status: int = 200) -> Response:
    """A run with its tag, which is the number of its last event."""
    return Response(run_shown(execution), status=status, headers={"ETag": tag_of(execution)})


def tag_of(execution: WorkflowExecution) -> str:
    """What isn't told by an event changes what is shown too: what was moved out, or removed after its term."""
    moved = "-archived" if execution.archived_at else ""
    erased = "-erased" if execution.erased_at else ""
    return etags.quoted(f"{execution.event_seq}{moved}{erased}")
