"""Who may call: keys, scopes, owners, staff sessions, nobody."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from mudda import scopes
from mudda.models import ApiKey
from mudda.views import Door
from tests import factories
from tests.api.client import Api
from tests.api.doors import every_call, every_view

EVERY_CALL = every_call()


def test_every_view_says_for_each_of_its_methods_what_scope_it_needs():
    for path, view in every_view():
        methods = {name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)}
        assert issubclass(view, Door), path
        assert set(view.scopes) == methods, path
        assert set(view.scopes.values()) <= set(scopes.known()), path
    assert len(EVERY_CALL) > 60


@pytest.mark.parametrize(("method", "path", "scope"), EVERY_CALL)
def test_nobody_gets_401_and_is_told_how_to_authenticate(city, method, path, scope):
    response = Api().call(method, path, {} if method != "GET" else None)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Api-Key"
    assert response.json()["code"] == "not_authenticated"


@pytest.mark.parametrize(("method", "path", "scope"), EVERY_CALL)
def test_a_key_without_the_scope_gets_403_whatever_others_it_has(city, method, path, scope):
    others = Api(factories.make_key(*(set(scopes.known()) - {scope})))
    assert others.call(method, path, {} if method != "GET" else None).status_code == 403


def test_a_key_cannot_do_what_its_owner_may_not(city, draft):
    viewer = factories.make_user("viewer")
    key = factories.make_key("plans:approve", "plans:read", owner=viewer)
    response = Api(key).post(f"/workflows/{draft['workflow_id']}/approve", {"digest": draft["digest"]})
    assert response.status_code == 403
    assert Api(key).get("/workflows").status_code == 200


@pytest.mark.parametrize(
    "fields",
    [{"revoked_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(seconds=1)}],
)
def test_a_revoked_or_expired_key_is_401(api, fields):
    ApiKey.objects.update(**fields)
    assert api.get("/workflows").status_code == 401


def test_a_key_of_a_dismissed_owner_is_401(city):
    owner = factories.make_user("viewer")
    key = factories.make_key("plans:read", owner=owner)
    owner.is_active = False
    owner.save()
    assert Api(key).get("/workflows").status_code == 401


@pytest.mark.parametrize(
    "key", ["nonsense", "abcdefgh.wrong", "", "a b", "ключ".encode().decode("latin-1"), "x" * 5_000]
)
def test_a_wrong_key_is_401_never_500(city, key):
    assert Client().get("/workflows", headers={"Authorization": f"Api-Key {key}"}).status_code == 401


def test_the_key_is_stored_hashed_and_its_use_is_noted(api):
    row = ApiKey.objects.get()
    assert api.key.partition(".")[2] not in json.dumps(
        list(ApiKey.objects.values_list("prefix", "hashed_key", "name"))
    )
    api.get("/workflows")
    row.refresh_from_db()
    assert row.last_used_at is not None


def test_a_staff_session_may_read_but_needs_the_csrf_token_to_write(city):
    user = factories.make_user("planner")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.get("/workflows").status_code == 200
    refused = client.post(
        "/workflows/generate", {"problem_statement": "leak"}, content_type="application/json"
    )
    assert refused.status_code == 403


def test_a_session_of_someone_who_is_not_staff_is_nobody(city):
    user = factories.make_user("planner")
    user.is_staff = False
    user.save()
    client = Client()
    client.force_login(user)
    assert client.get("/workflows").status_code == 401


@pytest.mark.django_db(transaction=True)
def test_health_needs_no_key():
    assert Client().get("/healthz").json() == {"status": "ok"}
    assert Client().get("/readyz").status_code in {200, 503}


def test_every_answer_carries_a_request_id_and_a_harmless_one_is_kept(api):
    assert api.get("/workflows", **{"X-Request-ID": "my-request-1"})["X-Request-ID"] == "my-request-1"
    assert api.get("/workflows", **{"X-Request-ID": "bad id\t<script>"})["X-Request-ID"] != "bad id\t<script>"
    problem = api.get("/workflows/nonsense")
    assert problem.json()["request_id"] == problem["X-Request-ID"]
