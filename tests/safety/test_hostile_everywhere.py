"""Hostile words wherever the API takes text: no defect, and nothing stored that breaks what is read later.

Fields, parameters and headers are those of the OpenAPI document. Each string stands in each field alone, and what it
does is undone, so that one that breaks something is known by name.
"""

import json
import re
from urllib.parse import quote

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse

from mudda.models import Event, WebhookDelivery
from mudda.streaming import as_text
from mudda.webhooks.sending import message
from mudda.webhooks.subjects import subject_of
from tests.links.pictures import picture
from tests.safety import hostile
from tests.safety.operations import as_sent, every_operation, is_free, put_at, resolved, text_fields
from tests.safety.pages import acts
from tests.safety.test_hostile_pages import pages_of, plan_of
from tests.safety.world import World
from workflows.models import WorkflowPlan

OPERATIONS = every_operation()
WRITING = [one for one in OPERATIONS if one.media_type == "application/json"]
SENDING_FILES = [one for one in OPERATIONS if one.media_type == "multipart/form-data"]
READING = [one for one in OPERATIONS if one.method == "GET"]
WITH_HEADERS = [one for one in OPERATIONS if one.of("header")]


def named(operations):
    return {"argvalues": operations, "ids": [one.name for one in operations]}


@pytest.fixture
def world(db, settings):
    world = World()
    settings.OPENAI_API_KEY, settings.GENERATE_WAIT = "", 0.0
    return world


def ensure_meant(answer, *what):
    """An answer that somebody meant: done, or refused with a code."""
    assert answer.status_code < 500, (*what, answer.content)
    if answer.status_code >= 400:
        assert answer["Content-Type"] == "application/problem+json", (*what, answer.content)
        assert answer.json()["code"], what
    return answer


def undone(call):
    """What a call answers; what it has done is undone."""
    with transaction.atomic():
        answer = call()
        transaction.set_rollback(True)
    return answer


@pytest.mark.parametrize("operation", **named(WRITING))
def test_every_text_in_every_field_is_taken_or_refused(world, operation):
    path, base = world.ready(operation), world.body_of(operation)
    answer = undone(lambda: world.api.call(operation.method, path, as_sent(base)))
    assert answer.status_code < 300 or answer.json()["code"] == "no_model", answer.content
    for pointer, schema in text_fields(operation.body):
        for text in texts_for(schema):
            sent = as_sent(put_at(base, pointer, text))
            answer = undone(lambda sent=sent: world.api.call(operation.method, path, sent))
            ensure_meant(answer, operation.name, pointer, text)


def texts_for(schema):
    """All of them for a field that takes any text; for one of choices, a form or a format, ours."""
    if not is_free(schema):
        return list(hostile.OWN.values())
    most = schema.get("maxLength", 2_000)
    longer = [text for text in hostile.everything() if len(text) > most and text not in hostile.OWN.values()]
    return [text for text in hostile.everything() if text not in longer] + longer[:3]


@pytest.mark.parametrize("operation", **named(SENDING_FILES))
def test_every_name_of_a_file_and_every_field_beside_it_is_taken_or_refused(world, operation):
    path, headers = world.at(operation), {"Authorization": f"Api-Key {world.api.key}"}
    fields = [pointer[1:] for pointer, _ in text_fields(operation.body)]
    for text in hostile.everything():
        for field in ("the name", *fields):
            kept = text.encode("utf-8", "replace").decode()
            file = SimpleUploadedFile("x.jpg", picture(size=(8, 8)))
            file._name = (kept[:200] or "x") if field == "the name" else "x.jpg"
            data = {"file": file} if field == "the name" else {"file": file, field: kept}
            answer = undone(lambda data=data: world.api.client.post(path, data, headers=headers))
            ensure_meant(answer, operation.name, field, text)


@pytest.mark.parametrize("operation", **named(READING))
def test_every_parameter_is_answered_or_refused(world, operation):
    path = world.at(operation)
    for parameter in operation.of("query"):
        free = is_free(resolved(parameter["schema"]))
        for text in hostile.everything() if free else hostile.OWN.values():
            given = quote(text.encode("utf-8", "surrogatepass")[:2_000])
            answer = ensure_meant(
                world.api.get(f"{path}?{parameter['name']}={given}"), operation.name, parameter, text
            )
            assert b"<script>" not in answer.getvalue() or answer["Content-Type"].endswith("json")


@pytest.mark.parametrize("operation", **named(WITH_HEADERS))
def test_every_header_is_taken_or_refused(world, operation):
    path, base = world.at(operation), world.body_of(operation)
    for header in operation.of("header"):
        for text in hostile.OWN.values():
            shown = text.encode("utf-8", "surrogatepass")[:4_000].decode("latin-1")
            given = {header["name"]: shown.replace("\r", " ").replace("\n", " ")}  # no server lets these in
            body = as_sent(base) if operation.method != "GET" else None
            call = lambda body=body, given=given: world.api.call(operation.method, path, body, **given)  # noqa: E731
            ensure_meant(undone(call), operation.name, header["name"], text)


# --- and read again ---------------------------------------------------------------------------------

TAME = ["a leak", "a hole", "a branch"]


CHOOSES = re.compile(
    r"/(role|outcome|url|user|group|answer|types/0|filters/.*|category|department|target|.*_(hours|days))"
)
"""What names something of ours, so that any text but a few is refused."""


def texts_into(body, operation, texts):
    """A body with texts in each field that takes any: as many as it has room for, others in each."""
    for at, (pointer, schema) in enumerate(text_fields(operation.body)):
        if not is_free(schema) or CHOOSES.fullmatch(pointer) or operation.name == "simulate_plan":
            continue
        room, held = schema.get("maxLength", 2_000), []
        for text in texts[at % len(texts) :] + texts[: at % len(texts)]:
            if len("\n".join([*held, text])) <= room:
                held.append(text)
        if held:
            body = put_at(body, pointer, "\n".join(held))
    return body


def written(world, texts):
    """Put texts wherever they can be put; the operations that took them."""
    taken = set()
    for operation in WRITING:
        body = texts_into(world.body_of(operation), operation, texts)
        if operation.name == "replace_plan":
            body = {"workflow_plan": plan_of(texts)}
        answer = world.api.call(operation.method, world.at(operation), as_sent(body))
        ensure_meant(answer, operation.name, texts)
        taken |= {operation.name} if answer.status_code < 300 else set()
    return taken


def admin_pages(world):
    """The lists of everything in the admin, the pages of the newest of each, and what is done with a plan."""
    yield world.link
    for model in site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        if model is User:
            continue
        for row in model._default_manager.order_by("-pk")[:2]:
            yield reverse(f"{name}_change", args=[row.pk])
            yield reverse(f"{name}_history", args=[row.pk])
    plan = WorkflowPlan.objects.get(pk=world.plan["workflow_id"])
    yield from (url for _, url in pages_of(plan))


def test_what_is_stored_everywhere_breaks_no_page_that_is_read_later(world):
    browser, tame, took = Client(raise_request_exception=False), {}, set()
    browser.force_login(world.boss)
    for texts in [TAME, *hostile.in_heaps(hostile.everything(), 2_000)]:
        with transaction.atomic():
            took |= written(world, texts)
            for operation in READING:
                answer = ensure_meant(world.api.get(world.at(operation)), operation.name, texts)
                if operation.path.endswith("/events") and answer.status_code == 200:
                    ensure_whole(answer.json()["events"], texts)
            for body in delivered():
                json.loads(body)
            for at, url in enumerate(admin_pages(world)):
                answer = browser.get(url, follow=True)
                assert answer.status_code < 500, (url, texts)
                does = acts(answer) if answer.status_code == 200 else set()
                tame.setdefault(at, does) if texts is TAME else None
                assert texts is TAME or does <= set().union(*tame.values()), (url, does - tame[at], texts)
            transaction.set_rollback(True)
    assert len(took) > len(WRITING) * 2 / 3, {one.name for one in WRITING} - took


def ensure_whole(events, texts):
    """As server-sent events each is three lines and an empty one, whatever it tells."""
    for event in events:
        lines = as_text([event]).decode().split("\n")
        assert [line.partition(":")[0] for line in lines] == ["id", "event", "data", "", ""], texts


def delivered():
    """The bodies of what webhooks are to be sent."""
    for delivery in WebhookDelivery.objects.select_related("subscription"):
        event = Event.objects.filter(pk=delivery.event_id).first()
        if event is not None:
            yield message(event, subject_of(event.stream, delivery.subscription.owner, None))
