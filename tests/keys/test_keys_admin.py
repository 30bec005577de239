"""Keys in the admin: made with everything that bounds them, rotated, given an OAuth client; by whom it may be done."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mudda.apikeys import create_api_key, find_key, rotate_api_key
from mudda.models import ApiKey
from tests import factories
from tests.admin.looking import said
from tests.api.client import Api


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def administrator(city):
    return signed_in(factories.make_user("administrator"))


def make(client, **given):
    fields = {"name": "The call centre", "scopes": ["plans:read"], "owner": "service", "days": "30", **given}
    return client.post(reverse("admin:mudda_apikey_add"), fields)


def page(word, row):
    return reverse(f"admin:mudda_apikey_{word}", args=[row.pk])


def test_a_key_is_made_with_a_rate_networks_departments_and_a_client(administrator):
    networks = "203.0.113.0/24\n2001:db8::/32"
    shown = make(administrator, rate="30", networks=networks, departments=["water"], oauth="on")
    row = ApiKey.objects.get()
    assert (row.rate, row.networks, row.departments) == (30, networks.split(), ["water"])
    client_id, secret = shown.context["client"]
    assert client_id in shown.content.decode() and secret in shown.content.decode()
    read = administrator.get(page("change", row)).content.decode()
    assert client_id in read and "203.0.113.0/24" in read and "water" in read and secret not in read
    asked = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    token = Client(REMOTE_ADDR="203.0.113.7").post("/oauth/token", asked).json()["access_token"]
    api = Api()
    api.client.defaults["REMOTE_ADDR"] = "203.0.113.7"
    assert api.get("/workflows", Authorization=f"Bearer {token}").status_code == 200


@pytest.mark.parametrize(
    "given",
    [{"networks": "nonsense"}, {"rate": "0"}, {"departments": ["ghosts"]}, {"networks": "10.0.0.1/8"}],
)
def test_a_key_that_cannot_be_bounded_so_is_not_made(administrator, given):
    assert make(administrator, **given).status_code == 422
    assert not ApiKey.objects.exists()


def test_a_key_is_rotated_and_the_new_text_shown_once(administrator):
    old = make(administrator).context["key"]
    row = ApiKey.objects.get()
    assert (
        reverse("admin:mudda_apikey_rotate", args=[row.pk])
        in administrator.get(page("change", row)).content.decode()
    )
    assert administrator.get(page("rotate", row)).status_code == 200
    assert find_key(old) == row
    shown = administrator.post(page("rotate", row), {"overlap": "3600"})
    new = shown.context["key"]
    assert "no-store" in shown["Cache-Control"] and new in shown.content.decode()
    assert find_key(new) == find_key(old) == row
    read = administrator.get(page("change", row)).content.decode()
    assert new not in read and "Old key works until" in read
    ApiKey.objects.update(previous_until=timezone.now() - timedelta(seconds=1))
    assert "Old key works until" not in administrator.get(page("change", row)).content.decode()


def test_a_client_is_given_another_secret_and_keeps_the_one_before_for_as_long_as_was_chosen(administrator):
    make(administrator)
    row = ApiKey.objects.get()
    first = administrator.post(page("secret", row)).context["client"]
    asked = administrator.get(page("secret", row))
    assert list(asked.context["form"].fields) == ["overlap"]
    assert administrator.post(page("secret", row), {"overlap": ""}).status_code == 422
    second = administrator.post(page("secret", row), {"overlap": "3600"}).context["client"]
    assert first[0] == second[0] and first[1] != second[1]
    assert [token_of(*client) for client in (first, second)] == [200, 200]
    assert "Old OAuth secret works until" in administrator.get(page("change", row)).content.decode()
    third = administrator.post(page("secret", row), {"overlap": "0"}).context["client"]
    assert [token_of(*client) for client in (first, second, third)] == [401, 401, 200]
    assert "Old OAuth secret works until" not in administrator.get(page("change", row)).content.decode()


def token_of(client_id, secret):
    """The status of the answer to a request for a token."""
    asked = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    return Client().post("/oauth/token", asked).status_code


def test_a_revoked_key_is_neither_rotated_nor_given_a_client(administrator):
    make(administrator)
    row = ApiKey.objects.get()
    administrator.post(page("revoke", row))
    for word in ("rotate", "secret"):
        assert "revoked" in said(administrator.post(page(word, row), {"overlap": "0"}))
        assert page(word, row) not in administrator.get(page("change", row)).content.decode()


def test_nobody_comes_to_read_the_key_of_somebody_mightier(administrator, city):
    """They may revoke it; who rotates a key gets to use it."""
    root = factories.make_user(is_superuser=True)
    row, text = create_api_key(name="root's", scopes=["plans:approve"], owner=root)
    for word in ("rotate", "secret"):
        assert administrator.get(page(word, row)).status_code == 403
        assert administrator.post(page(word, row), {"overlap": "0"}).status_code == 403
        assert page(word, row) not in administrator.get(page("change", row)).content.decode()
    assert find_key(text) == row
    administrator.post(page("revoke", row))
    assert find_key(text) is None


def test_whoever_may_only_look_at_keys_rotates_none(city):
    user = factories.make_user("viewer")
    user.user_permissions.add(Permission.objects.get(codename="view_apikey"))
    row, text = create_api_key(name="own", scopes=["plans:read"], owner=user)
    client = signed_in(user)
    assert client.get(page("change", row)).status_code == 200
    for word in ("rotate", "secret"):
        assert client.post(page(word, row), {"overlap": "0"}).status_code == 403
    assert find_key(text) == row


def test_the_list_shows_a_rotated_key_once(administrator):
    make(administrator)
    rotate_api_key(ApiKey.objects.get())
    assert (
        administrator.get(reverse("admin:mudda_apikey_changelist")).content.decode().count("The call centre")
        == 1
    )
