"""Policies in the admin: read by all staff, written by those who manage them, and never anything but text."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.admin.looking import HOSTILE, assert_tame, said
from tests.policies.conftest import LAMPS
from tests.policies.test_importing import TEXT, pdf
from workflows.policies.models import PolicyDocument
from workflows.policies.services import create_policy, publish_policy, revise_policy

LIST = "admin:workflows_policydocument_changelist"
ADD = "admin:workflows_policydocument_add"
SEARCH = "admin:workflows_policydocument_search"


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner(lighter):
    return signed_in(lighter)


def page(document, view="change"):
    return reverse(f"admin:workflows_policydocument_{view}", args=[document.pk])


def labels(response):
    return [button.label for button in response.context["buttons"]]


def test_a_policy_is_written_read_published_and_withdrawn(owner):
    from issues.models import Department

    lighting = Department.objects.get(code="lighting")
    assert owner.get(reverse(ADD)).status_code == 200
    given = {"heading": "Street lighting", "text": LAMPS, "department": lighting.pk, "language": "english"}
    made = owner.post(reverse(ADD), given)
    document = PolicyDocument.objects.get()
    assert made.url == page(document)
    read = owner.get(page(document))
    assert labels(read) == ["Publish version 1", "Edit"]
    assert_tame(
        read, "Street lighting > Repair times", "A leaning lamp post is fenced off", f"{document.pk}@1"
    )
    confirm = f"{page(document, 'publish')}?version=1"
    assert "Version 1 is then in force" in owner.get(confirm).content.decode()
    owner.post(confirm, {"version": "1"})
    document.refresh_from_db()
    assert document.status == "PUBLISHED"
    read = owner.get(page(document))
    assert labels(read) == ["Edit", "Withdraw"]
    assert [moment.words for moment in read.context["history"]] == ["Policy published", "Policy created"]
    owner.get(page(document, "withdraw"))
    document.refresh_from_db()
    assert document.status == "PUBLISHED"
    assert "Withdrawn" in said(owner.post(page(document, "withdraw")))
    document.refresh_from_db()
    assert document.status == "WITHDRAWN"


def test_a_new_version_waits_and_the_page_says_so(owner, lamps, lighter):
    publish_policy(policy_id=lamps.pk, version=1, by=lighter)
    form = owner.get(page(lamps, "edit"))
    assert form.context["form"].initial["seen"] == 1
    saved = owner.post(page(lamps, "edit"), {"heading": "Lamps", "text": "Eight days.", "seen": "1"})
    assert saved.url == f"{page(lamps)}?version=2"
    newest = owner.get(saved.url)
    assert labels(newest) == ["Publish version 2", "Edit", "Withdraw"]
    assert_tame(newest, "version 1 is in force", "Eight days.")
    assert_tame(owner.get(page(lamps)), "There is a newer text", "ten working days")


def test_a_text_written_on_an_older_version_is_kept_on_the_page_and_not_saved(owner, lamps, lighter):
    revise_policy(policy_id=lamps.pk, heading="Lamps", text="Theirs.", expected_version=1, by=lighter)
    late = owner.post(page(lamps, "edit"), {"heading": "Lamps", "text": "Mine.", "seen": "1"})
    assert late.status_code == 409
    assert "Mine." in late.content.decode()
    assert "Somebody else wrote a version" in said(late)
    assert lamps.versions.count() == 2


@pytest.mark.parametrize("content", [LAMPS.encode(), pdf(TEXT)])
def test_a_file_is_imported_as_a_draft_and_as_a_version(client, supervisor, content):
    client.force_login(supervisor)
    file = SimpleUploadedFile("C:\\lamps.md", content)
    client.post(reverse(ADD), {"file": file, "language": "english"})
    document = PolicyDocument.objects.get()
    assert (document.heading, document.current.source, document.status) == (
        "Street lighting",
        "lamps.md",
        "DRAFT",
    )
    again = SimpleUploadedFile("new.txt", b"Only this.")
    client.post(page(document, "edit"), {"heading": "Lamps", "text": "Old.", "seen": "1", "file": again})
    newest = document.versions.get(number=2)
    assert (newest.heading, newest.text, newest.source) == ("Lamps", "Only this.", "new.txt")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"heading": "Lamps", "text": ""}, "Write it, or choose a file."),
        ({"heading": "", "text": "Text."}, "Write it, or choose a file."),
        ({"heading": "Lamps", "text": "a\x00b"}, "Null characters are not allowed."),
        ({"heading": "Lamps", "text": "a" * 300_001}, "at most 300000 characters"),
        ({"file": SimpleUploadedFile("a.pdf", b"%PDF-1.7 nonsense")}, "The PDF is damaged"),
        ({"file": SimpleUploadedFile("a.png", b"\x89PNG\r\n\x1a\n")}, "neither a PDF nor text"),
        ({"file": SimpleUploadedFile("a.md", b"a" * 5_000_001)}, "at most 5 MB"),
        ({"file": SimpleUploadedFile("a.md", b"")}, "empty"),
    ],
)
def test_what_cannot_be_kept_is_said_at_its_field(client, supervisor, given, words):
    client.force_login(supervisor)
    answer = client.post(reverse(ADD), {"language": "english", **given})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not PolicyDocument.objects.exists()


def test_a_text_with_nothing_to_see_is_refused_in_words(client, supervisor):
    client.force_login(supervisor)
    answer = client.post(reverse(ADD), {"language": "english", "heading": "Lamps", "text": "\u200b"})
    assert answer.status_code == 200
    assert "There is nothing to read in it" in said(answer)


# --- who --------------------------------------------------------------------------------------------


def test_all_staff_read_and_only_managers_are_offered_to_write(lamps, lighter):
    from tests import factories

    publish_policy(policy_id=lamps.pk, version=1, by=lighter)
    for group in ("viewer", "dispatcher", "planner", "approver"):
        reader = signed_in(factories.make_user(group, departments=("lighting",)))
        assert labels(reader.get(page(lamps))) == []
        assert reader.get(reverse(LIST)).status_code == 200
        assert reader.get(reverse(SEARCH) + "?q=lamp").context["rows"]
        assert reverse(LIST) in reader.get(reverse("admin:index")).content.decode()
        assert reader.get(reverse(ADD)).status_code == 403
        for view in ("edit", "publish", "withdraw"):
            assert reader.get(page(lamps, view)).status_code == 403
            assert reader.post(page(lamps, view), {"version": "1"}).status_code == 403
    assert lamps.versions.count() == 1


def test_another_department_does_not_see_them_and_nobody_signs_in_first(lamps, gardener, lighter):
    publish_policy(policy_id=lamps.pk, version=1, by=lighter)
    outsider = signed_in(gardener)
    assert "Street lighting" not in outsider.get(reverse(LIST)).content.decode()
    assert outsider.get(reverse(SEARCH) + "?q=lamp").context["rows"] == []
    for view in ("change", "edit", "publish", "withdraw"):
        assert outsider.get(page(lamps, view)).status_code == 302
        assert Client().get(page(lamps, view)).url.startswith(reverse("admin:login"))
    outsider.post(page(lamps, "withdraw"))
    lamps.refresh_from_db()
    assert lamps.status == "PUBLISHED"


def test_somebody_of_a_department_reads_the_whole_citys_policies_and_does_not_write_them(
    gardener, supervisor
):
    whole = create_policy(heading="Notices", text="Tell everybody.", by=supervisor)
    client = signed_in(gardener)
    assert labels(client.get(page(whole))) == []
    assert client.post(page(whole, "publish"), {"version": "1"}).status_code == 403
    offered = client.get(reverse(ADD)).context["form"].fields["department"]
    assert offered.required
    assert [row.code for row in offered.queryset] == ["parks"]


# --- searching --------------------------------------------------------------------------------------


def test_a_search_can_be_tried(samples, supervisor):
    client = signed_in(supervisor)
    assert "Try a search" in client.get(reverse(LIST)).content.decode()
    found = client.get(reverse(SEARCH), {"q": "the swing on the playground is broken"})
    assert_tame(found, "Safety of playgrounds > When something is broken")
    own = client.get(reverse(SEARCH), {"q": "the swing on the playground is broken", "department": "noise"})
    assert own.status_code == 200
    parks = client.get(reverse(SEARCH), {"q": "street lamp", "department": "parks"})
    assert "Street lighting" not in parks.content.decode()


@pytest.mark.parametrize(
    "query", ["q=%00", "q='%26", "department=%00", "q=" + "a" * 5_000, "q=a&department=x"]
)
def test_a_search_is_answered_whatever_is_asked(samples, supervisor, query):
    assert signed_in(supervisor).get(f"{reverse(SEARCH)}?{query}").status_code == 200


def test_the_list_is_searched_and_narrowed(samples, supervisor):
    client = signed_in(supervisor)
    found = client.get(reverse(LIST), {"q": "hydrant", "status__exact": "PUBLISHED"})
    assert "Abandoned vehicles" in found.content.decode()
    assert "Graffiti" not in found.content.decode()


@pytest.mark.parametrize("version", ["", "0", "99", "x", "9" * 30, "٣", "%00"])
def test_a_version_that_is_not_there_shows_the_one_in_force(owner, lamps, version):
    assert "Version 1" in owner.get(f"{page(lamps)}?version={version}").content.decode()


# --- inert ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_policies_are_shown_and_never_do_anything(client, supervisor, text):
    client.force_login(supervisor)
    document = create_policy(
        heading=text, text=f"# {text}\n\nlamp {text}\n\n## {text}\n\n{text}", source=text, by=supervisor
    )
    publish_policy(policy_id=document.pk, version=1, by=supervisor)
    revise_policy(policy_id=document.pk, heading=text, text=text, expected_version=1, by=supervisor)
    for address in (
        page(document),
        f"{page(document)}?version=2",
        page(document, "edit"),
        f"{page(document, 'publish')}?version={text}",
        page(document, "withdraw"),
        reverse(LIST),
        f"{reverse(SEARCH)}?q=lamp",
    ):
        assert_tame(client.get(address))
    assert_tame(client.get(page(document)), text)
    assert_tame(client.get(reverse(SEARCH), {"q": f"lamp {text}"}), text)
    assert_tame(client.post(page(document, "edit"), {"heading": text, "text": "", "seen": "1"}), text)
