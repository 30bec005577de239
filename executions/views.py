"""The API's doors to runs: each parses, calls one service and renders."""

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from executions.answering import execution_answer, tag_of
from executions.filters import ExecutionFilter, StepFilter
from executions.models import Document, Effect, EffectStatus, StepRun, WorkflowExecution
from executions.serializers import (
    DocumentOutput,
    ExecuteInput,
    ExecutionOutput,
    ExecutionSummary,
    LaunchedOutput,
    SentOutput,
    StepOutput,
)
from executions.services import launch_execution
from executions.showing import RUN_FIELDS, SUMMARY_FIELDS, summary_of
from mudda import etags, scopes
from mudda.drf import caller, parse
from mudda.errors import Forbidden, NotFound
from mudda.etags import IF_MATCH
from mudda.event_views import EventsView, documented
from mudda.files.storage import open_document
from mudda.openapi import Link
from mudda.views import Door, ListDoor

M = TypeVar("M", bound=Model)

RUN = {"execution_id": "id"}
LAUNCHED = {"execution_id": "execution_id"}
RUN_LINKS = [
    Link("read_execution", LAUNCHED),
    Link("list_steps", LAUNCHED),
    Link("list_documents", LAUNCHED),
    Link("follow_execution", LAUNCHED),
    Link("list_tasks", {"query.execution_id": "execution_id"}),
    Link("pause_execution", LAUNCHED),
    Link("cancel_execution", LAUNCHED),
]


class ExecutePlan(Door):
    scopes = {"POST": "executions:write"}
    links = {"POST": RUN_LINKS}

    @extend_schema(
        operation_id="execute_plan",
        summary="Launch an approved plan, once",
        request=ExecuteInput,
        responses={202: LaunchedOutput},
        parameters=[IF_MATCH],
    )
    def post(self, request: Request, workflow_id: UUID) -> Response:
        given = parse(ExecuteInput, request)
        if given["approve"] and not scopes.allows(request.user, request.auth, "plans:approve"):
            raise Forbidden("`approve` needs the scope plans:approve, and an owner who may approve.")
        execution = launch_execution(
            plan_id=workflow_id,
            execution_data=given["execution_data"],
            approve=given["approve"],
            digest=given.get("digest"),
            by=caller(request),
            expected=etags.if_match(request),
        )
        answer = {
            "execution_id": str(execution.pk),
            "workflow_plan_id": str(execution.plan_id),
            "temporal_workflow_id": execution.temporal_workflow_id,
            "status": execution.status,
        }
        return Response(answer, status=202)


class ListExecutions(ListDoor[WorkflowExecution]):
    """The runs that the caller may see, newest first."""

    scopes = {"GET": "executions:read"}
    links = {"GET": [Link("read_execution", {"execution_id": "results/0/id"})]}
    serializer_class = ExecutionSummary
    filterset_class = ExecutionFilter

    def get_queryset(self) -> QuerySet[WorkflowExecution]:
        if getattr(self, "swagger_fake_view", False):
            return WorkflowExecution.objects.none()
        visible = WorkflowExecution.objects.visible_to(self.request.user)
        return visible.select_related("plan").only(*SUMMARY_FIELDS)

    def shown(self, rows: Sequence[WorkflowExecution]) -> list[dict[str, Any]]:
        return [summary_of(row) for row in rows]

    @extend_schema(operation_id="list_executions", summary="List runs")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class ExecutionDetail(Door):
    scopes = {"GET": "executions:read"}
    tagged = ("GET",)
    links = {
        "GET": [
            Link("pause_execution", RUN),
            Link("resume_execution", RUN),
            Link("cancel_execution", RUN),
            Link("read_task", {"task_id": "waiting_on/0/task_id"}),
            Link("claim_task", {"task_id": "waiting_on/0/task_id"}),
            Link("retry_step", {"execution_id": "id", "step_id": "waiting_on/0/step_id"}),
            Link("skip_step", {"execution_id": "id", "step_id": "waiting_on/0/step_id"}),
            Link("answer_step", {"execution_id": "id", "step_id": "waiting_on/0/step_id"}),
        ]
    }

    @extend_schema(operation_id="read_execution", summary="See where a run stands", responses=ExecutionOutput)
    def get(self, request: Request, execution_id: UUID) -> Response:
        visible = WorkflowExecution.objects.visible_to(request.user).filter(pk=execution_id).order_by()
        execution = visible.select_related("plan", "revision").only(*RUN_FIELDS).first()
        if execution is None:
            raise NotFound("There is no such execution.")
        if etags.has_already(request, tag_of(execution)):
            return etags.not_modified(tag_of(execution))
        return execution_answer(execution)


class PartsOfExecution(ListDoor[M]):
    """Rows that belong to one run, in their own order."""

    scopes = {"GET": "executions:read"}
    model: ClassVar[type[Model]]

    def get_queryset(self) -> Any:
        rows = self.model._default_manager
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        visible = WorkflowExecution.objects.visible_to(self.request.user)
        execution = visible.filter(pk=self.kwargs["execution_id"]).values_list("pk", flat=True).first()
        if execution is None:
            raise NotFound("There is no such execution.")
        return rows.filter(execution=execution)


class ExecutionSteps(PartsOfExecution[StepRun]):
    """The steps of a run in the order of its plan."""

    model = StepRun
    serializer_class = StepOutput
    filterset_class = StepFilter
    orderings = ("position", "-position")

    @extend_schema(operation_id="list_steps", summary="List the steps of a run")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class ExecutionDocuments(PartsOfExecution[Document]):
    """The files that a run has made, oldest first."""

    model = Document
    serializer_class = DocumentOutput
    filter_backends = ()
    orderings = ("created_at", "-created_at")
    links = {"GET": [Link("read_document", {"document_id": "results/0/id"})]}

    @extend_schema(operation_id="list_documents", summary="List the files that a run has made")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class ExecutionMessages(PartsOfExecution[Effect]):
    """The letters and text messages that a run has sent, oldest first. In a sandbox none is sent: each is shown as it
    would have been."""

    model = Effect
    serializer_class = SentOutput
    filter_backends = ()
    orderings = ("ended_at", "-ended_at")

    def get_queryset(self) -> Any:
        settled = [EffectStatus.DONE, EffectStatus.WITHHELD]
        return super().get_queryset().filter(status__in=settled, receipt__has_key="role")

    @extend_schema(operation_id="list_messages", summary="List the messages that a run has sent")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class ExecutionEvents(EventsView):
    scopes = {"GET": "executions:read"}

    def owner_of(self, request: Request, **named: Any) -> WorkflowExecution:
        visible = WorkflowExecution.objects.visible_to(request.user).only("pk")
        execution = visible.filter(pk=named["execution_id"]).first()
        if execution is None:
            raise NotFound("There is no such execution.")
        return execution

    @documented("follow_execution", "Follow what happens in a run")
    def get(self, request: Request, execution_id: UUID) -> Response:
        return self.page(request, execution_id=execution_id)


class ReadDocument(Door):
    scopes = {"GET": "executions:read"}
    also_answers = (502,)

    @extend_schema(
        operation_id="read_document",
        summary="Fetch a file that a run made",
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, document_id: UUID) -> FileResponse:
        visible = WorkflowExecution.objects.visible_to(request.user)
        document = Document.objects.filter(pk=document_id, execution__in=visible).first()
        if document is None:
            raise NotFound("There is no such document.")
        response = FileResponse(
            open_document(document.name), filename=f"{document.pk}.pdf", content_type=document.content_type
        )
        response["Cache-Control"] = "private, no-store"
        return response
