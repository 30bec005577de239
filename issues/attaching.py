"""Files that belong to an issue: checked, written anew, and kept under names that nobody can guess."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.core.files import File
from django.db import transaction

from issues.changing import locked_issue
from issues.models import Attachment, Issue
from mudda import events
from mudda.errors import NotFound
from mudda.etags import Expected, ensure_current
from mudda.files.keeping import MOST_FILES, Held, TooManyFiles, discard_file, hold_file, readable_title


@contextmanager
def prepare_attachment(issue: Issue, file: "File[Any]", *, by: User) -> Iterator[Callable[[str], Attachment]]:
    """Check and store a file, which takes long; what it yields makes the row, in a transaction, with this title.

    The same file given twice is kept once.

    Args:
        file: what came, open for reading; its type is read from it, never from its name. The place of a photo is
            removed.

    Raises:
        NotFound: ``by`` may not see the issue.
        TooManyFiles: it has ``MOST_FILES`` already.
        BadFile: in words for whoever sent it.
        AdapterError: the storage is away.
    """
    _ensure_room(issue)
    with hold_file(file, owner=f"issue:{issue.pk}") as held:
        yield lambda title: _keep(issue, held, title, by)


@transaction.atomic
def remove_attachment(issue: Issue, attachment_id: UUID, *, by: User, expected: Expected = None) -> None:
    """Remove a file for good.

    Args:
        expected: its ``sha256`` (``If-Match``), or None.

    Raises:
        NotFound: there is no such file, or ``by`` may not see the issue.
        PreconditionFailed: it is another one.
    """
    locked = locked_issue(issue.pk, by)
    attachment = locked.attachments.filter(pk=attachment_id).first()
    if attachment is None:
        raise NotFound("There is no such file.")
    ensure_current(expected, attachment.sha256)
    attachment.delete()
    events.append(locked, "issue.file_removed", {"attachment": str(attachment_id)}, actor=by)
    # Only once the row is gone for good; a storage that is away keeps a file that nothing names.
    transaction.on_commit(lambda: discard_file(attachment.name), robust=True)


def _ensure_room(issue: Issue) -> None:
    if issue.attachments.count() >= MOST_FILES:
        raise TooManyFiles


@transaction.atomic
def _keep(issue: Issue, held: Held, title: str, by: User) -> Attachment:
    """The row of a stored file, or that of the same file where somebody was first."""
    locked = locked_issue(issue.pk, by)
    if (same := locked.attachments.filter(sha256=held.stored.sha256).first()) is not None:
        return same
    _ensure_room(locked)
    held.kept = True
    attachment = Attachment.objects.create(
        id=held.id,
        issue=locked,
        title=readable_title(title, held.suffix),
        name=held.stored.name,
        content_type=held.content_type,
        size=held.stored.size,
        sha256=held.stored.sha256,
    )
    events.append(locked, "issue.file_added", {"attachment": str(attachment.pk)}, actor=by)
    return attachment
