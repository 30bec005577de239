"""The API's doors to people's tasks: each parses, calls one service and renders."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from executions.assigning import claim_task, hold_task, reassign_task, release_task, resume_task
from executions.deciding import decide_task
from executions.filters import TaskFilter
from executions.models import HumanTask
from executions.serializers import DecideInput, TaskOutput
from executions.task_serializers import HoldInput, ReassignInput, ReleaseInput
from mudda.drf import caller, parse
from mudda.errors import NotFound
from mudda.views import Door, ListDoor


class ListTasks(ListDoor[HumanTask]):
    """The people's tasks that the caller may see, newest first."""

    scopes = {"GET": "tasks:read"}
    serializer_class = TaskOutput
    filterset_class = TaskFilter
    orderings = ("-opened_at", "opened_at")

    def get_queryset(self) -> QuerySet[HumanTask]:
        if getattr(self, "swagger_fake_view", False):
            return HumanTask.objects.none()
        visible = HumanTask.objects.visible_to(self.request.user)
        return visible.select_related("department", "decided_by", "assignee").prefetch_related("uploads")

    @extend_schema(operation_id="list_tasks", summary="List people's tasks")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class TaskDetail(Door):
    scopes = {"GET": "tasks:read"}

    @extend_schema(operation_id="read_task", summary="Read a task", responses=TaskOutput)
    def get(self, request: Request, task_id: UUID) -> Response:
        task = HumanTask.objects.visible_to(request.user).filter(pk=task_id).first()
        if task is None:
            raise NotFound("There is no such task.")
        return Response(TaskOutput(task).data)


class TaskAction(Door):
    scopes = {"POST": "tasks:write"}


class DecideTask(TaskAction):
    @extend_schema(
        operation_id="decide_task", summary="Decide a task", request=DecideInput, responses=TaskOutput
    )
    def post(self, request: Request, task_id: UUID) -> Response:
        given = parse(DecideInput, request)
        task = decide_task(
            task_id=task_id,
            outcome=given["outcome"],
            answer=given.get("answer"),
            comment=given.get("comment", ""),
            by=caller(request),
        )
        return Response(TaskOutput(task).data)


class ClaimTask(TaskAction):
    @extend_schema(operation_id="claim_task", summary="Take a task", request=None, responses=TaskOutput)
    def post(self, request: Request, task_id: UUID) -> Response:
        return Response(TaskOutput(claim_task(task_id=task_id, by=caller(request))).data)


class ReleaseTask(TaskAction):
    @extend_schema(
        operation_id="release_task",
        summary="Give a task back to its group",
        request=ReleaseInput,
        responses=TaskOutput,
    )
    def post(self, request: Request, task_id: UUID) -> Response:
        given = parse(ReleaseInput, request)
        task = release_task(task_id=task_id, reason=given["reason"], by=caller(request))
        return Response(TaskOutput(task).data)


class HoldTask(TaskAction):
    @extend_schema(
        operation_id="hold_task", summary="Stop a task's clock", request=HoldInput, responses=TaskOutput
    )
    def post(self, request: Request, task_id: UUID) -> Response:
        given = parse(HoldInput, request)
        task = hold_task(task_id=task_id, reason=given["reason"], by=caller(request))
        return Response(TaskOutput(task).data)


class ResumeTask(TaskAction):
    @extend_schema(
        operation_id="resume_task",
        summary="Let a held task's clock go on",
        request=None,
        responses=TaskOutput,
    )
    def post(self, request: Request, task_id: UUID) -> Response:
        return Response(TaskOutput(resume_task(task_id=task_id, by=caller(request))).data)


class ReassignTask(TaskAction):
    @extend_schema(
        operation_id="reassign_task",
        summary="Hand a task to somebody else",
        request=ReassignInput,
        responses=TaskOutput,
    )
    def post(self, request: Request, task_id: UUID) -> Response:
        given = parse(ReassignInput, request)
        task = reassign_task(task_id=task_id, by=caller(request), **given)
        return Response(TaskOutput(task).data)
