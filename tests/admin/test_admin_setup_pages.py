"""Setting up the city by hand: working hours and closed days as words, playbooks to read and to try."""

import pytest
from django.urls import reverse

from issues.hours import parse_week, say_week, written_week
from issues.models import Category, Department
from tests.admin.looking import HOSTILE, assert_tame
from workflows.planning.playbooks import load_playbooks

LIST = "admin:playbooks"


# --- working hours ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Mon-Fri 08:00-16:00",
        "Mon-Thu 08:00-12:00,13:00-16:30; Fri 08:00-12:00; Sun 10:00-11:00",
        "24/7",
        "Wed 00:00-24:00",
    ],
)
def test_hours_are_said_as_they_are_written(text):
    assert say_week(written_week(parse_week(text))) == text


def test_no_hours_of_its_own_are_said_as_nothing():
    assert say_week([]) == ""


def _change(client, department, **given):
    fields = {"name": department.name, "email": department.email, "active": "on", "staff": []}
    address = reverse("admin:issues_department_change", args=[department.pk])
    return client.post(address, {**fields, "working_hours": "", "closed_days": "", **given})


def test_hours_and_days_are_kept_as_lists_and_shown_as_words(administrator):
    water = Department.objects.get(code="water")
    hours = "Mon-Fri 07:00-15:00; Sat 09:00-12:00"
    answer = _change(administrator, water, working_hours=hours, closed_days="2026-12-24, 2026-05-05\n")
    assert answer.status_code == 302, answer.context["errors"]
    water.refresh_from_db()
    assert water.working_hours == [[["07:00", "15:00"]]] * 5 + [[["09:00", "12:00"]], []]
    assert water.closed_days == ["2026-05-05", "2026-12-24"]
    page = administrator.get(reverse("admin:issues_department_change", args=[water.pk])).content.decode()
    assert hours in page
    assert "2026-05-05\n2026-12-24" in page


@pytest.mark.parametrize(
    ("field", "written", "said"),
    [
        ("working_hours", "Mon-Fri 08:00", "Write hours as"),
        ("working_hours", "Mo 08:00-16:00", "Days are Mon"),
        ("working_hours", "Mon 08:00-16:00,15:00-17:00", "overlap"),
        ("closed_days", "24.12.2026", "YYYY-MM-DD"),
        ("closed_days", HOSTILE[0], "YYYY-MM-DD"),
    ],
)
def test_hours_that_nobody_can_read_are_refused_and_what_was_written_stays(
    administrator, field, written, said
):
    water = Department.objects.get(code="water")
    before = water.working_hours
    answer = _change(administrator, water, **{field: written})
    assert_tame(answer, written)
    assert said in answer.content.decode()
    water.refresh_from_db()
    assert water.working_hours == before


def test_only_who_sets_up_the_whole_city_changes_hours(owner, colleague, outsider, nobody):
    water = Department.objects.get(code="water")
    for client in (owner, colleague, outsider):
        assert _change(client, water, working_hours="24/7").status_code in {403, 302}
    assert _change(nobody, water, working_hours="24/7").url.startswith(reverse("admin:login"))
    water.refresh_from_db()
    assert water.working_hours == []


# --- playbooks --------------------------------------------------------------------------------------


def test_who_reads_plans_reads_playbooks_and_nobody_signs_in_first(owner, colleague, outsider, nobody):
    for client in (owner, colleague, outsider):
        assert client.get(reverse(LIST)).status_code == 200
        assert client.get(reverse("admin:playbook", args=["water_leak"])).status_code == 200
    assert nobody.get(reverse(LIST)).url.startswith(reverse("admin:login"))


def test_who_may_not_read_plans_may_not_read_playbooks(client, city):
    from tests import factories

    client.force_login(factories.make_user())
    assert client.get(reverse(LIST)).status_code == 403
    assert client.get(reverse("admin:playbook", args=["water_leak"])).status_code == 403


def test_every_playbook_has_a_page_and_is_listed(colleague):
    listed = colleague.get(reverse(LIST)).content.decode()
    for kind in load_playbooks().playbooks:
        address = reverse("admin:playbook", args=[kind])
        assert address in listed
        assert colleague.get(address).status_code == 200
    assert colleague.get(reverse("admin:playbook", args=["no_such_kind"])).status_code == 404


def test_a_statement_that_is_tried_says_which_playbook_it_calls_for_and_why(colleague):
    words = "Water is running over the sidewalk at 123 Main St, a burst water main"
    answer = colleague.get(reverse(LIST), {"q": words})
    tried = answer.context["tried"]
    choice, address = tried.choices[0]
    assert choice.playbook.kind == "water_leak"
    assert address == reverse("admin:playbook", args=["water_leak"])
    assert tried.place == "123 Main St"
    assert choice.why[0] in answer.content.decode()


def test_trying_records_nothing(colleague):
    from issues.models import Issue
    from workflows.models import WorkflowPlan

    colleague.get(reverse(LIST), {"q": "Water leak"})
    assert not Issue.objects.exists()
    assert not WorkflowPlan.objects.exists()


@pytest.mark.parametrize("words", [*HOSTILE, " ", "\x00", "x" * 100_000])
def test_hostile_statements_can_be_tried(colleague, words):
    answer = colleague.get(reverse(LIST), {"q": words})
    assert_tame(answer)


def test_a_playbook_for_a_category_that_the_city_has_not_says_so(colleague):
    Category.objects.filter(code="water_leak").delete()
    page = colleague.get(reverse("admin:playbook", args=["water_leak"]))
    assert page.status_code == 200
    assert "this city has no category water_leak" in page.content.decode()
