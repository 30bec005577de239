"""What can be done with an issue. Every door (API, planner, a plan's step, the admin) comes through here."""

import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from issues.models import Category, Department, Issue, IssueNote, IssueStatus, Reporter
from mudda import events, prepared
from mudda.errors import InvalidRequest
from mudda.events import Actor
from mudda.reach import sandbox_of
from mudda.transactions import whole

LONGEST_STATEMENT = 10_000
LONGEST_ADDRESS = 200
"""Characters: plans put it into titles and questions, which have room for 500 in all."""


class EmptyStatement(InvalidRequest):
    code = "empty_statement"
    title = "The statement says nothing that can be read."


class UnknownDepartment(InvalidRequest):
    code = "unknown_department"
    title = "department names no department of ours."


def clean_statement(text: str, *, pointer: str = "/problem_statement") -> str:
    """The statement without white space around it. ``pointer`` says where it was in what came.

    Raises:
        EmptyStatement: nothing in it can be seen (white space, control and format characters only).
    """
    stripped = text.strip()
    if not any(unicodedata.category(c)[0] in "LNPS" for c in stripped):
        raise EmptyStatement(errors=[{"pointer": pointer, "code": "blank", "message": "Say what is wrong."}])
    return stripped


@whole()
def report_issue(
    *,
    statement: str,
    address: str = "",
    urgency: str = "normal",
    category: Category | None = None,
    latitude: Decimal | None = None,
    longitude: Decimal | None = None,
    people_affected: int | None = None,
    reporter: Mapping[str, str] | None = None,
    by: Actor = None,
) -> Issue:
    """Record what somebody reported. ``reporter`` may have ``name``, ``email`` and ``phone``; positions are degrees.

    What is given here is a person's word: no draft changes it. What a planner has read out of the statement goes
    through ``issues.facts.record_facts``.
    """
    issue = Issue.objects.create(
        statement=clean_statement(statement),
        address=address[:LONGEST_ADDRESS],
        urgency=urgency,
        category=category,
        department=category.department if category else None,
        latitude=latitude,
        longitude=longitude,
        people_affected=people_affected,
        reporter=Reporter.objects.create(**reporter, sandbox_id=sandbox_of(by)) if reporter else None,
        sandbox_id=sandbox_of(by),
    )
    events.append(issue, "issue.reported", {"reference": issue.reference}, actor=by)
    return issue


@whole()
def update_issue(
    *,
    issue_id: int,
    status: str | None = None,
    note: str = "",
    visible: bool = False,
    key: str | None = None,
    by: Actor = None,
) -> Issue:
    """Change an issue's status and leave a note. With a ``key``, a repetition leaves no second note.

    Raises:
        Issue.DoesNotExist: there is no such issue.
    """
    issue = Issue.objects.select_for_update().get(pk=issue_id)
    if status is not None and status != issue.status:
        before, issue.status = issue.status, IssueStatus(status)
        issue.save(update_fields=["status", "updated_at"])
        events.append(issue, "issue.status_changed", {"from": before, "to": status}, actor=by)
    if note and not (key and IssueNote.objects.filter(effect_key=key).exists()):
        add_note(issue, text=note, visible=visible, key=key, by=by)
    return issue


@whole()
def add_note(
    issue: Issue, *, text: str, visible: bool = False, key: str | None = None, by: Actor = None
) -> IssueNote:
    """Leave a remark on an issue. ``visible`` ones may be shown to the reporter."""
    author = by.pk if by is not None and by.is_authenticated else None
    note = IssueNote(issue=issue, text=text, visible=visible, effect_key=key, author_id=author)
    prepared.insert(note)
    events.append(issue, "issue.note_added", {"note": note.pk, "visible": visible}, actor=by)
    return note


def department_named(code: str) -> Department:
    """The department with this code.

    Raises:
        UnknownDepartment: there is none, or it is not active any more.
    """
    found = Department.objects.filter(code=code, active=True).first()
    if found is None:
        error = {"pointer": "/department", "code": "unknown_department", "message": "There is no such one."}
        raise UnknownDepartment(errors=[error])
    return found


def sync_reference_data(
    departments: list[dict[str, Any]], categories: list[dict[str, Any]]
) -> tuple[int, int]:
    """Add the shipped departments and categories that are missing; what a city has changed stays as it is.

    Returns how many departments and categories were added.
    """
    from_code = {}
    added_departments = added_categories = 0
    for row in departments:
        department, made = Department.objects.get_or_create(code=row["code"], defaults=_without_code(row))
        from_code[row["code"]] = department
        added_departments += made
    for row in categories:
        defaults = {**_without_code(row), "department": from_code[row["department"]]}
        _, made = Category.objects.get_or_create(code=row["code"], defaults=defaults)
        added_categories += made
    return added_departments, added_categories


def _without_code(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "code"}
