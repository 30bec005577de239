"""OAuth 2 client credentials: a token stands for a key, with the scopes that it asked for, and ends with the key."""

import base64
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.urls import NoReverseMatch, get_resolver, reverse
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application

from mudda import oauth
from mudda.apikeys import KeyRevoked, rotate_api_key
from mudda.models import ApiKey, IdempotencyRecord
from tests import factories
from tests.api.client import Api


class Program(Api):
    """A program with a client's id and secret, which gets tokens and calls with them."""

    def __init__(self, row, **fields):
        super().__init__()
        self.client_id, self.secret = oauth.make_client(row)
        self.token = ""

    def ask(self, **fields):
        """The answer to a request for a token, the client shown by HTTP Basic."""
        shown = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        asked = {"grant_type": "client_credentials", **fields}
        return self.client.post("/oauth/token", asked, headers={"Authorization": f"Basic {shown}"})

    def sign_in(self, **fields):
        answer = self.ask(**fields)
        assert answer.status_code == 200, answer.content
        self.token = answer.json()["access_token"]
        return answer.json()

    def call(self, method, path, body=None, **headers):
        return super().call(method, path, body, **{"Authorization": f"Bearer {self.token}", **headers})


@pytest.fixture
def key(make):
    return make("plans:read", "plans:write", "executions:read")[0]


@pytest.fixture
def program(key):
    return Program(key)


def test_a_token_calls_the_api_as_its_key(program, key):
    given = program.sign_in()
    assert given["token_type"] == "Bearer" and given["expires_in"] == 3600
    assert set(given["scope"].split()) == set(key.scopes)
    assert "refresh_token" not in given
    assert program.get("/workflows").status_code == 200
    body = {"problem_statement": factories.STATEMENT}
    assert program.post("/workflows/generate", body, **{"Idempotency-Key": "once"}).status_code == 201
    assert IdempotencyRecord.objects.get().caller == f"key:{key.pk}"
    key.refresh_from_db()
    assert key.last_used_at is not None


def test_the_secret_may_be_sent_in_the_body_too(program):
    asked = {"client_id": program.client_id, "client_secret": program.secret}
    answer = program.client.post("/oauth/token", {"grant_type": "client_credentials", **asked})
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"


def test_a_token_may_do_what_it_asked_for_and_its_key_may(program, key):
    program.sign_in(scope="plans:read")
    assert program.get("/workflows").status_code == 200
    assert program.get("/workflows/executions").status_code == 403
    assert program.post("/workflows/generate", {"problem_statement": "leak"}).status_code == 403
    ApiKey.objects.filter(pk=key.pk).update(scopes=["executions:read"])
    assert program.get("/workflows").status_code == 403


def test_a_token_gets_no_scope_that_its_key_has_not(program):
    for scope in ("plans:approve", "plans:read plans:approve", "nonsense"):
        answer = program.ask(scope=scope)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize(
    "fields", [{"secret": "wrong"}, {"client_id": "ghost"}, {"secret": ""}, {"client_id": "a\x00b"}]
)
def test_a_wrong_client_or_secret_is_401_in_oauths_words(program, fields):
    vars(program).update(fields)
    answer = program.ask()
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "grant",
    [
        "password",
        "authorization_code",
        "refresh_token",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
    ],
)
def test_there_is_no_other_grant(program, grant):
    answer = program.ask(grant_type=grant, username="a", password="b", code="c", refresh_token="d")
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("field", ["scope", "resource", "client_id", "client_secret", "grant_type"])
@pytest.mark.parametrize("text", ["\x00", "\ud800".encode("utf-8", "surrogatepass"), "é" * 5_000, "%ff"])
def test_nonsense_is_refused_or_ignored_and_never_our_fault(program, field, text):
    assert program.ask(**{field: text}).status_code < 500


@pytest.mark.parametrize(
    "fields",
    [{"revoked_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(seconds=1)}],
)
def test_a_key_that_is_revoked_or_expired_ends_its_living_tokens_and_gets_no_more(program, key, fields):
    program.sign_in()
    ApiKey.objects.filter(pk=key.pk).update(**fields)
    assert program.get("/workflows").status_code == 401
    assert program.ask().json()["error"] == "invalid_client"


def test_a_dismissed_owner_ends_them_too(program, key):
    program.sign_in()
    key.owner.is_active = False
    key.owner.save()
    assert program.get("/workflows").status_code == 401
    assert program.ask().json()["error"] == "invalid_client"


def test_a_token_expires(program):
    program.sign_in()
    AccessToken.objects.update(expires=timezone.now())
    assert program.get("/workflows").status_code == 401
    oauth.forget_expired()
    assert not AccessToken.objects.exists()


def test_tokens_are_given_and_used_only_from_the_networks_of_the_key(make):
    row, _ = make("plans:read", networks=["203.0.113.0/24"])
    program = Program(row)
    assert program.ask().json()["error"] == "invalid_client"
    program.client.defaults["REMOTE_ADDR"] = "203.0.113.7"
    program.sign_in()
    assert program.get("/workflows").status_code == 200
    program.client.defaults["REMOTE_ADDR"] = "203.0.114.7"
    assert program.get("/workflows").json()["code"] == "network_not_allowed"


def test_a_token_reaches_the_departments_of_its_key(make):
    factories.make_plan()
    program = Program(make(departments=["parks"])[0])
    program.sign_in()
    assert program.get("/workflows").json()["results"] == []


def test_a_token_can_be_given_back(program):
    program.sign_in()
    asked = {"client_id": program.client_id, "client_secret": program.secret, "token": program.token}
    assert program.client.post("/oauth/revoke", asked).status_code == 200
    assert program.get("/workflows").status_code == 401


def test_nobody_gives_back_somebody_elses_token(program, make):
    program.sign_in()
    other = Program(make("plans:read")[0])
    asked = {"client_id": other.client_id, "client_secret": other.secret, "token": program.token}
    other.client.post("/oauth/revoke", asked)
    assert program.get("/workflows").status_code == 200


def test_neither_secret_nor_token_is_stored(program):
    program.sign_in()
    stored = str([*Application.objects.values(), *AccessToken.objects.values(), *ApiKey.objects.values()])
    assert program.secret not in stored and program.token not in stored
    oauth.make_client(ApiKey.objects.get())
    assert program.secret not in str([*ApiKey.objects.values()])
    assert Application.objects.get().client_secret.startswith("pbkdf2_")


def test_another_secret_ends_the_one_before_and_leaves_tokens_alone(program, key):
    program.sign_in()
    old, program.secret = program.secret, oauth.make_client(key, overlap=timedelta(0))[1]
    assert (program.ask().status_code, program.get("/workflows").status_code) == (200, 200)
    program.secret = old
    assert program.ask().status_code == 401
    assert Application.objects.count() == 1


def test_the_secret_before_gets_tokens_too_while_the_overlap_lasts_and_the_one_before_that_none(program, key):
    first, second = program.secret, oauth.make_client(key, overlap=timedelta(hours=1))[1]
    for program.secret in (first, second):
        program.sign_in()
        assert program.get("/workflows").status_code == 200
        body = {"client_id": program.client_id, "client_secret": program.secret, "token": program.token}
        assert program.client.post("/oauth/revoke", body).status_code == 200
        assert program.get("/workflows").status_code == 401
    third = oauth.make_client(key, overlap=timedelta(hours=1))[1]
    answers = []
    for program.secret in (first, second, third, "", "wrong"):
        answers.append(program.ask().status_code)
    assert answers == [401, 200, 200, 401, 401]
    ApiKey.objects.update(previous_client_secret_until=timezone.now())
    for program.secret, status in ((second, 401), (third, 200)):
        assert program.ask().status_code == status


def test_the_secret_before_is_that_of_its_own_client_and_ends_with_the_key(program, key, make):
    other = Program(make("plans:read")[0])
    old, program.secret = program.secret, oauth.make_client(key)[1]
    other.secret = old
    assert other.ask().status_code == 401
    program.secret = old
    assert program.ask().status_code == 200
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
    assert program.ask().status_code == 401


def test_the_first_secret_has_none_before_it(program, key):
    key.refresh_from_db()
    assert (key.previous_client_secret, key.previous_client_secret_until) == ("", None)
    ApiKey.objects.update(previous_client_secret_until=timezone.now() + timedelta(hours=1))
    program.secret = ""
    assert program.ask().status_code == 401


def test_rotating_the_key_leaves_its_client_and_its_tokens_alone(program, key):
    program.sign_in()
    rotate_api_key(key, overlap=timedelta(0))
    assert (program.ask().status_code, program.get("/workflows").status_code) == (200, 200)


def test_a_revoked_key_gets_no_client(key):
    ApiKey.objects.update(revoked_at=timezone.now())
    with pytest.raises(KeyRevoked):
        oauth.make_client(key)


@pytest.mark.parametrize("token", ["nonsense", "a b", "", "x" * 5_000, "ключ".encode().decode("latin-1")])
def test_a_wrong_token_is_401(city, token):
    answer = Api().get("/workflows", Authorization=f"Bearer {token}")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_a_key_is_no_token_and_a_token_no_key(make):
    row, api = make("plans:read")
    program = Program(row)
    program.sign_in()
    assert Api().get("/workflows", Authorization=f"Bearer {api.key}").status_code == 401
    assert Api().get("/workflows", Authorization=f"Api-Key {program.token}").status_code == 401


def test_a_token_is_not_taken_from_the_address(program):
    program.sign_in()
    assert Api().get(f"/workflows?access_token={program.token}").status_code == 401


def test_using_a_token_takes_one_query_and_counting_the_call_another(program, django_assert_num_queries):
    from django.test import RequestFactory
    from rest_framework.request import Request

    program.sign_in()
    program.get("/workflows")
    headers = {"Authorization": f"Bearer {program.token}"}
    with django_assert_num_queries(2):
        oauth.TokenAuthentication().authenticate(Request(RequestFactory().get("/", headers=headers)))


def test_of_the_toolkits_pages_only_tokens_and_giving_them_back_are_there(admin_client):
    paths = [str(entry.pattern) for entry in get_resolver().url_patterns]
    assert [path for path in paths if path.startswith(("o/", "oauth", ".well-known"))] == [
        "oauth/token",
        "oauth/revoke",
    ]
    for name in ("authorize", "list", "register", "introspect", "device-authorization"):
        with pytest.raises(NoReverseMatch):
            reverse(f"oauth2_provider:{name}")
    for model in ("application", "accesstoken", "grant", "idtoken", "refreshtoken"):
        with pytest.raises(NoReverseMatch):
            reverse(f"admin:oauth2_provider_{model}_changelist")
    assert admin_client.get("/oauth/authorize").status_code == 404


def test_the_command_prints_the_client_once_and_the_key_last(city, capsys):
    call_command("create_api_key", "town app", "--scope", "plans:read", "--oauth")
    said = capsys.readouterr().out
    words = dict(word.split("=") for word in said.split() if "=" in word)
    asked = {"grant_type": "client_credentials", **words}
    assert Api().client.post("/oauth/token", asked).status_code == 200
    assert ApiKey.objects.get().oauth_application.client_id == words["client_id"]
    assert said.split()[-1].startswith(ApiKey.objects.get().prefix)


def test_the_command_gives_the_client_another_secret_and_prints_it_last(program, key, capsys):
    call_command("rotate_api_key", key.prefix, "--oauth", "--overlap", "7")
    old, program.secret = program.secret, capsys.readouterr().out.split()[-1]
    assert program.ask().status_code == 200
    program.secret = old
    assert program.ask().status_code == 200
    row = ApiKey.objects.get()
    assert row.prefix == key.prefix and row.previous_until is None
    assert row.previous_client_secret_until - timezone.now() > timedelta(days=6.9)


def test_the_command_gives_no_secret_to_a_key_without_a_client(key):
    with pytest.raises(CommandError, match="no OAuth client"):
        call_command("rotate_api_key", key.prefix, "--oauth")


def test_the_document_says_how_to_get_tokens_and_which_scopes_there_are(make):
    _, api = make()
    document = api.get("/schema", Accept="application/json").json()
    scheme = document["components"]["securitySchemes"]["oauth2"]
    flow = scheme["flows"]["clientCredentials"]
    assert (scheme["type"], flow["tokenUrl"]) == ("oauth2", "/oauth/token")
    assert {"plans:read", "issues:write"} <= set(flow["scopes"])
    assert {"oauth2": ["plans:write"]} in document["paths"]["/workflows/generate"]["post"]["security"]
