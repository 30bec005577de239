"""Who opens what: asking for drafts, API keys and webhooks, whatever pages these have, also ones that are new."""

import pytest
from django.urls import reverse

from mudda.apikeys import create_api_key
from mudda.models import ApiKey, WebhookAllowedHost, WebhookSubscription
from tests.browser.walk import routes
from workflows.models import WorkflowPlan

GUARDED = ("admin:mudda_apikey_", "admin:mudda_webhook")
LOGIN = "/admin/login/"


@pytest.fixture
def addresses(administrator, people):
    """Every address of keys and webhooks, about ones that there are."""
    from mudda.webhooks.services import create_subscription

    WebhookAllowedHost.objects.create(host="127.0.0.1:9")
    create_subscription(
        url="http://127.0.0.1:9/", types=["plan.*"], filters={}, by=people["administrator"], auth=None
    )
    create_api_key(name="The call centre", scopes=["plans:read"], owner=people["administrator"])
    keys = {
        "webhooksubscription": WebhookSubscription.objects.get().pk,
        "webhookallowedhost": WebhookAllowedHost.objects.get().pk,
        "apikey": ApiKey.objects.get().pk,
    }
    found = []
    for route in routes():
        if route.name.startswith(GUARDED):
            model = route.name.removeprefix("admin:mudda_").split("_")[0]
            key = keys.get(model, 1)
            found.append(reverse(route.name, kwargs=dict.fromkeys(route.parameters, key)))
    assert len(found) > 12
    return found


def _is_refused(answer):
    """Also where Django's own view says first that there is no such row, as for a delivery, of which there is none."""
    return answer.status_code in {403, 405} or (answer.status_code == 302 and answer.url == "/admin/")


def test_keys_and_webhooks_are_for_who_administers_the_whole_city(
    addresses, owner, colleague, outsider, nobody, administrator
):
    for address in addresses:
        for one in (owner, colleague, outsider):
            for answer in (one.get(address), one.post(address, {})):
                assert _is_refused(answer), address
        assert nobody.get(address).url.startswith(LOGIN)
        assert nobody.post(address, {}).url.startswith(LOGIN)
    lists = [one for one in addresses if one.rstrip("/").endswith(("apikey", "subscription", "host"))]
    assert len(lists) == 3
    for address in lists:
        assert administrator.get(address).status_code == 200
    key, hook = ApiKey.objects.get(), WebhookSubscription.objects.get()
    assert key.revoked_at is None and hook.active
    assert WebhookAllowedHost.objects.count() == 1


def test_a_draft_is_asked_for_by_those_who_may_plan_for_the_department(
    owner, colleague, outsider, nobody, issue
):
    address = reverse("admin:workflows_workflowplan_draft", args=[issue.pk])
    assert colleague.post(address).status_code == 403
    assert outsider.post(address).url == reverse("admin:issues_issue_changelist")
    assert nobody.post(address).url.startswith(LOGIN)
    assert owner.get(address).status_code == 405
    assert not WorkflowPlan.objects.exists()
    page = reverse("admin:issues_issue_change", args=[issue.pk])
    assert address in owner.get(page).content.decode()
    assert address not in colleague.get(page).content.decode()
    owner.post(address)
    assert WorkflowPlan.objects.get().issue == issue
