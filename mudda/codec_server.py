"""Temporal's codec server: its web interface has payloads decrypted here, for staff who may see what runs hold.

The interface's page, in the browser of somebody who has signed in here, posts ``{"payloads": [...]}`` and shows what it
gets. It is another site's page, so the browser asks (CORS) and is told that TEMPORAL_UI_URL's may, no other. The
session's cookie goes along where both are below one domain, as it is for that site alone (SameSite=Lax).

Rooms say what a reading means to them: whether it may be, and which event tells of it.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.apps import apps as living_apps
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt
from google.protobuf import json_format
from temporalio.api.common.v1 import Payloads

from mudda.encryption import WORKFLOW_ID, Encryption
from mudda.errors import (
    BodyTooLarge,
    Forbidden,
    MalformedRequest,
    MethodNotAllowed,
    MuddaError,
    NotAuthenticated,
    NotFound,
    UnreadableBody,
)
from mudda.problems import problem_response

logger = logging.getLogger(__name__)

CODENAME = "read_temporal_payloads"
PERMISSION = f"mudda.{CODENAME}"

MAX_AGE = 600
"""Seconds for which a browser need not ask again whether the page may."""

Reading = Callable[[Any, Mapping[str, int]], None]

_readings: list[Reading] = []


def on_reading(tell: Reading) -> None:
    """Have ``tell`` called, in the transaction of each reading, with who reads and how many payloads of which Temporal
    workflow, by its id. What it raises keeps them from being shown."""
    _readings.append(tell)


def make_permission(app_config: AppConfig, using: str, apps: Any = living_apps, **_: Any) -> None:
    """After migrations: the permission that reading needs. Nobody is given it, but superusers have it."""
    try:
        kinds, permissions = (
            apps.get_model("contenttypes", "ContentType"),
            apps.get_model("auth", "Permission"),
        )
    except LookupError:
        return  # only some of the migrations were wanted
    kind, _made = kinds.objects.using(using).get_or_create(app_label="mudda", model="event")
    permissions.objects.using(using).get_or_create(
        content_type=kind, codename=CODENAME, defaults={"name": "Can read what Temporal keeps of runs"}
    )


@csrf_exempt  # the origin is looked at instead: another site's page has no token of ours
def decode(request: HttpRequest) -> HttpResponse:
    """``POST {"payloads": [...]}``: the same, decrypted. Each reading is told to the rooms, and logged."""
    return _answer(request, _decoded)


@csrf_exempt
def encode(request: HttpRequest) -> HttpResponse:
    """``POST {"payloads": [...]}``: the same, encrypted, for what somebody sends to a run from Temporal's interface."""
    return _answer(request, _encoded)


def origin_of_ui() -> str:
    """The origin of Temporal's web interface, as browsers write it; empty where there is none."""
    parts = urlsplit(settings.TEMPORAL_UI_URL)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""


def _answer(request: HttpRequest, work: Callable[[Any, Payloads], Payloads]) -> HttpResponse:
    try:
        response = _worked(request, work)
    except MuddaError as error:
        response = problem_response(request, error)
        if isinstance(error, MethodNotAllowed):
            response["Allow"] = "POST, OPTIONS"
    if request.headers.get("Origin") == origin_of_ui():
        response["Access-Control-Allow-Origin"] = origin_of_ui()
        response["Access-Control-Allow-Credentials"] = "true"
    patch_vary_headers(response, ["Origin"])
    response["Cache-Control"] = "no-store"
    return response


def _worked(request: HttpRequest, work: Callable[[Any, Payloads], Payloads]) -> HttpResponse:
    if not settings.TEMPORAL_PAYLOAD_KEYS or not origin_of_ui():
        raise NotFound("There is no codec server here without TEMPORAL_PAYLOAD_KEYS and TEMPORAL_UI_URL.")
    if request.headers.get("Origin") != origin_of_ui():
        raise Forbidden("Only the page of TEMPORAL_UI_URL may ask this.")
    if request.method == "OPTIONS":
        return _allowed()
    if request.method != "POST":
        raise MethodNotAllowed
    if not (request.user.is_authenticated and request.user.is_staff):
        raise NotAuthenticated("Sign in to the console first, in the same browser.")
    if not request.user.has_perm(PERMISSION):
        raise Forbidden(f"This needs the permission {PERMISSION}.")
    given = _payloads(request)
    return HttpResponse(
        json_format.MessageToJson(work(request.user, given), indent=None), content_type="application/json"
    )


def _allowed() -> HttpResponse:
    """The answer to a browser's question beforehand, which bears no cookie."""
    response = HttpResponse(status=204)
    response["Access-Control-Allow-Methods"] = "POST, OPTIONS"
    response["Access-Control-Allow-Headers"] = "content-type, x-namespace"
    response["Access-Control-Max-Age"] = str(MAX_AGE)
    return response


def _payloads(request: HttpRequest) -> Payloads:
    try:
        # Members that a newer interface may send are not ours to refuse: they come to nothing.
        return json_format.Parse(request.body, Payloads(), ignore_unknown_fields=True)
    except RequestDataTooBig as error:
        raise BodyTooLarge.than(settings.DATA_UPLOAD_MAX_MEMORY_SIZE) from error
    except UnreadablePostError as error:
        raise UnreadableBody from error
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise MalformedRequest('The body has to be {"payloads": [...]}, as Temporal writes it.') from error


def _encoded(user: Any, given: Payloads) -> Payloads:
    encryption = Encryption(settings.TEMPORAL_PAYLOAD_KEYS)
    return Payloads(payloads=[encryption.seal(payload) for payload in given.payloads])


def _decoded(user: Any, given: Payloads) -> Payloads:
    """Decrypt, and have it told. The ids are believed only now: they are bound to what has been decrypted."""
    encryption = Encryption(settings.TEMPORAL_PAYLOAD_KEYS)
    opened = Payloads(payloads=[encryption.unseal(payload) for payload in given.payloads])
    read = Counter(
        payload.metadata[WORKFLOW_ID].decode("utf-8", "replace")
        for payload in given.payloads
        if WORKFLOW_ID in payload.metadata
    )
    with transaction.atomic():
        for tell in _readings:
            tell(user, read)
    logger.info(
        "user %s was shown %d payloads of Temporal's, of %s",
        user.pk,
        len(given.payloads),
        ", ".join(sorted(read)) or "no workflow that they name",
        extra={"user_id": user.pk},
    )
    return opened
