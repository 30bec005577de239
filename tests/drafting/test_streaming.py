"""Following a stream: in order, without gaps, across processes, for those who may, and without holding anything."""

import asyncio
import contextlib
import json
import signal
import threading
import time
import uuid

import httpx
import psutil
import pytest
from django.db import connection, transaction
from django.test import Client

from mudda import event_types, events, streaming
from mudda.streaming import wants_stream
from tests import factories
from tests.api.client import Api

STREAM = {"Accept": "text/event-stream"}
OWN = ("one", "two", "numbered", "slow", "slower", "elsewhere", "late")


@pytest.fixture(autouse=True)
def own_types(monkeypatch):
    for name in OWN:
        kind = event_types.EventType(f"plan.{name}", "A test's.", {})
        monkeypatch.setitem(event_types._types, kind.name, kind)


@pytest.fixture
def plan(city):
    return factories.make_plan()


@pytest.fixture
def key(city):
    return factories.make_key()


@contextlib.contextmanager
def listening(web, path, key, **headers):
    """Server-sent events as they come: an iterator of (id, type, data)."""
    sent = {**STREAM, "Authorization": f"Api-Key {key}", **headers}
    with (
        httpx.Client(timeout=30, trust_env=False) as client,
        client.stream("GET", web.url + path, headers=sent) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["Content-Type"] == "text/event-stream"
        yield _events(answer)


def _events(answer):
    found, beats = {}, 0
    for line in answer.iter_lines():
        beats = beats + line.startswith(": beat") if not found else 0
        assert beats < 3, "nothing came but heartbeats"
        if line:
            name, _, value = line.partition(": ")
            found[name] = value
        elif "id" in found:
            yield int(found["id"]), found["event"], json.loads(found["data"])
            found = {}
        else:
            found = {}


def append(owner, *types):
    for type in types:
        with transaction.atomic():
            events.append(owner, type)


def take(stream, count):
    return [(seq, type) for seq, type, _ in (next(stream) for _ in range(count))]


def test_what_has_happened_comes_first_and_then_what_happens(plan, key, live_web):
    with listening(live_web, f"/workflows/{plan.pk}/events", key) as stream:
        assert take(stream, 1) == [(1, "plan.drafted")]
        append(plan, "plan.one", "plan.two")
        assert take(stream, 2) == [(2, "plan.one"), (3, "plan.two")]


def test_who_was_away_goes_on_behind_the_last_event_they_have(plan, key, live_web):
    append(plan, "plan.one", "plan.two")
    where = f"/workflows/{plan.pk}/events"
    with listening(live_web, f"{where}?after=1", key, **{"Last-Event-ID": "2"}) as stream:
        assert take(stream, 1) == [(3, "plan.two")]
    with listening(live_web, f"{where}?after=1", key) as stream:
        assert take(stream, 1) == [(2, "plan.one")]


def test_more_than_a_page_comes_whole(plan, key, live_web):
    with transaction.atomic():
        for _ in range(450):
            events.append(plan, "plan.numbered")
    with listening(live_web, f"/workflows/{plan.pk}/events", key) as stream:
        assert [seq for seq, _ in take(stream, 451)] == list(range(1, 452))


def test_two_replicas_tell_the_same(plan, key, start_web):
    where = f"/workflows/{plan.pk}/events?after=1"
    with listening(start_web(), where, key) as one, listening(start_web(), where, key) as other:
        append(plan, "plan.one", "plan.two")
        assert take(one, 2) == take(other, 2) == [(2, "plan.one"), (3, "plan.two")]


def test_a_writer_that_holds_its_transaction_open_makes_no_listener_miss_or_reorder(plan, key, live_web):
    """The second writer of a stream has to wait for the first; those of other streams go ahead."""
    other = factories.make_plan()
    path = "/workflows/{}/events?after=1".format
    with listening(live_web, path(plan.pk), key) as ours, listening(live_web, path(other.pk), key) as theirs:
        with transaction.atomic():
            events.append(plan, "plan.slow")

            def write():
                append(other, "plan.elsewhere")
                append(plan, "plan.late")
                connection.close()

            thread = threading.Thread(target=write)
            thread.start()
            assert take(theirs, 1) == [(2, "plan.elsewhere")]
            thread.join(0.5)
            assert thread.is_alive(), "the second writer of the stream waits"
            events.append(plan, "plan.slower")
        assert take(ours, 3) == [(2, "plan.slow"), (3, "plan.slower"), (4, "plan.late")]
        thread.join()


def test_many_writers_and_listeners_at_once(plan, key, live_web):
    def write():
        for _ in range(20):
            append(plan, "plan.numbered")
        connection.close()

    found, path = [], f"/workflows/{plan.pk}/events?after=1"

    def listen():
        with listening(live_web, path, key) as stream:
            found.append([seq for seq, _ in take(stream, 80)])

    threads = [threading.Thread(target=work) for work in [listen] * 8 + [write] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [list(range(2, 82))] * 8


def test_who_is_woken_while_a_reading_is_under_way_is_not_given_what_it_saw_before(plan, monkeypatch):
    reads, seen, go_on = streaming._read_events, threading.Event(), threading.Event()

    def read(stream, after):
        found = reads(stream, after)
        if not seen.is_set():
            seen.set()
            go_on.wait(10)
        return found

    monkeypatch.setattr(streaming, "_read_events", read)

    async def follow():
        app = streaming.EventStreams(None)
        first = asyncio.create_task(app._read(plan.stream, 1))
        await asyncio.to_thread(seen.wait, 10)
        await asyncio.to_thread(append, plan, "plan.one")
        second = asyncio.create_task(app._read(plan.stream, 1))
        await asyncio.sleep(0)
        go_on.set()
        return await first, await second

    (_, before, _), (text, after, _) = asyncio.run(follow())
    assert (before, after) == (1, 2)
    assert b"event: plan.one" in text


def test_listeners_hold_neither_threads_nor_connections(plan, key, live_web):
    process = psutil.Process(live_web.pid)
    path = f"/workflows/{plan.pk}/events?after=1"
    with contextlib.ExitStack() as open_streams:
        streams = [open_streams.enter_context(listening(live_web, path, key)) for _ in range(60)]
        append(plan, "plan.one")
        assert [take(stream, 1) for stream in streams] == [[(2, "plan.one")]] * 60
        assert process.num_threads() < 40
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            assert cursor.fetchone()[0] < 25


def test_runs_and_issues_have_their_streams_too(plan, key, live_web):
    with listening(live_web, f"/issues/{plan.issue.reference}/events", key) as stream:
        assert take(stream, 1) == [(1, "issue.reported")]
    answer = httpx.get(f"{live_web.url}/workflows/executions/{uuid.uuid4()}/events", headers={
        **STREAM, "Authorization": f"Api-Key {key}"}, trust_env=False)  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_launched_run_is_followed(key, live_web):
    from executions.services import launch_execution

    plan, by = factories.make_plan(), factories.make_user("administrator")
    run = launch_execution(plan_id=plan.pk, execution_data={}, by=by, approve=True)
    with listening(live_web, f"/workflows/executions/{run.pk}/events", key) as stream:
        assert take(stream, 1) == [(1, "execution.launched")]


def test_only_those_who_may_read_a_plan_may_follow_it(plan, live_web):
    where = f"{live_web.url}/workflows/{plan.pk}/events"

    def ask(key=None, **headers):
        given = {"Authorization": f"Api-Key {key}"} if key else {}
        answer = httpx.get(where, headers={**STREAM, **given, **headers}, trust_env=False)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
        return answer.status_code

    outsider = factories.make_user("viewer", departments=("parks",))
    assert ask() == 401
    assert ask("no.key") == 401
    assert ask(factories.make_key("issues:read")) == 403
    assert ask(factories.make_key("plans:read", owner=outsider)) == 404
    assert ask(factories.make_key("plans:read"), **{"Last-Event-ID": "junk"}) == 400


def test_a_session_follows_too(plan, live_web):
    client = Client()
    client.force_login(factories.make_user("viewer", departments=("water",)))
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    headers = {**STREAM, "Cookie": cookie}
    with httpx.stream(
        "GET", f"{live_web.url}/workflows/{plan.pk}/events", headers=headers, trust_env=False
    ) as answer:
        assert answer.status_code == 200
        assert next(_events(answer))[:2] == (1, "plan.drafted")


def test_a_server_that_stops_ends_its_streams_at_once(plan, key, live_web):
    with listening(live_web, f"/workflows/{plan.pk}/events?after=1", key) as stream:
        thread = threading.Thread(target=live_web.stop)
        thread.start()
        assert list(stream) == []
        thread.join()
    # Streams last for minutes: a server that waits for its listeners is killed (-9) before they end.
    assert live_web.returncode in (0, -signal.SIGTERM)


def test_a_stream_outlives_the_database(make_site):
    site = make_site()
    site.start()
    key = site.create_api_key("follower", "plans:read", "plans:write")
    headers = {"Authorization": f"Api-Key {key}"}
    with httpx.Client(base_url=site.url, headers=headers, timeout=60, trust_env=False) as api:
        found = api.post(
            "/workflows/generate", json={"problem_statement": "Water leak at 123 Main St"}
        ).json()
        where = f"/workflows/{found['workflow_id']}"
        last = api.get(f"{where}/events", headers={"Accept": "application/json"}).json()["last"]
        with listening(site, f"{where}/events?after={last}", key) as stream:
            site.postgres.stop()
            site.postgres.start()
            end = time.monotonic() + 60
            while (answer := api.put(where, json={"workflow_plan": {"steps": []}})).status_code == 503:
                assert time.monotonic() < end
                time.sleep(0.5)
            assert answer.status_code == 200
            assert take(stream, 1) == [(last + 1, "plan.edited")]


# --- as JSON ----------------------------------------------------------------------------------------


def test_a_page_of_json_for_those_who_poll(plan, key):
    append(plan, "plan.one", "plan.two")
    page = Api(key).get(f"/workflows/{plan.pk}/events?after=1", Accept="application/json").json()
    assert page["stream"] == f"plan:{plan.pk}"
    assert [(row["seq"], row["type"]) for row in page["events"]] == [(2, "plan.one"), (3, "plan.two")]
    assert (page["last"], page["more"]) == (3, False)
    empty = Api(key).get(f"/workflows/{plan.pk}/events?after=3").json()
    assert (empty["events"], empty["last"]) == ([], 3)


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "9" * 30, "٣"])
def test_a_number_that_is_none_is_400_with_its_pointer(plan, key, after):
    answer = Api(key).get(f"/workflows/{plan.pk}/events?after={after}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/after")


@pytest.mark.parametrize(
    ("accept", "stream"),
    [
        (None, True),
        ("*/*", True),
        ("text/event-stream", True),
        ("text/html,application/xhtml+xml,*/*;q=0.8", True),
        ("application/json", False),
        ("application/json, text/plain, */*", False),
        ("text/event-stream;q=0.5, application/json", False),
        ("text/event-stream;q=0, */*;q=0", False),
        ("image/png", False),
        ("text/event-stream;q=nonsense", False),
    ],
)
def test_the_form_is_what_the_caller_accepts(accept, stream):
    headers = [] if accept is None else [(b"accept", accept.encode())]
    scope = {"method": "GET", "path": "/workflows/1/events", "headers": headers}
    assert wants_stream(scope) is stream
    assert not wants_stream({**scope, "method": "POST"})
    assert not wants_stream({**scope, "path": "/workflows/1"})
