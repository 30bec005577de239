"""What this room holds of a sandbox, for ``mudda.sandboxes``."""

from uuid import UUID

from issues.models import Attachment, Issue, IssueNote, Reporter
from mudda.sandboxes import Contents, Kind, Removed, delete_all, delete_kinds, lock_all, remove_files


def _lock(sandbox_id: UUID) -> None:
    lock_all(Issue.objects.filter(sandbox=sandbox_id))


def _delete(sandbox_id: UUID) -> Removed:
    """Also whoever reported: a reporter is made with the issue, and is of no other."""
    issues = Issue.objects.filter(sandbox=sandbox_id)
    remove_files(Attachment.objects.filter(issue__in=issues).values_list("name", flat=True))
    reporters = list(issues.exclude(reporter=None).values_list("reporter", flat=True))
    removed = delete_kinds(*_own_kinds(sandbox_id))
    return removed | {"reporters": delete_all(Reporter.objects.filter(pk__in=reporters, issues=None))}


def _own_kinds(sandbox_id: UUID) -> tuple[Kind, ...]:
    issues = Issue.objects.filter(sandbox=sandbox_id)
    return (
        ("attachments", Attachment.objects.filter(issue__in=issues)),
        ("notes", IssueNote.objects.filter(issue__in=issues)),
        ("issues", issues),
    )


def _kinds(sandbox_id: UUID) -> tuple[Kind, ...]:
    return (*_own_kinds(sandbox_id), ("reporters", Reporter.objects.filter(issues__sandbox=sandbox_id)))


CONTENTS = Contents(_lock, _delete, _kinds)
