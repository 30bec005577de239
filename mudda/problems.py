"""Errors as RFC 9457 problem documents, the one error body of the API."""

import json
import logging
from typing import Any

from django.http import HttpRequest, HttpResponse

from mudda.errors import MuddaError
from mudda.monitoring.about import route_of

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"


def problem_document(request: HttpRequest, error: MuddaError) -> dict[str, Any]:
    """The members of a problem: ``type`` (a URN with the code), title, status, detail, code, request_id.

    Also leaves a line in the log, with the id of the request and nothing of what was sent, not even the path.
    """
    logger.info(
        "%s %s: %s %s", error.status, error.code, request.method, route_of(request) or "no address of ours"
    )
    document: dict[str, Any] = {
        **error.extra,
        "type": f"urn:mudda:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": getattr(request, "request_id", "-"),
    }
    if error.errors:
        document["errors"] = error.errors
    return document


def problem_response(request: HttpRequest, error: MuddaError) -> HttpResponse:
    """A problem from outside the API's views."""
    body = json.dumps(problem_document(request, error))
    response = HttpResponse(body, status=error.status, content_type=CONTENT_TYPE)
    add_headers(response, error)
    return response


def add_headers(response: HttpResponse, error: MuddaError) -> None:
    """What of an error is told in headers: ``Retry-After`` and the current ``ETag``."""
    if retry_after := getattr(error, "retry_after", None):
        response["Retry-After"] = str(int(retry_after))
    if tag := error.extra.get("etag"):
        response["ETag"] = tag
