"""What somebody with a link sees and can do, through real HTTP with the CSRF check on."""

from datetime import timedelta

import pytest
from django.core import signing
from django.utils import timezone

from executions.links import NotForLinks, issue_link, revoke_links
from executions.models import HumanTask, TaskLink, TaskStatus
from mudda import events
from mudda.files.keeping import MOST_FILES
from mudda.models import OutboxMessage
from tests import factories
from tests.api.client import Api
from tests.links.phone import Phone
from tests.links.pictures import HERE, picture, place_of
from workflows.plan.catalogue import offered
from workflows.plan.validation import validate

pytestmark = pytest.mark.django_db

SOON = "2099-05-04T08:30"


def soon():
    return timezone.localtime(timezone.now() + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")


def accepted(phone, **fields):
    return phone.send("accept", **{"crew": "Crew 7", "arrival_at": soon(), **fields})


def happened(task):
    return [(event.type, event.data) for event in events.of(task.execution)]


def test_a_crew_accepts_reports_and_the_run_hears_the_whole_answer(wait_for, last_link, phone):
    task = wait_for("dispatch_crew")
    phone.open(last_link())
    assert "Do the work" in phone.text and "123 Main St" in phone.text and "Find the leak." in phone.text
    accepted(phone)
    assert "Crew 7" in phone.text and "When the work is done" in phone.text
    phone.send(
        "done", files=[("files-photos", "leak.jpg", picture())], **{"answer-notes": "Clamped the pipe."}
    )
    assert "Thank you" in phone.text and "by the department" in phone.text
    task.refresh_from_db()
    assert (task.status, task.outcome, task.decided_role) == ("decided", "done", "department:water")
    assert task.answer == {
        "crew": "Crew 7",
        "accepted_at": task.accepted_at.isoformat(timespec="seconds"),
        "completed_at": task.decided_at.isoformat(timespec="seconds"),
        "notes": "Clamped the pipe.",
        "photos": [str(task.uploads.get().pk)],
    }
    assert OutboxMessage.objects.get(payload__task_id=str(task.pk)).payload["then"] == "answer"
    told = dict(happened(task))
    link = str(task.links.get().pk)
    assert told["task.accepted"]["link"] == told["task.decided"]["link"] == link
    assert "Crew 7" not in str(told) and "Clamped" not in str(told)
    assert task.links.get().used_at == task.decided_at


def test_looking_decides_nothing(wait_for, last_link, phone):
    task, link = wait_for("dispatch_crew"), last_link()
    before = len(happened(task))
    for _ in range(3):
        assert phone.client.head(link).status_code == 302
        phone.open(link)
        assert phone.client.head(phone.page).status_code == 200
        phone.client.get(phone.page + "?do=done&answer-notes=x")
    for method in ("put", "patch", "delete", "options"):
        assert getattr(phone.client, method)(link).status_code in (403, 405)
        assert getattr(phone.client, method)(phone.page).status_code in (403, 405)
    assert phone.client.post(link).status_code in (403, 405)
    task.refresh_from_db()
    assert (task.status, task.accepted_at) == (TaskStatus.OPEN, None)
    assert len(happened(task)) == before


def test_the_token_is_in_the_first_address_only_and_only_its_hash_is_kept(wait_for, last_link, phone):
    task, link = wait_for("dispatch_crew"), last_link()
    token = link.removeprefix("/t/")
    assert len(token) == 43
    row = TaskLink.objects.get(task=task)
    assert token not in str(vars(row)) and len(row.token_sha256) == 64
    first = phone.client.get(link)
    assert first["Referrer-Policy"] == "no-referrer" and token not in first["Location"]
    answer = phone.open(link)
    assert token not in phone.text
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cache-Control"] == "no-store"
    policy = answer["Content-Security-Policy"]
    assert "Content-Security-Policy-Report-Only" not in answer
    assert "default-src 'none'" in policy and "unsafe" not in policy and "script-src" not in policy
    assert "<script" not in phone.text and " style=" not in phone.text and " onclick" not in phone.text
    cookie = phone.client.cookies["mudda_task"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == phone.page


def test_a_page_shows_its_task_and_nothing_else(wait_for, last_link, phone):
    other = wait_for("dispatch_crew", address="9 Secret Lane", instructions="Another matter.")
    wait_for("ask_reporter")
    phone.open(last_link())
    assert "Is the water still running?" in phone.text
    for hidden in (
        "123 Main St",
        "9 Secret Lane",
        "Another matter",
        "ada@example.org",
        "Ada",
        "/admin",
        str(other.pk),
    ):
        assert hidden not in phone.text


def test_words_of_a_plan_do_nothing_on_the_page(wait_for, last_link, phone):
    hostile = '</div><script>alert(1)</script><img src=x onerror="alert(1)">'
    wait_for("dispatch_crew", instructions=hostile, address=hostile)
    text = phone.client.get(last_link(), follow=True).content.decode()
    assert "<script>" not in text and "<img" not in text and "&lt;script&gt;" in text


@pytest.mark.parametrize(
    "token", ["x", "A" * 43, "%00", "..%2f..%2fadmin", "é", "'; DROP TABLE task_links;--"]
)
def test_a_link_that_is_not_ours_is_a_page_that_says_so(db, phone, token):
    answer = phone.client.get(f"/t/{token}")
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")
    assert answer["Cache-Control"] == "no-store"


def test_without_the_cookie_or_with_another_pages_the_page_stays_shut(wait_for, last_link, phone):
    wait_for("dispatch_crew", address="9 Secret Lane")
    phone.open(last_link())
    stranger = Phone()
    answer = stranger.client.get(phone.page)
    assert answer.status_code == 403 and "Secret Lane" not in answer.content.decode()
    assert "open the link in your letter again" in answer.content.decode()
    wait_for("ask_reporter")
    stranger.open(last_link())
    forged = stranger.client.cookies["mudda_task"].value
    stranger.client.cookies["mudda_task"]["path"] = "/"
    assert stranger.client.get(phone.page).status_code == 403
    for value in (forged + "x", "", signing.get_cookie_signer(salt="other").sign("x")):
        stranger.client.cookies["mudda_task"] = value
        assert stranger.client.get(phone.page).status_code == 403


def test_without_the_forms_own_token_nothing_is_taken(wait_for, last_link, phone):
    task = wait_for("ask_reporter")
    phone.open(last_link())
    assert phone.client.post(phone.page, {"do": "done", "answer-answer": "yes"}).status_code == 403
    task.refresh_from_db()
    assert task.status == TaskStatus.OPEN


def test_a_page_that_is_open_goes_on_while_the_secret_key_is_replaced(wait_for, last_link, phone, settings):
    task = wait_for("dispatch_crew")
    phone.open(last_link())
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 10, [settings.SECRET_KEY]
    accepted(phone)
    assert "Crew 7" in phone.text
    settings.SECRET_KEY_FALLBACKS = []
    phone.open(last_link())
    assert "When the work is done" in phone.text
    assert task.links.count() == 1


def test_an_expired_link_says_so_and_takes_nothing(wait_for, last_link, phone):
    task = wait_for("ask_reporter")
    phone.open(last_link())
    TaskLink.objects.update(expires_at=timezone.now())
    answer = phone.send("done", **{"answer-answer": "yes"})
    assert answer.status_code == 410 and "has expired" in phone.text
    assert phone.open(last_link()).status_code == 410
    task.refresh_from_db()
    assert task.status == TaskStatus.OPEN


def test_a_revoked_link_says_so_and_takes_nothing(wait_for, last_link, phone):
    task = wait_for("ask_reporter")
    phone.open(last_link())
    assert revoke_links(task) == 1
    assert phone.send("done", **{"answer-answer": "yes"}).status_code == 410
    assert "withdrawn" in phone.text and "running" not in phone.text
    task.refresh_from_db()
    assert task.status == TaskStatus.OPEN
    assert ("task.links_revoked", 1) in [(type, data.get("links")) for type, data in happened(task)]
    assert revoke_links(task) == 0


def test_staff_of_the_department_withdraw_links_through_the_api_and_outsiders_do_not(
    wait_for, last_link, phone, staff
):
    path = f"/workflows/tasks/{wait_for('ask_reporter').pk}/links"
    owner = factories.make_user("dispatcher", departments=("parks",))
    assert Api(factories.make_key(owner=owner)).call("DELETE", path).status_code == 404
    phone.open(last_link())
    assert "still running" in phone.text
    assert staff.call("DELETE", path).json() == {"revoked": 1}
    assert phone.open(last_link()).status_code == 410


def test_staff_of_the_department_make_a_new_link_when_the_letter_is_lost_and_others_do_not(
    wait_for, last_link, phone, staff
):
    task = wait_for("ask_reporter")
    path = f"/workflows/tasks/{task.pk}/links"
    outsider = factories.make_user("dispatcher", departments=("parks",))
    assert Api(factories.make_key(owner=outsider)).post(path).status_code == 404
    reader = factories.make_user("dispatcher", departments=("water",))
    assert Api(factories.make_key("tasks:read", owner=reader)).post(path).status_code == 403
    answer = staff.post(path)
    assert answer.status_code == 201 and answer["Cache-Control"] == "no-store"
    given = answer.json()
    assert given["role"] == "issue.reporter"  # as the letter's
    assert ("task.link_given", given["id"]) in [(type, data.get("link")) for type, data in happened(task)]
    token = given["url"].removeprefix("http://testserver/t/")
    assert len(token) >= 43 and token not in str(happened(task))
    phone.open(last_link())
    assert "still running" in phone.text  # the letter's own link stays good
    another = Phone()
    another.open(f"/t/{token}")
    assert another.send("done", **{"answer-answer": "yes"}).status_code == 200
    task.refresh_from_db()
    assert (task.status, task.decided_role) == (TaskStatus.DECIDED, "issue.reporter")
    assert staff.post(path).json()["code"] == "task_closed"


def test_a_new_link_is_for_a_role_of_ours_and_never_for_a_task_that_a_group_decides(wait_for, staff):
    path = f"/workflows/tasks/{wait_for('dispatch_crew').pk}/links"
    assert staff.post(path).json()["role"] == "department:water"
    assert staff.post(path, {"role": "issue.reporter"}).json()["role"] == "issue.reporter"
    for role in ("water", "department:", "department:nobody", "ann@example.org"):
        refused = staff.post(path, {"role": role})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/role")
    group = f"/workflows/tasks/{wait_for('confirm_completion').pk}/links"
    assert staff.post(group).json()["code"] == "not_for_links"


def test_a_link_lives_two_weeks_after_the_due_time(wait_for):
    task = wait_for("ask_reporter")
    task.due_at = timezone.now() + timedelta(days=30)
    task.save()
    issue_link(task, "issue.reporter")
    late = task.links.order_by("-expires_at").first()
    assert late.expires_at == task.due_at + timedelta(days=14)


def test_an_answer_counts_once_and_the_second_is_told_of_the_first_in_neutral_words(
    wait_for, last_link, phone
):
    task = wait_for("ask_reporter")
    phone.open(last_link())
    form = phone.text
    phone.send("done", **{"answer-answer": "yes"})
    assert "Thank you" in phone.text and "by the reporter" in phone.text
    phone.text = form
    answer = phone.send("done", **{"answer-answer": "no"})
    assert answer.status_code == 409
    assert "Somebody was faster" in phone.text and "Ada" not in phone.text
    task.refresh_from_db()
    assert task.answer == {"answer": True}
    assert OutboxMessage.objects.filter(payload__task_id=str(task.pk)).count() == 1


def test_staff_may_answer_on_the_reporters_behalf_and_the_link_says_who_did(
    wait_for, last_link, phone, staff
):
    task = wait_for("ask_reporter")
    phone.open(last_link())
    decided = staff.post(
        f"/workflows/tasks/{task.pk}/decide", {"outcome": "done", "answer": {"answer": False}}
    )
    assert decided.status_code == 200
    assert "by a member of staff" in (phone.open(last_link()), phone.text)[1]


@pytest.mark.parametrize(
    ("status", "words"), [("withdrawn", "No longer needed"), ("expired", "The time for this is over")]
)
def test_a_task_that_nobody_needs_any_more_says_so(wait_for, last_link, phone, status, words):
    HumanTask.objects.filter(pk=wait_for("ask_reporter").pk).update(status=status, decided_at=timezone.now())
    phone.open(last_link())
    assert words in phone.text


def test_accepting_asks_who_and_when_in_words_and_keeps_what_was_typed(wait_for, last_link, phone):
    task = wait_for("dispatch_crew")
    phone.open(last_link())
    assert accepted(phone, crew="").status_code == 422
    assert "Say who comes." in phone.text and soon()[:13] in phone.text
    assert accepted(phone, crew="Crew 7", arrival_at="2001-01-01T10:00").status_code == 422
    assert "in the past" in phone.text and "Crew 7" in phone.text
    assert accepted(phone, arrival_at=SOON).status_code == 422
    assert "60 days" in phone.text
    assert accepted(phone, arrival_at="tomorrow").status_code == 422
    assert "Write it as a date and a time" in phone.text
    assert accepted(phone, crew="x\x00y").status_code == 422
    task.refresh_from_db()
    assert task.accepted_at is None


@pytest.mark.parametrize("what", ["accept", "decline", "fly"])
def test_what_the_page_does_not_offer_changes_nothing(wait_for, last_link, phone, what):
    task = wait_for("ask_reporter")
    phone.open(last_link())
    answer = phone.send(what, crew="Crew 7", arrival_at=soon(), reason="No time.")
    assert answer.status_code == 200 and "still running" in phone.text
    task.refresh_from_db()
    assert (task.status, task.accepted_at, task.declined_at) == (TaskStatus.OPEN, None, None)


def test_a_second_crew_is_told_who_was_first(wait_for, last_link, phone):
    task = wait_for("dispatch_crew")
    other = Phone()
    for one in (phone, other):
        one.open(last_link())
    accepted(phone)
    answer = accepted(other, crew="Crew 8")
    assert answer.status_code == 409 and "Crew 7 has accepted it." in other.text
    task.refresh_from_db()
    assert task.crew == "Crew 7"


def test_declining_gives_the_task_back_undecided_and_another_crew_can_accept(wait_for, last_link, phone):
    task = wait_for("dispatch_crew")
    phone.open(last_link())
    assert phone.send("decline", reason=" ").status_code == 422
    assert "Say why" in phone.text
    accepted(phone)
    phone.send("decline", reason="Our excavator broke.")
    task.refresh_from_db()
    assert (task.status, task.crew, task.accepted_at, task.arrival_at) == (TaskStatus.OPEN, "", None, None)
    assert task.decline_reason == "Our excavator broke."
    assert "department’s queue" in phone.text and "Our excavator broke." in phone.text
    assert [type for type, _ in happened(task)][-2:] == ["task.accepted", "task.declined"]
    assert "excavator" not in str(happened(task))
    accepted(phone, crew="Crew 8")
    task.refresh_from_db()
    assert task.crew == "Crew 8"


def test_an_inspections_form_asks_every_kind_of_question_and_keeps_what_was_typed(wait_for, last_link, phone):
    task = wait_for("inspect_site")
    phone.open(last_link())
    assert all(
        asked in phone.text for asked in ("How bad is it?", "Must a lane be closed?", "Photos of the spot")
    )
    answer = phone.send(
        "done",
        files=[("files-where", "spot.jpg", picture()), ("files-where", "evil.jpg", b"<svg onload=alert(1)>")],
        **{"answer-depth": "deep", "answer-notes": "Typed with care.", "answer-lane_affected": "yes"},
    )
    assert answer.status_code == 422
    assert "Enter a number." in phone.text and "Please answer this." in phone.text
    assert "evil.jpg: This is not a JPEG" in phone.text
    assert "Typed with care." in phone.text and len(phone.ticked) == 1
    upload = task.uploads.get()
    phone.send(
        "done",
        **{
            "answer-severity": "1",
            "answer-lane_affected": "no",
            "answer-depth": "2.5",
            "answer-where": [str(upload.pk)],
        },
    )
    task.refresh_from_db()
    assert task.answer == {
        "severity": "high",
        "lane_affected": False,
        "depth": 2.5,
        "where": [str(upload.pk)],
    }


def test_photos_keep_their_place_only_where_a_question_asks_for_it(wait_for, last_link, phone):
    from mudda.files.storage import open_document

    places = []
    for kind, field in (("inspect_site", "where"), ("dispatch_crew", "photos")):
        task = wait_for(kind)
        phone.open(last_link())
        if kind == "dispatch_crew":
            accepted(phone)
        phone.send("save", files=[(f"files-{field}", "spot.jpg", picture())])
        with open_document(task.uploads.get().name) as file:
            places.append(place_of(file.read()))
    assert places == [HERE, {}]


def test_files_can_be_sent_first_are_kept_once_and_can_be_left_out_again(wait_for, last_link, phone):
    task = wait_for("request_photos")
    phone.open(last_link())
    assert "2 photos of: the leak" in phone.text
    assert phone.send("done").status_code == 422
    assert "Add 2 photos, or say why there are fewer." in phone.text
    same = ("files-photos", "leak.jpg", picture())
    phone.send("save", files=[same, ("files-photos", "other.png", picture("PNG", colour="red"))])
    phone.send("save", files=[same])
    assert task.uploads.count() == 2
    kept = task.uploads.get(content_type="image/png")
    view = phone.client.get(f"{phone.page}files/{kept.pk}")
    assert (view.status_code, view["Content-Type"]) == (200, "image/png")
    assert "sandbox" in view["Content-Security-Policy"]
    assert phone.send("done", **{"answer-photos": [str(kept.pk)]}).status_code == 422
    assert "Add 2 photos, or say why there are fewer." in phone.text
    phone.send("done", **{"answer-photos": [str(kept.pk)], "answer-notes": "The other was blurred."})
    task.refresh_from_db()
    assert task.answer == {"photos": [str(kept.pk)], "notes": "The other was blurred."}


def test_as_many_photos_as_were_asked_for_need_no_words(wait_for, last_link, phone):
    task = wait_for("request_photos", count=20)
    phone.open(last_link())
    files = [("files-photos", f"{at}.png", picture("PNG", (at + 1, 1))) for at in range(20)]
    phone.send("done", files=files)
    task.refresh_from_db()
    assert (task.status, len(task.answer["photos"])) == (TaskStatus.DECIDED, 20)


@pytest.mark.parametrize("answer", [{}, {"photos": []}, {"notes": " "}, {"photos": [], "notes": ""}])
def test_the_api_takes_no_answer_without_photos_and_without_a_reason(wait_for, staff, answer):
    task = wait_for("request_photos")
    refused = staff.post(f"/workflows/tasks/{task.pk}/decide", {"outcome": "done", "answer": answer})
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_answer")
    assert refused.json()["errors"][0]["pointer"] == "/answer"


def test_no_more_photos_can_be_asked_for_than_a_task_takes():
    asked = {"of": "the leak", "from": "{{ issue.reporter }}", "count": MOST_FILES + 1}
    step = {"step_id": "a", "activity_id": "request_photos", "title": "Photos", "inputs": asked}
    found = [problem.pointer for problem in validate(factories.document(step), offered())]
    assert "/steps/0/inputs/count" in found
    asked["count"] = MOST_FILES
    assert not [p for p in validate(factories.document(step), offered()) if p.severity == "error"]


def test_somebody_without_a_camera_can_say_so(wait_for, last_link, phone):
    task = wait_for("request_photos")
    phone.open(last_link())
    phone.send("done", **{"answer-notes": "I have moved away."})
    task.refresh_from_db()
    assert task.answer == {"photos": [], "notes": "I have moved away."}


def test_a_file_of_another_task_is_neither_shown_nor_taken(wait_for, last_link, phone):
    other = wait_for("request_photos")
    stranger = Phone()
    stranger.open(last_link())
    stranger.send("save", files=[("files-photos", "mine.jpg", picture())])
    upload = other.uploads.get()
    task = wait_for("request_photos")
    phone.open(last_link())
    assert phone.client.get(f"{phone.page}files/{upload.pk}").status_code == 404
    assert phone.send("done", **{"answer-photos": [str(upload.pk)]}).status_code == 422
    task.refresh_from_db()
    assert task.status == TaskStatus.OPEN


def test_more_files_than_a_task_may_have_are_refused_in_words(wait_for, last_link, phone):
    task = wait_for("request_photos")
    phone.open(last_link())
    files = [("files-photos", f"{at}.png", picture("PNG", (at + 1, 1))) for at in range(22)]
    answer = phone.send("save", files=files)
    assert answer.status_code == 422 and phone.text.count("No more than 20 files can be kept here.") == 2
    assert task.uploads.count() == 20 and len(phone.ticked) == 20


@pytest.mark.parametrize("activity_id", ["request_photos", "ask_reporter"])
def test_without_an_address_in_the_records_the_task_stays_for_staff(wait_for, mailoutbox, staff, activity_id):
    task = wait_for(activity_id, reporter={"name": "Ada", "phone": "+1 555 0100"})
    assert mailoutbox == [] and task.status == TaskStatus.OPEN and not task.links.exists()
    answer = (
        {"photos": [], "notes": "Told by phone."} if activity_id == "request_photos" else {"answer": True}
    )
    decided = staff.post(f"/workflows/tasks/{task.pk}/decide", {"outcome": "done", "answer": answer})
    assert decided.status_code == 200 and decided.json()["answer"] == answer


def test_a_task_that_asks_for_a_group_gets_no_link(wait_for):
    with pytest.raises(NotForLinks):
        issue_link(wait_for("confirm_completion"), "department:water")


def test_an_attempt_that_comes_again_sends_no_second_letter(wait_for, mailoutbox):
    from executions.activities.registry import implementations
    from tests.activities.attempts import attempt
    from tests.links.conftest import STEPS

    task = wait_for("dispatch_crew")
    again = implementations()["dispatch_crew"](attempt(task.execution, "work", **STEPS["dispatch_crew"]))
    assert again.task == task and len(mailoutbox) == 1 and task.links.count() == 1


def test_the_letter_is_to_the_department_and_only_the_department(wait_for, mailoutbox):
    wait_for("dispatch_crew")
    assert [mail.to for mail in mailoutbox] == [["water@city.example.org"]]
    assert "/admin" not in mailoutbox[0].body
    assert factories.STATEMENT not in mailoutbox[0].body
