"""The API's door to a sandbox as a whole."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from mudda import sandboxes
from mudda.drf import caller
from mudda.views import Door


class WipedOutput(serializers.Serializer[Any]):
    """What was removed."""

    removed = serializers.DictField(child=serializers.IntegerField(), help_text="How many, by kind.")


class SandboxDoor(Door):
    scopes = {"DELETE": "sandbox:write"}

    @extend_schema(
        operation_id="wipe_sandbox",
        summary="Remove everything that the keys of your sandbox have made",
        description=(
            "For sandbox keys only. Runs are ended, files removed a moment later; keys stay. Wiping again is harmless, "
            "and removes what was made since."
        ),
        responses={200: WipedOutput},
    )
    def delete(self, request: Request) -> Response:
        return Response({"removed": sandboxes.wipe_own(caller(request))})
