"""Keys that are rotated, expire, and are tied to networks; and what finding out who calls costs."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import RequestFactory
from django.utils import timezone

from mudda.addresses import client_address, site_of
from mudda.apikeys import BadNetwork, KeyRevoked, create_api_key, find_key, rotate_api_key
from mudda.models import ApiKey
from tests import factories
from tests.api.client import Api

HOUR = timedelta(hours=1)
BODY = {"problem_statement": factories.STATEMENT}


# --- rotating ---------------------------------------------------------------------------------------


def test_while_a_rotation_overlaps_both_keys_work_and_then_only_the_new_one(make):
    row, old = make()
    new = Api(rotate_api_key(row, overlap=HOUR)[1])
    assert (old.get("/workflows").status_code, new.get("/workflows").status_code) == (200, 200)
    ApiKey.objects.update(previous_until=timezone.now())
    assert (old.get("/workflows").status_code, new.get("/workflows").status_code) == (401, 200)


def test_without_an_overlap_the_old_key_is_refused_at_once(make):
    row, old = make()
    new = Api(rotate_api_key(row, overlap=timedelta(0))[1])
    assert (old.get("/workflows").status_code, new.get("/workflows").status_code) == (401, 200)


def test_a_second_rotation_ends_the_key_before_the_last(make):
    row, first = make()
    second, third = (Api(rotate_api_key(row, overlap=HOUR)[1]) for _ in range(2))
    assert [api.get("/workflows").status_code for api in (first, second, third)] == [401, 200, 200]


def test_a_rotated_key_is_the_same_caller_so_a_repeated_request_gets_the_same_answer(make):
    row, old = make()
    first = old.post("/workflows/generate", BODY, **{"Idempotency-Key": "once"})
    new = Api(rotate_api_key(row, overlap=HOUR)[1])
    again = new.post("/workflows/generate", BODY, **{"Idempotency-Key": "once"})
    assert (first.status_code, again["Idempotency-Replayed"]) == (201, "true")
    assert again.json() == first.json()


def test_revoking_a_key_ends_its_old_text_too_and_it_rotates_no_more(make):
    row, old = make()
    rotate_api_key(row, overlap=HOUR)
    ApiKey.objects.update(revoked_at=timezone.now())
    assert old.get("/workflows").status_code == 401
    with pytest.raises(KeyRevoked):
        rotate_api_key(row)


def test_neither_text_of_a_rotated_key_is_stored(make):
    row, old = make()
    _, new = rotate_api_key(row)
    stored = str(ApiKey.objects.values().get())
    assert old.key.partition(".")[2] not in stored and new.partition(".")[2] not in stored


def test_the_text_of_one_prefix_does_not_open_with_the_other(make):
    row, old = make()
    rotated, new = rotate_api_key(row)
    assert find_key(f"{rotated.prefix}.{old.key.partition('.')[2]}") is None
    assert find_key(f"{old.key.partition('.')[0]}.{new.partition('.')[2]}") is None


# --- expiring ---------------------------------------------------------------------------------------


def test_a_key_works_until_its_moment_and_not_after(make):
    row, api = make(expires_at=timezone.now() + HOUR)
    assert api.get("/workflows").status_code == 200
    ApiKey.objects.update(expires_at=timezone.now())
    assert api.get("/workflows").status_code == 401


# --- networks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        (["203.0.113.0/24"], "203.0.113.7", 200),
        (["203.0.113.0/24"], "203.0.114.7", 403),
        (["203.0.113.7"], "203.0.113.7", 200),
        (["10.0.0.0/8", "2001:db8::/32"], "2001:db8:1::7", 200),
        (["2001:db8::/32"], "2001:db9::7", 403),
        (["203.0.113.0/24"], "::ffff:203.0.113.7", 200),
        (["203.0.113.0/24"], "", 403),
        (["0.0.0.0/0"], "2001:db8::7", 403),
        ([], "198.51.100.9", 200),
    ],
)
def test_a_key_tied_to_networks_opens_only_from_there(make, networks, address, status):
    _, api = make(networks=networks)
    api.client.defaults["REMOTE_ADDR"] = address
    answer = api.get("/workflows")
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "network_not_allowed"


def test_somebody_elses_x_forwarded_for_is_not_believed(make):
    _, api = make(networks=["203.0.113.0/24"])
    api.client.defaults["REMOTE_ADDR"] = "198.51.100.9"
    assert api.get("/workflows", **{"X-Forwarded-For": "203.0.113.7"}).status_code == 403


@pytest.mark.parametrize(
    ("peer", "told", "found"),
    [
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.7", "203.0.113.7"),  # the left one is the caller's own invention
        ("10.0.0.1", "203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "203.0.113.7:5123", "203.0.113.7"),
        ("10.0.0.1", "[2001:db8::7]:5123", "2001:db8::7"),
        ("10.0.0.1", "203.0.113.7, nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("198.51.100.9", "203.0.113.7", "198.51.100.9"),
    ],
)
def test_what_proxies_say_is_believed_from_the_right_as_far_as_they_are_ours(settings, peer, told, found):
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    headers = {"X-Forwarded-For": told} if told else {}
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers)
    assert str(client_address(request)) == found


def test_a_server_of_ours_takes_the_word_of_no_proxy_that_is_not_named(start_web, city):
    """uvicorn itself would believe whoever connects from this machine."""
    import httpx

    _, key = create_api_key(name="x", scopes=["plans:read"], networks=["203.0.113.0/24"])
    asked = {"Authorization": f"Api-Key {key}", "X-Forwarded-For": "203.0.113.7"}
    for proxies, status in (("", 403), ("127.0.0.0/8", 200)):
        web = start_web(TRUSTED_PROXIES=proxies)
        assert httpx.get(f"{web.url}/workflows", headers=asked, trust_env=False).status_code == status


@pytest.mark.parametrize("text", ["nonsense", "10.0.0.1/8", "10.0.0.0/33", "2001:db8::/129", ""])
def test_a_key_for_what_is_no_network_is_not_made(city, text):
    with pytest.raises(BadNetwork):
        create_api_key(name="x", scopes=["plans:read"], networks=[text])
    assert not ApiKey.objects.exists()


def test_addresses_of_ipv6_are_one_caller_by_64_bits():
    def of(text):
        return site_of(client_address(RequestFactory().get("/", REMOTE_ADDR=text)))

    assert of("2001:db8:1:2::1") == of("2001:db8:1:2:ffff::9") != of("2001:db8:1:3::1")
    assert of("203.0.113.1") != of("203.0.113.2")


# --- what it costs ----------------------------------------------------------------------------------


def test_finding_out_who_calls_takes_one_query_and_counting_the_call_another(make, django_assert_num_queries):
    from rest_framework.request import Request

    from mudda.apikeys import ApiKeyAuthentication

    row, api = make(departments=["water"], networks=["127.0.0.0/8"])
    api.get("/workflows")  # its use is noted once a minute
    headers = {"Authorization": f"Api-Key {api.key}"}
    with django_assert_num_queries(2):
        user, key = ApiKeyAuthentication().authenticate(Request(RequestFactory().get("/", headers=headers)))
    assert (user, key) == (row.owner, row)


# --- the command line -------------------------------------------------------------------------------


def run(capsys, *words):
    call_command(*words)
    return capsys.readouterr().out


def test_a_key_is_made_with_everything_that_bounds_it(city, capsys):
    words = ["--scope", "plans:read", "--expires", "90", "--rate", "30", "--department", "water"]
    said = run(capsys, "create_api_key", "x", *words, "--network", "10.0.0.0/8", "--network", "2001:db8::/32")
    row = find_key(said.split()[-1])
    assert (row.rate, row.networks, row.departments) == (30, ["10.0.0.0/8", "2001:db8::/32"], ["water"])
    assert timedelta(days=89) < row.expires_at - timezone.now() <= timedelta(days=90)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--network", "nonsense"], "nonsense"),
        (["--department", "ghosts"], "ghosts"),
        (["--rate", "0"], "at least 1"),
        (["--expires", "soon"], "number of days"),
        (["--expires", "2001-01-31"], "passed"),
        (["--expires", "2027-02-31"], "number of days"),
    ],
)
def test_a_key_that_cannot_be_bounded_so_is_not_made(city, words, said):
    with pytest.raises(CommandError, match=said):
        call_command("create_api_key", "x", "--scope", "plans:read", *words)
    assert not ApiKey.objects.exists()


def test_a_key_is_rotated_from_the_command_line(make, capsys):
    row, old = make()
    new = run(capsys, "rotate_api_key", row.prefix, "--overlap", "0.5").split()[-1]
    row.refresh_from_db()
    assert find_key(new) == find_key(old.key) == row
    assert timedelta(hours=11) < row.previous_until - timezone.now() <= timedelta(hours=12)
    with pytest.raises(CommandError, match="no key"):
        call_command("rotate_api_key", "ghost")


def test_no_two_keys_share_a_prefix_that_still_opens(make):
    row, _ = make()
    rotate_api_key(row)
    other, _ = make()
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.filter(pk=other.pk).update(
            previous_prefix=ApiKey.objects.get(pk=row.pk).previous_prefix
        )


def test_a_misspelt_proxy_fails_the_check():
    from tests.ground.test_settings import GOOD, check

    result = check(**GOOD, TRUSTED_PROXIES="10.0.0.1/8")
    assert result.returncode != 0 and "mudda.E005" in result.stderr
