"""Webhooks in the admin."""

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from mudda import events
from mudda.models import DeliveryStatus, WebhookAllowedHost, WebhookDelivery, WebhookSubscription
from mudda.webhooks import services
from tests import factories
from tests.admin.looking import HOSTILE, said


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def administrator(db):
    return signed_in(factories.make_user("administrator"))


@pytest.fixture
def limited(db):
    return signed_in(factories.make_user("administrator", departments=("water",)))


@pytest.fixture
def webhook(subscribe):
    return subscribe("plan.*", path="/" + "x" * 50)[0]


@pytest.fixture
def parked(webhook):
    with transaction.atomic():
        factories.append_event(factories.make_plan(), "plan.edited")
    WebhookDelivery.objects.update(status=DeliveryStatus.PARKED, last_error="status_500", last_status=500)
    return WebhookDelivery.objects.get(event__type="plan.edited")


def at(row, view="change"):
    return reverse(f"admin:mudda_{row._meta.model_name}_{view}", args=[row.pk])


def test_a_webhooks_page_shows_what_is_parked_and_no_secret(administrator, webhook, parked):
    page = administrator.get(at(webhook)).content.decode()
    assert "status_500" in page
    assert at(parked) in page
    assert webhook.secret not in page
    listed = administrator.get(reverse("admin:mudda_webhookdelivery_changelist") + "?status__exact=parked")
    assert "Parked" in listed.content.decode()
    narrowed = reverse("admin:mudda_webhookdelivery_changelist") + f"?subscription__id__exact={webhook.pk}"
    assert administrator.get(narrowed).status_code == 200


def test_a_parked_delivery_is_sent_again_by_a_button_that_posts(administrator, parked):
    assert at(parked, "replay") in administrator.get(at(parked)).content.decode()
    assert administrator.get(at(parked, "replay")).status_code == 405
    assert "sent again" in said(administrator.post(at(parked, "replay")))
    parked.refresh_from_db()
    assert (parked.status, parked.attempts) == ("pending", 0)


def test_what_an_administrator_disables_its_owner_cannot_enable(administrator, webhook, owner):
    assert "Disabled" in said(administrator.post(at(webhook, "disable")))
    assert WebhookSubscription.objects.get().disabled_reason == "by_administrator"
    with pytest.raises(services.WebhookDisabled):
        services.change_subscription(subscription_id=webhook.pk, by=owner, auth=None, active=True)
    assert "Enabled" in said(administrator.post(at(webhook, "enable")))
    assert WebhookSubscription.objects.get().active
    told = [event.type for event in events.of(webhook)]
    assert told == ["webhook.created", "webhook.changed", "webhook.changed"]


def test_an_allowed_host_is_added_with_who_did_it_and_removed(administrator):
    add = reverse("admin:mudda_webhookallowedhost_add")
    administrator.post(add, {"host": "hooks.inside.example.org:8080"})
    row = WebhookAllowedHost.objects.get()
    assert (row.host, row.added_by is not None) == ("hooks.inside.example.org:8080", True)
    administrator.post(at(row, "delete"), {"post": "yes"})
    assert not WebhookAllowedHost.objects.exists()


@pytest.mark.parametrize("host", ["http://x", "UPPER", "a b", "x/y", "*", "10.0.0.0/8", "x:", *HOSTILE])
def test_what_is_no_host_is_not_allowed(administrator, host):
    administrator.post(reverse("admin:mudda_webhookallowedhost_add"), {"host": host})
    assert not WebhookAllowedHost.objects.exists()


def test_only_who_administers_the_whole_city_touches_any_of_it(limited, webhook, parked):
    supervisor = signed_in(factories.make_user("supervisor"))
    for client in (limited, supervisor):
        assert client.get(at(webhook)).status_code == 403
        assert client.get(at(parked)).status_code == 403
        assert client.post(at(webhook, "disable")).status_code == 403
        assert client.post(at(parked, "replay")).status_code == 403
        add = reverse("admin:mudda_webhookallowedhost_add")
        assert client.post(add, {"host": "inside"}).status_code == 403
    assert WebhookSubscription.objects.get().active
    assert not WebhookAllowedHost.objects.filter(host="inside").exists()
