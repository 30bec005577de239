"""Moving what finished runs hold out of the database, into sealed files in the place for back-ups, and back.

The run's own row stays, with its status and times, its plan, its approval and its digest: so lists are whole, a plan
that was carried out is still known to be, and whoever reads the run is told where the rest is. Events stay, and what a
city settles accounts by: documents, lanes and orders.
"""

import json
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.utils import timezone

from executions.models import (
    OVER,
    Effect,
    HumanTask,
    Steering,
    StepRun,
    TaskLink,
    TaskUpload,
    WorkflowExecution,
)
from executions.tasks import STILL_OPEN
from mudda.backups.errors import BackupDamaged
from mudda.backups.places import Place
from mudda.backups.sealing import SealingWriter, unsealed
from mudda.errors import Conflict

OF_RUN: Final = "execution_id = %s"
OF_TASK: Final = "task_id IN (SELECT id FROM human_tasks WHERE execution_id = %s)"

CONTENTS: Final[tuple[tuple[type[Model], str], ...]] = (
    (StepRun, OF_RUN),
    (Effect, OF_RUN),
    (Steering, OF_RUN),
    (HumanTask, OF_RUN),
    (TaskLink, OF_TASK),
    (TaskUpload, OF_TASK),
)
"""What is moved, in an order in which it can be put back; each with the SQL that finds a run's rows."""

FIELDS: Final = ("compiled", "issue_facts", "execution_data")
"""What is moved of the run's own row: nearly all of its size."""
EMPTY: Final[dict[str, Any]] = {"compiled": {"steps": []}, "issue_facts": {}, "execution_data": {}}


class NotArchived(Conflict):
    code = "execution_not_archived"
    title = "The run is not archived: its contents are in the database, or have been removed."


def name_of(execution_id: UUID) -> str:
    """What the contents of a run are called where they are kept."""
    return f"archive/{execution_id}.sealed"


def archivable(before: datetime) -> list[UUID]:
    """The runs that were over before a moment, the oldest first. Sandboxes are wiped, not archived."""
    over = _movable().filter(completed_at__lt=before, sandbox=None)
    return list(over.order_by("completed_at").values_list("pk", flat=True))


def _movable() -> QuerySet[WorkflowExecution]:
    """What is over and here, and asks nobody for anything: to undo by hand may be left for long."""
    asked = HumanTask.objects.filter(execution=OuterRef("pk"), status__in=STILL_OPEN)
    return WorkflowExecution.objects.filter(~Exists(asked), status__in=OVER, archived_at=None)


@transaction.atomic
def archive(execution_id: UUID, place: Place) -> bool:
    """Move a run's contents out, once they have been read back from where they are kept. False where there is nothing
    to move.

    Raises:
        BackupDamaged: what is kept isn't what was written; nothing was moved.
        AdapterError: the place is away; likewise.
        NoBackupKey: there is no key to seal with.
    """
    execution = _movable().select_for_update().filter(pk=execution_id).first()
    if execution is None:
        return False
    name = name_of(execution.pk)
    contents = _read(execution)
    _keep(place, name, contents)
    if _fetch(place, name) != contents:
        raise BackupDamaged(f"{name} is not what was written.")
    for model, which in reversed(CONTENTS):
        _execute(f"DELETE FROM {model._meta.db_table} WHERE {which}", execution.pk)  # noqa: S608
    WorkflowExecution.objects.filter(pk=execution.pk).update(
        archived_at=timezone.now(), archive=name, **EMPTY
    )
    return True


@transaction.atomic
def bring_back(execution_id: UUID, place: Place) -> None:
    """Put an archived run's contents back as they were. The sealed file stays, and ``archive`` names it, until their
    term is over (``executions.retention``), or it is written anew.

    Raises:
        NotArchived: there is nothing to bring back.
        BackupDamaged, BackupKeyUnknown, AdapterError: nothing was changed.
    """
    found = WorkflowExecution.objects.select_for_update().filter(pk=execution_id)
    execution = found.exclude(archived_at=None).first()
    if execution is None:
        raise NotArchived(f"Run {execution_id} is not archived.")
    contents = _fetch(place, execution.archive)
    for model, _ in CONTENTS:
        _put_back(model, contents["rows"][model._meta.db_table])
    WorkflowExecution.objects.filter(pk=execution.pk).update(
        archived_at=None, **{name: contents["run"][name] for name in FIELDS}
    )


# --- rows -------------------------------------------------------------------------------------------


def _read(execution: WorkflowExecution) -> dict[str, Any]:
    """A run's contents as JSON, as PostgreSQL writes its rows."""
    return {
        "run": _row(execution),
        "rows": {model._meta.db_table: _rows(model, which, execution.pk) for model, which in CONTENTS},
    }


def _row(execution: WorkflowExecution) -> dict[str, Any]:
    return {name: getattr(execution, name) for name in FIELDS}


def _rows(model: type[Model], which: str, execution_id: UUID) -> list[dict[str, Any]]:
    columns = ", ".join(_columns(model))
    rows = f"SELECT {columns} FROM {model._meta.db_table} WHERE {which} ORDER BY id"  # noqa: S608 - names of ours
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT to_jsonb(kept)::text FROM ({rows}) kept", [execution_id])  # noqa: S608
        return [json.loads(text) for (text,) in cursor.fetchall()]


def _put_back(model: type[Model], rows: list[dict[str, Any]]) -> None:
    table, columns = model._meta.db_table, ", ".join(_columns(model))
    _execute(
        f"INSERT INTO {table} ({columns}) SELECT {columns} "  # noqa: S608 - names of ours
        f"FROM jsonb_populate_recordset(NULL::{table}, %s::jsonb)",
        json.dumps(rows),
    )


def _columns(model: type[Model]) -> list[str]:
    """Those that are written: what PostgreSQL computes, it computes again."""
    fields = model._meta.local_concrete_fields
    return [connection.ops.quote_name(str(field.column)) for field in fields if not field.generated]


def _execute(statement: str, value: UUID | str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [value])


# --- the sealed file --------------------------------------------------------------------------------


def _keep(place: Place, name: str, contents: dict[str, Any]) -> None:
    with TemporaryDirectory(prefix="mudda-archive-") as folder:
        file = Path(folder) / "sealed"
        with file.open("wb") as target:
            writer = SealingWriter(target, name=name)
            writer.write(json.dumps(contents).encode())
            writer.finish()
        place.put(name, file)


def _fetch(place: Place, name: str) -> dict[str, Any]:
    with TemporaryDirectory(prefix="mudda-archive-") as folder:
        file = Path(folder) / "sealed"
        place.fetch(name, file)
        with file.open("rb") as source:
            contents: dict[str, Any] = json.loads(b"".join(unsealed(source, name=name)))
    return contents
