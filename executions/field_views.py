"""The API's doors to what crews say and send: accept, decline, upload."""

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from executions.accepting import accept_task, decline_task
from executions.answering import task_answer, unchanged
from executions.giving_links import give_link, withdraw_links
from executions.models import HumanTask, TaskUpload
from executions.serializers import TaskOutput, UploadOutput
from executions.uploads import prepare_upload
from mudda import idempotency
from mudda.drf import Input, caller, parse
from mudda.errors import InvalidRequest, NotFound
from mudda.etags import IF_MATCH
from mudda.files.serving import KINDS, file_response
from mudda.openapi import Link
from mudda.views import Door


class AcceptInput(Input):
    crew = serializers.CharField(max_length=500, help_text="Who comes.")
    arrival_at = serializers.DateTimeField(help_text="When they expect to be there.")


class DeclineInput(Input):
    reason = serializers.CharField(max_length=2_000)


class LinkInput(Input):
    role = serializers.CharField(
        max_length=80,
        required=False,
        default="",
        help_text="Whom it is for: `issue.reporter` or `department:<code>`; else whoever had the last one.",
    )


class LinkOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url = serializers.CharField(help_text="Shown once: whoever has it may answer the task.")
    role = serializers.CharField()
    expires_at = serializers.DateTimeField()


class RevokedOutput(serializers.Serializer[Any]):
    revoked = serializers.IntegerField(help_text="How many links were still good.")


class UploadInput(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="JPEG, PNG, WebP or PDF, at most 10 MB.")


class AcceptTask(Door):
    scopes = {"POST": "tasks:write"}
    tagged = ("POST",)

    @extend_schema(
        operation_id="accept_task",
        summary="Say that a crew comes, and when",
        request=AcceptInput,
        responses=TaskOutput,
        parameters=[IF_MATCH],
    )
    def post(self, request: Request, task_id: UUID) -> Response:
        given = parse(AcceptInput, request)
        with unchanged(request, task_id):
            return task_answer(accept_task(task_id=task_id, by=caller(request), **given))


class DeclineTask(Door):
    scopes = {"POST": "tasks:write"}
    tagged = ("POST",)

    @extend_schema(
        operation_id="decline_task",
        summary="Give a crew's task back to its department",
        request=DeclineInput,
        responses=TaskOutput,
        parameters=[IF_MATCH],
    )
    def post(self, request: Request, task_id: UUID) -> Response:
        given = parse(DeclineInput, request)
        with unchanged(request, task_id):
            return task_answer(decline_task(task_id=task_id, by=caller(request), **given))


class TaskLinks(Door):
    """The signed links to a task, which letters carry."""

    scopes = {"POST": "tasks:write", "DELETE": "tasks:write"}
    links = {"POST": [Link("revoke_links", {"task_id": "$request.path.task_id"})]}
    once = "sealed"

    @extend_schema(
        operation_id="give_link",
        summary="Make a new signed link to a task",
        request=LinkInput,
        responses={201: LinkOutput},
    )
    def post(self, request: Request, task_id: UUID) -> Response:
        given = parse(LinkInput, request)
        link, url = give_link(task_id=task_id, role=given["role"], by=caller(request))
        answer = {"id": str(link.pk), "url": url, "role": link.role, "expires_at": link.expires_at}
        return Response(LinkOutput(answer).data, status=201, headers={"Cache-Control": "no-store"})

    @extend_schema(
        operation_id="revoke_links",
        summary="Withdraw every signed link to a task",
        responses={200: RevokedOutput},
        parameters=[IF_MATCH],
    )
    def delete(self, request: Request, task_id: UUID) -> Response:
        with unchanged(request, task_id):
            return Response({"revoked": withdraw_links(task_id=task_id, by=caller(request))})


class UploadFile(Door):
    """One file a call, as ``multipart/form-data``. An answer names its ``id`` under ``photos``."""

    scopes = {"POST": "tasks:write"}
    links = {"POST": [Link("read_upload", {"upload_id": "id"})]}
    once = "own"
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="upload_file",
        summary="Give a file with a task",
        request={"multipart/form-data": UploadInput},
        responses={201: UploadOutput},
    )
    def post(self, request: Request, task_id: UUID) -> Response:
        given = request.FILES.get("file")
        if given is None:
            error = {"pointer": "/file", "code": "required", "message": "Send the file as the part `file`."}
            raise InvalidRequest("There is no file.", errors=[error])
        body = idempotency.fingerprint(given)
        if (answer := idempotency.find(request, body=body)) is not None:
            return answer
        with (
            prepare_upload(task_id=task_id, file=given, by=caller(request)) as keep,
            idempotency.claim(request, body=body) as claim,
        ):
            if claim.answer is not None:
                return claim.answer
            return claim.keep(Response(UploadOutput(keep(given.name or "")).data, status=201))


class ReadUpload(Door):
    scopes = {"GET": "tasks:read"}
    also_answers = (502,)

    @extend_schema(
        operation_id="read_upload",
        summary="Fetch a file that was given with a task",
        responses={(200, kind): OpenApiTypes.BINARY for kind in KINDS},
    )
    def get(self, request: Request, upload_id: UUID) -> HttpResponseBase:
        visible = HumanTask.objects.visible_to(request.user)
        upload = TaskUpload.objects.filter(pk=upload_id, task__in=visible).first()
        if upload is None:
            raise NotFound("There is no such file.")
        return file_response(upload)
