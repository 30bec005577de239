"""What runs know of people, for ``mudda.retention``: what they were given and did, and what people answered."""

from datetime import datetime
from typing import Any

from django.db.models import F, Func, JSONField, Q, QuerySet, Value
from django.utils import timezone

from executions.archiving import bring_back
from executions.models import (
    OVER,
    Document,
    Effect,
    HumanTask,
    LaneReservation,
    Steering,
    StepRun,
    TaskLink,
    TaskUpload,
    WorkflowExecution,
)
from mudda.backups.places import usual_place
from mudda.retention import Counts, Kind
from mudda.sandboxes import delete_all, remove_files


def _due(before: datetime) -> QuerySet[WorkflowExecution]:
    """What is to be erased, and what was erased and still has a sealed file from before. (One that was archived
    afterwards has nothing of people in it.)"""
    over = WorkflowExecution.objects.filter(status__in=OVER, completed_at__lt=before)
    return over.filter(Q(erased_at=None) | Q(archived_at=None) & ~Q(archive=""))


def _erase(runs: list[Any]) -> Counts:
    """Erase the rows of runs; and, in a later turn, the sealed files of those whose rows are known to be erased.

    Raises:
        AdapterError, BackupDamaged, BackupKeyUnknown: of an archive; nothing of these runs was erased.
    """
    erased = WorkflowExecution.objects.filter(pk__in=runs).exclude(erased_at=None)
    done = list(erased.values_list("pk", flat=True))
    counts = _erase_rows([pk for pk in runs if pk not in done])
    counts["archives"] = _remove_archives(done)
    return counts


def _erase_rows(runs: list[Any]) -> Counts:
    """The run, its steps and tasks stay, with their status, times and who decided what with which outcome; codes of
    failures stay, their words may quote somebody. What is archived is brought back for it.
    """
    archived = WorkflowExecution.objects.filter(pk__in=runs).exclude(archived_at=None)
    for execution_id in list(archived.values_list("pk", flat=True)):
        bring_back(execution_id, usual_place())
    counts = _remove_files(runs)
    StepRun.objects.filter(execution__in=runs).update(inputs=None, output=None, error=_code_of("error"))
    Effect.objects.filter(execution__in=runs).update(receipt=None, error="")
    Steering.objects.filter(execution__in=runs).update(reason="")
    LaneReservation.objects.filter(execution__in=runs).update(address="")
    HumanTask.objects.filter(execution__in=runs).update(
        question="",
        answer=None,
        comment="",
        crew="",
        assign_reason="",
        hold_reason="",
        decline_reason="",
    )
    counts["links"] = delete_all(TaskLink.objects.filter(task__execution__in=runs))
    counts["runs"] = WorkflowExecution.objects.filter(pk__in=runs).update(
        execution_data={}, issue_facts={}, failure=_code_of("failure"), erased_at=timezone.now()
    )
    return counts


def _code_of(field: str) -> Func:
    """A failure without its words; NULL stays NULL."""
    named = Func(
        Value("code"),
        _member(field, "code"),
        Value("message"),
        Value(""),
        Value("step_id"),
        _member(field, "step_id"),
        function="jsonb_build_object",
        output_field=JSONField(),
    )
    return Func(
        F(field),
        named,
        template="CASE WHEN %(expressions)s END",
        arg_joiner=" IS NOT NULL THEN ",
        output_field=JSONField(),
    )


def _member(field: str, name: str) -> Func:
    return Func(F(field), Value(name), function="jsonb_extract_path", output_field=JSONField())


def _remove_files(runs: list[Any]) -> Counts:
    """What steps wrote about the issue, and what crews gave. Their rows go with them."""
    documents = Document.objects.filter(execution__in=runs)
    uploads = TaskUpload.objects.filter(task__execution__in=runs)
    names = [*documents.values_list("name", flat=True), *uploads.values_list("name", flat=True)]
    remove_files(names)
    return {"documents": delete_all(documents), "uploads": delete_all(uploads), "files": len(names)}


def _remove_archives(runs: list[Any]) -> int:
    """Remove the sealed files of runs, also of those that were brought back: what they were is still in them."""
    archived = WorkflowExecution.objects.filter(pk__in=runs).exclude(archive="")
    for name in archived.values_list("archive", flat=True):
        usual_place().remove(name)
    return archived.update(archive="")


KIND = Kind("runs", _due, _erase)
