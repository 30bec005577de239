"""Errors as RFC 9457 problem documents, the one error body of the API."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse

CONTENT_TYPE = "application/problem+json"


def problem_document(
    request: HttpRequest,
    status: int,
    code: str,
    detail: str,
    *,
    title: str = "",
    errors: Sequence[Mapping[str, Any]] = (),
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The members of a problem: ``type`` (a URN with the code), title, status, detail, code, request_id."""
    document: dict[str, Any] = {
        **(extra or {}),
        "type": f"urn:mudda:problem:{code}",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": getattr(request, "request_id", "-"),
    }
    if errors:
        document["errors"] = [dict(error) for error in errors]
    return document


def problem_response(
    request: HttpRequest, status: int, code: str, detail: str, *, retry_after: int | None = None
) -> HttpResponse:
    """A problem from outside the API's views."""
    body = json.dumps(problem_document(request, status, code, detail))
    response = HttpResponse(body, status=status, content_type=CONTENT_TYPE)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response
