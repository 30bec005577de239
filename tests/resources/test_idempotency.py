"""Every POST with an Idempotency-Key is carried out once: replays, other bodies, duplicates at once, crashes."""

import json
import threading
import time
import urllib.error
import urllib.request
from datetime import timedelta

import psycopg
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections, transaction
from django.utils import timezone

from issues.models import Issue
from mudda import idempotency, prepared
from mudda.models import IdempotencyRecord
from tests import factories
from tests.api.client import Api
from tests.links.pictures import picture
from workflows.models import PlanStatus, WorkflowPlan

KEY = {"Idempotency-Key": "the-key"}


def test_a_replay_has_the_status_the_body_and_the_headers_of_the_first_answer(api, plan):
    body = {"digest": plan.current.digest}
    first = api.post(f"/workflows/{plan.pk}/approve", body, **KEY)
    assert first.status_code == 200 and "Idempotency-Replayed" not in first
    assert api.post(f"/workflows/{plan.pk}/reject", {"reason": "No."}).status_code == 200
    second = api.post(f"/workflows/{plan.pk}/approve", body, **KEY)
    assert (second.status_code, second.json()) == (200, first.json())
    assert (second["ETag"], second["Idempotency-Replayed"]) == (first["ETag"], "true")
    assert WorkflowPlan.objects.get(pk=plan.pk).status == PlanStatus.REJECTED  # it was not approved anew


def test_a_replayed_creation_says_again_where_it_is(api):
    body = {"heading": "Lamps", "text": "Lamps are repaired within ten days."}
    first, second = (api.post("/policies", body, **KEY) for _ in range(2))
    assert second["Location"] == first["Location"] == f"/policies/{first.json()['policy_id']}"
    assert second["ETag"] == first["ETag"]


def test_another_body_is_422_and_another_path_or_caller_is_another_request(api, plan):
    path = f"/workflows/{plan.pk}/reject"
    assert api.post(path, {"reason": "No."}, **KEY).status_code == 200
    other = api.post(path, {"reason": "Never."}, **KEY)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert api.post(f"/workflows/{plan.pk}/simulate", {}, **KEY).status_code == 200
    somebody = Api(factories.make_key())
    assert somebody.post(path, {"reason": "No."}, **KEY).json()["code"] == "plan_not_editable"


def test_whoever_claims_a_key_finds_what_was_set_before(db):
    """A first claim, one that waits for nobody because the key is taken, and one of a key that is over."""
    given = {"caller": "user:1", "method": "POST", "path": "/x", "key": "k", "body": "b", "wait": "5s"}
    now = timezone.now()
    found = []
    for lock_timeout, expired in (
        ("7s", now),
        ("0", now - timedelta(days=1)),
        ("9s", now + timedelta(days=1)),
    ):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [lock_timeout])
            [(key, _)] = prepared.fetch(idempotency.CLAIM, {**given, "now": now, "expired": expired})
            cursor.execute("SHOW lock_timeout")
            found.append((key is not None, cursor.fetchone()[0]))
    assert found == [(True, "7s"), (False, "0"), (True, "9s")]


def test_an_error_is_not_kept_and_the_same_call_may_succeed_later(api, plan):
    path, body = f"/workflows/{plan.pk}/execute", {"execution_data": {}}
    assert api.post(path, body, **KEY).json()["code"] == "plan_not_approved"
    assert not IdempotencyRecord.objects.exists()
    api.post(f"/workflows/{plan.pk}/approve", {"digest": plan.current.digest})
    assert api.post(path, body, **KEY).status_code == 202


def test_a_key_is_forgotten_after_a_day(api, plan):
    path = f"/workflows/{plan.pk}/reject"
    api.post(path, {"reason": "No."}, **KEY)
    made = IdempotencyRecord.objects.get()
    IdempotencyRecord.objects.update(created_at=made.created_at - idempotency.KEPT)
    assert api.post(path, {"reason": "No."}, **KEY).json()["code"] == "plan_not_editable"
    idempotency.forget_old()
    assert not IdempotencyRecord.objects.exists()


def test_a_link_is_answered_again_and_is_nowhere_readable(owner, wait_for):
    task = wait_for("dispatch_crew")
    before = task.links.count()
    first, second = (owner.post(f"/workflows/tasks/{task.pk}/links", {}, **KEY) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert second["Cache-Control"] == "no-store"
    assert task.links.count() == before + 1
    kept = IdempotencyRecord.objects.get()
    token = first.json()["url"].rpartition("/")[2]
    assert kept.sealed and token not in json.dumps(kept.body)


def test_an_upload_is_answered_again_also_once_the_task_is_closed(owner, wait_for):
    task = wait_for("dispatch_crew")
    path, photo = f"/workflows/tasks/{task.pk}/uploads", picture()

    def give(content=photo):
        part = SimpleUploadedFile("leak.jpg", content)
        headers = {"Authorization": f"Api-Key {owner.key}", **KEY}
        return owner.client.post(path, {"file": part}, headers=headers)

    first = give()
    assert first.status_code == 201
    owner.post(f"/workflows/tasks/{task.pk}/complete", {"answer": {"crew": "Crew 7"}})
    second = give()
    assert (second.status_code, second.json(), second["Idempotency-Replayed"]) == (201, first.json(), "true")
    assert give(picture(colour="red")).json()["code"] == "idempotency_key_reused"


# --- at once, and crashes ---------------------------------------------------------------------------


def send(url, key, body, **headers):
    """Status, headers and JSON; None when the server went away."""
    headers = {"Authorization": f"Api-Key {key}", "Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, json.load(answer)
    except OSError:
        return None


def in_thread(work):
    answers = []
    thread = threading.Thread(target=lambda: (answers.append(work()), connections.close_all()))
    thread.start()
    return thread, answers


@pytest.fixture
def elsewhere(transactional_db, postgres):
    """Another connection to the test database."""
    with psycopg.connect(postgres.url(connection.settings_dict["NAME"])) as other:
        other.execute("SET search_path TO public, workflow")
        yield other


def make_draft():
    factories.load_city()
    return factories.make_plan()


def wait_until(holds, seconds=20.0):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.05)


def waits_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        return cursor.fetchone()[0] > 0


def test_a_duplicate_waits_for_the_first_and_gets_its_answer(elsewhere):
    plan, key = make_draft(), factories.make_key()
    elsewhere.execute("SELECT 1 FROM workflow_plans WHERE id = %s FOR UPDATE", [plan.pk])
    path, body = f"/workflows/{plan.pk}/reject", {"reason": "No."}
    first, answers = in_thread(lambda: Api(key).post(path, body, **KEY))
    wait_until(waits_for_a_lock)
    second, later = in_thread(lambda: Api(key).post(path, body, **KEY))
    time.sleep(0.5)
    assert not answers and not later
    elsewhere.rollback()
    first.join(20), second.join(20)
    assert answers[0].status_code == later[0].status_code == 200
    assert answers[0].json() == later[0].json()
    assert sorted("Idempotency-Replayed" in answer for answer in (answers[0], later[0])) == [False, True]


def test_a_duplicate_that_has_waited_for_five_seconds_is_409_and_told_when_to_come_again(elsewhere):
    plan, key = make_draft(), factories.make_key()
    elsewhere.execute("SELECT 1 FROM workflow_plans WHERE id = %s FOR UPDATE", [plan.pk])
    path, body = f"/workflows/{plan.pk}/reject", {"reason": "No."}
    first, answers = in_thread(lambda: Api(key).post(path, body, **KEY))
    wait_until(waits_for_a_lock)
    began = time.monotonic()
    late = Api(key).post(path, body, **KEY)
    assert (late.status_code, late.json()["code"]) == (409, "idempotency_in_progress")
    assert late["Retry-After"] == "5"
    assert 4.9 < time.monotonic() - began < 15
    elsewhere.rollback()
    first.join(20)
    assert answers[0].status_code == 200
    assert Api(key).post(path, body, **KEY)["Idempotency-Replayed"] == "true"


def test_a_web_server_killed_between_the_work_and_its_commit_leaves_neither_work_nor_answer(
    elsewhere, start_web
):
    key = factories.make_key()
    factories.load_city()
    # Whoever keeps an answer has done the work, and waits here.
    elsewhere.execute(
        "CREATE FUNCTION wait_here() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_advisory_xact_lock(6); RETURN NEW; END $$"
    )
    elsewhere.execute(
        "CREATE TRIGGER wait_here BEFORE UPDATE ON mudda_idempotencyrecord "
        "FOR EACH ROW EXECUTE FUNCTION wait_here()"
    )
    elsewhere.commit()
    try:
        elsewhere.execute("SELECT pg_advisory_lock(6)")
        web = start_web()
        body = {"problem_statement": "Water leak at 123 Main St"}
        url = f"{web.url}/workflows/generate"
        call, answers = in_thread(lambda: send(url, key, body, **KEY))
        wait_until(waits_for_a_lock)
        web.kill()
        call.join(20)
        assert answers == [None]
        elsewhere.execute("SELECT pg_advisory_unlock(6)")
        elsewhere.commit()
        wait_until(lambda: not waits_for_a_lock())
        time.sleep(0.5)
        assert not Issue.objects.exists() and not IdempotencyRecord.objects.exists()
    finally:
        elsewhere.rollback()
        elsewhere.execute("DROP TRIGGER wait_here ON mudda_idempotencyrecord")
        elsewhere.execute("DROP FUNCTION wait_here()")
        elsewhere.commit()
    url = f"{start_web().url}/workflows/generate"
    status, headers, made = send(url, key, body, **KEY)
    assert status == 201 and "Idempotency-Replayed" not in headers
    url = f"{start_web().url}/workflows/generate"  # and after the commit any other server knows the answer
    assert send(url, key, body, **KEY)[2] == made
    assert Issue.objects.count() == 1
