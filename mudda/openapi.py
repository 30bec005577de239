"""How the OpenAPI document is made: every status with its headers and body, what links lead on, texts and JSON as they
are really read, keys and sessions as security. ``make fuzz`` holds the API against it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from mudda import examples
from mudda.drf import Input
from mudda.scopes import known
from mudda.strictjson import LARGEST_INTEGER

PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable and machine-readable."},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "message"],
                "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901."},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}


# --- requests: what is read, and nothing else -------------------------------------------------------

TEXT: Final = r"^[^\u0000]*$"
"""A text as PostgreSQL stores it."""
WORDS: Final = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"
"""The same with something in it: white space at its ends is cut off, and nothing may not be left. U+001C to U+001F and
U+0085 are white space to Python, but not to the patterns of JSON Schema."""

_BELOW = {"$ref": "#/components/schemas/Json"}
JSON = {
    "minimum": -LARGEST_INTEGER,
    "maximum": LARGEST_INTEGER,
    "pattern": TEXT,
    "items": _BELOW,
    "propertyNames": {"pattern": TEXT},
    "additionalProperties": _BELOW,
}
"""Any JSON that is read back as it was sent. Without a type, each keyword is for the values that it can be about:
clients take it for anything."""
NOT_NULL = {"not": {"type": "null"}}

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    OpenApiParameter.HEADER,
    description="The same key and body get the same answer, for 24 h.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="The `ETag` that you have: 304 if it is still that.",
)

# --- answers ----------------------------------------------------------------------------------------


def _header(description: str, *, required: bool = False, kind: str = "string") -> dict[str, Any]:
    found: dict[str, Any] = {"description": description, "schema": {"type": kind}}
    return {**found, "required": True} if required else found


ALWAYS = {
    "X-Request-ID": _header("Yours, if it was harmless, else one of ours; it is in our logs.", required=True),
    "RateLimit": _header("How many calls are left, and until when."),
    "RateLimit-Policy": _header("How many calls a window has."),
}
RETRY_AFTER = _header("Seconds.", required=True, kind="integer")
ETAG = _header("Of what is there now.", required=True)
FURTHER = {
    401: {"WWW-Authenticate": _header("How to say who calls.", required=True)},
    409: {"Retry-After": _header("Seconds, where trying again can help.", kind="integer")},
    412: {"ETag": _header("Of what is there by now.")},
    429: {"Retry-After": RETRY_AFTER},
    503: {"Retry-After": _header("Seconds.", kind="integer")},
}
"""Headers that errors have besides."""
ERRORS = {
    400: "The request is not valid.",
    401: "Nobody knows who calls.",
    403: "The caller may not do this.",
    404: "There is no such thing, or the caller may not see it.",
    406: "There is no such form of it.",
    409: "The state of things does not allow this.",
    411: "A file comes without its length.",
    412: "It was changed since it was read.",
    413: "The body is too large.",
    415: "The body is of a type that is not read here.",
    422: "The request is well-formed, but cannot be carried out.",
    429: "There were too many calls.",
    502: "A service that this stands on failed.",
    503: "A part of the service is away for the moment.",
}


@dataclass(frozen=True)
class Link:
    """What an answer leads on to.

    Attributes:
        operation: the id of the operation.
        parameters: its parameters, each with the place of its value in the answer's body, such as ``run/run_id``; or
            with a runtime expression, which begins with ``$``.
        body: the same for fields of its body.
    """

    operation: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """It as OpenAPI writes it."""
        found: dict[str, Any] = {"operationId": self.operation}
        if self.parameters:
            found["parameters"] = {name: _expression(place) for name, place in self.parameters.items()}
        if self.body:
            found["requestBody"] = {name: _expression(place) for name, place in self.body.items()}
        return found


def _say(schema: dict[str, Any]) -> None:
    """A list's filter says something: see ``mudda.paging.ensure_said``."""
    if schema.get("type") == "string" and not {"enum", "format", "pattern"} & set(schema):
        schema["pattern"] = WORDS


def _expression(place: str) -> str:
    return place if place.startswith("$") else f"$response.body#/{place}"


def _anything(found: dict[str, Any]) -> dict[str, Any]:
    """Any JSON, null among it."""
    return {name: value for name, value in found.items() if name != "oneOf"}


class Schema(AutoSchema):
    """Says of each operation what its view and ``mudda.drf`` do with every request: see ``mudda.views.Door``."""

    def get_override_parameters(self) -> list[Any]:
        found: list[Any] = super().get_override_parameters()
        if self.method == "POST":
            found = [*found, IDEMPOTENCY_KEY]
        return [*found, IF_NONE_MATCH] if self._is_conditional() else found

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            for parameter in operation.get("parameters", ()) if self._is_list_view() else ():
                if parameter["in"] == "query":
                    _say(parameter["schema"])
            responses: dict[str, Any] = operation["responses"]
            for status, response in responses.items():
                response["headers"] = {**response.get("headers", {}), **self._headers(int(status))}
                if links := self._links():
                    response["links"] = links
            if self._is_conditional():
                headers = {**ALWAYS, "ETag": ETAG}
                responses["304"] = {"description": "It is still what you have.", "headers": headers}
            for error in self._errors(operation):
                responses.setdefault(str(error), self._error(error))
            examples.add_to(operation)
        return operation

    # --- requests ------------------------------------------------------------------------------------

    def _get_request_body(self, *args: Any, **kwargs: Any) -> Any:
        """Also says that there has to be a body where an empty one names nothing to change."""
        found = super()._get_request_body(*args, **kwargs)
        if found and "minProperties" in getattr(self.get_request_serializer(), "rules", {}):
            found["required"] = True
        return found

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        found = super()._map_basic_serializer(serializer, direction)
        is_input = isinstance(serializer, Input) or (
            isinstance(serializer, type) and issubclass(serializer, Input)
        )
        if direction == "request" and is_input:
            found = {**found, **serializer.rules, "additionalProperties": False}
        return found

    def _map_serializer_field(self, field: Any, direction: Any, *args: Any, **kwargs: Any) -> Any:
        found = super()._map_serializer_field(field, direction, *args, **kwargs)
        if direction != "request" or found is None:
            return _anything(found) if type(field) is serializers.JSONField else found
        if type(field) is serializers.JSONField:
            self._json()
            described = {k: v for k, v in found.items() if k == "description"}
            return {
                **described,
                "$ref": "#/components/schemas/Json",
                **({} if field.allow_null else NOT_NULL),
            }
        match field:
            case serializers.FileField():
                return {**found, "minLength": 1}
            case serializers.ListField() if not field.allow_empty:
                return {**found, "minItems": max(1, field.min_length or 0)}
            case serializers.DictField():
                return self._dictionary(field, found)
            case serializers.RegexField() | serializers.EmailField() | serializers.UUIDField():
                return found
            case serializers.CharField() if not {"enum", "pattern"} & set(found):
                trimmed = field.trim_whitespace and not field.allow_blank
                # Not TEXT: tools that put a pattern and a length into one expression have limits of their own.
                return {**found, **({"pattern": WORDS} if trimmed else {"not": {"pattern": r"\u0000"}})}
        return found

    def _dictionary(self, field: Any, found: dict[str, Any]) -> dict[str, Any]:
        """An object with keys of the caller's."""
        if not found.get("additionalProperties"):
            self._json()
            found = {**found, "additionalProperties": JSON}
        return {**found, "propertyNames": {"pattern": TEXT}}

    def _json(self) -> None:
        self._component("Json", ResolvedComponent.SCHEMA, JSON)

    # --- answers -------------------------------------------------------------------------------------

    def _is_tagged(self) -> bool:
        return self.method in getattr(self.view, "tagged", ())

    def _is_conditional(self) -> bool:
        return self.method == "GET" and self._is_tagged() and getattr(self.view, "conditional", False)

    def _links(self) -> dict[str, Any]:
        links = getattr(self.view, "links", {}).get(self.method, ())
        return {link.operation: link.described() for link in links}

    def _headers(self, status: int) -> dict[str, Any]:
        """Of an answer that is none of an error."""
        found = dict(ALWAYS)
        if self._is_tagged() and status != HTTPStatus.NO_CONTENT:
            always = getattr(self.view, "always_tagged", True) and status != HTTPStatus.ACCEPTED
            found["ETag"] = {**ETAG, "required": always}
        if self.method == "POST":
            found["Idempotency-Replayed"] = _header("`true`: this is the answer that was given before.")
        if status in {HTTPStatus.CREATED, HTTPStatus.ACCEPTED}:
            found["Location"] = _header("Where it can be read, if it has an address of its own.")
        if status == HTTPStatus.ACCEPTED:
            found["Retry-After"] = _header("Seconds, after which it may be done.", kind="integer")
            found["Preference-Applied"] = _header("What of `Prefer` was heeded.")
        return found

    def _errors(self, operation: Mapping[str, Any]) -> list[int]:
        """The statuses that an operation may answer instead."""
        named = {parameter["name"] for parameter in operation.get("parameters", ())}
        places = {parameter["in"] for parameter in operation.get("parameters", ())}
        found = {400, 401, 403, 406, 429, 503}
        found |= {404} if "path" in places else set()
        found |= {412} if "If-Match" in named else set()
        if self.method != "GET":
            found |= {404, 409, 413, 415, 422}
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {}):
            found |= {411, 502}
        return sorted(found | set(getattr(self.view, "also_answers", ())))

    def _error(self, status: int) -> dict[str, Any]:
        """A reference to what an error is answered with."""
        self._component("Problem", ResolvedComponent.SCHEMA, PROBLEM)
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        name = "".join(word.title() for word in HTTPStatus(status).name.split("_"))
        headers = {**ALWAYS, **FURTHER.get(status, {})}
        answer = {"description": ERRORS[status], "headers": headers, "content": content}
        return self._component(name, ResolvedComponent.RESPONSE, answer)

    def _component(self, name: str, kind: str, described: Mapping[str, Any]) -> dict[str, Any]:
        """A reference to a component, which is put into the document the first time."""
        component = ResolvedComponent(name=name, type=kind, schema=dict(described), object=name)
        self.registry.register_on_missing(component)
        reference: dict[str, Any] = component.ref
        return reference


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "mudda.apikeys.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Authorization: Api-Key <key>`",
        }


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "mudda.oauth.TokenAuthentication"
    name = "oauth2"

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[str]]:
        wanted = getattr(auto_schema.view, "scopes", {}).get(auto_schema.method)
        return {self.name: [wanted] if wanted else []}

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        scopes = {name: scope.description for name, scope in sorted(known().items())}
        flow = {"tokenUrl": "/oauth/token", "scopes": scopes}
        return {
            "type": "oauth2",
            "description": "`Authorization: Bearer <token>`",
            "flows": {"clientCredentials": flow},
        }


class StaffSessionScheme(OpenApiAuthenticationExtension):
    target_class = "mudda.drf.StaffSession"
    name = "staffSession"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
