"""The answer to what nobody expected: a page for people, a problem document for programs."""

import logging
import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from mudda.drf import RETRY_AFTER
from mudda.middleware import PAGES
from mudda.problems import problem_response

logger = logging.getLogger(__name__)


def server_error(request: HttpRequest) -> HttpResponse:
    """503 when the database is away, else 500; with the request's id, so that it can be found in the logs."""
    away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    status = 503 if away else 500
    if request.path.startswith(PAGES):
        context = {"away": away, "request_id": getattr(request, "request_id", "-")}
        response = render(request, "error.html", context, status=status, using=None)
    elif away:
        response = problem_response(
            request, 503, "database_unavailable", "The database cannot be reached; nothing was changed."
        )
    else:
        detail = "This is our fault. Tell us the request_id and we will find it in the logs."
        response = problem_response(request, 500, "internal_error", detail)
    if away:
        response["Retry-After"] = str(RETRY_AFTER)
    return response
