"""What happens to a task that nobody has done in time: one thing after the other, as long as it is open."""

from datetime import timedelta

import pytest
from django.utils import timezone

from executions.calendars import calendar_of
from executions.deadlines import MOST_REMINDERS, sweep_deadlines
from executions.deciding import TaskClosed, decide_task
from executions.models import HumanTask, StepRun, TaskStatus
from executions.tasks import APPROVAL
from executions.worktime import due_at
from tests import factories
from tests.time.runs import (
    confirm,
    crew,
    happened,
    last_event,
    launch,
    letters,
    make_late,
    make_task,
    open_for,
    told,
)

pytestmark = pytest.mark.django_db

ANSWER = {"confirmed": False, "notes": "Nobody looked."}


def pass_time(task: HumanTask) -> HumanTask:
    """The time of its next look comes, and a worker sweeps."""
    make_late(task)
    assert sweep_deadlines() == 1
    task.refresh_from_db()
    return task


def test_nothing_happens_before_a_task_is_due():
    task = make_task(confirm(due="PT4H"))
    assert sweep_deadlines() == 0
    assert happened(task) == ["task.opened"]


def test_by_default_there_is_one_reminder_and_then_patience():
    task = pass_time(make_task(confirm(due="PT4H")))
    assert (task.status, task.reminders, task.next_look_at) == (TaskStatus.OPEN, 1, None)
    assert happened(task) == ["task.opened", "task.reminded"]
    assert sweep_deadlines() == 0


def test_reminders_come_again_and_again_in_working_time_but_not_for_ever():
    task = pass_time(make_task(confirm(due="PT4H", overdue={"remind": "PT3H"})))
    expected = due_at(timezone.now(), "PT3H", calendar_of(task.department))
    assert abs(task.next_look_at - expected) < timedelta(seconds=30)
    for count in range(2, MOST_REMINDERS + 1):
        assert pass_time(task).reminders == count
    assert (task.status, task.next_look_at) == (TaskStatus.OPEN, None)


def test_without_reminders_it_goes_to_the_group_at_once():
    task = pass_time(make_task(confirm(due="PT4H", overdue={"escalate_to": "supervisor"})))
    assert (task.group, task.reminders, task.next_look_at) == ("supervisor", 0, None)
    assert task.escalated_at is not None
    assert last_event(task).data["from"] == "dispatcher"
    assert (last_event(task).type, last_event(task).data["to"]) == ("task.escalated", "supervisor")


def test_reminder_then_group_then_failure_one_after_the_other():
    overdue = {"remind": "PT1H", "escalate_to": "supervisor", "then": "fail"}
    task = make_task(confirm(due="PT4H", overdue=overdue))
    assert (pass_time(task).reminders, task.group) == (1, "dispatcher")
    assert pass_time(task).group == "supervisor"
    assert pass_time(task).status == TaskStatus.EXPIRED
    assert happened(task) == ["task.opened", "task.reminded", "task.escalated", "task.expired"]


def test_a_group_that_gets_it_late_has_as_long_as_the_task_had_before_it_fails():
    task = pass_time(make_task(confirm(due="PT4H", overdue={"escalate_to": "supervisor", "then": "fail"})))
    expected = due_at(timezone.now(), "PT4H", calendar_of(task.department))
    assert abs(task.next_look_at - expected) < timedelta(seconds=30)
    assert pass_time(task).status == TaskStatus.EXPIRED


def test_a_group_that_got_it_is_reminded_in_its_turn():
    overdue = {"remind": "PT1H", "escalate_to": "supervisor"}
    task = make_task(confirm(due="PT4H", overdue=overdue))
    for _ in range(4):
        pass_time(task)
    assert (task.status, task.reminders, task.group) == (TaskStatus.OPEN, 3, "supervisor")


def test_what_has_to_fail_fails_when_it_is_due_and_the_run_is_told_why():
    task = pass_time(make_task(confirm(due="PT4H", overdue={"then": "fail"})))
    assert (task.status, task.next_look_at, task.decided_by) == (TaskStatus.EXPIRED, None, None)
    assert task.decided_at is not None
    [message] = told(task)
    assert (message["then"], message["code"], message["step_id"]) == ("fail", "overdue", "confirm")
    assert "in time" in message["reason"]


def test_what_has_an_answer_for_this_case_is_answered_with_it():
    task = pass_time(make_task(confirm(due="PT4H", overdue={"then": {"answer": ANSWER}})))
    assert (task.status, task.answer) == (TaskStatus.EXPIRED, ANSWER)
    [message] = told(task)
    assert (message["then"], message["answer"]) == ("answer", ANSWER)
    assert StepRun.objects.get(execution=task.execution).output == ANSWER
    assert last_event(task).data["then"] == "answer"


def test_an_approval_that_nobody_gives_in_time_is_never_given():
    approval = {"group": "supervisor", "due": "PT1H", "overdue": {"then": "fail"}}
    task = make_task(confirm(requires_approval=approval), APPROVAL)
    task.overdue = {**task.overdue, "then": "answer", "answer": {"approve": True}}  # no plan may say so
    task.save(update_fields=["overdue"])
    pass_time(task)
    assert (task.status, task.answer) == (TaskStatus.EXPIRED, None)
    assert [message["then"] for message in told(task)] == ["fail"]


def test_an_approval_that_is_late_never_goes_to_a_group_with_less_say():
    approval = {"group": "supervisor", "due": "PT1H", "overdue": {"escalate_to": "administrator"}}
    task = make_task(confirm(requires_approval=approval), APPROVAL)
    task.overdue = {**task.overdue, "escalate_to": "dispatcher"}  # no plan may say so
    task.save(update_fields=["overdue"])
    assert pass_time(task).group == "supervisor"
    assert pass_time(make_task(confirm(requires_approval=approval), APPROVAL)).group == "administrator"


def test_what_is_asked_of_a_group_never_goes_to_one_with_less_say():
    task = make_task(confirm(due="PT4H", overdue={"escalate_to": "supervisor"}))
    HumanTask.objects.filter(pk=task.pk).update(group="administrator")  # a person has handed it up
    assert pass_time(task).group == "administrator"
    assert task.escalated_at is not None
    crews = make_task(crew(due="PT4H", overdue={"escalate_to": "dispatcher"}))
    assert pass_time(crews).group == "dispatcher"


def test_what_a_group_of_the_citys_own_has_not_done_in_time_goes_where_the_plan_says():
    task = make_task(crew(due="PT4H", overdue={"escalate_to": "dispatcher"}), group="night shift")
    assert pass_time(task).group == "dispatcher"


def test_a_task_that_went_to_a_group_is_nobodys_there():
    task = make_task(confirm(due="PT4H", overdue={"escalate_to": "supervisor"}))
    task.assignee, task.assigned_at = factories.make_user("dispatcher"), timezone.now()
    task.save()
    assert (pass_time(task).assignee, task.assigned_at) == (None, None)


def test_whoever_answers_after_the_deadline_is_told_when_it_expired():
    task = pass_time(make_task(confirm(due="PT4H", overdue={"then": "fail"})))
    with pytest.raises(TaskClosed) as refused:
        decide_task(task_id=task.pk, outcome="done", answer=ANSWER, by=factories.make_user("dispatcher"))
    said = refused.value.extra
    assert (said["task_status"], said["decided_by"]) == ("expired", None)
    assert said["decided_at"] == task.decided_at.isoformat()


@pytest.mark.parametrize("status", [s for s in TaskStatus.values if s != TaskStatus.OPEN])
def test_only_open_tasks_are_swept(status):
    task = make_late(make_task(confirm(due="PT4H", overdue={"then": "fail"})))
    HumanTask.objects.update(status=status)
    assert sweep_deadlines() == 0
    task.refresh_from_db()
    assert (task.status, told(task)) == (status, [])


def test_one_task_with_a_defect_does_not_keep_the_others_waiting():
    broken, sound = make_late(make_task(), timedelta(hours=2)), make_late(make_task())
    HumanTask.objects.filter(pk=broken.pk).update(overdue=["not", "an", "object"])
    assert sweep_deadlines() == 1
    broken.refresh_from_db(), sound.refresh_from_db()
    assert (sound.reminders, broken.reminders) == (1, 0)
    assert broken.next_look_at > timezone.now()


def test_nothing_in_an_event_about_a_late_task_is_personal():
    person = factories.make_user("dispatcher", email="dora@city.example.org", first_name="Dora")
    task = pass_time(make_task())
    assert letters(task) == [(f"user:{person.pk}", "reminder")]
    assert last_event(task).data == {"task": str(task.pk), "step_id": "confirm", "reminders": 1, "letters": 1}


# --- whom the letters are for -------------------------------------------------------------------------------


def test_the_members_of_the_group_who_have_an_address_and_see_the_task_are_written_to():
    sees = factories.make_user("dispatcher", email="a@city.example.org", departments=("water", "parks"))
    everywhere = factories.make_user("dispatcher", email="b@city.example.org")
    factories.make_user("dispatcher", email="c@city.example.org", departments=("parks",))
    factories.make_user("dispatcher", email="d@city.example.org", is_active=False)
    factories.make_user("supervisor", email="e@city.example.org")
    factories.make_user("dispatcher")
    task = pass_time(make_task())
    assert letters(task) == [(f"user:{sees.pk}", "reminder"), (f"user:{everywhere.pk}", "reminder")]


def test_whoever_has_the_task_is_reminded_and_nobody_else():
    person = factories.make_user("dispatcher", email="a@city.example.org")
    factories.make_user("dispatcher", email="b@city.example.org")
    task = make_task()
    task.assignee = person
    task.save()
    assert letters(pass_time(task)) == [(f"user:{person.pk}", "reminder")]


def test_a_department_is_reminded_of_what_its_crew_has_to_do():
    assert letters(pass_time(make_task(crew(due="PT4H")))) == [("department:water", "reminder")]


def test_the_group_that_gets_a_late_task_is_written_to():
    boss = factories.make_user("supervisor", email="sam@city.example.org")
    task = pass_time(make_task(confirm(due="PT4H", overdue={"escalate_to": "supervisor"})))
    assert letters(task) == [(f"user:{boss.pk}", "escalated")]


def test_a_group_without_any_address_leaves_it_to_the_department():
    assert letters(pass_time(make_task())) == [("department:water", "reminder")]


def test_two_tasks_of_one_run_are_late_each_for_itself():
    execution = launch(confirm(due="PT4H", requires_approval={"group": "supervisor", "due": "PT1H"}))
    approval, own = open_for(execution, APPROVAL), open_for(execution)
    pass_time(approval)
    own.refresh_from_db()
    assert own.reminders == 0
