"""When a task is due: counted from the moment it opens, in the working time of its department."""

from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

from executions.calendars import calendar_of
from executions.deciding import decide_task
from executions.models import HumanTask
from executions.tasks import APPROVAL
from executions.worktime import due_at
from issues.models import Category, Department
from mudda.errors import NotFound
from tests import factories
from tests.time.runs import confirm, crew, launch, make_task, open_for

pytestmark = pytest.mark.django_db


def expected(task: HumanTask, due: str):
    return due_at(task.opened_at, due, calendar_of(task.department))


def test_a_task_is_due_when_its_step_says():
    task = make_task(confirm(due="PT4H"))
    assert (task.due, task.due_at) == ("PT4H", expected(task, "PT4H"))
    assert task.next_look_at == task.due_at


def test_a_step_that_says_nothing_takes_the_target_of_the_issues_category():
    task = make_task()
    assert (task.due, task.due_at) == ("P2D", expected(task, "P2D"))


def test_without_any_target_nothing_is_due():
    factories.make_category()
    Category.objects.update(target="")
    task = make_task()
    assert (task.due, task.due_at, task.next_look_at) == ("", None, None)


def test_a_target_that_cannot_be_counted_keeps_nobody_from_being_asked():
    factories.make_category()
    Category.objects.update(target="soon")
    assert make_task().due_at is None


def test_an_approval_has_a_due_time_and_an_overdue_of_its_own():
    overdue = {"remind": "PT30M", "escalate_to": "administrator"}
    approval = {"group": "supervisor", "reason": "It costs money.", "due": "PT2H", "overdue": overdue}
    step = confirm(due="P3D", overdue={"then": "fail"}, requires_approval=approval)
    execution = launch(step)
    asked, own = open_for(execution, APPROVAL), open_for(execution)
    assert (asked.due, asked.due_at) == ("PT2H", expected(asked, "PT2H"))
    assert (asked.overdue["remind"], asked.overdue["escalate_to"]) == ("PT30M", "administrator")
    assert (own.due, own.overdue["then"]) == ("P3D", "fail")


def test_opening_twice_keeps_the_first_due_time():
    execution = launch(confirm(due="PT4H"))
    assert open_for(execution).due_at == open_for(execution).due_at


def test_a_departments_own_hours_and_closed_days_count():
    department = factories.make_department("water")
    always = [[["00:00", "24:00"]]] * 7
    department.working_hours = always
    department.full_clean()
    department.save()
    task = make_task(crew(due="PT4H"))
    assert (task.due_at - task.opened_at).total_seconds() == 4 * 3600
    department.closed_days = [task.due_at.date().isoformat(), task.opened_at.date().isoformat()]
    department.full_clean()
    department.save()
    assert (make_task(crew(due="PT4H")).due_at - task.opened_at).total_seconds() > 4 * 3600


@override_settings(CITY_HOLIDAYS="US-GA")
def test_who_works_around_the_clock_works_on_public_holidays_and_nobody_else_does():
    christmas = date(2026, 12, 25)
    department = factories.make_department()
    department.working_hours = [[["06:00", "14:00"]]] * 7
    assert calendar_of(department).spans(christmas) == calendar_of(None).spans(christmas) == []
    department.working_hours = [[["00:00", "24:00"]]] * 7
    assert calendar_of(department).spans(christmas)
    department.closed_days = ["2026-12-25"]
    assert calendar_of(department).spans(christmas) == []


@pytest.mark.parametrize("hours", [[[]] * 7, "Mon-Fri", [[["16:00", "08:00"]]] * 7, {"mon": []}])
def test_hours_that_cannot_be_counted_are_refused_in_the_form(hours):
    department = factories.make_department()
    department.working_hours = hours
    with pytest.raises(ValidationError, match="working_hours"):
        department.full_clean()


def test_hours_that_came_into_the_database_wrong_are_replaced_by_the_citys():
    factories.make_department()
    Department.objects.update(working_hours={"mon": "all day"})
    assert calendar_of(Department.objects.get()) == calendar_of(None)


@override_settings(TIME_ZONE="America/New_York", CITY_HOLIDAYS="US-GA", WORKING_HOURS="Mon-Thu 09:00-17:00")
def test_the_settings_make_the_citys_calendar():
    calendar = calendar_of(None)
    assert calendar.zone.key == "America/New_York"
    assert calendar.week[0] == ((9 * 60, 17 * 60),)
    assert calendar.week[4] == ()
    assert calendar.holidays_of(2026)


@pytest.mark.parametrize(
    ("wrong", "identity"),
    [({"WORKING_HOURS": "whenever"}, "executions.E001"), ({"CITY_HOLIDAYS": "US-XX"}, "executions.E002")],
)
def test_hours_or_holidays_that_are_not_known_fail_the_check(wrong, identity):
    with override_settings(**wrong), pytest.raises(SystemCheckError, match=identity):
        call_command("check")


# --- whose an approval is ---------------------------------------------------------------------------


def order(department: str):
    inputs = {"department": department, "scope": "Dig.", "cost_limit": 900}
    return {"step_id": "order", "activity_id": "order_contractor", "title": "Order", "inputs": inputs}


@pytest.mark.parametrize(
    ("written", "concerned"),
    [
        ("roads", "roads"),
        ("department:roads", "roads"),
        ("water", "water"),
        ("{{ issue.department }}", "water"),
    ],
)
def test_an_approval_is_for_the_department_that_the_steps_inputs_name(written, concerned):
    factories.make_department("roads")
    task = make_task(order(written), APPROVAL)
    assert task.department.code == concerned
    assert task.due_at == expected(task, "P2D")


def test_the_supervisors_of_the_issues_department_do_not_approve_what_another_one_pays():
    factories.make_department("roads")
    task = make_task(order("roads"), APPROVAL)
    ours, theirs = (factories.make_user("supervisor", departments=(code,)) for code in ("water", "roads"))
    with pytest.raises(NotFound):
        decide_task(task_id=task.pk, outcome="approve", by=ours)
    assert decide_task(task_id=task.pk, outcome="approve", by=theirs).outcome == "approve"


def test_an_approval_of_a_step_that_names_no_department_is_for_the_issues_own():
    assert make_task(confirm(requires_approval=True), APPROVAL).department.code == "water"


def test_an_approval_for_a_department_that_is_gone_is_for_the_issues_own():
    factories.make_department("roads")
    execution = launch(order("roads"))
    Department.objects.filter(code="roads").update(active=False)
    assert open_for(execution, APPROVAL).department.code == "water"
