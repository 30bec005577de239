"""mudda's web application without one of its layers, to measure what that costs. Never served outside the benchmarks.

``BENCHMARK_WITHOUT`` names the layer: ``authentication`` or ``events``. The others are switched off by what mudda has
for it: limits by their setting, idempotency by not sending a key.
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from mudda.asgi import application as application

# The application above has set Django up.
from rest_framework.authentication import BaseAuthentication  # isort: skip
from rest_framework.request import Request  # isort: skip
from rest_framework.views import APIView  # isort: skip

from mudda import events, ratelimits, scopes
from mudda.models import ApiKey, Event, EventStream

WITHOUT = os.environ["BENCHMARK_WITHOUT"]


class Trusting(BaseAuthentication):
    """Takes everybody for the owner of the benchmark's key, whom it has looked up once."""

    def authenticate(self, request: Request) -> tuple[Any, ApiKey]:
        key = _only_key()
        ratelimits.count_key(request._request, key, "")  # its limit stays: else the address's would be spent
        return key.owner, key


@cache
def _only_key() -> ApiKey:
    return ApiKey.objects.select_related("owner").get()


def _tell_nobody(
    owner: EventStream, type: str, data: Mapping[str, Any] | None = None, *, actor: Any = None
) -> Event:
    return Event(stream=owner.stream, type=type, data=dict(data or {}))


def _leave_out(layer: str) -> None:
    if layer == "authentication":
        APIView.authentication_classes = [Trusting]
        scopes.allows = lambda user, auth, scope: True
    elif layer == "events":
        events.append = _tell_nobody
    else:
        raise ValueError(layer)


_leave_out(WITHOUT)
