"""REST framework's ground rules: strict JSON in, problem documents out."""

import codecs
from collections.abc import Mapping
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.utils.http import parse_header_parameters
from rest_framework import exceptions
from rest_framework.authentication import SessionAuthentication
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from mudda import ratelimits, strictjson
from mudda.errors import (
    DatabaseUnavailable,
    Forbidden,
    InvalidRequest,
    MalformedRequest,
    MethodNotAllowed,
    MuddaError,
    NotAcceptable,
    NotAuthenticated,
    NotFound,
    RateLimited,
    UnsupportedMediaType,
)
from mudda.problems import CONTENT_TYPE, add_headers, problem_document


class MalformedJson(InvalidRequest):
    code = "malformed_json"
    title = "The body is not JSON as mudda reads it."


class StrictJsonParser(BaseParser):
    """JSON without duplicate keys, NaN, NUL or lone surrogates: what would be stored differently than sent."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        _ensure_utf8(media_type or "")
        value, problems = strictjson.loads(stream.read())
        if problems:
            errors = [{"pointer": p.pointer, "code": p.code, "message": p.message} for p in problems[:100]]
            raise MalformedJson(problems[0].message, errors=errors)
        return value


def _ensure_utf8(media_type: str) -> None:
    """JSON is UTF-8 (RFC 8259, section 8.1): what says that it is another would be read as other words."""
    charset = parse_header_parameters(media_type)[1].get("charset", "utf-8")
    try:
        known = codecs.lookup(charset).name
    except (LookupError, ValueError):
        known = ""
    if known not in {"utf-8", "ascii"}:
        raise UnsupportedMediaType("JSON is read as UTF-8, and in no other charset.")


class StaffSession(SessionAuthentication):
    """A signed-in member of staff, with Django's CSRF check."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        found = super().authenticate(request)
        if found is None or not found[0].is_staff:
            return None
        ratelimits.count_user(request._request, found[0])
        return found


class Input(Serializer[Any]):
    """Unknown fields are refused rather than ignored: a misspelt one would change what happens."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            raise exceptions.ValidationError(
                {
                    name: exceptions.ErrorDetail("There is no such field.", code="unknown_field")
                    for name in unknown
                }
            )
        return super().to_internal_value(data)


S = TypeVar("S", bound=Serializer[Any])


def parse(serializer: type[S], request: Request) -> dict[str, Any]:
    """The request's body as ``serializer`` checks it.

    Raises:
        InvalidRequest: every field's problems, each with a JSON pointer.
    """
    if not isinstance(request.data, Mapping):
        raise InvalidRequest(
            "The body has to be a JSON object.", errors=[_error("", "wrong_type", "Not an object.")]
        )
    given = serializer(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


def caller(request: Request) -> User:
    """The user who calls, or who owns the key that calls. Views with scopes let in nobody else."""
    if not isinstance(request.user, User):
        raise exceptions.NotAuthenticated
    return request.user


def as_problem(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """REST framework's exception handler: every expected error becomes one kind of body."""
    request: Request = context["request"]
    mudda_error = _as_mudda_error(error)
    if mudda_error is None:
        return None  # a defect: Django's handler answers 500
    document = problem_document(request._request, mudda_error)
    response = Response(document, status=mudda_error.status, content_type=CONTENT_TYPE)
    add_headers(response, mudda_error)
    if challenge := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = challenge
    return response


def _as_mudda_error(error: Exception) -> MuddaError | None:
    match error:
        case MuddaError():
            return error
        case exceptions.ValidationError():
            return InvalidRequest("Some fields are not valid.", errors=field_errors(error.detail))
        case Http404():
            return NotFound()
        case PermissionDenied():
            return Forbidden(str(error))
        case OperationalError() | InterfaceError():
            return DatabaseUnavailable()
        case exceptions.Throttled():
            limited = RateLimited(str(error.detail))
            limited.retry_after = int(getattr(error, "wait", None) or 1)
            return limited
        case exceptions.APIException() if error.status_code in _KINDS:
            return _KINDS[error.status_code](f"{str(error.detail).rstrip('.')}.")
    return None


_KINDS: dict[int, type[MuddaError]] = {
    kind.status: kind
    for kind in (
        MalformedRequest,
        NotAuthenticated,
        Forbidden,
        NotFound,
        MethodNotAllowed,
        NotAcceptable,
        UnsupportedMediaType,
    )
}
"""What REST framework's own exceptions are called here, by their status."""


def field_errors(detail: Any, pointer: str = "") -> list[dict[str, str]]:
    """REST framework's nested error details as a flat list with JSON pointers (RFC 6901)."""
    if isinstance(detail, Mapping):
        found = []
        for name, inner in detail.items():
            step = "" if name == "non_field_errors" else "/" + str(name).replace("~", "~0").replace("/", "~1")
            found += field_errors(inner, pointer + step)
        return found
    if isinstance(detail, list):
        if all(not isinstance(item, Mapping | list) for item in detail):
            return [_error(pointer, getattr(item, "code", "invalid"), str(item)) for item in detail]
        return [e for at, item in enumerate(detail) for e in field_errors(item, f"{pointer}/{at}")]
    return [_error(pointer, getattr(detail, "code", "invalid"), str(detail))]


def _error(pointer: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "message": message}
