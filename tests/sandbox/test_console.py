"""What staff see of sandboxes: nothing until they ask, and then that it isn't real; and how keys are made for them."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from executions.models import WorkflowExecution
from mudda.apikeys import create_api_key
from mudda.models import ApiKey, Sandbox
from tests import factories

LISTS = {
    "issues_issue": "reference",
    "workflows_workflowplan": "workflow_id",
    "executions_workflowexecution": "execution_id",
    "executions_humantask": "task_id",
}


@pytest.fixture
def staff(owner):
    client = Client()
    client.force_login(owner)
    return client


def page_of(kind, world):
    key = world.ids[LISTS[kind]]
    if kind == "issues_issue":
        key = int(key.removeprefix("ISSUE-"))
    return reverse(f"admin:{kind}_change", args=[key])


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_shows_what_is_real_until_somebody_asks_for_the_rest(staff, real, sandbox, kind):
    def shown(**asked):
        text = staff.get(reverse(f"admin:{kind}_changelist"), asked).content.decode()
        return [page_of(kind, world) in text for world in (real, sandbox)]

    assert shown() == [True, False]
    assert shown(sandbox="only") == [False, True]
    assert shown(sandbox="too") == [True, True]


@pytest.mark.parametrize("kind", LISTS)
def test_a_page_says_that_it_is_not_real(staff, real, sandbox, kind):
    pages = [staff.get(page_of(kind, world)) for world in (real, sandbox)]
    assert [page.status_code for page in pages] == [200, 200]
    assert [page.content.decode().count("This isn't real") for page in pages] == [0, 1]


def test_the_home_page_counts_what_is_real(staff, sandbox):
    text = staff.get(reverse("admin:index")).content.decode()
    assert sandbox.ids["task_id"] not in text and sandbox.ids["reference"] not in text


def test_the_command_makes_a_key_of_a_sandbox_and_another_of_the_same(db):
    def made(name, *more):
        call_command(
            "create_api_key", name, "--scope", "plans:read", "--owner", "ann", *more, stdout=StringIO()
        )
        return ApiKey.objects.get(name=name)

    user = factories.make_user("planner")
    user.username = "ann"
    user.save()
    first = made("first", "--sandbox")
    second = made("second", "--sandbox", str(first.sandbox_id))
    assert first.sandbox_id == second.sandbox_id is not None
    assert made("third").sandbox_id is None
    with pytest.raises(CommandError, match="sandbox"):
        made("fourth", "--sandbox", "8c5d3e21-b7f4-4960-a1e8-4f2b9d7c6035")


def test_the_form_makes_a_key_of_a_sandbox(staff):
    fields = {"name": "trying", "scopes": ["plans:read"], "owner": "service", "days": "30", "sandbox": "new"}
    assert staff.post(reverse("admin:mudda_apikey_add"), fields).status_code == 200
    key = ApiKey.objects.get(name="trying")
    assert key.sandbox_id is not None
    page = staff.get(reverse("admin:mudda_apikey_change", args=[key.pk])).content.decode()
    assert str(key.sandbox_id) in page


# --- wiping by hand ---------------------------------------------------------------------------------


def wiping(world):
    return reverse("admin:mudda_apikey_wipe", args=[world.key.pk])


def page_of_key(staff, world):
    return staff.get(reverse("admin:mudda_apikey_change", args=[world.key.pk])).content.decode()


def test_the_button_asks_first_and_says_what_there_is_and_whose_keys_stay(staff, owner, sandbox, real):
    create_api_key(name="second", scopes=["plans:read"], owner=owner, sandbox=str(sandbox.key.sandbox_id))
    assert wiping(sandbox) in page_of_key(staff, sandbox) and wiping(real) not in page_of_key(staff, real)
    asked = staff.get(wiping(sandbox))
    text = asked.content.decode()
    assert ("Executions", 1) in asked.context["found"] and ("Issues", 1) in asked.context["found"]
    assert all(
        words in text for words in (str(sandbox.key.sandbox_id), "integration", "second", "Executions")
    )
    assert WorkflowExecution.objects.count() == 2, "to look is to change nothing"


def test_the_confirmed_button_wipes_that_sandbox_and_no_more(staff, sandbox, other, real):
    answer = staff.post(wiping(sandbox), follow=True)
    assert "The sandbox is wiped" in answer.content.decode()
    left = set(WorkflowExecution.objects.values_list("sandbox", flat=True))
    assert left == {None, other.key.sandbox_id}
    assert Sandbox.objects.get(pk=sandbox.key.sandbox_id).wiped_at is not None
    assert "nothing" in staff.get(wiping(sandbox)).content.decode()
    assert ApiKey.objects.filter(pk=sandbox.key.pk).exists()


def test_the_sandbox_of_a_revoked_key_can_still_be_wiped(staff, sandbox):
    ApiKey.objects.filter(pk=sandbox.key.pk).update(revoked_at="2026-01-01T00:00:00Z")
    assert wiping(sandbox) in page_of_key(staff, sandbox)
    assert staff.post(wiping(sandbox)).status_code == 302
    assert not WorkflowExecution.objects.exists()


def test_there_is_nothing_to_wipe_behind_a_key_of_what_is_real(staff, real):
    for answer in (staff.get(wiping(real)), staff.post(wiping(real))):
        assert answer.status_code == 302
    assert WorkflowExecution.objects.exists()


def test_whoever_may_not_change_keys_wipes_nothing(sandbox):
    client = Client()
    client.force_login(factories.make_user("viewer"))
    for answer in (client.get(wiping(sandbox)), client.post(wiping(sandbox))):
        assert answer.status_code == 403
    assert WorkflowExecution.objects.exists()
