"""Rate limits: exact under a burst over replicas, told in headers, and of each caller apart."""

import asyncio
import re
import time
from collections import Counter
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from mudda import ratelimits
from mudda.apikeys import create_api_key
from mudda.models import ApiKey, CallCount
from tests import factories
from tests.api.client import Api

POLICY = re.compile(r'"(key|user|address)";q=(\d+);w=60')
STATE = re.compile(r'"(key|user|address)";r=(\d+);t=(\d+)')


@pytest.fixture(autouse=True)
def rates(settings):
    settings.RATE_LIMIT_KEY, settings.RATE_LIMIT_ANONYMOUS = 5, 3


def told(answer):
    """What an answer says of where its caller stands: the policy, the quota, what is left."""
    policy, state = POLICY.fullmatch(answer["RateLimit-Policy"]), STATE.fullmatch(answer["RateLimit"])
    assert policy[1] == state[1] and 1 <= int(state[3]) <= 60
    return policy[1], int(policy[2]), int(state[2])


def spend(call, count):
    return [call().status_code for _ in range(count)]


def let_the_window_pass():
    """Move the clock, in the rows and in what this process remembers."""
    CallCount.objects.update(window_start=timezone.now() - timedelta(seconds=60))
    ratelimits.forget_the_spent()


# --- a burst ----------------------------------------------------------------------------------------


async def burst(urls, path, key, count):
    """``count`` requests at the same time, each on a connection of its own; their statuses, and the headers of one."""
    go = asyncio.Event()
    refused = []

    async def ask(url):
        where = urlsplit(url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        await go.wait()
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Api-Key {key}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        answer = await reader.read()
        writer.close()
        status = int(answer.split(b" ", 2)[1])
        if status == 429:
            refused.append(answer.decode())
        return status

    tasks = [asyncio.create_task(ask(urls[number % len(urls)])) for number in range(count)]
    await asyncio.sleep(1)  # all are connected, or will be
    go.set()
    return Counter(await asyncio.gather(*tasks)), refused


def test_of_a_thousand_calls_at_once_over_two_replicas_exactly_a_hundred_get_through(start_web):
    _, key = create_api_key(name="burst", scopes=["plans:read"], rate=100)
    webs = [start_web(), start_web()]
    statuses, refused = asyncio.run(burst([web.url for web in webs], "/workflows", key, 1_000))
    assert statuses == {200: 100, 429: 900}
    for answer in refused:
        assert '"code":"rate_limited"' in answer
        assert re.search(r'(?i)^ratelimit: "key";r=0;t=\d+\r$', answer, re.MULTILINE)
        assert 1 <= int(re.search(r"(?i)^retry-after: (\d+)\r$", answer, re.MULTILINE)[1]) <= 60
    before = CallCount.objects.get().count
    asyncio.run(burst([web.url for web in webs], "/workflows", key, 100))
    assert CallCount.objects.get().count == before, "who has no calls left costs the database nothing"


def test_a_burst_of_nobody_is_refused_too_and_never_our_fault(start_web):
    webs = [start_web(RATE_LIMIT_ANONYMOUS="50"), start_web(RATE_LIMIT_ANONYMOUS="50")]
    statuses, _ = asyncio.run(burst([web.url for web in webs], "/workflows", "abcdefgh.wrong", 400))
    assert statuses == {401: 50, 429: 350}


# --- what is told -----------------------------------------------------------------------------------


def test_every_answer_says_where_the_caller_stands(make):
    _, api = make("plans:read", rate=5)
    answers = [
        api.get("/workflows"),
        api.get("/workflows/executions"),
        api.get("/workflows/00000000-0000-0000-0000-000000000007"),
        api.get("/nowhere"),
        api.call("DELETE", "/workflows"),
        api.get("/workflows"),
        api.get("/workflows"),
    ]
    assert [answer.status_code for answer in answers] == [200, 403, 404, 404, 405, 200, 429]
    keyed = [answer for answer in answers if answer is not answers[3]]
    assert [told(answer) for answer in keyed] == [("key", 5, left) for left in (4, 3, 2, 1, 0, 0)]
    assert told(answers[3]) == ("address", 3, 2)  # no view was there to ask who it is
    refused = answers[-1]
    assert (refused.json()["code"], refused["Content-Type"]) == ("rate_limited", "application/problem+json")
    assert refused["Retry-After"] == STATE.fullmatch(refused["RateLimit"])[3]


def test_nobody_is_told_by_address(city):
    answers = [Api().get("/workflows") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert [told(answer) for answer in answers] == [("address", 3, left) for left in (2, 1, 0, 0)]


def test_whoever_waits_as_long_as_told_is_let_in(make):
    """With the real clock: a window that began 58 seconds ago."""
    _, api = make(rate=1)
    assert spend(lambda: api.get("/workflows"), 1) == [200]
    CallCount.objects.update(window_start=timezone.now() - timedelta(seconds=58))
    ratelimits.forget_the_spent()
    refused = api.get("/workflows")
    assert (refused.status_code, refused["Retry-After"]) == (429, "2")


@pytest.mark.django_db(transaction=True)
def test_the_wait_that_is_told_is_true():
    _, key = create_api_key(name="x", scopes=["plans:read"], rate=1)
    api = Api(key)
    assert spend(lambda: api.get("/workflows"), 1) == [200]
    CallCount.objects.update(window_start=timezone.now() - timedelta(seconds=58))
    ratelimits.forget_the_spent()
    time.sleep(int(api.get("/workflows")["Retry-After"]))
    assert api.get("/workflows").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_window_begins_with_the_first_call_and_ends_a_minute_later():
    _, key = create_api_key(name="x", scopes=["plans:read"], rate=2)
    api = Api(key)
    assert spend(lambda: api.get("/workflows"), 3) == [200, 200, 429]
    let_the_window_pass()
    assert spend(lambda: api.get("/workflows"), 3) == [200, 200, 429]


# --- who is counted ---------------------------------------------------------------------------------


def test_two_keys_are_counted_apart_also_of_one_owner_and_from_one_address(make):
    owner = factories.make_user("administrator")
    one, other = (make(owner=owner, rate=2)[1] for _ in range(2))
    assert spend(lambda: one.get("/workflows"), 3) == [200, 200, 429]
    assert spend(lambda: other.get("/workflows"), 3) == [200, 200, 429]


def test_a_key_without_a_rate_of_its_own_has_the_settings(make):
    _, api = make()
    assert spend(lambda: api.get("/workflows"), 6) == [200] * 5 + [429]


def test_calls_that_are_forbidden_count_too(make):
    _, api = make("issues:read", rate=2)
    assert spend(lambda: api.get("/workflows"), 3) == [403, 403, 429]


def test_a_rotated_key_and_its_tokens_have_one_rate_together(make):
    from mudda.apikeys import rotate_api_key
    from tests.keys.test_oauth import Program

    row, old = make("plans:read", rate=3)
    program = Program(row)
    program.sign_in()
    new = Api(rotate_api_key(row)[1])
    assert [api.get("/workflows").status_code for api in (old, new, program, old, new, program)] == [
        *(200, 200, 200),
        *(429, 429, 429),
    ]


def test_addresses_are_counted_apart_and_by_64_bits_of_ipv6(city):
    def asking(address):
        return lambda: Client(REMOTE_ADDR=address).get("/workflows")

    assert spend(asking("203.0.113.1"), 4) == [401, 401, 401, 429]
    assert spend(asking("203.0.113.2"), 1) == [401]
    assert spend(asking("2001:db8:1:2::1"), 3) == [401, 401, 401]
    assert spend(asking("2001:db8:1:2::2"), 1) == [429]
    assert spend(asking("2001:db8:1:3::1"), 1) == [401]


def test_nobody_gets_more_by_inventing_addresses(city):
    invented = iter(range(1, 250))
    headers = lambda: {"X-Forwarded-For": f"203.0.113.{next(invented)}"}  # noqa: E731
    assert spend(lambda: Client().get("/workflows", headers=headers()), 4) == [401, 401, 401, 429]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Api-Key abcdefgh.wrong"},
        {"Authorization": "Api-Key two words"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic d3Jvbmc6d3Jvbmc="},
        {"Cookie": "sessionid=wrong"},
    ],
)
def test_failures_to_authenticate_are_counted_by_address_and_keep_no_key_out(make, headers):
    _, api = make()
    assert spend(lambda: Client().get("/workflows", headers=headers), 4) == [401, 401, 401, 429]
    assert api.get("/workflows").status_code == 200


def test_a_stolen_key_tried_elsewhere_spends_nothing_of_the_keys_rate(make):
    _, api = make(networks=["203.0.113.0/24"], rate=2)
    assert spend(lambda: api.get("/workflows"), 4) == [403, 403, 403, 429]
    api.client.defaults["REMOTE_ADDR"] = "203.0.113.7"
    assert spend(lambda: api.get("/workflows"), 3) == [200, 200, 429]


def test_staff_are_counted_by_who_they_are(city):
    def signed_in():
        client = Client()
        client.force_login(factories.make_user("planner"))
        return client

    one, other = signed_in(), signed_in()
    assert spend(lambda: one.get("/workflows"), 6) == [200] * 5 + [429]
    assert told(other.get("/workflows")) == ("user", 5, 4)
    assert told(other.get("/docs")) == ("user", 5, 3)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/admin/", "/static/nothing.css"])
def test_probes_and_pages_behind_a_sign_in_are_not_counted(temporal_server, path):
    answers = [Client().get(path) for _ in range(5)]
    assert 429 not in {answer.status_code for answer in answers}
    assert not any("RateLimit" in answer for answer in answers)


@pytest.mark.parametrize("path", ["/admin/login/", "/t/nothing", "/t/nothing/"])
def test_signing_in_and_signed_links_are_counted_by_address_and_refused_as_a_page(city, path):
    answers = [Client().get(path, headers={"Authorization": "Api-Key x"}) for _ in range(4)]
    assert [answer.status_code == 429 for answer in answers] == [False, False, False, True]
    assert answers[3]["Content-Type"].startswith("text/html") and "Retry-After" in answers[3]
    assert told(answers[3]) == ("address", 3, 0)


def test_asking_for_tokens_is_counted_by_address(city):
    asked = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}
    assert spend(lambda: Client().post("/oauth/token", asked), 4) == [401, 401, 401, 429]


@pytest.mark.django_db(transaction=True)
def test_following_a_stream_counts_once(start_web):
    from tests.drafting.test_streaming import listening, take

    factories.load_city()
    plan = factories.make_plan()
    row, key = create_api_key(name="x", scopes=["plans:read"])
    web = start_web()
    with listening(web, f"/workflows/{plan.pk}/events", key) as stream:
        take(stream, 1)
        assert CallCount.objects.get(name=f"key:{row.pk}").count == 1
    headers = {"Authorization": f"Api-Key {key}", "Accept": "text/event-stream"}
    with httpx.stream(
        "GET", f"{web.url}/workflows/{plan.pk}/events", headers=headers, trust_env=False
    ) as answer:
        assert STATE.fullmatch(answer.headers["RateLimit"])


# --- how it is kept ---------------------------------------------------------------------------------


def test_zero_is_no_limit(make, settings):
    settings.RATE_LIMIT_KEY = settings.RATE_LIMIT_ANONYMOUS = 0
    _, api = make()
    answers = [api.get("/workflows") for _ in range(9)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any("RateLimit" in answer for answer in answers)
    assert not CallCount.objects.exists()
    assert spend(lambda: Api().get("/workflows"), 9) == [401] * 9


def test_a_key_keeps_its_own_rate_where_others_have_none_and_none_is_counted_by_address(make, settings):
    settings.RATE_LIMIT_KEY = 0
    _, free = make()
    _, bound = make(rate=2)
    assert spend(lambda: free.get("/workflows"), 5) == [200] * 5
    assert spend(lambda: bound.get("/workflows"), 3) == [200, 200, 429]


@pytest.mark.django_db(transaction=True)
def test_a_call_stays_counted_when_its_work_is_rolled_back(city):
    _, key = create_api_key(name="x", scopes=["plans:read", "plans:write"], rate=2)
    api = Api(key)
    assert api.post("/workflows/generate", {"problem_statement": ""}).status_code == 400
    assert CallCount.objects.get(name=f"key:{ApiKey.objects.get().pk}").count == 1


def test_who_is_known_to_be_spent_is_refused_without_the_database(make, django_assert_num_queries):
    _, api = make(rate=1)
    assert api.get("/workflows").status_code == 200
    with django_assert_num_queries(0):
        assert api.get("/workflows").status_code == 429


def test_what_a_process_remembers_is_bounded(monkeypatch):
    monkeypatch.setattr(ratelimits, "REMEMBERED", 10)
    standing = ratelimits.Standing("address", 1, 0, time.monotonic() + 60)
    for number in range(100):
        ratelimits._remember(standing, f"address:{number}")
    assert len(ratelimits._spent) <= 11


def test_counts_are_unlogged_and_the_old_ones_are_swept(make):
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'mudda_callcount'")
        assert cursor.fetchone() == ("u",)
    now = timezone.now()
    CallCount.objects.create(name="old", window_start=now - timedelta(minutes=3), count=1)
    CallCount.objects.create(name="new", window_start=now, count=1)
    ratelimits.forget_old()
    assert list(CallCount.objects.values_list("name", flat=True)) == ["new"]
