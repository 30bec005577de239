"""What staff see of sandboxes: nothing until they ask, and then that it isn't real; and how keys are made for them."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from mudda.models import ApiKey
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
