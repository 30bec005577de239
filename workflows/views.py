"""The API's doors to plans: each parses, calls one service and renders."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from issues.models import Issue
from mudda import etags, idempotency
from mudda.drf import caller, parse
from mudda.errors import InvalidRequest, NotFound
from mudda.etags import IF_MATCH
from mudda.event_views import EventsView, documented
from mudda.openapi import Link
from mudda.views import Door, ListDoor
from workflows.answering import PREFER, answer_later, answer_now, dressed
from workflows.drafting import ask_for_draft
from workflows.filters import PlanFilter
from workflows.models import PlanQuerySet, WorkflowPlan
from workflows.serializers import (
    ApproveInput,
    DraftedOutput,
    GenerateInput,
    PlanOutput,
    PlanSummary,
    RejectInput,
    ReplaceInput,
    SimulateInput,
    SimulationOutput,
    plan_output,
)
from workflows.services import approve_plan, archive_plan, reject_plan, replace_plan
from workflows.simulating import simulate_plan

NAMED = {"workflow_id": "workflow_id"}
PLAN_LINKS = [
    Link("read_plan", NAMED),
    Link("approve_plan", NAMED, body={"digest": "digest"}),
    Link("execute_plan", NAMED),
    Link("replace_plan", NAMED, body={"workflow_plan": "workflow_plan"}),
    Link("simulate_plan", NAMED),
    Link("list_revisions", NAMED),
    Link("read_revision", {**NAMED, "number": "revision"}),
    Link("reject_plan", NAMED),
    Link("archive_plan", NAMED),
    Link("follow_plan", NAMED),
]


class GeneratePlan(Door):
    scopes = {"POST": "plans:write"}
    tagged = ("POST",)
    links = {"POST": [*PLAN_LINKS, Link("read_issue", {"reference": "issue_id"})]}
    once = "own"

    @extend_schema(
        operation_id="generate_plan",
        summary="Draft a plan from a citizen's words",
        description=(
            "201 with the draft. Where a model writes it, that may take a while: with `Prefer: respond-async` at once, "
            "else after 60 s, the answer is 202 with a plan that is DRAFTING; `Location` says where to read it, its "
            "`events` how far it is."
        ),
        request=GenerateInput,
        responses={201: DraftedOutput, 202: DraftedOutput},
        parameters=[PREFER],
    )
    def post(self, request: Request) -> Response:
        given = parse(GenerateInput, request)
        with idempotency.claim(request) as claim:
            if claim.answer is not None:
                return claim.answer
            issue = _issue(request, given.get("issue_id"))
            run = ask_for_draft(
                statement=given["problem_statement"],
                issue=issue,
                reporter=given.get("reporter"),
                by=caller(request),
            )
            now = claim.keep(answer_now(run, done=201))
        return answer_later(request, run, now, done=201)


class ListPlans(ListDoor[WorkflowPlan]):
    """The plans that the caller may see, newest first."""

    scopes = {"GET": "plans:read"}
    links = {"GET": [Link("read_plan", {"workflow_id": "results/0/workflow_id"})]}
    serializer_class = PlanSummary
    filterset_class = PlanFilter

    def get_queryset(self) -> PlanQuerySet:
        if getattr(self, "swagger_fake_view", False):
            return WorkflowPlan.objects.none()
        return WorkflowPlan.objects.visible_to(self.request.user).select_related("current", "issue")

    @extend_schema(operation_id="list_plans", summary="List plans")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class PlanDetail(Door):
    scopes = {"GET": "plans:read", "PUT": "plans:write"}
    tagged = ("GET", "PUT")
    always_tagged = False
    links = {"GET": PLAN_LINKS, "PUT": PLAN_LINKS}

    @extend_schema(operation_id="read_plan", summary="Read a plan", responses=PlanOutput)
    def get(self, request: Request, workflow_id: UUID) -> Response:
        plans = WorkflowPlan.objects.visible_to(request.user).select_related("current", "issue")
        plan = plans.filter(pk=workflow_id).first()
        if plan is None:
            raise NotFound("There is no such plan.")
        return _answer(plan)

    @extend_schema(
        operation_id="replace_plan",
        summary="Replace a plan's text: a new revision, back to DRAFT",
        request=ReplaceInput,
        responses=PlanOutput,
        parameters=[IF_MATCH],
    )
    def put(self, request: Request, workflow_id: UUID) -> Response:
        given = parse(ReplaceInput, request)
        plan = replace_plan(
            plan_id=workflow_id,
            document=given["workflow_plan"],
            expected_digest=etags.if_match(request),
            by=caller(request),
        )
        return _answer(plan)


class PlanEvents(EventsView):
    scopes = {"GET": "plans:read"}

    def owner_of(self, request: Request, **named: Any) -> WorkflowPlan:
        plan = WorkflowPlan.objects.visible_to(request.user).filter(pk=named["workflow_id"]).first()
        if plan is None:
            raise NotFound("There is no such plan.")
        return plan

    @documented("follow_plan", "Follow what happens to a plan, its drafting first of all")
    def get(self, request: Request, workflow_id: UUID) -> Response:
        return self.page(request, workflow_id=workflow_id)


class ApprovePlan(Door):
    scopes = {"POST": "plans:approve"}
    tagged = ("POST",)
    links = {"POST": PLAN_LINKS}

    @extend_schema(
        operation_id="approve_plan",
        summary="Approve the revision that was read",
        request=ApproveInput,
        responses=PlanOutput,
        parameters=[IF_MATCH],
    )
    def post(self, request: Request, workflow_id: UUID) -> Response:
        given = parse(ApproveInput, request)
        plan = approve_plan(
            plan_id=workflow_id,
            digest=given["digest"],
            by=caller(request),
            comment=given.get("comment", ""),
            expected=etags.if_match(request),
        )
        return _answer(plan)


class RejectPlan(Door):
    scopes = {"POST": "plans:approve"}
    tagged = ("POST",)
    links = {"POST": PLAN_LINKS}

    @extend_schema(
        operation_id="reject_plan",
        summary="Reject a plan, with the reason",
        request=RejectInput,
        responses=PlanOutput,
        parameters=[IF_MATCH],
    )
    def post(self, request: Request, workflow_id: UUID) -> Response:
        reason, expected = parse(RejectInput, request)["reason"], etags.if_match(request)
        return _answer(reject_plan(plan_id=workflow_id, reason=reason, by=caller(request), expected=expected))


class ArchivePlan(Door):
    scopes = {"POST": "plans:write"}
    tagged = ("POST",)
    links = {"POST": [Link("read_plan", {"workflow_id": "workflow_id"})]}

    @extend_schema(
        operation_id="archive_plan",
        summary="Put a plan away for good",
        request=None,
        responses=PlanOutput,
        parameters=[IF_MATCH],
    )
    def post(self, request: Request, workflow_id: UUID) -> Response:
        expected = etags.if_match(request)
        return _answer(archive_plan(plan_id=workflow_id, by=caller(request), expected=expected))


class SimulatePlan(Door):
    scopes = {"POST": "plans:read"}

    @extend_schema(
        operation_id="simulate_plan",
        summary="See what a plan would do, with nothing done",
        request=SimulateInput,
        responses=SimulationOutput,
    )
    def post(self, request: Request, workflow_id: UUID) -> Response:
        given = parse(SimulateInput, request)
        return Response(simulate_plan(plan_id=workflow_id, by=caller(request), **given))


class IssueUnknown(InvalidRequest):
    code = "unknown_issue"
    title = "issue_id names no issue of ours."


def _issue(request: Request, reference: str | None) -> Issue | None:
    if reference is None:
        return None
    issue = Issue.objects.visible_to(request.user).select_related("category").named(reference)
    if issue is None:
        error = {"pointer": "/issue_id", "code": "unknown_issue", "message": "There is no such issue."}
        raise IssueUnknown(errors=[error])
    return issue


def _answer(plan: WorkflowPlan) -> Response:
    return dressed(Response(plan_output(plan)), plan)
