"""Files through the API: who may give them, who may read them, and what an answer may name."""

import json
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from mudda.files import keeping
from mudda.files.checking import LARGEST_BYTES, clean_file
from tests import factories
from tests.api.client import Api
from tests.links.pictures import paper, picture, place_of

pytestmark = pytest.mark.django_db


def give(api, task, content=None, name="leak.jpg", **more):
    part = SimpleUploadedFile(name, picture() if content is None else content, "text/html")
    headers = {"Authorization": f"Api-Key {api.key}"}
    return api.client.post(f"/workflows/tasks/{task.pk}/uploads", {"file": part, **more}, headers=headers)


@pytest.fixture
def task(wait_for):
    return wait_for("dispatch_crew")


def key_of(*groups, departments=("water",), scopes=("tasks:read", "tasks:write")):
    owner = factories.make_user(*groups, departments=departments)
    return Api(factories.make_key(*scopes, owner=owner))


def test_a_file_is_kept_without_its_place_listed_with_its_task_and_read_back(staff, task):
    answer = give(staff, task)
    assert answer.status_code == 201
    upload = answer.json()
    assert (upload["title"], upload["content_type"]) == ("leak.jpg", "image/jpeg")
    assert staff.get(f"/workflows/tasks/{task.pk}").json()["uploads"] == [upload]
    read = staff.get(f"/workflows/uploads/{upload['id']}")
    content = b"".join(read.streaming_content)
    assert place_of(content) == {} and len(content) == upload["size"]
    assert read["Content-Type"] == "image/jpeg" and read["Content-Disposition"].startswith("inline")
    assert read["X-Content-Type-Options"] == "nosniff" and "no-store" in read["Cache-Control"]


def test_its_name_in_the_storage_cannot_be_guessed(staff, task):
    give(staff, task)
    upload = task.uploads.get()
    assert str(upload.pk) not in upload.name and str(task.pk) not in upload.name and len(upload.name) > 64


def test_a_pdf_is_to_be_saved_not_shown(staff, task):
    upload = give(staff, task, paper(), name="estimate.html").json()
    assert (upload["content_type"], upload["title"]) == ("application/pdf", "estimate.pdf")
    assert staff.get(f"/workflows/uploads/{upload['id']}")["Content-Disposition"].startswith("attachment")


def test_the_same_file_twice_is_one(staff, task):
    assert give(staff, task).json() == give(staff, task, name="again.jpg").json()
    assert task.uploads.count() == 1


@pytest.mark.parametrize("content", [b"<script>", b"GIF89a", b"\xff\xd8\xffbroken"])
def test_what_is_no_image_and_no_pdf_is_refused_with_a_code(staff, task, content):
    answer = give(staff, task, content)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_file")
    assert not task.uploads.exists()


def test_only_the_upload_path_takes_large_bodies_and_even_that_has_an_end(staff, task):
    body = b"x" * 1_500_000
    assert staff.call("POST", f"/workflows/tasks/{task.pk}/decide", body).status_code == 413
    assert (
        staff.call("POST", f"/workflows/tasks/{task.pk}/uploads", body).status_code == 413
    )  # JSON, not a file
    assert give(staff, task, picture(size=(50, 50)) + body).status_code == 201
    answer = give(staff, task, b"\xff\xd8\xff" + b"x" * (LARGEST_BYTES + 200_000))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_without_a_file_or_as_something_else_it_says_what_is_missing(staff, task):
    path, headers = f"/workflows/tasks/{task.pk}/uploads", {"Authorization": f"Api-Key {staff.key}"}
    answer = staff.client.post(path, {"other": "x"}, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/file")
    assert staff.post(path, {"file": "x"}).status_code == 415


def test_outsiders_see_neither_the_task_nor_its_files_and_readers_give_none(staff, task):
    upload = give(staff, task).json()
    outsider = key_of("dispatcher", departments=("parks",))
    assert give(outsider, task).status_code == 404
    assert outsider.get(f"/workflows/uploads/{upload['id']}").status_code == 404
    reader = key_of("viewer", scopes=("tasks:read",))
    assert give(reader, task).status_code == 403
    assert reader.get(f"/workflows/uploads/{upload['id']}").status_code == 200
    nobody = Api("no.key")
    assert give(nobody, task).status_code == 401
    assert nobody.get(f"/workflows/uploads/{upload['id']}").status_code == 401


def test_a_task_without_photos_in_its_form_takes_none(staff, wait_for):
    assert give(staff, wait_for("ask_reporter")).status_code == 422


def test_an_answer_can_name_only_files_of_its_own_task(staff, task, wait_for):
    foreign = give(staff, wait_for("dispatch_crew")).json()["id"]
    own = give(staff, task).json()["id"]
    path = f"/workflows/tasks/{task.pk}/decide"
    for wrong in (foreign, str(uuid4()), "leak.jpg", "../../etc/passwd"):
        refused = staff.post(path, {"outcome": "done", "answer": {"crew": "C", "photos": [own, wrong]}})
        assert refused.status_code == 422
        assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [
            ("/answer/photos/1", "unknown_upload")
        ]
    assert staff.post(path, {"outcome": "done", "answer": {"crew": "C", "photos": [own]}}).status_code == 200
    assert give(staff, task).json()["code"] == "task_closed"


def kept_files():
    return sorted(str(path) for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file())


@pytest.fixture
def meanwhile(monkeypatch):
    """``meanwhile(do)`` does something while the next upload is being looked at, between its two looks at the task."""

    def arrange(do):
        @contextmanager
        def clean_and_do(file, **options):
            monkeypatch.setattr(keeping, "clean_file", clean_file)
            with clean_file(file, **options) as clean:
                do()
                yield clean

        monkeypatch.setattr(keeping, "clean_file", clean_and_do)

    return arrange


def test_a_file_that_comes_while_the_task_is_decided_leaves_nothing_in_the_storage(staff, task, meanwhile):
    path = f"/workflows/tasks/{task.pk}/decide"
    before = kept_files()
    meanwhile(lambda: staff.post(path, {"outcome": "done", "answer": {"crew": "C"}}))
    assert give(staff, task).json()["code"] == "task_closed"
    assert kept_files() == before


def test_of_the_same_file_sent_twice_at_once_one_is_left_in_the_storage(staff, task, meanwhile):
    before, first = kept_files(), []
    meanwhile(lambda: first.append(give(staff, task).json()))
    assert give(staff, task).json() == first[0]
    [new] = set(kept_files()) - set(before)
    assert new.endswith(task.uploads.get().name)
    assert staff.get(f"/workflows/uploads/{first[0]['id']}").status_code == 200


def test_a_crew_is_accepted_declined_and_named_through_the_api_too(staff, task):
    path = f"/workflows/tasks/{task.pk}"
    accepted = staff.post(f"{path}/accept", {"crew": "Crew 7", "arrival_at": "2001-01-01T00:00:00Z"})
    assert accepted.status_code == 400 and accepted.json()["errors"][0]["pointer"] == "/arrival_at"
    soon = task.opened_at.isoformat()
    assert staff.post(f"{path}/accept", {"crew": "Crew 7", "arrival_at": soon}).json()["crew"] == "Crew 7"
    again = staff.post(f"{path}/accept", {"crew": "Crew 8", "arrival_at": soon})
    assert (again.status_code, again.json()["code"], again.json()["crew"]) == (
        409,
        "already_accepted",
        "Crew 7",
    )
    declined = staff.post(f"{path}/decline", {"reason": "No excavator."}).json()
    assert (declined["status"], declined["crew"], declined["decline_reason"]) == ("open", "", "No excavator.")
    assert staff.post(f"{path}/decline", {"reason": ""}).status_code == 400
    done = staff.post(f"{path}/decide", {"outcome": "done", "answer": {"notes": "Repaired."}}).json()
    assert done["answer"]["crew"] == "Water" and done["answer"]["photos"] == []


def test_only_crews_tasks_are_accepted(staff, wait_for):
    task = wait_for("inspect_site")
    body = {"crew": "Crew 7", "arrival_at": task.opened_at.isoformat()}
    answer = staff.post(f"/workflows/tasks/{task.pk}/accept", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_for_crews")


def test_the_events_say_which_file_and_nothing_about_it(staff, task):
    from mudda import events

    give(staff, task, name="Ann's kitchen.jpg")
    told = [event for event in events.of(task.execution) if event.type == "task.file_added"]
    assert [event.data["upload"] for event in told] == [str(task.uploads.get().pk)]
    assert "kitchen" not in json.dumps([event.data for event in told])
