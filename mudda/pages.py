"""The answer to what nobody expected: a page for people, a problem document for programs."""

import logging
import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from mudda.errors import DatabaseUnavailable, InternalError
from mudda.middleware import PAGES
from mudda.problems import add_headers, problem_response

logger = logging.getLogger(__name__)


def server_error(request: HttpRequest) -> HttpResponse:
    """503 when the database is away, else 500; with the request's id, so that it can be found in the logs."""
    away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    error = DatabaseUnavailable() if away else InternalError()
    if not request.path.startswith(PAGES):
        return problem_response(request, error)
    context = {"away": away, "request_id": getattr(request, "request_id", "-")}
    response = render(request, "error.html", context, status=error.status, using=None)
    add_headers(response, error)
    return response
