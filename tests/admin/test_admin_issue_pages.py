"""The page of an issue: photos, the neighbourhood, the reporter's other issues, one history, and who has read what."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone

from issues.around import AROUND, issues_near, others_of_reporter
from issues.attaching import prepare_attachment
from issues.changing import change_issue
from issues.facts import correct_facts
from issues.maps import direction_of, map_of
from issues.models import Category, Department, Issue, Reporter
from issues.nearness import METRES_A_DEGREE
from issues.services import add_note, report_issue, update_issue
from mudda import events
from mudda.models import Event
from tests import factories
from tests.admin.looking import HOSTILE, assert_tame
from tests.links.pictures import picture
from workflows.models import WorkflowPlan

HERE = (Decimal("40.000000"), Decimal("-75.000000"))


def page(issue):
    return reverse("admin:issues_issue_change", args=[issue.pk])


def read(client, issue, query=""):
    response = client.get(page(issue) + query)
    assert response.status_code == 200
    return response.content.decode()


def report(statement="A hole", north=0.0, **more):
    """An issue of the water department, so many metres north of ``HERE``."""
    more.setdefault("category", Category.objects.get(code="water_leak"))
    latitude = round(HERE[0] + Decimal(north / METRES_A_DEGREE), 6)
    return report_issue(statement=statement, latitude=latitude, longitude=HERE[1], **more)


# --- photos -----------------------------------------------------------------------------------------


def test_photos_are_shown_to_those_who_see_the_issue_and_to_nobody_else(
    owner, colleague, outsider, nobody, issue, people
):
    assert "No photos came with it." in read(owner, issue)
    with prepare_attachment(issue, ContentFile(picture()), by=people["owner"]) as keep:
        kept = keep("the leak.jpg")
    text = read(colleague, issue)
    address = f"/issues/{issue.reference}/attachments/{kept.pk}"
    assert f'<img src="{address}" alt="Photo: the leak.jpg"' in text
    assert colleague.get(address).status_code == 200
    assert outsider.get(address).status_code == 404
    assert nobody.get(address).status_code == 401


# --- the neighbourhood ------------------------------------------------------------------------------


def test_near_issues_are_on_the_map_and_in_words_the_nearest_first(owner, people):
    here = report("Here")
    far, near, too_far = report("Far", 300), report("Near", 40), report("Too far", AROUND + 50)
    found = issues_near(here, viewer=people["owner"])
    assert [one.issue for one in found] == [near, far]
    assert [round(one.metres) for one in found] == [40, 300]
    text = read(owner, here)
    assert text.index("40 m north") < text.index("300 m north")
    assert too_far.reference not in text
    assert 'role="img" aria-label="Where the issue is: 2 others within 400 metres.' in text
    svg = text[text.index('<svg class="md-map"') : text.index("</svg>", text.index('<svg class="md-map"'))]
    assert "style=" not in svg and "href" not in svg


def test_the_map_is_drawn_in_the_smallest_scale_that_holds_everything(people, city):
    here = report("Here")
    report("Near", 40)
    drawn = map_of(issues_near(here, viewer=people["administrator"]))
    assert (drawn.metres, drawn.bar_metres) == (50, 25)
    [mark] = drawn.marks
    assert mark.x == "160.0" and 40 < float(mark.y) < 60  # 40 of 50 metres above the middle
    assert map_of([]).metres == 50


@pytest.mark.parametrize(
    ("bearing", "direction"),
    [(0, "north"), (44, "north-east"), (180, "south"), (271, "west"), (350, "north")],
)
def test_directions_are_one_of_eight(bearing, direction):
    assert direction_of(bearing) == direction


def test_near_issues_of_another_department_and_of_sandboxes_are_nobodys_business(owner, people):
    here = report("Here")
    elsewhere = report("Theirs", 10, category=Category.objects.get(code="tree"))
    from mudda.models import Sandbox

    unreal = report("Unreal", 10)
    Issue.objects.filter(pk=unreal.pk).update(sandbox=Sandbox.objects.create(owner=people["owner"]))
    assert issues_near(here, viewer=people["owner"]) == []
    text = read(owner, here)
    assert elsewhere.reference not in text and unreal.reference not in text
    assert "Nothing else within 400 metres that you may see" in text


def test_what_was_over_long_ago_is_not_near_any_more_but_what_is_open_is(people, city):
    here = report("Here")
    done, still_open = report("Done", 10), report("Still open", 20)
    update_issue(issue_id=done.pk, status="RESOLVED")
    assert {one.issue for one in issues_near(here, viewer=people["owner"])} == {done, still_open}
    Issue.objects.exclude(pk=here.pk).update(reported_at=timezone.now() - timedelta(days=300))
    assert [one.issue for one in issues_near(here, viewer=people["owner"])] == [still_open]


def test_without_coordinates_the_page_says_so_and_lists_the_street(owner, people):
    water = Category.objects.get(code="water_leak")
    here = report_issue(statement="Here", address="12 Elm St", category=water)
    same = report_issue(statement="Same street", address="40 Elm Street", category=water)
    text = read(owner, here)
    assert "an address, but no coordinates" in text and '<svg class="md-map"' not in text
    assert same.reference in text and "the same street" in text
    bare = report_issue(statement="Somewhere", category=water)
    text = read(owner, bare)
    assert "neither coordinates nor an address" in text and "once there is an address" in text


# --- the reporter -----------------------------------------------------------------------------------


def reads(issue):
    return list(
        Event.objects.filter(stream=f"reporter:{issue.reporter_id}")
        .order_by("seq")
        .values_list("type", "actor", "data")
    )


def test_every_reading_of_a_reporter_is_written_down_with_who_it_was(
    owner, colleague, outsider, nobody, issue, people
):
    version = issue.event_seq
    assert "ada@example.org" in read(owner, issue)
    read(owner, issue)
    assert reads(issue) == [("reporter.read", people["owner"].pk, {"issue": issue.reference})] * 2
    assert "ada@example.org" not in read(colleague, issue)
    outsider.get(page(issue)), nobody.get(page(issue))
    assert owner.head(page(issue)).status_code == 200
    assert len(reads(issue)) == 2  # who isn't shown it has not read it
    issue.refresh_from_db()
    assert issue.event_seq == version  # nobody's If-Match is spoiled by somebody who looks


def test_a_reporter_without_a_name_or_an_address_is_a_gap_with_a_name(owner, issue):
    Reporter.objects.update(name="", email="", phone="")
    assert "without a name or a way to reach them" in read(owner, issue)
    assert reads(issue) == []
    Issue.objects.update(reporter=None)
    assert "Nobody is known" in read(owner, issue)


def test_who_may_not_see_the_reporter_is_told_that_there_is_one(colleague, issue):
    assert "known, but not shown to you" in read(colleague, issue)


def test_the_reporters_other_issues_are_found_by_address_or_telephone(owner, colleague, people, issue):
    water = issue.category
    by_mail = report_issue(statement="Mail", category=water, reporter={"email": "ADA@example.org"})
    by_phone = report_issue(
        statement="Phone", category=water, reporter={"phone": "+1 555 0100", "name": "A."}
    )
    other = report_issue(
        statement="Other", category=water, reporter={"name": "Ada Citizen", "email": "x@example.org"}
    )
    elsewhere = report_issue(
        statement="Elsewhere",
        category=Category.objects.get(code="tree"),
        reporter={"email": "ada@example.org"},
    )
    found = others_of_reporter(issue, issue.reporter, viewer=people["owner"])
    assert set(found) == {by_mail, by_phone}
    text = read(owner, issue)
    assert by_mail.reference in text and by_phone.reference in text
    assert other.reference not in text and elsewhere.reference not in text
    assert "Also from this reporter" in text
    assert "Also from this reporter" not in read(colleague, issue)


# --- one history ------------------------------------------------------------------------------------


def test_one_history_tells_of_the_issue_its_plan_and_its_run(owner, run, issue):
    text = read(owner, issue)
    history = text[text.index('id="history"') :]
    for words in ("Reported", "Plan drafted", "Approved", "Launched"):
        assert f"<strong>{words}</strong>" in history, words
    assert reverse("admin:workflows_workflowplan_change", args=[run.plan_id]) in history
    assert reverse("admin:executions_workflowexecution_change", args=[run.pk]) in history
    assert history.index("<strong>Launched") < history.index("<strong>Reported")


def test_a_long_history_begins_with_the_latest_and_has_a_way_to_the_rest(owner, issue):
    from django.db import transaction

    with transaction.atomic():
        for _ in range(70):
            events.append(issue, "issue.updated", {"changed": ["department"]})
    text = read(owner, issue)
    assert "Show all of it" in text and "<strong>Reported" not in text
    whole = read(owner, issue, "?history=all")
    assert "Show all of it" not in whole and "<strong>Reported" in whole


def test_who_may_not_read_plans_is_not_told_of_them(people, issue, draft, client):
    from django.contrib.auth.models import Permission

    reader = factories.make_user(departments=("water",))
    reader.user_permissions.add(Permission.objects.get(codename="view_issue"))
    client.force_login(reader)
    history = read(client, issue)
    assert "<strong>Reported" in history and "<strong>Asked" not in history


def test_one_button_drafts_a_plan(owner, colleague, outsider, issue):
    address = reverse("admin:workflows_workflowplan_draft", args=[issue.pk])
    assert f'action="{address}"' in read(owner, issue)
    assert f'action="{address}"' not in read(colleague, issue)
    assert colleague.post(address).status_code == 403
    outsider.post(address)
    assert not WorkflowPlan.objects.exists()
    owner.post(address)
    assert WorkflowPlan.objects.get().issue == issue


# --- gaps -------------------------------------------------------------------------------------------


def test_notes_of_people_whose_accounts_are_gone_are_told_from_muddas_own(owner, issue):
    gone = factories.make_user("dispatcher")
    from django.db import transaction

    with transaction.atomic():
        add_note(issue, text="By somebody", by=gone)
        add_note(issue, text="By nobody")
    number = gone.pk
    User.objects.filter(pk=number).delete()
    text = read(owner, issue)
    assert f"account {number} (deleted)" in text and "<bdi>mudda</bdi>" in text


def test_histories_and_drafts_say_no_codes(owner, issue, draft, people, step):
    from executions.tasks import open_task

    add_note(issue, text="Valve closed.", visible=True, by=people["owner"])
    add_note(issue, text="Ask the foreman.", by=people["owner"])
    open_task(step, kind="confirm_completion", title="Is it mended?", outcomes=["done"])
    text = read(owner, issue)
    assert "the reporter may read it: <bdi>yes</bdi>" in text and "read it: <bdi>no</bdi>" in text
    assert "kind: <bdi>Confirm completion</bdi>" in text
    made = owner.get(reverse("admin:workflows_workflowplan_change", args=[draft.pk])).content.decode()
    made = made[made.index("How this draft was made") :].split("</section>")[0]
    assert "Water leak or burst main, " in made
    for code in ("water_leak", "score", "water_meter_lid"):
        assert code not in made


def test_an_issue_without_category_reporter_department_or_place_is_shown_with_every_gap(administrator):
    bare = report_issue(statement="Something")
    text = read(administrator, bare)
    for gap in (
        "none: there is no category yet", "no coordinates", "Nobody is known", "none yet", "not decided",
        "No photos came with it", "No notes yet", "No plan yet", "Nothing has run",
    ):  # fmt: skip
        assert gap in text, gap


def test_the_target_is_promised_when_it_is_reported_and_follows_the_category(
    owner, issue, people, django_capture_on_commit_callbacks
):
    assert issue.due_at is not None and not issue.is_overdue
    Issue.objects.filter(pk=issue.pk).update(due_at=timezone.now() - timedelta(days=1))
    assert "Overdue</span>" in read(owner, issue)
    changed = change_issue(issue, {"category": "sewer"}, by=factories.make_user("supervisor"))
    assert changed.due_at and changed.due_at > timezone.now()
    Category.objects.filter(code="sewer").update(target="")
    changed = change_issue(changed, {"category": "water_leak"}, by=factories.make_user("supervisor"))
    changed = change_issue(changed, {"category": "sewer"}, by=factories.make_user("supervisor"))
    assert changed.due_at is None


def test_correcting_a_place_moves_no_promise_however_the_target_has_changed(issue, people):
    promised = timezone.now() - timedelta(days=1)
    Issue.objects.filter(pk=issue.pk).update(due_at=promised)
    Category.objects.filter(pk=issue.category_id).update(target="P40D")
    correct_facts(Issue.objects.get(pk=issue.pk), by=people["owner"], place="9 Elm St")
    corrected = Issue.objects.get(pk=issue.pk)
    assert (corrected.address, corrected.due_at) == ("9 Elm St", promised)


def test_when_an_issue_ended_is_kept_whoever_changes_its_status(issue):
    assert issue.ended_at is None
    update_issue(issue_id=issue.pk, status="RESOLVED")
    issue.refresh_from_db()
    first = issue.ended_at
    assert first is not None
    update_issue(issue_id=issue.pk, status="CLOSED")
    issue.refresh_from_db()
    assert issue.ended_at == first
    Issue.objects.filter(pk=issue.pk).update(status="OPEN")
    issue.refresh_from_db()
    assert issue.ended_at is None


def test_hostile_words_stay_text_all_over_the_page(owner, issue, people):
    others = [report(text, 20, reporter={"name": text, "email": "ada@example.org"}) for text in HOSTILE]
    Issue.objects.filter(pk=issue.pk).update(latitude=HERE[0], longitude=HERE[1])
    with prepare_attachment(issue, ContentFile(picture()), by=people["owner"]) as keep:
        kept = keep("x.jpg")
    for text, other in zip(HOSTILE, others, strict=True):
        type(kept).objects.filter(pk=kept.pk).update(title=text)
        Department.objects.filter(pk=issue.department_id).update(name=text)
        assert_tame(owner.get(page(issue)), text)
        assert other.reference in owner.get(page(issue)).content.decode()


def test_a_page_takes_as_many_queries_however_much_belongs_to_it(
    administrator, issue, people, django_assert_max_num_queries
):
    """Everything twenty times, each with another author, category and department."""
    Issue.objects.filter(pk=issue.pk).update(latitude=HERE[0], longitude=HERE[1])
    from django.db import transaction

    from workflows.drafting import create_plan, draft_for

    for category in Category.objects.all()[:20]:
        by = factories.make_user("supervisor")
        report(
            f"Near {category}",
            15,
            category=category,
            reporter={"email": "ada@example.org", "name": f"{category}"},
        )
        with transaction.atomic():
            add_note(issue, text="x", by=by)
        planned = draft_for(statement=issue.statement, issue=issue)
        create_plan(draft=planned, statement=issue.statement, issue=issue, by=by)
    with django_assert_max_num_queries(36):
        read(administrator, issue)
