"""Temporal's web interface shows what it stores, to staff who may see it, and to no other page."""

import json

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import WorkflowSerializationContext

from mudda.codec_server import CODENAME
from mudda.encryption import Encryption, payload_keys
from mudda.models import Event
from tests import factories
from tests.encryption.keys import KEYS, TWO
from tests.time.runs import confirm, launch

DECODE, ENCODE = "/admin/temporal/codec/decode", "/admin/temporal/codec/encode"
UI = "https://temporal.city.example.org"
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"Ottoline"')

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def encrypted(settings):
    settings.TEMPORAL_PAYLOAD_KEYS, settings.TEMPORAL_UI_URL = KEYS, f"{UI}/namespaces/default"


@pytest.fixture
def reader():
    """Somebody of the staff who may read."""
    user = factories.make_user("supervisor")
    user.user_permissions.add(Permission.objects.get(codename=CODENAME))
    return user


def browser(user=None):
    client = Client(enforce_csrf_checks=True)
    if user is not None:
        client.force_login(user)
    return client


def ask(client, path=DECODE, *payloads, origin=UI, body=None):
    content = json_format.MessageToJson(Payloads(payloads=payloads)) if body is None else body
    headers = {"X-Namespace": "default", **({"Origin": origin} if origin else {})}
    return client.post(path, content, content_type="application/json", headers=headers)


def payloads(answer):
    assert answer.status_code == 200, answer.content
    return list(json_format.Parse(answer.content, Payloads()).payloads)


def sealed(workflow_id=""):
    context = WorkflowSerializationContext(namespace="default", workflow_id=workflow_id)
    return Encryption(KEYS).with_context(context).seal(PLAIN)


def test_a_reader_gets_what_was_encrypted_in_its_order_and_the_page_may_read_the_answer(reader):
    answer = ask(browser(reader), DECODE, sealed(), PLAIN, sealed())
    assert payloads(answer) == [PLAIN, PLAIN, PLAIN]
    assert answer["Access-Control-Allow-Origin"] == UI
    assert answer["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in answer["Vary"] and answer["Cache-Control"] == "no-store"


def test_what_somebody_sends_to_a_run_from_there_is_encrypted(reader):
    [found] = payloads(ask(browser(reader), ENCODE, PLAIN))
    assert b"Ottoline" not in found.SerializeToString()
    assert Encryption(KEYS).unseal(found) == PLAIN


def test_the_browser_is_told_beforehand_that_the_page_may(reader):
    preflight = {"Origin": UI, "Access-Control-Request-Method": "POST"}
    answer = browser().options(DECODE, headers=preflight)
    assert answer.status_code == 204
    assert answer["Access-Control-Allow-Origin"] == UI
    assert answer["Access-Control-Allow-Headers"] == "content-type, x-namespace"
    other = browser().options(DECODE, headers={**preflight, "Origin": "https://elsewhere.example"})
    assert other.status_code == 403 and "Access-Control-Allow-Origin" not in other


@pytest.mark.parametrize(
    "origin", ["https://elsewhere.example", "null", f"{UI}:8443", f"{UI}.evil.example", None]
)
def test_no_other_page_gets_anything_whoever_has_signed_in(reader, origin):
    answer = ask(browser(reader), DECODE, sealed(), origin=origin)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "Access-Control-Allow-Origin" not in answer


def test_nobody_reads_without_signing_in_and_the_permission():
    stranger = ask(browser(), DECODE, sealed())
    assert (stranger.status_code, stranger.json()["code"]) == (401, "not_authenticated")
    assert stranger["Access-Control-Allow-Origin"] == UI, "the page can say why"
    for path in (DECODE, ENCODE):
        answer = ask(browser(factories.make_user("administrator")), path, sealed())
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    citizen = factories.make_user()
    citizen.is_staff = False
    citizen.save()
    citizen.user_permissions.add(Permission.objects.get(codename=CODENAME))
    assert ask(browser(citizen), DECODE, sealed()).status_code == 401


def test_each_reading_of_a_run_is_an_event_of_it_once_in_a_while_for_each_reader(reader):
    run, boss = launch(confirm()), factories.make_user("supervisor", is_superuser=True)
    for user in (reader, reader, boss):
        assert payloads(ask(browser(user), DECODE, sealed(run.temporal_workflow_id), sealed())) == [
            PLAIN,
            PLAIN,
        ]
    told = Event.objects.filter(stream=run.stream, type="execution.payloads_read").order_by("seq")
    assert list(told.values_list("actor_id", "data")) == [(reader.pk, {}), (boss.pk, {})]


def test_a_run_that_a_reader_may_not_see_is_not_shown_and_no_event_is_written(reader):
    run = launch(confirm())
    factories.make_department("parks").staff.add(reader)
    answer = ask(browser(reader), DECODE, sealed(), sealed(run.temporal_workflow_id))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert not Event.objects.filter(type="execution.payloads_read").exists()


def test_a_reading_is_logged_with_who_and_what_and_nothing_that_was_read(reader, caplog):
    caplog.set_level("INFO")
    ask(browser(reader), DECODE, sealed("mudda-drafting-7"))
    [line] = [one.getMessage() for one in caplog.records if one.name == "mudda.codec_server"]
    assert f"user {reader.pk} " in line and "mudda-drafting-7" in line
    assert "Ottoline" not in caplog.text


def test_a_key_that_is_missing_and_a_body_that_is_none_are_said(reader):
    unknown = ask(browser(reader), DECODE, Encryption(payload_keys(TWO)).seal(PLAIN))
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_payload_key")
    assert "'two'" in unknown.json()["detail"]
    for body in ("", "payloads", '{"payloads": 1}', '{"payloads": [{"data": 1}]}', b'{"payloads": "\xff"}'):
        answer = ask(browser(reader), DECODE, body=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request"), body
    assert browser(reader).get(DECODE, headers={"Origin": UI}).status_code == 405
    assert json.loads(ask(browser(reader), DECODE).content) == {}


@pytest.mark.parametrize("missing", ["TEMPORAL_PAYLOAD_KEYS", "TEMPORAL_UI_URL"])
def test_without_keys_or_a_page_there_is_no_codec_server(reader, settings, missing):
    setattr(settings, missing, () if missing == "TEMPORAL_PAYLOAD_KEYS" else "")
    answer = ask(browser(reader), DECODE, sealed())
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
