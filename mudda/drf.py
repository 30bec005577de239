"""REST framework's ground rules: strict JSON in, problem documents out."""

import codecs
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, QueryDict
from django.utils.http import parse_header_parameters
from psycopg.errors import ForeignKeyViolation
from rest_framework import exceptions
from rest_framework.authentication import SessionAuthentication
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import (
    BooleanField,
    CharField,
    ChoiceField,
    DateTimeField,
    DictField,
    Field,
    FloatField,
    IntegerField,
    ListField,
    Serializer,
    UUIDField,
)

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
    SandboxWiped,
    UnsupportedMediaType,
)
from mudda.problems import CONTENT_TYPE, add_headers, problem_document
from mudda.reach import sandbox_of


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
    """Unknown fields are refused rather than ignored: a misspelt one would change what happens. So are JSON values of
    another type than the document says, which REST framework would read as the right one where it can.

    ``rules`` are keywords of JSON Schema about the fields together, for the OpenAPI document.
    """

    rules: ClassVar[Mapping[str, Any]] = {}

    def to_internal_value(self, data: Any) -> Any:
        wrong = {} if isinstance(data, QueryDict) else _of_wrong_type(self.fields, data)
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            told = exceptions.ErrorDetail("There is no such field.", code="unknown_field")
            raise exceptions.ValidationError({**wrong, **dict.fromkeys(unknown, told)})
        try:
            value = super().to_internal_value(data)
        except exceptions.ValidationError as error:
            raise exceptions.ValidationError(_both(error.detail, wrong)) from error
        if wrong:
            raise exceptions.ValidationError(wrong)
        return value


def _both(found: Any, wrong: Mapping[str, Any]) -> Any:
    """REST framework's problems of an object, with our words for its members that are of a wrong type. Objects in it
    have told of theirs."""
    if not isinstance(found, dict):
        return found
    return {**wrong, **found, **{name: told for name, told in wrong.items() if isinstance(told, list)}}


_JSON_TYPES: tuple[
    tuple[type[Field[Any, Any, Any, Any]] | tuple[Any, ...], type | tuple[type, ...], str], ...
] = (
    ((CharField, ChoiceField, DateTimeField, UUIDField), str, "a text"),
    (BooleanField, bool, "true or false"),
    (IntegerField, int, "a whole number"),
    (FloatField, (int, float), "a number"),
)


def _of_wrong_type(fields: Mapping[str, Any], data: Any) -> dict[str, Any]:
    """What is wrong with the JSON types of an object's members, by name."""
    if not isinstance(data, Mapping):
        return {}
    found = {name: _type_problem(field, data[name]) for name, field in fields.items() if name in data}
    return {name: problem for name, problem in found.items() if problem}


def _type_problem(field: Any, value: Any) -> Any:
    """What is wrong with the JSON type of a value, or of what is in it; nothing where it is left to the field."""
    if value is None:
        return None
    if isinstance(field, ListField) and isinstance(value, list):
        return _of_wrong_type({str(at): field.child for at in range(len(value))}, dict(_numbered(value)))
    if isinstance(field, DictField) and isinstance(value, Mapping):
        return _of_wrong_type(dict.fromkeys(value, field.child), value)
    for kinds, wanted, words in _JSON_TYPES:
        if isinstance(field, kinds) and not _is_of(value, wanted):
            return [exceptions.ErrorDetail(f"This has to be {words}.", code="wrong_type")]
    return None


def _numbered(values: list[Any]) -> Iterator[tuple[str, Any]]:
    return ((str(at), value) for at, value in enumerate(values))


def _is_of(value: Any, wanted: type | tuple[type, ...]) -> bool:
    """As JSON sees it: no number is true or false, and 1.0 is a whole number."""
    if isinstance(value, bool) and wanted is not bool:
        return False
    if wanted is int and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, wanted)


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
    if mudda_error is None and _is_lost(error) and sandbox_of(request.user) is not None:
        mudda_error = SandboxWiped()  # nothing else deletes what a call is about
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


def _is_lost(error: Exception) -> bool:
    """Whether a row that was there is not any more."""
    if isinstance(error, IntegrityError):
        return isinstance(error.__cause__, ForeignKeyViolation)
    return isinstance(error, ObjectDoesNotExist)


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
