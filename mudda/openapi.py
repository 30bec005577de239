"""How the OpenAPI document is made: one problem body for every error, keys and sessions as security."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from mudda import examples
from mudda.scopes import known

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
                "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901."},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}


IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The same key and body get the same answer, for 24 h.",
)


def _anything(found: dict[str, Any]) -> dict[str, Any]:
    """Any JSON, null among it."""
    return {name: value for name, value in found.items() if name != "oneOf"}


class Schema(AutoSchema):
    """Adds to each operation that anything but success is a problem document, and to each POST its key."""

    def get_override_parameters(self) -> list[Any]:
        found: list[Any] = super().get_override_parameters()
        return [*found, IDEMPOTENCY_KEY] if self.method == "POST" else found

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            body = {"content": {"application/problem+json": {"schema": PROBLEM}}}
            operation["responses"]["default"] = {"description": "Any error.", **body}
            examples.add_to(operation)
        return operation

    def _map_serializer_field(self, field: Any, direction: Any, *args: Any, **kwargs: Any) -> Any:
        found = super()._map_serializer_field(field, direction, *args, **kwargs)
        return _anything(found) if type(field) is serializers.JSONField else found


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
