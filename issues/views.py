"""The API's doors to issues: each parses, calls one service and renders."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from issues.changing import change_issue, locked_issue
from issues.facts import UnknownCategory, correct_facts
from issues.filters import IssueFilter
from issues.models import Category, Issue, IssueNote, IssueQuerySet, is_limited, within_departments
from issues.serializers import (
    ChangeInput,
    FactsInput,
    IssueOutput,
    IssueSummary,
    NoteInput,
    NoteOutput,
    ReportInput,
    issue_output,
)
from issues.services import add_note, report_issue
from mudda import etags
from mudda.drf import caller, parse
from mudda.errors import NotFound
from mudda.etags import IF_MATCH
from mudda.event_views import EventsView, documented
from mudda.openapi import Link
from mudda.views import Door, ListDoor

NAMED = {"reference": "issue_id"}
ISSUE_LINKS = [
    Link("read_issue", NAMED),
    Link("change_issue", NAMED),
    Link("correct_issue_facts", NAMED),
    Link("add_note", NAMED),
    Link("list_notes", NAMED),
    Link("attach_file", NAMED),
    Link("list_attachments", NAMED),
    Link("follow_issue", NAMED),
    Link("generate_plan", body={"issue_id": "issue_id"}),
]


class Issues(ListDoor[Issue]):
    """The issues that the caller may see, newest first."""

    scopes = {"GET": "issues:read", "POST": "issues:write"}
    tagged = ("POST",)
    links = {"GET": [Link("read_issue", {"reference": "results/0/issue_id"})], "POST": ISSUE_LINKS}
    serializer_class = IssueSummary
    filterset_class = IssueFilter
    orderings = ("-reported_at", "reported_at", "-updated_at", "updated_at")

    def get_queryset(self) -> IssueQuerySet:
        if getattr(self, "swagger_fake_view", False):
            return Issue.objects.none()
        return Issue.objects.visible_to(self.request.user).select_related("category", "department")

    @extend_schema(operation_id="list_issues", summary="List issues")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="report_issue",
        summary="Record what somebody reported",
        request=ReportInput,
        responses={201: IssueOutput},
        filters=False,
    )
    def post(self, request: Request) -> Response:
        given = parse(ReportInput, request)
        category = _category(request, given.pop("category", None))
        issue = report_issue(**given, category=category, by=caller(request))
        response = issue_answer(request, issue, status=201)
        response["Location"] = f"/issues/{issue.reference}"
        return response


class IssueDetail(Door):
    """Its ``ETag`` counts the issue's own events: possible ``duplicates`` may come and go behind a 304."""

    scopes = {"GET": "issues:read", "PATCH": "issues:write"}
    tagged = ("GET", "PATCH")
    links = {"GET": ISSUE_LINKS, "PATCH": ISSUE_LINKS}

    @extend_schema(operation_id="read_issue", summary="Read an issue", responses=IssueOutput)
    def get(self, request: Request, reference: str) -> Response:
        return issue_answer(request, found_issue(request, reference))

    @extend_schema(
        operation_id="change_issue",
        summary="Change an issue, with a note if you like",
        request=ChangeInput,
        responses=IssueOutput,
        parameters=[IF_MATCH],
    )
    def patch(self, request: Request, reference: str) -> Response:
        given = parse(ChangeInput, request)
        issue = found_issue(request, reference)
        changed = change_issue(issue, given, by=caller(request), expected=etags.if_match(request))
        return issue_answer(request, changed)


class IssueEvents(EventsView):
    scopes = {"GET": "issues:read"}

    def owner_of(self, request: Request, **named: Any) -> Issue:
        return found_issue(request, named["reference"])

    @documented("follow_issue", "Follow what happens to an issue")
    def get(self, request: Request, reference: str) -> Response:
        return self.page(request, reference=reference)


class IssueFacts(Door):
    scopes = {"PATCH": "issues:write"}
    tagged = ("PATCH",)
    links = {"PATCH": ISSUE_LINKS}

    @extend_schema(
        operation_id="correct_issue_facts",
        summary="Correct what is known of an issue: final, no draft changes it",
        request=FactsInput,
        responses=IssueOutput,
        parameters=[IF_MATCH],
    )
    def patch(self, request: Request, reference: str) -> Response:
        given = parse(FactsInput, request)
        issue = found_issue(request, reference)
        correct_facts(issue, by=caller(request), expected_version=etags.if_match(request), **given)
        return issue_answer(request, issue)


class IssueNotes(ListDoor[IssueNote]):
    """Remarks on an issue, oldest first."""

    scopes = {"GET": "issues:read", "POST": "issues:write"}
    serializer_class = NoteOutput
    filter_backends = ()
    orderings = ("created_at", "-created_at")

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return IssueNote.objects.none()
        return found_issue(self.request, self.kwargs["reference"]).notes.all()

    @extend_schema(operation_id="list_notes", summary="List the notes on an issue")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="add_note",
        summary="Leave a note on an issue",
        request=NoteInput,
        responses={201: NoteOutput},
        filters=False,
    )
    def post(self, request: Request, reference: str) -> Response:
        given = parse(NoteInput, request)
        issue = found_issue(request, reference)
        with transaction.atomic():
            note = add_note(locked_issue(issue.pk, caller(request)), by=caller(request), **given)
        return Response(NoteOutput(note).data, status=201)


def found_issue(request: Request, reference: str) -> Issue:
    """The issue that the path names.

    Raises:
        NotFound: there is none, or the caller may not see it.
    """
    visible = Issue.objects.visible_to(request.user).select_related("category", "department")
    issue = visible.named(reference)
    if issue is None:
        raise NotFound("There is no such issue.")
    return issue


def issue_answer(request: Request, issue: Issue, *, status: int = 200) -> Response:
    """An issue with its version as the tag."""
    headers = {"ETag": etags.quoted(issue.event_seq)}
    return Response(issue_output(issue, request.user), status=status, headers=headers)


def _category(request: Request, code: str | None) -> Category | None:
    """The category of a new issue. Whoever is limited to departments names one of theirs: else they could not see
    what they have recorded."""
    mine = within_departments(request.user, "department")
    if code is None:
        if is_limited(request.user):
            raise _no_category("required", "Name a category of your departments.")
        return None
    category = Category.objects.filter(mine, code=code, active=True).select_related("department").first()
    if category is None:
        raise _no_category("unknown_category", "There is no such category.")
    return category


def _no_category(code: str, message: str) -> UnknownCategory:
    return UnknownCategory(message, errors=[{"pointer": "/category", "code": code, "message": message}])
