"""Hostile words in every field and parameter of the doors to issues and the city's setup: kept as they are, or
refused at their field."""

from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from issues.models import Category, Department, Issue, IssueNote
from tests import factories
from tests.api.client import Api
from tests.links.pictures import picture
from tests.safety import hostile

READABLE = (
    "/issues",
    "/issues/{}",
    "/issues/{}/notes",
    "/issues/{}/attachments",
    "/categories",
    "/departments",
)


@pytest.fixture
def api(city):
    """The key of somebody who may change the city's setup too."""
    return Api(factories.make_key(owner=factories.make_user("administrator")))


@pytest.fixture
def issue(api):
    body = {"statement": "Water leak", "category": "water_leak"}
    api.post("/issues", body)
    return Issue.objects.get()


def send(api, method, path, pointer, text, **more):
    """Send ``text`` at a field as an attacker would; give the answer once it is one that is meant."""
    parts = [f"{hostile.raw_json(name)}: {hostile.raw_json(value)}" for name, value in more.items()]
    *outer, field = pointer.strip("/").split("/")
    at_field = f'"{field}": {hostile.raw_json(text)}'
    for name in reversed(outer):
        at_field = f'"{name}": {{{at_field}}}'
    answer = api.call(method, path, f"{{{', '.join([*parts, at_field])}}}".encode())
    assert answer.status_code in {200, 201, 400}, (pointer, text, answer.content)
    if answer.status_code == 400:
        assert {error["pointer"] for error in answer.json()["errors"]} == {pointer}, (text, answer.content)
    return answer


def ensure_all_readable(api, issue):
    for path in READABLE:
        assert api.get(path.format(issue.reference)).status_code == 200, path


@pytest.mark.parametrize(
    ("method", "path", "pointer", "more"),
    [
        ("POST", "/issues", "/statement", {}),
        ("POST", "/issues", "/address", {"statement": "Leak"}),
        ("POST", "/issues", "/category", {"statement": "Leak"}),
        ("POST", "/issues", "/reporter/name", {"statement": "Leak"}),
        ("POST", "/issues", "/reporter/email", {"statement": "Leak"}),
        ("POST", "/issues", "/reporter/phone", {"statement": "Leak"}),
        ("POST", "/issues", "/latitude", {"statement": "Leak", "longitude": 1}),
        ("PATCH", "/issues/{}", "/address", {}),
        ("PATCH", "/issues/{}", "/note", {}),
        ("PATCH", "/issues/{}", "/department", {}),
        ("PATCH", "/issues/{}", "/status", {}),
        ("POST", "/issues/{}/notes", "/text", {}),
        ("PATCH", "/categories/water_leak", "/name", {}),
        ("PATCH", "/categories/water_leak", "/target", {}),
        ("PATCH", "/departments/water", "/name", {}),
        ("PATCH", "/departments/water", "/email", {}),
        ("PATCH", "/departments/water", "/working_hours", {}),
        ("PATCH", "/departments/water", "/closed_days", {}),
    ],
)
def test_every_text_is_kept_or_refused_at_its_field_and_breaks_no_later_page(
    api, issue, method, path, pointer, more
):
    for text in hostile.everything():
        send(api, method, path.format(issue.reference), pointer, text, **more)
    ensure_all_readable(api, issue)


def test_what_is_kept_is_what_was_sent(api, issue):
    for text in filter(hostile.storable, hostile.everything()):
        if send(api, "POST", f"/issues/{issue.reference}/notes", "/text", text).status_code == 201:
            assert IssueNote.objects.order_by("-pk").first().text == text.strip()
        if len(text) <= 120 and send(api, "PATCH", "/departments/water", "/name", text).status_code == 200:
            assert Department.objects.get(code="water").name == text.strip()


def test_every_search_filter_and_cursor_is_answered_or_refused(api, issue):
    for text in hostile.everything():
        given = quote(text.encode("utf-8", "surrogatepass")[:2_000])
        for name in (
            "q",
            "category",
            "department",
            "status",
            "reported_after",
            "ordering",
            "page_size",
            "cursor",
        ):
            answer = api.get(f"/issues?{name}={given}")
            assert answer.status_code in {200, 400}, (name, text, answer.content)
        assert api.get(f"/issues/{quote(text[:200].encode('utf-8', 'replace'), safe='')}").status_code in {
            200,
            404,
        }
        assert api.get(f"/categories?active={given}").status_code in {200, 400}


def test_every_name_of_a_file_is_made_readable(api, issue):
    headers = {"Authorization": f"Api-Key {api.key}"}
    path = f"/issues/{issue.reference}/attachments"
    for text in hostile.everything():
        name = text.encode("utf-8", "replace").decode()[:200] or "x"
        part = SimpleUploadedFile("x.jpg", picture(size=(8, 8)))
        part._name = name
        answer = api.client.post(path, {"file": part}, headers=headers)
        assert answer.status_code in {201, 400}, (text, answer.content)
        if answer.status_code == 201:
            read = api.get(answer["Location"])
            assert read.status_code == 200 and b"".join(read.streaming_content)
            assert "\n" not in answer.json()["title"] and "/" not in answer.json()["title"]
            issue.attachments.all().delete()
    assert Category.objects.exists()
