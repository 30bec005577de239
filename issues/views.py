"""The API's doors to issues: each parses, calls one service and renders."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from issues.facts import correct_facts
from issues.models import Issue
from issues.serializers import FactsInput, IssueOutput, issue_output
from mudda.drf import caller, parse
from mudda.errors import NotFound, PreconditionFailed
from mudda.event_views import EventsView, documented
from mudda.views import Door

IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The issue's ETag: change it only if it is still that.",
)


class IssueDetail(Door):
    scopes = {"GET": "issues:read"}

    @extend_schema(operation_id="read_issue", summary="Read an issue", responses=IssueOutput)
    def get(self, request: Request, reference: str) -> Response:
        return _answer(request, _issue(request, reference))


class IssueEvents(EventsView):
    scopes = {"GET": "issues:read"}

    def owner_of(self, request: Request, **named: Any) -> Issue:
        return _issue(request, named["reference"])

    @documented("follow_issue", "Follow what happens to an issue")
    def get(self, request: Request, reference: str) -> Response:
        return self.page(request, reference=reference)


class IssueFacts(Door):
    scopes = {"PATCH": "issues:write"}

    @extend_schema(
        operation_id="correct_issue_facts",
        summary="Correct what is known of an issue: final, no draft changes it",
        request=FactsInput,
        responses=IssueOutput,
        parameters=[IF_MATCH],
    )
    def patch(self, request: Request, reference: str) -> Response:
        given = parse(FactsInput, request)
        issue = _issue(request, reference)
        correct_facts(issue, by=caller(request), expected_version=_if_match(request, issue), **given)
        return _answer(request, issue)


def _issue(request: Request, reference: str) -> Issue:
    visible = Issue.objects.visible_to(request.user).select_related("category", "department")
    issue = visible.named(reference)
    if issue is None:
        raise NotFound("There is no such issue.")
    return issue


def _if_match(request: Request, issue: Issue) -> int | None:
    """The version that the caller has read; None when it doesn't matter to them."""
    given = request.headers.get("If-Match", "").strip()
    if given in {"", "*"}:
        return None
    version = given.removeprefix("W/").strip('"')
    if not (version.isascii() and version.isdecimal() and len(version) < 19):
        raise PreconditionFailed(extra={"version": issue.event_seq})
    return int(version)


def _answer(request: Request, issue: Issue) -> Response:
    return Response(issue_output(issue, request.user), headers={"ETag": f'"{issue.event_seq}"'})
