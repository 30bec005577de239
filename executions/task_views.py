"""The API's doors to people's tasks: each parses, calls one service and renders."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from executions.answering import task_answer, unchanged
from executions.assigning import claim_task, hold_task, reassign_task, release_task, resume_task
from executions.deciding import decide_task
from executions.filters import TaskFilter
from executions.models import HumanTask
from executions.serializers import CompleteInput, DecideInput, TaskOutput
from executions.task_serializers import HoldInput, ReassignInput, ReleaseInput
from executions.tasks import DONE
from mudda.drf import caller, parse
from mudda.errors import NotFound
from mudda.etags import IF_MATCH
from mudda.openapi import Link
from mudda.views import Door, ListDoor

F = TypeVar("F", bound=Callable[..., Any])

ACTIONS = ("claim", "release", "hold", "resume", "reassign", "accept", "decline", "complete", "decide")


def _links(place: str) -> list[Link]:
    """What an answer leads on to that has a task's id at ``place``."""
    named = {"task_id": place}
    acting = [Link(f"{action}_task", named) for action in ACTIONS]
    decide = Link("decide_task", named, body={"outcome": place.removesuffix("id") + "outcomes/0"})
    return [
        Link("read_task", named),
        *acting[:-1],
        decide,
        Link("give_link", named),
        Link("upload_file", named),
    ]


class ListTasks(ListDoor[HumanTask]):
    """The people's tasks that the caller may see, newest first."""

    scopes = {"GET": "tasks:read"}
    links = {"GET": _links("results/0/id")}
    serializer_class = TaskOutput
    filterset_class = TaskFilter
    orderings = ("-opened_at", "opened_at", "due_at", "-due_at")
    ordered_by = {"due_at": "due_order"}

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
    tagged = ("GET",)
    links = {"GET": _links("id")}

    @extend_schema(operation_id="read_task", summary="Read a task", responses=TaskOutput)
    def get(self, request: Request, task_id: UUID) -> Response:
        task = HumanTask.objects.visible_to(request.user).filter(pk=task_id).first()
        if task is None:
            raise NotFound("There is no such task.")
        return task_answer(task)


class TaskAction(Door):
    scopes = {"POST": "tasks:write"}
    tagged = ("POST",)
    links = {"POST": _links("id")}


def _changing(name: str, summary: str, takes: Any = None) -> Callable[[F], F]:
    described: Callable[[F], F] = extend_schema(
        operation_id=name, summary=summary, request=takes, responses=TaskOutput, parameters=[IF_MATCH]
    )
    return described


class DecideTask(TaskAction):
    @_changing("decide_task", "Decide a task", DecideInput)
    def post(self, request: Request, task_id: UUID) -> Response:
        given = parse(DecideInput, request)
        with unchanged(request, task_id):
            return task_answer(
                decide_task(
                    task_id=task_id,
                    outcome=given["outcome"],
                    answer=given.get("answer"),
                    comment=given.get("comment", ""),
                    by=caller(request),
                )
            )


class CompleteTask(TaskAction):
    @_changing("complete_task", "Say that a task is done: to decide it with `done`", CompleteInput)
    def post(self, request: Request, task_id: UUID) -> Response:
        given = parse(CompleteInput, request)
        with unchanged(request, task_id):
            return task_answer(decide_task(task_id=task_id, outcome=DONE, by=caller(request), **given))


class ClaimTask(TaskAction):
    @_changing("claim_task", "Take a task")
    def post(self, request: Request, task_id: UUID) -> Response:
        with unchanged(request, task_id):
            return task_answer(claim_task(task_id=task_id, by=caller(request)))


class ReleaseTask(TaskAction):
    @_changing("release_task", "Give a task back to its group", ReleaseInput)
    def post(self, request: Request, task_id: UUID) -> Response:
        reason = parse(ReleaseInput, request)["reason"]
        with unchanged(request, task_id):
            return task_answer(release_task(task_id=task_id, reason=reason, by=caller(request)))


class HoldTask(TaskAction):
    @_changing("hold_task", "Stop a task's clock", HoldInput)
    def post(self, request: Request, task_id: UUID) -> Response:
        reason = parse(HoldInput, request)["reason"]
        with unchanged(request, task_id):
            return task_answer(hold_task(task_id=task_id, reason=reason, by=caller(request)))


class ResumeTask(TaskAction):
    @_changing("resume_task", "Let a held task's clock go on")
    def post(self, request: Request, task_id: UUID) -> Response:
        with unchanged(request, task_id):
            return task_answer(resume_task(task_id=task_id, by=caller(request)))


class ReassignTask(TaskAction):
    @_changing("reassign_task", "Hand a task to somebody else", ReassignInput)
    def post(self, request: Request, task_id: UUID) -> Response:
        given = parse(ReassignInput, request)
        with unchanged(request, task_id):
            return task_answer(reassign_task(task_id=task_id, by=caller(request), **given))
