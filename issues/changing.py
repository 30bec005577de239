"""Changing a recorded issue by a person's word: what is known of it, whose it is, where it is, how far it is."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from issues.facts import correct_facts
from issues.handing_over import lock_followers
from issues.models import Issue
from issues.services import department_named, update_issue
from mudda import events
from mudda.errors import NotFound
from mudda.etags import Expected, ensure_current

FACT_OF = {
    "category": "category",
    "address": "place",
    "urgency": "urgency",
    "people_affected": "people_affected",
}
"""Fields that are facts: by the names under which ``issues.facts`` has them."""


@transaction.atomic
def change_issue(issue: Issue, changes: Mapping[str, Any], *, by: User, expected: Expected = None) -> Issue:
    """Change an issue, and return it as it is then, also where it has left the departments that ``by`` may see.

    Args:
        changes: any of ``category`` and ``department`` (codes; a category brings its department along unless one is
            named), ``address``, ``latitude`` with ``longitude`` (degrees, or None), ``urgency``,
            ``people_affected``, ``status``, ``note`` and whether that is ``visible`` to the reporter.
        expected: the version that ``by`` has read (``If-Match``), or None.

    Raises:
        NotFound: ``by`` may not see it.
        PreconditionFailed: it was changed since; carries the current version.
        UnknownCategory, UnknownDepartment, InvalidRequest: a value that it can't have, with its pointer.
    """
    if not {"category", "department"}.isdisjoint(changes):
        lock_followers(issue.pk)
    locked = locked_issue(issue.pk, by)
    ensure_current(expected, locked.event_seq, version=locked.event_seq)
    facts = {fact: changes[name] for name, fact in FACT_OF.items() if name in changes}
    if facts:
        correct_facts(locked, by=by, **facts)
    _move(locked, changes, by)
    if "status" in changes or changes.get("note"):
        update_issue(
            issue_id=locked.pk,
            status=changes.get("status"),
            note=changes.get("note", ""),
            visible=changes.get("visible", False),
            by=by,
        )
    return Issue.objects.select_related("category", "department").get(pk=locked.pk)


def locked_issue(pk: int, by: User) -> Issue:
    """The issue, locked until commit; NotFound where ``by`` may not see it."""
    visible = Issue.objects.visible_to(by).filter(pk=pk)
    if Issue.objects.select_for_update().filter(pk__in=visible.values("pk")).only("pk").first() is None:
        raise NotFound("There is no such issue.")
    # Read only once it is locked: rows joined to a row that had to be waited for would be those from before.
    return Issue.objects.select_related("category", "department").get(pk=pk)


def _move(issue: Issue, changes: Mapping[str, Any], by: User) -> None:
    """Set what is no fact: whose it is, and its position."""
    values = {name: changes[name] for name in ("latitude", "longitude") if name in changes}
    if "department" in changes:
        values["department"] = department_named(changes["department"])
    changed = [name for name, value in values.items() if getattr(issue, name) != value]
    if changed:
        for name in changed:
            setattr(issue, name, values[name])
        issue.save(update_fields=[*changed, "updated_at"])
        events.append(issue, "issue.updated", {"changed": changed}, actor=by)
