"""Issues: who reads them, who learns who reported them, and that words stay words."""

import pytest
from django.urls import reverse

from issues.models import Category, Department, Issue, IssueNote
from issues.services import report_issue
from tests.admin.looking import HOSTILE, assert_tame

LIST = "admin:issues_issue_changelist"


def page(issue):
    return reverse("admin:issues_issue_change", args=[issue.pk])


def note(issue):
    return reverse("admin:issues_issue_note", args=[issue.pk])


def test_the_owner_sees_who_reported_it_and_a_colleague_without_the_permission_does_not(
    owner, colleague, issue
):
    assert "ada@example.org" in owner.get(page(issue)).content.decode()
    text = colleague.get(page(issue)).content.decode()
    assert issue.statement in text
    for secret in ("ada@example.org", "Ada Citizen", "555 0100"):
        assert secret not in text


def test_an_outsider_finds_no_issue_and_nobody_signs_in_first(outsider, nobody, issue):
    assert outsider.get(page(issue)).url == reverse("admin:index")
    assert issue.reference not in outsider.get(reverse(LIST)).content.decode()
    assert outsider.post(note(issue), {"note": "x"}).status_code == 302
    assert not IssueNote.objects.exists()
    for address in (page(issue), note(issue), reverse(LIST)):
        assert nobody.get(address).url.startswith(reverse("admin:login"))


def test_the_list_shows_what_is_needed_to_choose(owner, issue):
    text = owner.get(reverse(LIST)).content.decode()
    for shown in (
        issue.reference,
        issue.statement,
        "Open",
        "High",
        "Water leak or burst main",
        "Water Supply",
    ):
        assert shown in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("leak", True),
        ("123 main", True),
        ("graffiti", False),
        ("reference", True),
        ("ISSUE-99999999", False),
        ("\x00", False),
    ],
)
def test_the_search_takes_words_addresses_and_references(owner, issue, query, found):
    query = issue.reference.lower() if query == "reference" else query
    response = owner.get(reverse(LIST), {"q": query}, follow=True)
    assert response.status_code == 200
    if query != "\x00":
        assert (page(issue) in response.content.decode()) is found


def test_a_filter_with_a_character_that_cannot_be_stored_shows_the_whole_list(owner, issue):
    response = owner.get(reverse(LIST), {"status__exact": "\x00"})
    assert response.url == reverse(LIST)


def test_the_filter_offers_only_departments_that_the_person_sees(owner, administrator, issue):
    assert "Parks and Trees" not in owner.get(reverse(LIST)).content.decode()
    assert "Parks and Trees" in administrator.get(reverse(LIST)).content.decode()


def test_a_note_and_a_status_are_kept_by_those_who_may(owner, colleague, issue, people):
    assert colleague.post(note(issue), {"note": "x"}).status_code == 403
    owner.post(note(issue), {"note": "Valve closed.", "status": "IN_PROGRESS", "visible": "on"})
    issue.refresh_from_db()
    assert issue.status == "IN_PROGRESS"
    kept = IssueNote.objects.get()
    assert (kept.text, kept.visible, kept.author) == ("Valve closed.", True, people["owner"])
    assert owner.post(note(issue), {"note": " "}).status_code == 422
    assert owner.get(note(issue)).status_code == 405


def test_an_issue_is_recorded_by_those_who_may(owner, colleague, people):
    add = reverse("admin:issues_issue_add")
    category = Category.objects.get(code="water_leak")
    given = {"statement": "Hydrant open", "address": "5 Elm St", "urgency": "high", "category": category.pk}
    assert colleague.post(add, given).status_code == 403
    assert owner.post(add, {**given, "statement": " \u200b "}).status_code == 422
    assert owner.post(add, {**given, "statement": "x\x00y"}).status_code == 422
    response = owner.post(add, given)
    issue = Issue.objects.get()
    assert response.url == page(issue)
    assert (issue.statement, issue.department.code) == ("Hydrant open", "water")


def test_who_reported_is_recorded_where_something_is_known_of_them(owner, people):
    add = reverse("admin:issues_issue_add")
    given = {"statement": "Hydrant open", "urgency": "high"}
    given["category"] = Category.objects.get(code="water_leak").pk
    known = {"name": "Ada Citizen", "email": "ada@example.org", "phone": "+1 555 0100"}
    assert owner.post(add, {**given, **known, "email": "ada at home"}).status_code == 422
    assert owner.post(add, {**given, **known, "phone": "5" * 41}).status_code == 422
    assert not Issue.objects.exists()
    owner.post(add, {**given, **known})
    owner.post(add, {**given, "name": " ", "email": "", "phone": ""})
    unknown, issue = Issue.objects.order_by("-pk")
    assert {name: getattr(issue.reporter, name) for name in known} == known
    assert unknown.reporter is None


def test_somebody_limited_to_a_department_records_only_for_it(owner, people):
    add = reverse("admin:issues_issue_add")
    elsewhere = Category.objects.get(code="tree")
    given = {"statement": "A tree fell", "urgency": "high"}
    assert owner.post(add, {**given, "category": elsewhere.pk}).status_code == 422
    assert owner.post(add, given).status_code == 422
    assert not Issue.objects.exists()


def test_issues_are_neither_changed_nor_deleted_in_a_form(owner, administrator, issue):
    for client in (owner, administrator):
        assert client.post(page(issue), {"statement": "x"}).status_code == 405
        assert client.post(reverse("admin:issues_issue_delete", args=[issue.pk])).status_code == 403


def test_hostile_text_in_every_field_of_an_issue_is_shown_and_never_markup(owner, administrator, issue):
    reporter = issue.reporter
    for text in HOSTILE:
        Issue.objects.filter(pk=issue.pk).update(statement=text, address=text)
        type(reporter).objects.filter(pk=reporter.pk).update(name=text, email=text, phone=text[:40])
        IssueNote.objects.create(issue=issue, text=text)
        Category.objects.filter(pk=issue.category_id).update(name=text)
        Department.objects.filter(pk=issue.department_id).update(name=text)
        assert_tame(owner.get(page(issue)), text)
        assert_tame(owner.get(reverse(LIST)), text)
        for name in ("issues_department", "issues_category"):
            assert_tame(administrator.get(reverse(f"admin:{name}_changelist")), text)
        assert_tame(
            administrator.get(reverse("admin:issues_department_change", args=[issue.department_id])), text
        )
        assert_tame(owner.post(note(issue), {"note": text, "status": text}), text)


def test_an_issue_with_missing_pieces_is_shown_with_the_gaps_named(administrator):
    bare = report_issue(statement="Something")
    text = administrator.get(page(bare)).content.decode()
    for gap in ("not decided", "none yet", "Nobody is known", "address not given", "No notes yet"):
        assert gap in text


def test_the_list_takes_a_bounded_number_of_queries(administrator, issue, django_assert_max_num_queries):
    for category in Category.objects.all():
        report_issue(statement=f"About {category}", category=category)
    with django_assert_max_num_queries(20):
        administrator.get(reverse(LIST))
    with django_assert_max_num_queries(26):
        administrator.get(page(issue))
