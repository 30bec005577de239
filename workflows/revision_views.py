"""The API's doors to revisions: read them, and what differs between two."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from mudda import etags
from mudda.views import Door, ListDoor
from workflows.models import PlanRevision
from workflows.revision_serializers import (
    DiffInput,
    DiffOutput,
    MadeOutput,
    RevisionOutput,
    RevisionSummary,
    diff_output,
)
from workflows.revisions import difference, revision_of, revisions_of, run_of

NUMBER = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
FROM = OpenApiParameter("from", NUMBER, description="A revision's number; by default the one before `to`.")
TO = OpenApiParameter("to", NUMBER, description="A revision's number; by default the current one.")


class ListRevisions(ListDoor[PlanRevision]):
    """Every text that a plan has had, newest first, each with what it changed."""

    scopes = {"GET": "plans:read"}
    serializer_class = RevisionSummary
    orderings = ("-number", "number")
    filter_backends = ()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return PlanRevision.objects.none()
        return revisions_of(plan_id=self.kwargs["workflow_id"], by=self.request.user)

    @extend_schema(operation_id="list_revisions", summary="List a plan's revisions")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class RevisionDetail(Door):
    """With the digest of its text as ``ETag``; the approvals in the answer come later."""

    scopes = {"GET": "plans:read"}
    tagged = ("GET",)
    conditional = False

    @extend_schema(operation_id="read_revision", summary="Read one revision", responses=RevisionOutput)
    def get(self, request: Request, workflow_id: UUID, number: int) -> Response:
        revision = revision_of(plan_id=workflow_id, number=number, by=request.user)
        return Response(RevisionOutput(revision).data, headers={"ETag": etags.quoted(revision.digest)})


class RevisionMade(Door):
    scopes = {"GET": "plans:read"}

    @extend_schema(
        operation_id="read_revision_made",
        summary="Read how a planner came to a revision: what was said, on what grounds, at what cost",
        responses=MadeOutput,
    )
    def get(self, request: Request, workflow_id: UUID, number: int) -> Response:
        revision = revision_of(plan_id=workflow_id, number=number, by=request.user)
        return Response(MadeOutput(run_of(revision)).data)


class PlanDiff(Door):
    scopes = {"GET": "plans:read"}
    query_parameters = ("from", "to")

    @extend_schema(
        operation_id="diff_plan",
        summary="See what differs between two revisions",
        parameters=[FROM, TO],
        responses=DiffOutput,
    )
    def get(self, request: Request, workflow_id: UUID) -> Response:
        given = DiffInput(data=request.query_params)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        newer = revision_of(plan_id=workflow_id, number=asked.get("to"), by=request.user)
        start = asked.get("from", max(newer.number - 1, 1))
        older = revision_of(plan_id=workflow_id, number=start, by=request.user)
        return Response(DiffOutput(diff_output(difference(older, newer))).data)
