"""Reports: what was promised and kept, what staff make of drafts, as charts, tables and CSV."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.urls import reverse
from django.utils import timezone

from issues.models import Category, Department, Issue
from issues.reporting import promises
from issues.services import report_issue, update_issue
from mudda.csvs import csv_response, harmless
from mudda.reports import first_of_month, together
from tests import factories
from tests.admin.looking import HOSTILE, assert_tame
from workflows.console.reports import drafts
from workflows.models import WorkflowPlan
from workflows.reporting import fates
from workflows.services import approve_plan, reject_plan, replace_plan

PROMISES, DRAFTS = "/admin/reports/promises/", "/admin/reports/drafts/"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def report(category="water_leak", *, due=None, status="OPEN", ago=1, **more):
    """An issue reported so many days ago, due so many days from now."""
    issue = report_issue(
        statement="x", category=Category.objects.get(code=category) if category else None, **more
    )
    now = timezone.now()
    if status != "OPEN":
        update_issue(issue_id=issue.pk, status=status)
    Issue.objects.filter(pk=issue.pk).update(
        reported_at=now - timedelta(days=ago), due_at=None if due is None else now + timedelta(days=due)
    )
    return issue


@pytest.fixture
def history(people):
    report(due=1, status="RESOLVED")  # kept
    report(due=1, status="CLOSED")  # kept
    report(due=-1, status="RESOLVED")  # too late
    report(due=-1)  # overdue
    report(due=1)  # under way
    report(due=1, status="REJECTED")  # no promise
    report("other", due=None)  # nothing promised
    report(None)  # no category, no department
    report("tree", due=-1, status="RESOLVED")
    report(due=1, status="RESOLVED", ago=900)  # long ago


def figures(user, key=lambda group: group.department, since=None):
    since = since or first_of_month(12, timezone.now())
    return together(promises(user, since), key)


def test_promises_are_counted_by_what_became_of_them(history, people):
    counted = figures(people["administrator"])
    assert counted["Water Supply"] == {
        "reported": 6, "promised": 5, "kept": 2, "late": 1, "overdue": 1, "under_way": 1,
    }  # fmt: skip
    assert counted[None]["reported"] == 1 and counted[None]["promised"] == 0
    assert counted["Parks and Trees"]["late"] == 1
    assert sum(figures(people["administrator"], since=LONG_AGO)["Water Supply"].values()) > sum(
        counted["Water Supply"].values()
    )


def test_the_page_shows_them_by_department_category_and_month(administrator, history):
    text = administrator.get(PROMISES).content.decode()
    for words in (
        "By department",
        "By category",
        "By month",
        "Water Supply",
        "No category yet",
        "No department yet",
    ):
        assert words in text, words
    assert "2 of 4" in text and "50%" in text
    assert f"{timezone.localdate() - timedelta(days=1):%B %Y}" in text
    assert "style=" not in text[text.index('class="md-report"') :].split("</main>")[0].split("<footer")[0]


def test_departments_limit_reports_and_their_files(owner, outsider, colleague, history, people):
    assert set(figures(people["owner"])) == {"Water Supply"}
    assert "Parks and Trees" not in owner.get(PROMISES).content.decode()
    assert "Water Supply" not in outsider.get(PROMISES).content.decode()
    assert "Water Supply" in colleague.get(PROMISES).content.decode()
    for name in ("figures", "issues"):
        assert "Water Supply" not in read(outsider.get(f"{PROMISES}{name}.csv"))
        assert "Parks" not in read(owner.get(f"{PROMISES}{name}.csv"))


def test_nobody_signs_in_first_and_who_may_read_nothing_is_refused(nobody, city, client):
    for address in ("/admin/reports/", PROMISES, DRAFTS, f"{PROMISES}issues.csv"):
        assert nobody.get(address).url.startswith(reverse("admin:login"))
    client.force_login(factories.make_user())
    for address in ("/admin/reports/", PROMISES, DRAFTS, f"{PROMISES}issues.csv"):
        assert client.get(address).status_code == 403
    assert "Reports" not in client.get("/admin/").content.decode()


def test_reports_stand_in_the_menu_and_the_first_is_shown(owner):
    assert 'href="/admin/reports/"' in owner.get("/admin/").content.decode()
    assert owner.get("/admin/reports/").url == PROMISES
    for address in ("/admin/reports/nothing/", f"{PROMISES}nothing.csv"):
        assert owner.get(address).status_code == 404


def test_a_period_has_an_address_of_its_own_and_nonsense_is_the_usual_one(administrator, history):
    assert "months=24" in administrator.get(PROMISES).content.decode()
    for months, expected in (("24", 24), ("3", 3), ("7", 12), ("x", 12), ("", 12)):
        assert administrator.get(f"{PROMISES}?months={months}").context["months"] == expected


@pytest.mark.parametrize(
    ("months", "now", "expected"),
    [
        (1, "2026-03-31T12:00:00Z", (2026, 3)),
        (3, "2026-01-15T12:00:00Z", (2025, 11)),
        (12, "2026-12-31T12:00:00Z", (2026, 1)),
        (24, "2026-02-28T12:00:00Z", (2024, 3)),
    ],
)
def test_months_are_counted_back_from_this_one(months, now, expected):
    first = first_of_month(months, datetime.fromisoformat(now))
    assert (first.year, first.month, first.day, first.hour) == (*expected, 1, 0)


def test_sandboxes_are_not_reported(administrator, people):
    from mudda.models import Sandbox

    report(due=1, status="RESOLVED")
    Issue.objects.update(sandbox=Sandbox.objects.create(owner=people["owner"]))
    assert "No promise of this time is due or done yet." in administrator.get(PROMISES).content.decode()


def test_empty_reports_say_what_would_fill_them(administrator):
    assert "Issues count when their category has a target." in administrator.get(PROMISES).content.decode()
    assert "Approved and rejected ones are counted here." in administrator.get(DRAFTS).content.decode()


def test_hostile_names_stay_text(administrator, history):
    for text in HOSTILE:
        Category.objects.filter(code="water_leak").update(name=text)
        Department.objects.filter(code="water").update(name=text)
        assert_tame(administrator.get(PROMISES), text)


@pytest.mark.parametrize("address", [PROMISES, DRAFTS])
def test_a_report_takes_as_many_queries_however_much_it_counts(
    administrator, people, address, django_assert_num_queries
):
    administrator.get(address)
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as few:
        administrator.get(address)
    for category in Category.objects.all():
        factories.make_plan(by=factories.make_user(), category=category.code)
        report(category.code, due=1, status="RESOLVED", reporter={"name": "x"})
    with django_assert_num_queries(len(few)):
        administrator.get(address)


# --- drafts -----------------------------------------------------------------------------------------


def test_the_report_of_drafts_says_what_the_planners_own_report_says(people, city):
    by = people["administrator"]
    from django.contrib.auth.models import Group

    by.groups.add(Group.objects.get(name="supervisor"))
    untouched, edited, rejected, back, waiting = (factories.make_plan(by=by) for _ in range(5))
    approve_plan(plan_id=untouched.pk, digest=untouched.current.digest, by=by)
    other = {**edited.current.document, "workflow_name": "Another name"}
    changed = replace_plan(plan_id=edited.pk, document=other, expected_digest=None, by=by)
    approve_plan(plan_id=edited.pk, digest=changed.current.digest, by=by)
    reject_plan(plan_id=rejected.pk, reason="No.", by=by)
    first = back.current.document
    replace_plan(plan_id=back.pk, document=other, expected_digest=None, by=by)
    changed = replace_plan(plan_id=back.pk, document=first, expected_digest=None, by=by)
    approve_plan(plan_id=back.pk, digest=changed.current.digest, by=by)
    counted = together(drafts(by, LONG_AGO), lambda group: None)[None]
    [fate] = fates().values()
    assert counted == {name: getattr(fate, name) for name in counted}
    assert counted == {"drafts": 5, "untouched": 2, "edited": 1, "rejected": 1, "undecided": 1}
    assert waiting.status == "DRAFT"


def test_an_archived_plan_counts_by_whether_it_was_approved(people, city):
    by = people["administrator"]
    plans = [factories.make_plan(by=by) for _ in range(2)]
    approve_plan(plan_id=plans[0].pk, digest=plans[0].current.digest, by=factories.make_user("supervisor"))
    WorkflowPlan.objects.update(status="ARCHIVED")
    counted = together(drafts(by, LONG_AGO), lambda group: None)[None]
    assert (counted["untouched"], counted["undecided"]) == (1, 1)


def test_drafts_are_limited_to_departments(owner, outsider, draft):
    assert "Water leak or burst main" in owner.get(DRAFTS).content.decode()
    assert "Water leak or burst main" not in outsider.get(DRAFTS).content.decode()
    assert "Water" in read(owner.get(f"{DRAFTS}figures.csv"))
    assert "Water" not in read(outsider.get(f"{DRAFTS}figures.csv"))


# --- CSV --------------------------------------------------------------------------------------------


def read(response):
    assert response.status_code == 200
    return b"".join(response.streaming_content).decode("utf-8-sig")


def table(response):
    return list(csv.reader(io.StringIO(read(response), newline="")))


def test_figures_are_saved_as_a_table(administrator, history):
    response = administrator.get(f"{PROMISES}figures.csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="promises-figures-')
    heads, *rows = table(response)
    assert heads[:4] == ["month", "department", "category", "reported"]
    assert sum(int(row[3]) for row in rows) == 9


def test_every_issue_is_saved_once_however_many_there_are(administrator, people, monkeypatch):
    monkeypatch.setattr("issues.reporting.CHUNK", 3)
    issues = [report(due=1, status="RESOLVED") for _ in range(10)]
    Issue.objects.update(reported_at=timezone.now() - timedelta(days=1))  # all at the same moment
    heads, *rows = table(administrator.get(f"{PROMISES}issues.csv"))
    assert [row[0] for row in rows] == [issue.reference for issue in issues]
    assert rows[0][heads.index("kept")] == "yes"
    assert "statement" not in heads and "reporter" not in heads


def test_nothing_in_a_file_is_carried_out_by_a_spreadsheet(administrator, history):
    Category.objects.filter(code="water_leak").update(name='=HYPERLINK("http://x","y")')
    Department.objects.filter(code="water").update(name="+1+1")
    cells = [cell for row in table(administrator.get(f"{PROMISES}figures.csv")) for cell in row]
    assert "'+1+1" in cells and '\'=HYPERLINK("http://x","y")' in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "＝1"])
def test_what_begins_a_formula_is_marked_as_text(text):
    assert harmless(text) == f"'{text}"


def test_other_cells_stay_as_they_are():
    assert [harmless(cell) for cell in ("a=1", -3, 0, None, "")] == ["a=1", -3, 0, "", ""]


def test_lines_are_made_while_they_are_sent(rf):
    made = []

    def rows():
        for number in range(2_000):
            made.append(number)
            yield [number]

    parts = iter(csv_response(rf.get("/"), "x.csv", ["n"], rows()).streaming_content)
    assert next(parts).decode() == "\ufeffn\r\n" and made == []
    next(parts)
    assert len(made) == 500


@pytest.mark.django_db(transaction=True)
def test_a_server_of_many_at_once_streams_it_too(city, people):
    report(due=1, status="RESOLVED")

    async def ask():
        client = AsyncClient()
        await client.aforce_login(people["administrator"])
        response = await client.get(f"{PROMISES}issues.csv")
        assert response.is_async
        return b"".join([part async for part in response.streaming_content]).decode("utf-8-sig")

    assert len(async_to_sync(ask)().splitlines()) == 2
