"""What this room knows of people, for ``mudda.retention``: who reported, their files, and their words."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from issues.models import Attachment, Issue, IssueNote, Reporter
from mudda.retention import Counts, Kind
from mudda.sandboxes import delete_all, remove_files


def _reporters_due(before: datetime) -> QuerySet[Reporter]:
    """Those all of whose issues were over by then."""
    still = Issue.objects.filter(Q(ended_at=None) | Q(ended_at__gte=before)).exclude(reporter=None)
    return Reporter.objects.filter(created_at__lt=before).exclude(pk__in=still.values("reporter"))


def _erase_reporters(reporters: list[Any]) -> Counts:
    Issue.objects.filter(reporter__in=reporters).update(reporter=None)
    return {"reporters": delete_all(Reporter.objects.filter(pk__in=reporters))}


def _attachments_due(before: datetime) -> QuerySet[Attachment]:
    return Attachment.objects.filter(issue__ended_at__lt=before)


def _erase_attachments(attachments: list[Any]) -> Counts:
    found = Attachment.objects.filter(pk__in=attachments)
    files = remove_files(found.values_list("name", flat=True))
    return {"attachments": delete_all(found), "files": files}


def _statements_due(before: datetime) -> QuerySet[Issue]:
    return Issue.objects.filter(ended_at__lt=before, erased_at=None)


def _erase_statements(issues: list[Any]) -> Counts:
    """What was said and where. What kind of issue it was, whose, when and how it ended stay, for the figures."""
    notes = delete_all(IssueNote.objects.filter(issue__in=issues))
    erased = Issue.objects.filter(pk__in=issues).update(
        statement="",
        address="",
        street="",
        latitude=None,
        longitude=None,
        facts={},
        erased_at=timezone.now(),
    )
    return {"statements": erased, "notes": notes}


KINDS = (
    Kind("reporters", _reporters_due, _erase_reporters),
    Kind("attachments", _attachments_due, _erase_attachments),
    Kind("statements", _statements_due, _erase_statements),
)
