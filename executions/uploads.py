"""Files that people give with their tasks: checked, written anew, and kept under names that nobody can guess."""

import logging
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.db import transaction

from executions.adapters.errors import AdapterError
from executions.adapters.storage.transport import Stored, delete_document, store_document
from executions.crews import keeps_location, photo_fields
from executions.deciding import actor_of, ensure_may_decide, locked_task, origin_of
from executions.filecheck import BadFile, CleanFile, clean_file
from executions.models import HumanTask, TaskLink, TaskUpload
from mudda import events
from mudda.errors import Conflict, MuddaError

logger = logging.getLogger(__name__)

MOST_FILES = 20
"""A task may have."""


class TooManyFiles(Conflict):
    code = "too_many_files"
    title = f"A task may have {MOST_FILES} files."


def add_upload(*, task_id: UUID, content: bytes, title: str, by: User | TaskLink) -> TaskUpload:
    """Keep a file with an open task; the same file given twice is kept once.

    Args:
        content: what came; its type is read from it, never from its name.
        title: the name that it came with, for people to read.

    Raises:
        NotFound, TaskClosed, Forbidden, LinkExpired, LinkRevoked: as for ``decide_task``.
        TooManyFiles: there are ``MOST_FILES`` already.
        BadFile: in words for whoever sent it.
        AdapterError: the storage is away.
    """
    with transaction.atomic():  # first ask cheaply whether it may be kept at all
        task = _reachable(task_id, by)
        _ensure_room(task)
    clean = clean_file(content, keep_location=keeps_location(task.form))
    number = uuid4()
    stored = store_document(
        clean.content,
        key=f"{task_id}:upload:{number}",
        suffix=clean.suffix,
        content_type=clean.content_type,
    )
    try:
        upload = _keep(task_id, number, clean, stored, title, by)
    except MuddaError:  # decided, full or withdrawn meanwhile; whether a lost database has it nobody knows
        _discard(stored)
        raise
    if upload.name != stored.name:
        _discard(stored)
    return upload


@transaction.atomic
def _keep(
    task_id: UUID, number: UUID, clean: CleanFile, stored: Stored, title: str, by: User | TaskLink
) -> TaskUpload:
    """The row of a stored file, or that of the same file where somebody was first."""
    task = _reachable(task_id, by)
    if (same := task.uploads.filter(sha256=stored.sha256).first()) is not None:
        return same
    _ensure_room(task)
    return _register(task, number, clean, stored.name, stored.sha256, title, by)


def _discard(stored: Stored) -> None:
    """Leave no file behind that no row names; its name is this upload's own."""
    try:
        delete_document(stored.name)
    except AdapterError as error:
        logger.warning("an upload that was not kept stays in the storage as %s: %s", stored.name, error.code)


def _reachable(task_id: UUID, by: User | TaskLink) -> HumanTask:
    task = locked_task(task_id, by)
    ensure_may_decide(task, by)
    if not photo_fields(task.form):
        raise BadFile("This task asks for no files.")
    return task


def _ensure_room(task: HumanTask) -> None:
    if task.uploads.count() >= MOST_FILES:
        raise TooManyFiles


def _register(
    task: HumanTask, number: UUID, clean: CleanFile, name: str, sha256: str, title: str, by: User | TaskLink
) -> TaskUpload:
    upload = TaskUpload.objects.create(
        id=number,
        task=task,
        title=readable_title(title, clean.suffix),
        name=name,
        content_type=clean.content_type,
        size=len(clean.content),
        sha256=sha256,
    )
    data = {"task": str(task.pk), "step_id": task.step_id, "upload": str(upload.pk), **origin_of(by)}
    events.append(task.execution, "task.file_added", data, actor=actor_of(by))
    return upload


def readable_title(title: str, suffix: str) -> str:
    """A file's own name without folders, control characters and the ending that its content doesn't have."""
    last = title.replace("\\", "/").rpartition("/")[2]
    stem = last.rpartition(".")[0] or last
    kept = "".join(c if c.isprintable() and c not in '<>:"|?*' else " " for c in stem)
    return (" ".join(kept.split())[:150] or "file") + suffix
