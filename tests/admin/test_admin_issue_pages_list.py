"""The list of issues: found, narrowed, kept as a filter of one's own, and handed over by the dozen."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from django.urls import reverse
from django.utils import timezone

from issues.assigning import MOST, TooMany, assign_issues
from issues.models import Category, Department, Issue, IssueNote
from issues.services import report_issue, update_issue
from mudda.models import Event, SavedFilter
from mudda.saved_filters import MOST as MOST_FILTERS
from tests import factories
from tests.admin.looking import HOSTILE, assert_tame, said

LIST = "/admin/issues/issue/"
ASSIGN = "/admin/issues/issue/assign/"
KEEP = "/admin/issues/issue/filters/keep/"


def found(client, query=""):
    response = client.get(LIST + query)
    assert response.status_code == 200
    return {issue.statement for issue in response.context["cl"].result_list}


@pytest.fixture
def water(city):
    return Category.objects.get(code="water_leak")


# --- finding ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("hydrants", {"An open hydrant"}),
        ("hydr", {"An open hydrant"}),
        ("elm 12", {"Dark lamp"}),
        ("lamp elm", {"Dark lamp"}),
        ("lamp oak", set()),
        ("& | ! :* ' \\", set()),
        ("", {"An open hydrant", "Dark lamp"}),
    ],
)
def test_words_are_searched_in_statement_and_address_also_by_their_beginnings(
    administrator, water, words, expected
):
    report_issue(statement="An open hydrant", address="5 Oak Road", category=water)
    report_issue(statement="Dark lamp", address="12 Elm Street", category=water)
    assert found(administrator, f"?q={quote(words)}") == expected


def test_what_is_overdue_late_or_without_a_target_can_be_listed(administrator, water):
    names = ("overdue", "in time", "late", "none")
    issues = {
        name: report_issue(statement=name, category=None if name == "none" else water) for name in names
    }
    past = timezone.now() - timedelta(days=1)
    Issue.objects.filter(pk__in=[issues["overdue"].pk, issues["late"].pk]).update(due_at=past)
    update_issue(issue_id=issues["late"].pk, status="RESOLVED")
    assert found(administrator, "?target=overdue") == {"overdue"}
    assert found(administrator, "?target=late") == {"late"}
    assert found(administrator, "?target=none") == {"none"}
    assert found(administrator, "?target=nonsense") == set(names)
    text = administrator.get(LIST).content.decode()
    assert text.count("Overdue</span>") == 1
    assert "not decided" in text and "no department yet" in text


def test_an_address_with_filters_shows_another_person_the_same_within_what_they_may_see(
    owner, administrator, water, issue
):
    report_issue(statement="A tree fell", category=Category.objects.get(code="tree"), urgency="high")
    query = f"?urgency__exact=high&category__id__exact={water.pk}&q=leak"
    assert found(owner, query) == found(administrator, query) == {issue.statement}
    assert found(owner, "?urgency__exact=high") == {issue.statement}
    assert found(administrator, "?urgency__exact=high") == {issue.statement, "A tree fell"}


def test_the_list_takes_as_many_queries_however_different_its_rows(
    administrator, people, django_assert_num_queries, django_assert_max_num_queries
):
    def fill(number):
        for category in list(Category.objects.all())[:number]:
            report_issue(statement=f"About {category}", category=category, reporter={"name": str(category)})

    fill(2)
    with django_assert_max_num_queries(16) as few:
        administrator.get(LIST)
    fill(25)
    with django_assert_num_queries(len(few)):
        administrator.get(LIST)


def test_an_outsider_and_nobody_find_nothing(outsider, nobody, issue):
    assert found(outsider) == set()
    assert nobody.get(LIST).url.startswith(reverse("admin:login"))


# --- kept filters -----------------------------------------------------------------------------------


def test_a_filter_is_kept_under_a_name_shown_and_removed_again(owner, issue):
    assert "Keep this filter as" not in owner.get(LIST).content.decode()
    assert "Keep this filter as" in owner.get(f"{LIST}?status__exact=OPEN&p=1").content.decode()
    response = owner.post(KEEP, {"name": " Open ones ", "query": "status__exact=OPEN&p=3"})
    assert response.url == f"{LIST}?status__exact=OPEN"
    kept = SavedFilter.objects.get()
    assert (kept.name, kept.query, kept.place) == ("Open ones", "status__exact=OPEN", "issues_issue")
    text = owner.get(response.url).content.decode()
    assert 'href="?status__exact=OPEN" aria-current="true"><bdi>Open ones</bdi>' in text
    assert "Keep this filter as" not in text
    owner.post(KEEP, {"name": "Open ones", "query": "status__exact=RESOLVED"})
    assert SavedFilter.objects.get().query == "status__exact=RESOLVED"
    owner.post(f"/admin/issues/issue/filters/{kept.pk}/remove/")
    assert not SavedFilter.objects.exists()


def test_filters_are_each_persons_own(owner, colleague, outsider, nobody, issue):
    owner.post(KEEP, {"name": "Mine", "query": "status__exact=OPEN"})
    kept = SavedFilter.objects.get()
    remove = f"/admin/issues/issue/filters/{kept.pk}/remove/"
    for client in (colleague, outsider):
        assert "Mine" not in client.get(LIST).content.decode()
        client.post(remove)
    assert nobody.post(remove).url.startswith(reverse("admin:login"))
    assert nobody.post(KEEP, {"name": "x", "query": "q=x"}).url.startswith(reverse("admin:login"))
    assert SavedFilter.objects.filter(pk=kept.pk).exists()
    assert colleague.post(KEEP, {"name": "Mine", "query": "q=leak"}).status_code == 302
    assert SavedFilter.objects.count() == 2
    assert owner.get(KEEP).status_code == owner.get(remove).status_code == 405


@pytest.mark.parametrize(
    "given",
    [
        {"name": "", "query": "q=x"},
        {"name": "x", "query": ""},
        {"name": "x", "query": "p=2"},
        {"name": "x\x00", "query": "q=x"},
    ],
)
def test_what_narrows_nothing_or_has_no_name_is_not_kept_and_says_so(owner, issue, given):
    assert "give that a name" in said(owner.post(KEEP, given))
    assert not SavedFilter.objects.exists()


def test_nobody_keeps_filters_without_end(owner, people, issue):
    SavedFilter.objects.bulk_create(
        SavedFilter(owner=people["owner"], place="issues_issue", name=f"{n}", query="q=x")
        for n in range(MOST_FILTERS)
    )
    assert "Remove one first" in said(owner.post(KEEP, {"name": "One more", "query": "q=y"}))
    owner.post(KEEP, {"name": "3", "query": "q=y"})
    assert SavedFilter.objects.get(name="3").query == "q=y"


def test_hostile_names_and_queries_of_filters_stay_text(owner, issue):
    for text in HOSTILE:
        owner.post(KEEP, {"name": text, "query": f"q={quote(text)}"})
        assert_tame(owner.get(LIST), " ".join(text.split())[:60])


# --- handing over -----------------------------------------------------------------------------------


def choose(client, *issues, **more):
    return client.post(LIST, {"action": "assign", "_selected_action": [issue.pk for issue in issues], **more})


def assign(client, *issues, department="sanitation", note=""):
    given = {"issue": [issue.pk for issue in issues], "department": department, "note": note}
    return client.post(ASSIGN, given)


@pytest.fixture
def three(people, water):
    return [report_issue(statement=f"Leak {n}", category=water) for n in range(3)]


def test_chosen_issues_are_handed_over_each_with_its_event_and_note(owner, three, people):
    text = choose(owner, *three).content.decode()
    assert "Assign 3 issues" in text and all(issue.reference in text for issue in three)
    response = assign(owner, *three, note="Not a leak: rubbish.")
    assert "3 issues are assigned." in said(response)
    for issue in three:
        issue.refresh_from_db()
        assert issue.department.code == "sanitation"
        event = Event.objects.get(stream=issue.stream, type="issue.updated")
        assert (event.actor, event.data) == (people["owner"], {"changed": ["department"]})
        assert IssueNote.objects.get(issue=issue).author == people["owner"]
    assert found(owner) == set()  # they are the other department's now


def test_what_is_refused_keeps_nothing_else_from_its_place(owner, three, people, administrator):
    elsewhere = report_issue(statement="Theirs", category=Category.objects.get(code="tree"))
    response = assign(owner, three[0], elsewhere)
    assert "1 issue is assigned." in said(response)
    assert f"{elsewhere.reference}: There is no such issue." in said(response)
    elsewhere.refresh_from_db()
    assert elsewhere.department.code == "parks"
    again = assign(administrator, three[0])
    assert "had that department already" in said(again)
    assert Event.objects.filter(stream=three[0].stream, type="issue.updated").count() == 1


def test_the_runs_of_an_issue_go_along(owner, run, issue):
    assign(owner, issue)
    run.refresh_from_db()
    assert run.department_id == Department.objects.get(code="sanitation").pk


def test_only_those_who_may_change_issues_assign_them(colleague, outsider, nobody, three):
    assert "Assign to a department" not in colleague.get(LIST).content.decode()
    assert assign(colleague, *three).status_code == 403
    assert "3 were left as they are" in said(assign(outsider, *three))
    assert nobody.post(ASSIGN, {}).url.startswith(reverse("admin:login"))
    assert not Event.objects.filter(type="issue.updated").exists()
    assert not Issue.objects.exclude(department__code="water").exists()


@pytest.mark.parametrize("department", ["", "nowhere"])
def test_a_department_that_there_is_not_is_asked_for_again_with_the_choice_kept(owner, three, department):
    response = assign(owner, *three, department=department, note="Because.")
    assert response.status_code == 422
    text = response.content.decode()
    assert all(f'name="issue" value="{issue.pk}"' in text for issue in three) and "Because." in text


def test_a_department_that_is_closed_takes_nothing(owner, three):
    Department.objects.filter(code="sanitation").update(active=False)
    assert assign(owner, *three).status_code == 422


def test_choosing_nothing_says_what_to_do(owner, three):
    response = owner.post(ASSIGN, {"department": "sanitation", "issue": ["x", "-1", "9" * 30]})
    assert response.status_code == 422 and "Tick some in the list" in response.content.decode()
    assert owner.get(ASSIGN).status_code == 405


def test_no_more_are_handed_over_than_somebody_waits_for(owner, people, water):
    Issue.objects.bulk_create(
        Issue(statement="x", category=water, department=water.department) for _ in range(MOST + 1)
    )
    response = choose(owner, *Issue.objects.all()[:5], select_across="1")
    assert "narrow the list first" in said(response)
    with pytest.raises(TooMany):
        assign_issues(Issue.objects.values_list("pk", flat=True), "sanitation", by=people["owner"])


def test_many_are_handed_over_with_a_bounded_number_of_queries_each(
    administrator, people, django_assert_max_num_queries
):
    issues = [
        report_issue(statement=str(c), category=c)
        for c in Category.objects.exclude(department__code="parks")[:20]
    ]
    with django_assert_max_num_queries(40 + 16 * len(issues)):
        assign(administrator, *issues, department="parks")
    assert Issue.objects.filter(department__code="parks").count() == 20


def test_a_supervisor_sees_the_action_and_its_name(owner, issue):
    assert "Assign to a department" in owner.get(LIST).content.decode()
    assert factories.STATEMENT in owner.get(LIST).content.decode()
