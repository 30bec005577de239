"""What this room holds of a sandbox, for ``mudda.sandboxes``."""

from uuid import UUID

from issues.models import Attachment, Issue, IssueNote, Reporter
from mudda.sandboxes import Contents, Removed, delete_all, delete_kinds, lock_all, remove_files


def _lock(sandbox_id: UUID) -> None:
    lock_all(Issue.objects.filter(sandbox=sandbox_id))


def _delete(sandbox_id: UUID) -> Removed:
    """Also whoever reported: a reporter is made with the issue, and is of no other."""
    issues = Issue.objects.filter(sandbox=sandbox_id)
    attachments = Attachment.objects.filter(issue__in=issues)
    remove_files(attachments.values_list("name", flat=True))
    reporters = list(issues.exclude(reporter=None).values_list("reporter", flat=True))
    removed = delete_kinds(
        ("attachments", attachments),
        ("notes", IssueNote.objects.filter(issue__in=issues)),
        ("issues", issues),
    )
    return removed | {"reporters": delete_all(Reporter.objects.filter(pk__in=reporters, issues=None))}


CONTENTS = Contents(_lock, _delete)
