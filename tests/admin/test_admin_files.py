"""Files that staff give with a task in the admin: kept first, ticked, shown, and never anything but files."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from executions.crews import CREW_FORM, photo_form
from executions.models import StepRun, TaskUpload
from executions.tasks import open_task
from mudda.files.keeping import MOST_FILES
from tests.admin.looking import HOSTILE, MARKUP, assert_undecided, decision_on, page_of_task, said
from tests.links.pictures import paper, picture, place_of

UPLOADS = {"type": "array", "items": {"type": "string"}, "maxItems": 20, "x-uploads": True}


def file(content=None, name="leak.jpg"):
    return SimpleUploadedFile(name, picture() if content is None else content, content_type="image/jpeg")


@pytest.fixture
def crew(step):
    return open_task(step, kind="dispatch_crew", title="Call out the crew", outcomes=["done"], form=CREW_FORM)


@pytest.fixture
def photos(step):
    return open_task(step, kind="request_photos", title="Send photos", outcomes=["done"], form=photo_form(2))


def ticked(text):
    """The ids of the boxes that are ticked, by the name of their field."""
    boxes = re.findall(r'<input type="checkbox" name="answer-(\w+)" value="([^"]+)"([^>]*)>', text)
    return [(name, value) for name, value, attributes in boxes if "checked" in attributes]


def test_an_answer_takes_its_photos_along_and_shows_them_afterwards(owner, crew, people):
    text = owner.get(page_of_task(crew)).content.decode()
    assert 'enctype="multipart/form-data"' in text and 'name="files-photos" multiple' in text
    sent = {"outcome": "done", "answer-crew": "Crew 7", "answer-notes": "Done.",
            "files-photos": [file(), file(paper(), "estimate.pdf")]}  # fmt: skip
    assert "Thank you" in said(owner.post(decision_on(crew), sent))
    crew.refresh_from_db()
    image, pdf = crew.uploads.order_by("created_at")
    assert crew.answer["photos"] == [str(image.pk), str(pdf.pk)]
    assert (crew.answer["crew"], crew.decided_by) == ("Crew 7", people["owner"])
    run = reverse("admin:executions_workflowexecution_change", args=[crew.execution_id])
    for address in (page_of_task(crew), run):
        text = owner.get(address).content.decode()
        assert f'<img src="{reverse("upload", args=[image.pk])}"' in text
        assert f'<a href="{reverse("upload", args=[pdf.pk])}"' in text
        assert f'<img src="{reverse("upload", args=[pdf.pk])}"' not in text
    shown = owner.get(reverse("upload", args=[image.pk]))
    assert shown["Content-Type"] == "image/jpeg"
    assert place_of(b"".join(shown.streaming_content)) == {}


def test_files_are_kept_and_ticked_while_something_else_is_wrong(owner, step):
    form = {
        "type": "object",
        "properties": {"spot": UPLOADS, "depth": {"type": "number"}},
        "required": ["depth"],
    }
    task = open_task(step, kind="inspect_site", title="Look", outcomes=["done"], form=form)
    response = owner.post(
        decision_on(task), {"outcome": "done", "comment": "Careful.", "files-spot": [file()]}
    )
    text = response.content.decode()
    assert response.status_code == 422
    kept = task.uploads.get()
    assert ticked(text) == [("spot", str(kept.pk))]
    assert "leak.jpg" in text and "Careful." in text
    assert_undecided(task)
    again = {"outcome": "done", "answer-depth": "2", "answer-spot": [str(kept.pk)]}
    assert "Thank you" in said(owner.post(decision_on(task), again))
    task.refresh_from_db()
    assert task.answer == {"depth": 2.0, "spot": [str(kept.pk)]}


def test_files_can_be_kept_before_the_rest_is_filled_in(owner, step):
    form = {
        "type": "object",
        "properties": {"photos": UPLOADS, "depth": {"type": "number"}},
        "required": ["depth"],
    }
    task = open_task(step, kind="inspect_site", title="Look", outcomes=["done"], form=form)
    response = owner.post(decision_on(task), {"save": "1", "comment": "Half.", "files-photos": [file()]})
    text = response.content.decode()
    assert response.status_code == 200
    assert "Saved so far." in text and "Half." in text
    assert "This field is required." not in text
    assert_undecided(task)
    assert ticked(text) == [("photos", str(task.uploads.get().pk))]
    assert ticked(owner.get(page_of_task(task)).content.decode()) == ticked(text)  # also tomorrow


def test_a_file_that_is_none_is_named_at_its_field_and_the_good_one_is_kept(owner, crew):
    sent = {"outcome": "done", "answer-notes": "All typed.",
            "files-photos": [file(b"MZ\x90 not a picture", "virus.jpg"), file()]}  # fmt: skip
    response = owner.post(decision_on(crew), sent)
    text = response.content.decode()
    assert response.status_code == 422
    assert "virus.jpg: " in text and "All typed." in text
    assert ticked(text) == [("photos", str(crew.uploads.get().pk))]
    assert_undecided(crew)


@pytest.mark.parametrize(
    ("content", "said_of_it"), [(b"", "The file is empty."), (b"\xff\xd8\xff" + b"x" * 10_000_001, "10 MB")]
)
def test_empty_and_huge_files_are_refused_in_words(owner, crew, content, said_of_it):
    response = owner.post(decision_on(crew), {"outcome": "done", "files-photos": [file(content)]})
    assert response.status_code == 422
    assert said_of_it in response.content.decode()
    assert not crew.uploads.exists()


def test_more_files_than_a_task_may_have_are_refused_in_words(owner, crew):
    for at in range(MOST_FILES):
        TaskUpload.objects.create(task=crew, title=f"{at}.jpg", name="x", content_type="image/jpeg", size=1)
    response = owner.post(decision_on(crew), {"outcome": "done", "files-photos": [file()]})
    assert response.status_code == 422
    assert f"{MOST_FILES} files" in response.content.decode()


def test_a_storage_that_is_away_loses_nothing_that_was_typed(owner, crew, settings, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    settings.MEDIA_ROOT = str(tmp_path / "file")
    sent = {"outcome": "done", "answer-notes": "All typed.", "files-photos": [file()]}
    response = owner.post(decision_on(crew), sent)
    assert response.status_code == 422
    assert "could not be stored just now" in response.content.decode()
    assert "All typed." in response.content.decode()
    assert_undecided(crew)


def test_photos_that_were_asked_for_need_a_photo_or_a_reason(owner, photos):
    response = owner.post(decision_on(photos), {"outcome": "done", "files-photos": [file()]})
    assert response.status_code == 422
    assert "Add 2 photos, or say why there are fewer." in response.content.decode()
    assert "Thank you" in said(
        owner.post(decision_on(photos), {"outcome": "done", "answer-notes": "No camera."})
    )


def test_a_file_of_another_task_cannot_be_ticked(owner, crew, photos):
    owner.post(decision_on(photos), {"save": "1", "files-photos": [file()]})
    other = photos.uploads.get()
    response = owner.post(decision_on(crew), {"outcome": "done", "answer-photos": [str(other.pk)]})
    assert response.status_code == 422
    assert_undecided(crew)


def test_a_file_that_is_not_ticked_stays_out_of_the_answer(owner, crew):
    owner.post(decision_on(crew), {"save": "1", "files-photos": [file()]})
    owner.post(decision_on(crew), {"outcome": "done", "answer-notes": "Blurred."})
    crew.refresh_from_db()
    assert crew.answer["photos"] == []


def test_whoever_may_not_decide_leaves_no_file(colleague, outsider, nobody, crew, people, client):
    from tests import factories

    sent = {"outcome": "done", "answer-notes": "Mine."}
    assert colleague.post(decision_on(crew), {**sent, "files-photos": [file()]}).status_code == 403
    for stranger in (outsider, nobody):
        assert stranger.post(decision_on(crew), {**sent, "files-photos": [file()]}).status_code == 302
    crew.assignee = people["owner"]
    crew.save()
    client.force_login(factories.make_user("dispatcher", departments=("water",)))
    response = client.post(decision_on(crew), {"save": "1", "files-photos": [file()]})
    assert people["owner"].username in said(response)
    assert not crew.uploads.exists()
    assert_undecided(crew)


def test_files_are_shown_to_colleagues_and_to_nobody_else(owner, colleague, outsider, nobody, crew):
    owner.post(decision_on(crew), {"save": "1", "files-photos": [file()]})
    address = reverse("upload", args=[crew.uploads.get().pk])
    assert address in colleague.get(page_of_task(crew)).content.decode()
    assert colleague.get(address).status_code == 200
    assert outsider.get(address).status_code == 404
    assert nobody.get(address).status_code in {401, 403}


@pytest.mark.parametrize(
    "name", [*HOSTILE, "../../etc/passwd", "a\r\nSet-Cookie: x=1.jpg", "x" * 300 + ".jpg"]
)
def test_hostile_file_names_are_text_wherever_they_are_shown(owner, crew, name):
    sent = {"save": "1", "files-photos": [file(name=name), file(b"no picture", name)]}
    answers = [owner.post(decision_on(crew), sent), owner.get(page_of_task(crew))]
    TaskUpload.objects.update(title=name[:200])  # as if the service had let it through
    answers.append(owner.get(page_of_task(crew)))
    answers.append(owner.get(reverse("admin:executions_workflowexecution_change", args=[crew.execution_id])))
    for response in answers:
        text = response.content.decode()
        assert response.status_code in {200, 422}
        assert not any(bad in text for bad in MARKUP)
        assert "Set-Cookie" not in response.headers or "x=1" not in response["Set-Cookie"]
    assert crew.uploads.count() == 1


def test_the_pages_with_files_take_a_bounded_number_of_queries(owner, crew, django_assert_max_num_queries):
    for at in range(MOST_FILES):
        TaskUpload.objects.create(task=crew, title=f"{at}.jpg", name="x", content_type="image/jpeg", size=1)
    assert StepRun.objects.filter(execution=crew.execution_id).count() > 1
    with django_assert_max_num_queries(14):
        owner.get(page_of_task(crew))
    with django_assert_max_num_queries(18):
        owner.get(reverse("admin:executions_workflowexecution_change", args=[crew.execution_id]))
