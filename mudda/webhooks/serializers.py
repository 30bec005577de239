"""What the webhooks' API takes and gives."""

import re
from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from rest_framework import serializers

from mudda import event_types
from mudda.drf import Input
from mudda.event_types import EventType
from mudda.models import DeliveryStatus, WebhookDelivery, WebhookSubscription
from mudda.webhooks.models import LONGEST_URL
from mudda.webhooks.sending import message_id, withheld_message
from mudda.webhooks.services import LONGEST_OVERLAP_HOURS

URL_HELP = (
    "Where messages are posted to: https, and a public address unless an administrator allows the host."
)
TYPES_HELP = "Types of events: one by its name (`plan.approved`), a family (`plan.*`), or all (`*`)."
FILTERS_HELP = "Only events of what has all of these."
MOST_TYPES = 100


class FiltersInput(Input):
    department = serializers.CharField(required=False, max_length=40, help_text="A department's code.")
    category = serializers.CharField(required=False, max_length=40, help_text="A category's code.")
    execution = serializers.UUIDField(required=False, help_text="A run's id.")
    plan = serializers.UUIDField(required=False, help_text="A plan's id.")

    def to_internal_value(self, data: Any) -> Any:
        return {name: str(value) for name, value in super().to_internal_value(data).items()}


class TypeField(serializers.CharField):
    """One of ``event_types.patterns_of``."""


class TypeFieldDescribed(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Made with the document, when every room has registered its types."""

    target_class = TypeField

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        offered = {text for kind in event_types.known().values() for text in event_types.patterns_of(kind)}
        return {"type": "string", "pattern": f"^({'|'.join(map(re.escape, sorted(offered)))})$"}


class TypesField(serializers.ListField):
    def __init__(self, **kwargs: Any) -> None:
        child = TypeField(max_length=60)
        super().__init__(
            child=child, allow_empty=False, max_length=MOST_TYPES, help_text=TYPES_HELP, **kwargs
        )


class CreateWebhookInput(Input):
    url = serializers.CharField(max_length=LONGEST_URL, help_text=URL_HELP)
    types = TypesField()
    filters = FiltersInput(required=False, help_text=FILTERS_HELP)


class ChangeWebhookInput(Input):
    url = serializers.CharField(required=False, max_length=LONGEST_URL, help_text=URL_HELP)
    types = TypesField(required=False)
    filters = FiltersInput(required=False, help_text="Takes the place of all filters.")
    active = serializers.BooleanField(
        required=False, help_text="`true` also enables what was disabled by itself."
    )


class RotateSecretInput(Input):
    overlap_hours = serializers.IntegerField(
        default=24,
        min_value=0,
        max_value=LONGEST_OVERLAP_HOURS,
        help_text="How long messages are signed with the old secret too.",
    )


class ReplayInput(Input):
    to = serializers.DateTimeField(required=False, help_text="Before this; now, where it is left out.")

    def get_fields(self) -> dict[str, Any]:
        since = serializers.DateTimeField(help_text="From this on, by the events' own `at`.")
        return {"from": since, **super().get_fields()}  # no attribute can have this name

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs.setdefault("to", timezone.now())
        if attrs["from"] >= attrs["to"]:
            raise serializers.ValidationError({"from": "It has to be before `to`."}, code="bad_value")
        return attrs


class WebhookOutput(serializers.Serializer[Any]):
    webhook_id = serializers.UUIDField(source="pk")
    sandbox = serializers.BooleanField(
        source="is_sandbox", help_text="Whether it is a sandbox's: nothing is sent to it."
    )
    url = serializers.CharField()
    types = serializers.ListField(child=serializers.CharField())
    filters = serializers.DictField(child=serializers.CharField())
    active = serializers.BooleanField(help_text="Whether anything is sent to it.")
    disabled_reason = serializers.CharField(
        help_text="`by_owner`, `by_administrator`, `gone` (it answered 410), `failing` (nothing arrived for three "
        "days), `key_unusable` or `owner_inactive`; empty while it is active."
    )
    failing_since = serializers.DateTimeField(
        allow_null=True, help_text="Since when nothing has arrived; null while all is well."
    )
    previous_secret_until = serializers.DateTimeField(
        source="previous_until", allow_null=True, help_text="Until then messages have two signatures."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class WebhookWithSecret(WebhookOutput):
    secret = serializers.CharField(
        help_text="`whsec_...`, shown once; only the same Idempotency-Key gets the same answer, for 24 h."
    )


class DeliveryOutput(serializers.Serializer[Any]):
    delivery_id = serializers.IntegerField(source="pk")
    webhook_id = serializers.UUIDField(source="subscription_id")
    message_id = serializers.SerializerMethodField(help_text="The header `webhook-id` of every attempt.")
    type = serializers.CharField(source="event.type")
    stream = serializers.CharField()
    seq = serializers.IntegerField()
    status = serializers.ChoiceField(choices=DeliveryStatus.choices)
    attempts = serializers.IntegerField(help_text="Since it was last asked for.")
    next_attempt_at = serializers.SerializerMethodField()
    last_status = serializers.IntegerField(allow_null=True, help_text="HTTP's, of the last answer.")
    last_error = serializers.CharField(help_text="Why the last attempt failed: `timeout`, `status_500`, ...")
    created_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)
    withheld = serializers.SerializerMethodField(
        help_text="In a sandbox, once its turn has come: the message that would have been sent. Else null."
    )

    def get_withheld(self, delivery: WebhookDelivery) -> dict[str, Any] | None:
        return withheld_message(delivery)

    def get_message_id(self, delivery: WebhookDelivery) -> str:
        return message_id(delivery.subscription_id, delivery.event_id)

    def get_next_attempt_at(self, delivery: WebhookDelivery) -> str | None:
        return delivery.due_at.isoformat() if delivery.status == DeliveryStatus.PENDING else None


class ReplayedOutput(serializers.Serializer[Any]):
    events = serializers.IntegerField(
        help_text="How many are looked at; those that it doesn't want are left out."
    )


class EventTypeOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    description = serializers.CharField()
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(), help_text="The members of the event's data, in words."
    )
    optional = serializers.ListField(
        child=serializers.CharField(),
        help_text="Those of the members that are left out where they say nothing; the others are always there.",
    )
    scope = serializers.CharField(help_text="What reading it needs.")


class EventTypesOutput(serializers.Serializer[Any]):
    types = EventTypeOutput(many=True)


def webhook_output(subscription: WebhookSubscription, secret: str) -> dict[str, Any]:
    """A subscription as ``WebhookWithSecret`` describes it."""
    return {**WebhookOutput(subscription).data, "secret": secret}


def event_type_output(kind: EventType, scope: str) -> dict[str, Any]:
    """A type as ``EventTypeOutput`` describes it."""
    return {
        "name": kind.name,
        "description": kind.description,
        "fields": dict(kind.fields),
        "optional": sorted(kind.optional),
        "scope": scope,
    }
