"""The API's doors to webhooks: each parses, calls one service and renders."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from mudda import etags, event_types
from mudda.drf import caller, parse
from mudda.errors import InvalidRequest, NotFound
from mudda.etags import IF_MATCH
from mudda.models import DeliveryStatus, WebhookDelivery, WebhookSubscription
from mudda.openapi import Link
from mudda.views import Door, ListDoor
from mudda.webhooks import services
from mudda.webhooks.serializers import (
    ChangeWebhookInput,
    CreateWebhookInput,
    DeliveryOutput,
    EventTypesOutput,
    ReplayedOutput,
    ReplayInput,
    RotateSecretInput,
    WebhookOutput,
    WebhookWithSecret,
    event_type_output,
    webhook_output,
)
from mudda.webhooks.subjects import scope_of

READ, WRITE = "webhooks:read", "webhooks:write"
STATUS = OpenApiParameter("status", str, enum=DeliveryStatus.values, description="Only these.")
LARGEST_ID = 2**63 - 1

NAMED = {"webhook_id": "webhook_id"}
WEBHOOK_LINKS = [
    Link("read_webhook", NAMED),
    Link("change_webhook", NAMED),
    Link("rotate_webhook_secret", NAMED),
    Link("test_webhook", NAMED),
    Link("replay_webhook", NAMED),
    Link("list_webhook_deliveries", NAMED),
    Link("delete_webhook", NAMED),
]
DELIVERY = {"webhook_id": "$request.path.webhook_id", "delivery_id": "results/0/delivery_id"}


class Webhooks(ListDoor[WebhookSubscription]):
    """The caller's webhooks, newest first: a key sees those that it has made."""

    scopes = {"GET": READ, "POST": WRITE}
    tagged = ("POST",)
    links = {"POST": WEBHOOK_LINKS}
    once = "sealed"
    serializer_class = WebhookOutput

    def get_queryset(self) -> QuerySet[WebhookSubscription]:
        if getattr(self, "swagger_fake_view", False):
            return WebhookSubscription.objects.none()
        return services.subscriptions_of(self.request.user, self.request.auth)

    @extend_schema(operation_id="list_webhooks", summary="List webhooks")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="create_webhook",
        summary="Have events sent to an address; the answer shows the secret, once",
        request=CreateWebhookInput,
        responses={201: WebhookWithSecret},
        filters=False,
    )
    def post(self, request: Request) -> Response:
        given = parse(CreateWebhookInput, request)
        made, secret = services.create_subscription(
            url=given["url"],
            types=given["types"],
            filters=given.get("filters", {}),
            by=caller(request),
            auth=request.auth,
        )
        return _answer(webhook_output(made, secret), made, status=201)


class EventTypes(Door):
    scopes = {"GET": READ}

    @extend_schema(
        operation_id="list_event_types",
        summary="List the types of events that can be subscribed to",
        responses=EventTypesOutput,
    )
    def get(self, request: Request) -> Response:
        offered = [kind for kind in event_types.known().values() if kind.offered]
        return Response({"types": [event_type_output(kind, scope_of(kind.name) or "") for kind in offered]})


class WebhookDetail(Door):
    """Its ``ETag`` counts what was changed, not since when nothing arrives."""

    conditional = False
    scopes = {"GET": READ, "PATCH": WRITE, "DELETE": WRITE}
    tagged = ("GET", "PATCH")
    links = {"GET": WEBHOOK_LINKS, "PATCH": WEBHOOK_LINKS}

    @extend_schema(operation_id="read_webhook", summary="Read a webhook", responses=WebhookOutput)
    def get(self, request: Request, webhook_id: UUID) -> Response:
        found = _found(request, webhook_id)
        return _answer(WebhookOutput(found).data, found)

    @extend_schema(
        operation_id="change_webhook",
        summary="Change what is sent where, disable or enable it",
        request=ChangeWebhookInput,
        responses=WebhookOutput,
        parameters=[IF_MATCH],
    )
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        given = parse(ChangeWebhookInput, request)
        changed = services.change_subscription(
            subscription_id=webhook_id,
            expected_version=etags.if_match(request),
            by=caller(request),
            auth=request.auth,
            **given,
        )
        return _answer(WebhookOutput(changed).data, changed)

    @extend_schema(
        operation_id="delete_webhook",
        summary="Delete a webhook, and what was to be sent to it",
        responses={204: None},
        parameters=[IF_MATCH],
    )
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        services.delete_subscription(
            subscription_id=webhook_id,
            expected_version=etags.if_match(request),
            by=caller(request),
            auth=request.auth,
        )
        return Response(status=204)


class RotateSecret(Door):
    scopes = {"POST": WRITE}
    tagged = ("POST",)
    once = "sealed"

    @extend_schema(
        operation_id="rotate_webhook_secret",
        summary="Make another secret; the old one signs too for a while",
        request=RotateSecretInput,
        responses=WebhookWithSecret,
        parameters=[IF_MATCH],
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        given = parse(RotateSecretInput, request)
        rotated, secret = services.rotate_secret(
            subscription_id=webhook_id,
            expected_version=etags.if_match(request),
            by=caller(request),
            auth=request.auth,
            **given,
        )
        return _answer(webhook_output(rotated, secret), rotated)


class TestWebhook(Door):
    scopes = {"POST": WRITE}
    links = {"POST": [Link("list_webhook_deliveries", {"webhook_id": "webhook_id"})]}

    @extend_schema(
        operation_id="test_webhook",
        summary="Have a message of the type webhook.tested sent to this webhook only",
        request=None,
        responses={202: DeliveryOutput},
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        delivery = services.fire_test(subscription_id=webhook_id, by=caller(request), auth=request.auth)
        return Response(DeliveryOutput(delivery).data, status=202)


class ReplayRange(Door):
    scopes = {"POST": WRITE}

    @extend_schema(
        operation_id="replay_webhook",
        summary="Have the events of a time sent again, also those from before there was the webhook",
        request=ReplayInput,
        responses={202: ReplayedOutput},
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        given = parse(ReplayInput, request)
        count = services.replay_range(
            subscription_id=webhook_id,
            since=given["from"],
            until=given["to"],
            by=caller(request),
            auth=request.auth,
        )
        return Response({"events": count}, status=202)


class Deliveries(ListDoor[WebhookDelivery]):
    """What was and is to be sent to a webhook, newest first; kept for 30 days."""

    scopes = {"GET": READ}
    links = {"GET": [Link("replay_webhook_delivery", DELIVERY)]}
    serializer_class = DeliveryOutput

    def known_parameters(self) -> tuple[str, ...]:
        return (*super().known_parameters(), "status")

    def get_queryset(self) -> QuerySet[WebhookDelivery]:
        if getattr(self, "swagger_fake_view", False):
            return WebhookDelivery.objects.none()
        subscription = _found(self.request, self.kwargs["webhook_id"])
        related = ("event", "subscription__owner", "subscription__api_key")
        rows = WebhookDelivery.objects.filter(subscription=subscription).select_related(*related)
        if (status := self.request.query_params.get("status")) is None:
            return rows
        if status not in DeliveryStatus.values:
            message = f"One of: {', '.join(DeliveryStatus.values)}."
            error = {"pointer": "/status", "code": "bad_value", "message": message}
            raise InvalidRequest("status is not valid.", errors=[error])
        return rows.filter(status=status)

    @extend_schema(
        operation_id="list_webhook_deliveries",
        summary="List what was and is to be sent to a webhook",
        parameters=[STATUS],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class ReplayDelivery(Door):
    scopes = {"POST": WRITE}

    @extend_schema(
        operation_id="replay_webhook_delivery",
        summary="Have one event sent again, such as one that was parked",
        request=None,
        responses={202: DeliveryOutput},
    )
    def post(self, request: Request, webhook_id: UUID, delivery_id: int) -> Response:
        rows = WebhookDelivery.objects.filter(subscription=_found(request, webhook_id))
        delivery = rows.select_related("subscription").filter(pk=min(delivery_id, LARGEST_ID)).first()
        if delivery is None:
            raise NotFound("There is no such delivery.")
        replayed = services.replay_delivery(delivery=delivery, by=caller(request))
        return Response(DeliveryOutput(replayed).data, status=202)


def _found(request: Request, webhook_id: UUID) -> WebhookSubscription:
    found = services.subscriptions_of(request.user, request.auth).filter(pk=webhook_id).first()
    if found is None:
        raise NotFound("There is no such webhook.")
    return found


def _answer(data: Any, subscription: WebhookSubscription, *, status: int = 200) -> Response:
    headers = {"ETag": etags.quoted(subscription.version), "Cache-Control": "no-store"}
    if status == 201:
        headers["Location"] = f"/webhooks/{subscription.pk}"
    return Response(data, status=status, headers=headers)
