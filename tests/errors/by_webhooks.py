"""Errors about webhooks."""

from datetime import timedelta

from django.utils import timezone

from mudda.models import Event, WebhookSubscription
from mudda.webhooks import services
from mudda.webhooks.addresses import WebhookAddressRefused
from tests.errors.provoking import provokes


@provokes(WebhookAddressRefused, "/url")
def an_address_inside(scene):
    return scene.api.post("/webhooks", {"url": "https://127.0.0.1/x", "types": ["plan.*"]})


@provokes(services.TooManyWebhooks)
def one_webhook_too_many(scene):
    scene.needs("webhook")
    row = WebhookSubscription.objects.get()
    for _ in range(services.MOST_SUBSCRIPTIONS - 1):
        row.pk, row._state.adding = None, True
        row.save()
    return scene.api.post("/webhooks", {"url": scene.allowed.url, "types": ["plan.*"]})


@provokes(services.WebhookDisabled)
def testing_what_is_disabled(scene):
    path = scene.webhook
    assert scene.api.call("PATCH", path, {"active": False}).status_code == 200
    return scene.api.post(f"{path}/test")


@provokes(services.ReplayTooLarge)
def replaying_more_than_ten_thousand_events(scene):
    path, now = scene.webhook, timezone.now()
    Event.objects.bulk_create(
        Event(stream="plan:x", seq=seq, type="plan.edited", at=now, data={})
        for seq in range(1, services.MOST_REPLAYED + 2)
    )
    return scene.api.post(f"{path}/replay", {"from": (now - timedelta(days=1)).isoformat()})
