"""Issues through the API: record, find, change, note, attach. And the city's categories and departments."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from issues.models import Attachment, Category, Department, Issue, IssueNote
from issues.services import report_issue
from mudda import events
from mudda.files.keeping import MOST_FILES
from mudda.models import ApiKey
from tests import factories
from tests.api.client import Api
from tests.links.pictures import paper, picture, place_of

REPORT = {
    "statement": "  Water runs over the street ",
    "address": "123 Main St",
    "latitude": 33.74899543219,
    "longitude": -84.38798,
    "category": "water_leak",
    "urgency": "high",
    "people_affected": 4,
    "reporter": {"name": "Ada Citizen", "email": "ada@example.org", "phone": "+1 404 555 0100"},
}
PRIVATE = ("Ada", "ada@example.org", "555 0100")


def at(issue, rest=""):
    return f"/issues/{issue.reference}{rest}"


def types(issue):
    return [event.type for event in events.of(issue)]


# --- recording --------------------------------------------------------------------------------------


def test_an_issue_is_recorded_and_found_where_the_answer_says(owner):
    response = owner.post("/issues", REPORT)
    assert response.status_code == 201
    body = response.json()
    assert (body["statement"], body["department"], body["urgency"]) == (
        "Water runs over the street",
        "water",
        "high",
    )
    assert (body["latitude"], body["longitude"]) == (33.748995, -84.38798)
    assert body["facts"]["category"]["source"] == "recorded"
    assert response["Location"] == f"/issues/{body['issue_id']}"
    read = owner.get(response["Location"])
    assert read.json() == body and read["ETag"] == response["ETag"] == f'"{body["version"]}"'


def test_who_reported_is_kept_and_never_read_back(owner):
    answers = [owner.post("/issues", REPORT)]
    issue = Issue.objects.get()
    assert issue.reporter.email == "ada@example.org"
    answers += [
        owner.get(at(issue)),
        owner.get("/issues"),
        owner.get(at(issue, "/events"), Accept="application/json"),
    ]
    for answer in answers:
        assert not any(word in answer.content.decode() for word in PRIVATE)


def test_a_report_sent_again_under_its_key_is_recorded_once(owner):
    first, second = (owner.post("/issues", REPORT, **{"Idempotency-Key": "r-1"}) for _ in range(2))
    assert first.json() == second.json() and second["Location"] == first["Location"]
    assert Issue.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"statement": " "}, "invalid_request", "/statement"),
        ({"statement": "\u200b"}, "empty_statement", "/statement"),
        ({"statement": None}, "invalid_request", "/statement"),
        ({"category": "no_such"}, "unknown_category", "/category"),
        ({"urgency": "now"}, "invalid_request", "/urgency"),
        ({"latitude": 91}, "invalid_request", "/latitude"),
        ({"latitude": "9" * 60}, "invalid_request", "/latitude"),
        ({"latitude": None}, "invalid_request", "/latitude"),
        ({"longitude": "nan"}, "invalid_request", "/longitude"),
        ({"longitude": "inf"}, "invalid_request", "/longitude"),
        ({"address": "x" * 201}, "invalid_request", "/address"),
        ({"reporter": {"email": "none"}}, "invalid_request", "/reporter/email"),
        ({"reporter": {"mail": "a@b.c"}}, "invalid_request", "/reporter/mail"),
        ({"people_affected": -1}, "invalid_request", "/people_affected"),
        ({"colour": "red"}, "invalid_request", "/colour"),
    ],
)
def test_what_is_wrong_with_a_report_is_said_at_its_field_and_nothing_is_recorded(api, change, code, pointer):
    response = api.post("/issues", {**REPORT, **change})
    assert (response.status_code, response.json()["code"]) == (400, code)
    assert response.json()["errors"][0]["pointer"] == pointer
    assert not Issue.objects.exists()


def test_a_position_needs_both_numbers(api):
    only = {name: value for name, value in REPORT.items() if name != "longitude"}
    assert api.post("/issues", only).json()["errors"][0]["pointer"] == "/longitude"


def test_whoever_is_limited_to_departments_records_only_what_they_will_see(owner, api):
    without = {name: value for name, value in REPORT.items() if name != "category"}
    assert owner.post("/issues", without).json()["errors"][0]["code"] == "required"
    assert owner.post("/issues", {**REPORT, "category": "tree"}).json()["code"] == "unknown_category"
    assert api.post("/issues", without).json()["department"] is None


# --- finding ----------------------------------------------------------------------------------------


@pytest.fixture
def several(city):
    """Three issues, each older than the one before, of two departments."""
    made = []
    for age, (statement, category, urgency, status) in enumerate(
        [
            ("Burst main floods the cellar", "water_leak", "critical", "OPEN"),
            ("A tree leans over the path", "tree", "normal", "IN_PROGRESS"),
            ("Water drips from a hydrant", "water_leak", "low", "CLOSED"),
        ]
    ):
        kind = Category.objects.get(code=category)
        issue = report_issue(statement=statement, category=kind, urgency=urgency)
        when = timezone.now() - timedelta(days=age)
        Issue.objects.filter(pk=issue.pk).update(reported_at=when, status=status)
        made.append(issue)
    return made


def listed(api, query=""):
    response = api.get(f"/issues{query}")
    assert response.status_code == 200, response.content
    return [row["issue_id"] for row in response.json()["results"]]


def test_issues_are_listed_newest_first_narrowed_and_ordered(api, several):
    burst, tree, drip = (issue.reference for issue in several)
    moment = (timezone.now() - timedelta(days=1, hours=12)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert listed(api) == [burst, tree, drip]
    assert listed(api, "?ordering=reported_at") == [drip, tree, burst]
    assert listed(api, "?status=IN_PROGRESS") == [tree]
    assert listed(api, "?category=water_leak") == [burst, drip]
    assert listed(api, "?department=parks") == [tree]
    assert listed(api, "?urgency=critical") == [burst]
    assert listed(api, f"?reported_after={moment}") == [burst, tree]
    assert listed(api, f"?reported_before={moment}&department=water") == [drip]
    assert listed(api, "?q=water") == [drip]
    assert listed(api, "?q=flooded+cellars") == [burst]
    assert listed(api, "?q=tree+or+hydrant") == [tree, drip]
    assert listed(api, "?q=elephant") == []


def test_a_list_has_what_its_caller_may_see_and_no_more(owner, colleague, outsider, nobody, several):
    burst, tree, drip = (issue.reference for issue in several)
    assert listed(owner) == listed(colleague) == [burst, drip]
    assert listed(outsider) == [tree]
    assert nobody.get("/issues").status_code == 401


# --- changing ---------------------------------------------------------------------------------------


def test_an_issue_is_changed_with_a_note_in_one_call(owner, issue):
    read = owner.get(at(issue))
    body = {
        "status": "IN_PROGRESS",
        "address": "125 Main St",
        "urgency": "critical",
        "latitude": 1.5,
        "longitude": 2,
        "note": "A crew looks at it.",
        "visible": True,
    }
    response = owner.call("PATCH", at(issue), body, **{"If-Match": read["ETag"]})
    assert response.status_code == 200
    changed = response.json()
    assert {name: changed[name] for name in body if name in changed} == {
        name: value for name, value in body.items() if name not in {"note", "visible"}
    }
    assert changed["facts"]["urgency"]["source"] == "staff"
    assert response["ETag"] == owner.get(at(issue))["ETag"] != read["ETag"]
    note = IssueNote.objects.get()
    assert (note.text, note.visible) == ("A crew looks at it.", True)
    assert types(issue)[1:] == [
        "issue.facts_corrected", "issue.updated", "issue.status_changed", "issue.note_added",
    ]  # fmt: skip


def test_a_change_of_what_somebody_else_has_changed_is_412_and_changes_nothing(owner, issue):
    read = owner.get(at(issue))["ETag"]
    owner.call("PATCH", at(issue), {"urgency": "high"})
    late = owner.call("PATCH", at(issue), {"status": "CLOSED", "note": "Done."}, **{"If-Match": read})
    assert (late.status_code, late["ETag"]) == (412, owner.get(at(issue))["ETag"])
    assert late.json()["version"] == Issue.objects.get().event_seq
    assert Issue.objects.get().status == "OPEN" and not IssueNote.objects.exists()


def test_one_wrong_field_keeps_the_others_from_being_changed(owner, issue):
    body = {"urgency": "high", "department": "no_such", "status": "CLOSED"}
    response = owner.call("PATCH", at(issue), body)
    assert (response.status_code, response.json()["code"]) == (400, "unknown_department")
    assert Issue.objects.get().urgency == "normal" and len(types(issue)) == 1


def test_another_department_takes_it_over(owner, outsider, issue):
    response = owner.call("PATCH", at(issue), {"department": "parks"})
    assert response.json()["department"] == "parks"
    assert owner.get(at(issue)).status_code == 404
    assert outsider.get(at(issue)).json()["category"] == "water_leak"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"visible": True}, ""),
        ({"status": "LOST"}, "/status"),
        ({"latitude": 1}, "/longitude"),
        ({"statement": "Other words"}, "/statement"),
        ({"note": ""}, "/note"),
    ],
)
def test_what_is_wrong_with_a_change_is_said_at_its_field(owner, issue, body, pointer):
    response = owner.call("PATCH", at(issue), body)
    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == pointer


# --- notes ------------------------------------------------------------------------------------------


def test_notes_are_left_once_and_listed_in_order(owner, issue):
    first, again = (
        owner.post(at(issue, "/notes"), {"text": "First."}, **{"Idempotency-Key": "n"}) for _ in range(2)
    )
    assert first.status_code == 201 and first.json() == again.json()
    assert first.json()["author"] == ApiKey.objects.get().owner_id
    second = owner.post(at(issue, "/notes"), {"text": "Second.", "visible": True}).json()
    page = owner.get(at(issue, "/notes?page_size=1")).json()
    assert page["results"] == [first.json()]
    assert owner.get(page["next"]).json()["results"] == [second]
    assert owner.post(at(issue, "/notes"), {"text": " "}).json()["errors"][0]["pointer"] == "/text"
    assert "First." not in json.dumps([event.data for event in events.of(issue)])


# --- files ------------------------------------------------------------------------------------------


def attach(api, issue, content=None, name="leak.jpg", **headers):
    part = SimpleUploadedFile(name, picture() if content is None else content, "text/html")
    headers = {"Authorization": f"Api-Key {api.key}", **headers}
    return api.client.post(at(issue, "/attachments"), {"file": part}, headers=headers)


def kept_files():
    return {str(path) for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()}


def test_a_file_is_kept_without_its_place_listed_and_read_back(owner, issue):
    answer = attach(owner, issue)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["title"], made["content_type"]) == ("leak.jpg", "image/jpeg")
    assert made["url"].endswith(answer["Location"])
    assert owner.get(at(issue, "/attachments")).json()["results"] == [made]
    read = owner.get(answer["Location"])
    content = b"".join(read.streaming_content)
    assert place_of(content) == {} and len(content) == made["size"]
    assert read["X-Content-Type-Options"] == "nosniff" and "no-store" in read["Cache-Control"]
    name = Attachment.objects.get().name
    assert made["id"] not in name and "leak" not in name and issue.reference not in name


def test_a_file_is_what_its_content_says_and_others_are_refused(owner, issue):
    assert attach(owner, issue, paper(), "photo.jpg").json()["content_type"] == "application/pdf"
    before = kept_files()
    for content in (b"MZ\x90", b"<svg onload=alert(1)>", b""):
        refused = attach(owner, issue, content)
        assert refused.status_code in {400, 422}, content
    assert kept_files() == before
    too_large = attach(owner, issue, b"\xff\xd8\xff" + b"x" * 10_200_000)
    assert (too_large.status_code, too_large.json()["code"]) == (413, "body_too_large")
    assert owner.post(at(issue, "/attachments"), {"file": "x"}).status_code == 415
    headers = {"Authorization": f"Api-Key {owner.key}"}
    missing = owner.client.post(at(issue, "/attachments"), {"other": "x"}, headers=headers)
    assert {error["pointer"] for error in missing.json()["errors"]} >= {"/other"}


def test_a_file_sent_again_is_one_with_a_key_and_without(owner, issue):
    before = kept_files()
    key = {"Idempotency-Key": "f-1"}
    content = picture()
    first, second, third = (attach(owner, issue, content, **headers) for headers in (key, key, {}))
    assert first.json() == second.json() == third.json()
    assert (second["ETag"], second["Idempotency-Replayed"]) == (first["ETag"], "true")
    assert len(kept_files() - before) == 1
    other = attach(owner, issue, picture(colour="red"), **key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_an_issue_has_room_for_twenty_files(owner, issue):
    for number in range(MOST_FILES):
        Attachment.objects.create(
            issue=issue, name=f"x{number}", title="x", content_type="x", size=1, sha256=f"{number}"
        )
    full = attach(owner, issue)
    assert (full.status_code, full.json()["code"]) == (409, "too_many_files")


def test_a_removed_file_is_gone_from_the_storage_too(owner, issue, django_capture_on_commit_callbacks):
    before = kept_files()
    made = attach(owner, issue)
    place = made["Location"]
    assert owner.call("DELETE", place, **{"If-Match": '"other"'}).status_code == 412
    with django_capture_on_commit_callbacks(execute=True):
        assert owner.call("DELETE", place, **{"If-Match": made["ETag"]}).status_code == 204
    assert kept_files() == before
    assert owner.get(place).status_code == owner.call("DELETE", place).status_code == 404
    assert types(issue)[1:] == ["issue.file_added", "issue.file_removed"]


# --- who may ----------------------------------------------------------------------------------------


def test_each_door_to_an_issue_lets_in_whom_it_should(owner, colleague, outsider, nobody, issue):
    attachment = attach(owner, issue)["Location"]
    reads = ["", "/notes", "/attachments", "/events"]
    for rest in reads:
        as_json = {"Accept": "application/json"}
        found = [
            client.get(at(issue, rest), **as_json).status_code
            for client in (owner, colleague, outsider, nobody)
        ]
        assert found == [200, 200, 404, 401], rest
    assert [c.get(attachment).status_code for c in (owner, colleague, outsider, nobody)] == [
        200,
        200,
        404,
        401,
    ]
    writes = [
        ("PATCH", at(issue), {"urgency": "high"}, 200),
        ("PATCH", at(issue, "/facts"), {"urgency": "low"}, 200),
        ("POST", at(issue, "/notes"), {"text": "Seen."}, 201),
        ("DELETE", attachment, None, 204),
    ]
    for method, path, body, status in writes:
        others = [client.call(method, path, body).status_code for client in (colleague, outsider, nobody)]
        assert others == [403, 404, 401], path
        assert owner.call(method, path, body).status_code == status, path
    assert [attach(client, issue).status_code for client in (colleague, outsider)] == [403, 404]
    assert colleague.post("/issues", REPORT).status_code == 403
    assert nobody.post("/issues", REPORT).status_code == 401


@pytest.mark.parametrize("reference", ["ISSUE-99999999", "nonsense", "ISSUE-1"])
def test_what_names_no_issue_is_404_at_every_door(api, reference):
    for method, rest, body in (
        ("GET", "", None),
        ("PATCH", "", {"urgency": "low"}),
        ("GET", "/notes", None),
        ("POST", "/notes", {"text": "x"}),
        ("GET", "/attachments", None),
        ("GET", f"/attachments/{'0' * 8}-0000-0000-0000-000000000000", None),
    ):
        assert api.call(method, f"/issues/{reference}{rest}", body).status_code == 404


# --- categories and departments ---------------------------------------------------------------------


@pytest.fixture
def administrator(city):
    return Api(factories.make_key(owner=factories.make_user("administrator")))


def test_categories_and_departments_are_listed_and_read(administrator, owner, outsider):
    everything = administrator.get("/categories?page_size=200").json()["results"]
    assert len(everything) == Category.objects.count()
    assert everything == sorted(everything, key=lambda row: row["name"])
    assert {row["department"] for row in owner.get("/categories").json()["results"]} == {"water"}
    assert [row["code"] for row in owner.get("/departments").json()["results"]] == ["water"]
    assert owner.get("/categories/water_leak").json()["department"] == "water"
    assert outsider.get("/categories/water_leak").status_code == 404
    assert outsider.get("/departments/water").status_code == 404
    assert administrator.get("/departments?active=false").json()["results"] == []


def test_a_category_is_changed_only_as_it_was_read(administrator):
    read = administrator.get("/categories/water_leak")
    body = {"target": "P3D", "name": "Leaks", "department": "parks"}
    changed = administrator.call("PATCH", "/categories/water_leak", body, **{"If-Match": read["ETag"]})
    assert changed.status_code == 200 and changed.json() == {**read.json(), **body}
    late = administrator.call("PATCH", "/categories/water_leak", {"target": ""}, **{"If-Match": read["ETag"]})
    assert (late.status_code, late["ETag"]) == (412, changed["ETag"])
    assert (
        administrator.get("/categories/water_leak", **{"If-None-Match": changed["ETag"]}).status_code == 304
    )


def test_a_department_gets_other_hours(administrator):
    hours = [[["08:00", "16:00"]]] * 5 + [[], []]
    body = {"working_hours": hours, "closed_days": ["2026-12-24"], "email": "water@city.example.org"}
    assert administrator.call("PATCH", "/departments/water", body).status_code == 200
    water = Department.objects.get(code="water")
    assert (water.working_hours, water.closed_days) == (hours, ["2026-12-24"])


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/categories/water_leak", {"target": "soon"}, "/target"),
        ("/categories/water_leak", {"department": "none"}, "/department"),
        ("/categories/water_leak", {"code": "other"}, "/code"),
        ("/departments/water", {"working_hours": [1]}, "/working_hours"),
        ("/departments/water", {"working_hours": None}, "/working_hours"),
        ("/departments/water", {"closed_days": ["tomorrow"]}, "/closed_days"),
        ("/departments/water", {"email": "none"}, "/email"),
    ],
)
def test_what_is_wrong_with_the_setup_is_said_at_its_field(administrator, path, body, pointer):
    before = administrator.get(path).json()
    response = administrator.call("PATCH", path, body)
    assert response.status_code == 400, response.content
    assert response.json()["errors"][0]["pointer"] == pointer
    assert administrator.get(path).json() == before


def test_the_setup_is_changed_by_those_who_answer_for_the_whole_city(owner, colleague, nobody, administrator):
    limited = Api(factories.make_key(owner=factories.make_user("administrator", departments=("water",))))
    for path in ("/categories/water_leak", "/departments/water"):
        for client, status in ((owner, 403), (colleague, 403), (limited, 403), (nobody, 401)):
            assert client.call("PATCH", path, {"name": "Ours"}).status_code == status
        assert administrator.call("PATCH", path, {"name": "Ours"}).status_code == 200


def test_who_has_changed_a_category_or_a_department_with_which_key_is_in_its_history(administrator):
    key = ApiKey.objects.latest("pk")
    before = LogEntry.objects.count()
    changes = {"name": "<b>Leaks</b>", "department": "parks"}
    assert administrator.call("PATCH", "/categories/water_leak", changes).status_code == 200
    assert administrator.call("PATCH", "/departments/water", {"active": True}).status_code == 200
    assert administrator.call("PATCH", "/departments/water", {"name": ""}).status_code == 400
    [entry] = LogEntry.objects.all()[: LogEntry.objects.count() - before]
    assert (entry.user_id, entry.action_flag) == (key.owner_id, CHANGE)
    assert entry.get_edited_object() == Category.objects.get(code="water_leak")
    assert key.name in entry.change_message and key.prefix in entry.change_message
    assert 'to "<b>Leaks</b>"' in entry.change_message
    browser = Client()
    browser.force_login(User.objects.create_superuser("boss"))
    page = browser.get(reverse("admin:issues_category_history", args=[entry.object_id])).content.decode()
    assert "&lt;b&gt;Leaks" in page and "<b>Leaks" not in page
