"""Ground rules of every HTTP request: an id, a size, and errors that programs can read."""

import logging
import re
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils.functional import SimpleLazyObject

from mudda.errors import (
    BodyTooLarge,
    LengthRequired,
    MalformedRequest,
    MethodNotAllowed,
    MuddaError,
    NotFound,
    UnreadableBody,
)
from mudda.problems import problem_response
from mudda.reach import Reach, narrow

GetResponse = Callable[[HttpRequest], HttpResponse]

GIVEN_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")
TOKEN = re.compile(r"/t/[^\s\"'<>?#]+")
"""A signed link's path. Whoever reads a token could answer for somebody else, so no log may have one."""
CONSOLE = "/admin/"
PAGES = ("/admin", "/static/", "/docs", "/t/")
"""Paths whose errors people see as pages; all others answer with problem documents."""


class WithoutTokens(logging.Filter):
    """Takes the tokens of signed links out of log lines, whoever writes them."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _without_token(record.msg)
        if isinstance(record.args, tuple):  # kept apart: the formatters of access logs want them so
            record.args = tuple(_without_token(value) for value in record.args)
        return True


def _without_token(value: object) -> object:
    if isinstance(value, str | HttpRequest | Exception) and "/t/" in (text := str(value)):
        return TOKEN.sub("/t/…", text)
    return value


class ConsoleReach:
    """In the admin staff see what sandboxes hold too, marked, where they ask for it. The API's doors show them what is
    real, and nothing else."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(CONSOLE):
            signed_in = request.user
            request.user = SimpleLazyObject(lambda: _widened(signed_in))  # type: ignore[assignment]
        return self.get_response(request)


def _widened(user: Any) -> Any:
    narrow(user, Reach(sandboxes_too=True, one_page=True))
    return user


class RequestId:
    """Take the caller's ``X-Request-ID`` where it is harmless, else make one; answer with it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request.request_id = given if GIVEN_ID.match(given) else str(uuid.uuid4())  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        return response


class BodyLimit:
    """Refuse bodies over ``MAX_BODY_BYTES`` with 413, whether they announce their length or not."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/admin"):  # forms and their files have Django's own limits
            return self.get_response(request)
        for path, most in settings.UPLOAD_PATHS.items():
            if re.fullmatch(path, request.path) and request.content_type == "multipart/form-data":
                return self._limit_upload(request, most)
        try:
            too_long = len(request.body) > settings.MAX_BODY_BYTES
        except RequestDataTooBig:
            too_long = True
        except UnreadablePostError:
            return problem_response(request, UnreadableBody())
        if too_long:
            return problem_response(request, BodyTooLarge.than(settings.MAX_BODY_BYTES))
        return self.get_response(request)

    def _limit_upload(self, request: HttpRequest, most: int) -> HttpResponse:
        """Files are not read into memory here: the length that they announce decides, and they must announce it."""
        announced = request.headers.get("Content-Length", "")
        if not announced.isdigit():
            return problem_response(request, LengthRequired())
        if int(announced) > most:
            return problem_response(request, BodyTooLarge.than(most))
        return self.get_response(request)


class ProblemResponses:
    """Give errors that no view made (no such path, a bad host) the same form as the others."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        error = UNWORDED.get(response.status_code)
        if error is None or request.path.startswith(PAGES) or not _is_page(response):
            return response
        problem = problem_response(request, error())
        if "Allow" in response:
            problem["Allow"] = response["Allow"]
        return problem


UNWORDED: dict[int, type[MuddaError]] = {400: MalformedRequest, 404: NotFound, 405: MethodNotAllowed}
"""What Django answers by itself, for people to read."""


def _is_page(response: HttpResponse) -> bool:
    """Whether it is no document that a program could read: of the API's views, or of OAuth."""
    return response.get("Content-Type", "").startswith("text/")
