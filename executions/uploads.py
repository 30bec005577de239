"""Files that people give with their tasks: checked, written anew, and kept under names that nobody can guess."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.core.files import File
from django.db import transaction

from executions.crews import keeps_location, photo_fields
from executions.deciding import actor_of, ensure_may_decide, locked_task, origin_of
from executions.models import HumanTask, TaskLink, TaskUpload
from mudda import events
from mudda.files.checking import BadFile
from mudda.files.keeping import MOST_FILES, Held, TooManyFiles, hold_file, readable_title


def add_upload(*, task_id: UUID, file: "File[Any]", title: str, by: User | TaskLink) -> TaskUpload:
    """Keep a file with an open task; the same file given twice is kept once.

    Args:
        file: what came, open for reading; its type is read from it, never from its name.
        title: the name that it came with, for people to read.

    Raises:
        NotFound, TaskClosed, Forbidden, LinkExpired, LinkRevoked: as for ``decide_task``.
        TooManyFiles: there are ``MOST_FILES`` already.
        BadFile: in words for whoever sent it.
        AdapterError: the storage is away.
    """
    with prepare_upload(task_id=task_id, file=file, by=by) as keep:
        return keep(title)


@contextmanager
def prepare_upload(
    *, task_id: UUID, file: "File[Any]", by: User | TaskLink
) -> Iterator[Callable[[str], TaskUpload]]:
    """The same in two parts: the slow one, and what makes the row of a file with this title, in a transaction."""
    with transaction.atomic():  # first ask cheaply whether it may be kept at all
        task = _reachable(task_id, by)
        _ensure_room(task)
    place = keeps_location(task.form)
    with hold_file(file, owner=f"{task_id}:upload", keep_location=place) as held:
        yield lambda title: _keep(task_id, held, title, by)


@transaction.atomic
def _keep(task_id: UUID, held: Held, title: str, by: User | TaskLink) -> TaskUpload:
    """The row of a stored file, or that of the same file where somebody was first."""
    task = _reachable(task_id, by)
    if (same := task.uploads.filter(sha256=held.stored.sha256).first()) is not None:
        return same
    _ensure_room(task)
    held.kept = True
    return _register(task, held, title, by)


def _reachable(task_id: UUID, by: User | TaskLink) -> HumanTask:
    task = locked_task(task_id, by)
    ensure_may_decide(task, by)
    if not photo_fields(task.form):
        raise BadFile("This task asks for no files.")
    return task


def _ensure_room(task: HumanTask) -> None:
    if task.uploads.count() >= MOST_FILES:
        raise TooManyFiles


def _register(task: HumanTask, held: Held, title: str, by: User | TaskLink) -> TaskUpload:
    upload = TaskUpload.objects.create(
        id=held.id,
        task=task,
        title=readable_title(title, held.suffix),
        name=held.stored.name,
        content_type=held.content_type,
        size=held.stored.size,
        sha256=held.stored.sha256,
    )
    data = {"task": str(task.pk), "step_id": task.step_id, "upload": str(upload.pk), **origin_of(by)}
    events.append(task.execution, "task.file_added", data, actor=actor_of(by))
    return upload
