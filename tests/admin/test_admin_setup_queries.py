"""The setup's pages take as many queries however much there is, and however different its rows are."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from issues.models import Category, Department
from mudda import console
from mudda.apikeys import NEW_SANDBOX, create_api_key
from mudda.models import ApiKey, Event, WebhookAllowedHost, WebhookDelivery, WebhookSubscription
from mudda.oauth import make_client
from tests import factories
from workflows.models import PlaybookWording, PolicyDocument
from workflows.planning.playbooks import load_playbooks
from workflows.policies.services import create_policy, publish_policy, revise_policy
from workflows.wording import messages_of, word_message

FEW, MANY = 2, 5
KIND = "water_leak"


def listed(model: str, query: str = "") -> str:
    return reverse(f"admin:{model}_changelist") + query


def page_of(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


# --- rows that differ in everything that they name ----------------------------------------------------


def add_department(at: int) -> Department:
    """With somebody in it, and a category of its own."""
    department = factories.make_department(f"department-{at}")
    department.staff.add(factories.make_user("viewer"), factories.make_user("planner"))
    Category.objects.create(code=f"category-{at}", name=f"Category {at}", department=department)
    return department


def add_person(at: int) -> Group:
    """In a group of their own beside one that ships."""
    group = Group.objects.create(name=f"group {at}")
    factories.make_user("viewer").groups.add(group)
    return group


def add_policy(at: int) -> None:
    """Of its own department and author, with a second version of somebody else, in force."""
    add_department(100 + at)
    text = "# What to do\n\nClose the valve.\n\n# Whom to tell\n\nThe neighbours."
    made = create_policy(
        heading=f"Rule {at}",
        text=text,
        department=Department.objects.get(code=f"department-{100 + at}"),
        by=factories.make_user("supervisor"),
    )
    publish_policy(policy_id=made.pk, version=1, by=factories.make_user("supervisor"))
    revise(made, at)


def revise(document: PolicyDocument, at: int) -> None:
    text = f"# What to do {at}\n\nClose the valve.\n\n" + "\n\n".join(
        f"# Part {part}\n\nIt is so." for part in range(at)
    )
    author = factories.make_user("supervisor")
    revise_policy(policy_id=document.pk, heading="Rule", text=text, expected_version=None, by=author)


def add_key(at: int) -> None:
    """Of its own owner, with a sandbox and an OAuth client of its own."""
    owner = factories.make_user("administrator")
    key, _text = create_api_key(
        name=f"key {at}", scopes=["plans:read"], owner=owner, sandbox=NEW_SANDBOX, departments=["water"]
    )
    make_client(key)


def add_webhook(at: int) -> WebhookSubscription:
    """Of its own owner and key, with an event that it is told of."""
    key = ApiKey.objects.get(name=f"key {at}")
    webhook = WebhookSubscription.objects.create(
        owner=factories.make_user("administrator"),
        api_key=key,
        url=f"https://{at}.example.org",
        types=["policy.withdrawn"],
        secret="sealed",
    )
    deliver(webhook)
    WebhookAllowedHost.objects.create(host=f"{at}.internal", added_by=factories.make_user())
    return webhook


def deliver(webhook: WebhookSubscription) -> WebhookDelivery:
    """An event of a plan of somebody else, for this webhook."""
    factories.make_plan(by=factories.make_user("planner"))
    event = Event.objects.order_by("pk").last()
    assert event is not None
    return WebhookDelivery.objects.create(
        subscription=webhook, event=event, stream=event.stream, seq=event.seq, status="parked"
    )


def add_wording(at: int) -> None:
    """Of somebody else, in as many playbooks as there are rows."""
    playbooks = [playbook for playbook in load_playbooks().playbooks.values() if messages_of(playbook)]
    for playbook in (load_playbooks().playbooks[KIND], playbooks[at]):
        told = messages_of(playbook)
        word = told[at % len(told)]
        word_message(
            kind=playbook.kind,
            step_id=word.step_id,
            subject=word.subject,
            message=f"{word.message} {at}",
            by=factories.make_user("supervisor"),
        )


def fill(numbers: range) -> None:
    for at in numbers:
        for add in (add_department, add_person, add_policy, add_key, add_webhook, add_wording):
            add(at)


# --- pages ------------------------------------------------------------------------------------------


def pages() -> dict[str, str]:
    """Every list of the setup, and one page of each kind of thing."""
    department, category = Department.objects.get(code="water"), Category.objects.get(code=KIND)
    policy = PolicyDocument.objects.get(heading="Rule 0")
    key = ApiKey.objects.get(name="key 0")
    webhook = WebhookSubscription.objects.get(url="https://0.example.org")
    delivery = WebhookDelivery.objects.filter(subscription=webhook).order_by("pk").first()
    event = Event.objects.order_by("pk").first()
    told = messages_of(load_playbooks().playbooks[KIND])[0]
    assert delivery is not None and event is not None
    return {
        "departments": listed("issues_department"),
        "departments, narrowed": listed("issues_department", "?active__exact=1&q=department"),
        "a department": page_of(department),
        "categories": listed("issues_category"),
        "categories, narrowed": listed("issues_category", "?active__exact=1&q=category"),
        "a category": page_of(category),
        "policies": listed("workflows_policydocument"),
        "policies, narrowed": listed("workflows_policydocument", "?status__exact=PUBLISHED&q=valve"),
        "policies, tried": reverse("admin:workflows_policydocument_search") + "?q=close+the+valve",
        "a policy": page_of(policy),
        "a policy to edit": reverse("admin:workflows_policydocument_edit", args=[policy.pk]),
        "playbooks": reverse("admin:playbooks"),
        "playbooks, tried": reverse("admin:playbooks") + "?q=water+runs+over+the+sidewalk",
        "a playbook": reverse("admin:playbook", args=[KIND]),
        "wording": reverse("admin:playbook-wording", args=[KIND, told.step_id]),
        "people": listed("auth_user"),
        "people, narrowed": listed("auth_user", "?is_active__exact=1&q=user"),
        "a person": page_of(department.staff.get()),
        "groups": listed("auth_group"),
        "a group": page_of(Group.objects.get(name="supervisor")),
        "keys": listed("mudda_apikey"),
        "keys, narrowed": listed("mudda_apikey", "?q=key"),
        "a key": page_of(key),
        "a key to make": reverse("admin:mudda_apikey_add"),
        "webhooks": listed("mudda_webhooksubscription"),
        "webhooks, narrowed": listed("mudda_webhooksubscription", "?active__exact=1&q=example&sandbox=too"),
        "a webhook": page_of(webhook),
        "deliveries": listed("mudda_webhookdelivery", "?sandbox=too"),
        "deliveries, narrowed": listed(
            "mudda_webhookdelivery", f"?status__exact=parked&subscription__id__exact={webhook.pk}"
        ),
        "a delivery": page_of(delivery),
        "allowed hosts": listed("mudda_webhookallowedhost"),
        "events": listed("mudda_event"),
        "events, narrowed": listed("mudda_event", "?q=plan.drafted&sandbox=too"),
        "an event": page_of(event),
    }


def queries_of(client: Any, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    assert answer.status_code == 200, address
    return len(queries)


@pytest.fixture
def root(client, city):
    user = factories.make_user(departments=("water",), is_superuser=True)
    client.force_login(user)
    return client


@transaction.atomic
def more_of_the_same() -> None:
    """What hangs on the things whose pages are read."""
    policy = PolicyDocument.objects.get(heading="Rule 0")
    webhook = WebhookSubscription.objects.get(url="https://0.example.org")
    for at in range(FEW, MANY):
        revise(policy, at)
        deliver(webhook)
        Department.objects.get(code="water").staff.add(factories.make_user("viewer"))
        Group.objects.get(name="supervisor").user_set.add(factories.make_user("planner"))


def test_the_setup_takes_as_many_queries_however_much_there_is(root, monkeypatch):
    monkeypatch.setattr(
        console.ListAdmin, "list_per_page", 1_000
    )  # all rows on one page: that is where they cost
    fill(range(FEW))
    wanted: dict[str, str] = pages()
    for address in wanted.values():
        queries_of(root, address)  # what is kept from one request to the next is read once
    few = {name: queries_of(root, address) for name, address in wanted.items()}
    fill(range(FEW, MANY))
    more_of_the_same()
    assert {name: queries_of(root, address) for name, address in wanted.items()} == few
    assert max(few.values()) <= 20, few
    assert PlaybookWording.objects.count() >= MANY
