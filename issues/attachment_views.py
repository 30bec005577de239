"""The API's doors to the files of an issue."""

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from issues.attaching import prepare_attachment, remove_attachment
from issues.models import Attachment
from issues.serializers import AttachmentInput, AttachmentOutput
from issues.views import found_issue
from mudda import etags, idempotency
from mudda.drf import caller, parse
from mudda.errors import NotFound
from mudda.etags import IF_MATCH
from mudda.files.serving import KINDS, file_response
from mudda.openapi import Link
from mudda.views import Door, ListDoor

ATTACHED = {"reference": "$request.path.reference", "attachment_id": "id"}
ATTACHMENT_LINKS = [Link("read_attachment", ATTACHED), Link("remove_attachment", ATTACHED)]


class Attachments(ListDoor[Attachment]):
    """The files of an issue, oldest first. One file a POST, as ``multipart/form-data``."""

    scopes = {"GET": "issues:read", "POST": "issues:write"}
    tagged = ("POST",)
    links = {"POST": ATTACHMENT_LINKS}
    once = "own"
    parser_classes = [MultiPartParser]
    serializer_class = AttachmentOutput
    filter_backends = ()
    orderings = ("created_at", "-created_at")

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Attachment.objects.none()
        return found_issue(self.request, self.kwargs["reference"]).attachments.select_related("issue")

    @extend_schema(operation_id="list_attachments", summary="List the files of an issue")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="attach_file",
        summary="Add a file to an issue",
        request={"multipart/form-data": AttachmentInput},
        responses={201: AttachmentOutput},
        filters=False,
    )
    def post(self, request: Request, reference: str) -> Response:
        file = parse(AttachmentInput, request)["file"]
        body = idempotency.fingerprint(file)
        if (answer := idempotency.find(request, body=body)) is not None:
            return answer
        issue = found_issue(request, reference)
        with (
            prepare_attachment(issue, file, by=caller(request)) as keep,
            idempotency.claim(request, body=body) as claim,
        ):
            return claim.answer or claim.keep(_answer(keep(file.name or "")))


class AttachmentDetail(Door):
    scopes = {"GET": "issues:read", "DELETE": "issues:write"}
    also_answers = (502,)

    @extend_schema(
        operation_id="read_attachment",
        summary="Fetch a file of an issue",
        responses={(200, kind): OpenApiTypes.BINARY for kind in KINDS},
    )
    def get(self, request: Request, reference: str, attachment_id: UUID) -> HttpResponseBase:
        attachment = found_issue(request, reference).attachments.filter(pk=attachment_id).first()
        if attachment is None:
            raise NotFound("There is no such file.")
        return file_response(attachment)

    @extend_schema(
        operation_id="remove_attachment",
        summary="Remove a file of an issue for good",
        responses={204: None},
        parameters=[IF_MATCH],
    )
    def delete(self, request: Request, reference: str, attachment_id: UUID) -> Response:
        issue, expected = found_issue(request, reference), etags.if_match(request)
        remove_attachment(issue, attachment_id, by=caller(request), expected=expected)
        return Response(status=204)


def _answer(attachment: Attachment) -> Response:
    place = f"/issues/{attachment.issue.reference}/attachments/{attachment.pk}"
    headers = {"Location": place, "ETag": etags.quoted(attachment.sha256)}
    return Response(AttachmentOutput(attachment).data, status=201, headers=headers)
