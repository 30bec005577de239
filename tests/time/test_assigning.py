"""Whose a task is, and when its clock stands still: claim, release, reassign, hold, resume."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from executions.assigning import (
    BadAssignee,
    TaskNotOnHold,
    TaskNotTaken,
    TaskOnHold,
    claim_task,
    hold_task,
    reassign_task,
    release_task,
    resume_task,
)
from executions.calendars import calendar_of
from executions.deadlines import sweep_deadlines
from executions.deciding import TaskClosed, TaskTaken, decide_task
from executions.links import issue_link
from executions.models import HumanTask, TaskStatus
from executions.tasks import APPROVAL, COMPENSATION_FAILED, ESCALATION
from executions.worktime import work_between
from mudda.errors import Forbidden, InvalidRequest, NotFound
from tests import factories
from tests.time.runs import confirm, crew, happened, last_event, letters, make_late, make_task

pytestmark = pytest.mark.django_db

ANSWER = {"confirmed": True}
APPROVE = {"requires_approval": {"group": "supervisor", "reason": "It costs money.", "four_eyes": True}}


@pytest.fixture
def task():
    return make_task(confirm(due="P2D"))


@pytest.fixture
def ann():
    return factories.make_user("dispatcher", email="ann@city.example.org")


@pytest.fixture
def bob():
    return factories.make_user("dispatcher", email="bob@city.example.org")


@pytest.fixture
def boss():
    return factories.make_user("supervisor")


def decide(task, by):
    return decide_task(task_id=task.pk, outcome="done", answer=ANSWER, by=by)


# --- claim and release ----------------------------------------------------------------------------------------


def test_a_claimed_task_is_decided_by_whoever_claimed_it(task, ann, bob):
    claimed = claim_task(task_id=task.pk, by=ann)
    assert (claimed.assignee, claimed.status) == (ann, TaskStatus.OPEN)
    with pytest.raises(TaskTaken) as refused:
        decide(task, bob)
    assert refused.value.extra == {
        "assignee": ann.get_username(),
        "assigned_at": claimed.assigned_at.isoformat(),
    }
    assert decide(task, ann).status == TaskStatus.DECIDED
    assert happened(task) == ["task.opened", "task.claimed", "task.decided"]


def test_of_two_who_claim_the_first_has_it_and_claiming_again_changes_nothing(task, ann, bob):
    first = claim_task(task_id=task.pk, by=ann)
    with pytest.raises(TaskTaken):
        claim_task(task_id=task.pk, by=bob)
    assert claim_task(task_id=task.pk, by=ann).assigned_at == first.assigned_at
    assert happened(task).count("task.claimed") == 1


def test_who_may_not_decide_may_not_claim(task, boss):
    with pytest.raises(Forbidden):
        claim_task(task_id=task.pk, by=boss)
    with pytest.raises(NotFound):
        claim_task(task_id=task.pk, by=factories.make_user("dispatcher", departments=("parks",)))


def test_who_wrote_the_plan_does_not_claim_its_four_eyes_approval():
    task = make_task(confirm(**APPROVE), APPROVAL)
    with pytest.raises(Forbidden, match="Four eyes"):
        claim_task(task_id=task.pk, by=task.execution.started_by)


def test_a_released_task_is_everybodys_again(task, ann, bob):
    claim_task(task_id=task.pk, by=ann)
    assert release_task(task_id=task.pk, by=ann, reason="Off sick.").assign_reason == "Off sick."
    assert "sick" not in str(last_event(task).data)
    assert (last_event(task).actor_id, last_event(task).data["was"]) == (ann.pk, ann.pk)
    assert decide(task, bob).decided_by == bob


def test_only_who_has_it_or_a_supervisor_releases_it(task, ann, bob, boss):
    with pytest.raises(TaskNotTaken):
        release_task(task_id=task.pk, by=ann)
    claim_task(task_id=task.pk, by=ann)
    with pytest.raises(TaskTaken):
        release_task(task_id=task.pk, by=bob)
    assert release_task(task_id=task.pk, by=boss).assignee is None


def test_what_has_been_decided_is_neither_claimed_nor_held_nor_handed_on(task, ann, bob):
    decided = decide(task, ann)
    for arrange in (
        lambda: claim_task(task_id=task.pk, by=bob),
        lambda: release_task(task_id=task.pk, by=bob),
        lambda: hold_task(task_id=task.pk, by=bob, reason="Wait."),
        lambda: resume_task(task_id=task.pk, by=bob),
        lambda: reassign_task(task_id=task.pk, by=bob, user=bob.get_username(), reason="Mine."),
    ):
        with pytest.raises(TaskClosed) as refused:
            arrange()
        assert refused.value.extra["decided_by"] == ann.get_username()
        assert refused.value.extra["decided_at"] == decided.decided_at.isoformat()


# --- reassign --------------------------------------------------------------------------------------------------


def test_a_task_is_handed_to_a_person_who_is_written_to(task, ann, bob):
    claim_task(task_id=task.pk, by=ann)
    handed = reassign_task(task_id=task.pk, user=bob.get_username(), reason="Bob lives there.", by=ann)
    assert (handed.assignee, handed.group, handed.assign_reason) == (bob, "dispatcher", "Bob lives there.")
    assert letters(task) == [(f"user:{bob.pk}", "assigned")]
    data = last_event(task).data
    assert (data["from_user"], data["user"], last_event(task).actor_id) == (ann.pk, bob.pk, ann.pk)
    assert "Bob" not in str(data)
    with pytest.raises(TaskTaken):
        decide(task, ann)
    assert decide(task, bob).decided_by == bob


def test_a_task_is_handed_to_a_group_and_is_nobodys_there(task, ann, boss):
    boss.email = "sam@city.example.org"
    boss.save()
    claim_task(task_id=task.pk, by=ann)
    handed = reassign_task(task_id=task.pk, group="supervisor", reason="Too big for me.", by=ann)
    assert (handed.assignee, handed.group) == (None, "supervisor")
    assert letters(task) == [(f"user:{boss.pk}", "handed")]
    with pytest.raises(Forbidden):
        decide(task, ann)
    assert decide(task, boss).decided_by == boss


def test_somebody_elses_task_is_handed_on_by_a_supervisor_only(task, ann, bob, boss):
    claim_task(task_id=task.pk, by=ann)
    with pytest.raises(TaskTaken):
        reassign_task(task_id=task.pk, user=bob.get_username(), reason="I want it.", by=bob)
    assert (
        reassign_task(task_id=task.pk, user=bob.get_username(), reason="Ann is ill.", by=boss).assignee == bob
    )


def test_nobody_is_given_what_they_could_not_decide(task, boss):
    others = [
        factories.make_user("supervisor"),  # of another group
        factories.make_user("dispatcher", departments=("parks",)),
        factories.make_user("dispatcher", is_active=False),
        factories.make_user("viewer"),
    ]
    refusals = set()
    for name in [*(other.get_username() for other in others), "nobody-at-all"]:
        with pytest.raises(BadAssignee) as refused:
            reassign_task(task_id=task.pk, user=name, reason="Try.", by=boss)
        refusals.add(str(refused.value.errors))
    assert len(refusals) == 1  # who exists is nobody's business


def test_four_eyes_hold_for_whoever_an_approval_is_given_to(boss):
    task = make_task(confirm(**APPROVE), APPROVAL)
    author = task.execution.started_by
    with pytest.raises(BadAssignee):
        reassign_task(task_id=task.pk, user=author.get_username(), reason="He knows.", by=boss)


def test_an_approval_never_goes_to_a_group_with_less_say(boss):
    task = make_task(confirm(**APPROVE), APPROVAL)
    for less in ("dispatcher", "viewer", "nonsense"):
        with pytest.raises(BadAssignee):
            reassign_task(task_id=task.pk, group=less, reason="They are quicker.", by=boss)
    assert reassign_task(task_id=task.pk, group="administrator", reason="Ask them.", by=boss).group == (
        "administrator"
    )


@pytest.mark.parametrize("kind", ["confirm_completion", COMPENSATION_FAILED, ESCALATION])
def test_no_task_that_is_asked_of_a_group_goes_to_one_with_less_say(boss, kind):
    task = make_task(confirm())
    HumanTask.objects.filter(pk=task.pk).update(kind=kind, group="supervisor")
    Group.objects.create(name="night shift")
    for less in ("dispatcher", "night shift"):
        with pytest.raises(BadAssignee) as refused:
            reassign_task(task_id=task.pk, group=less, reason="They are quicker.", by=boss)
        assert [error["pointer"] for error in refused.value.errors] == ["/group"]
    handed = reassign_task(task_id=task.pk, group="administrator", reason="Ask them.", by=boss)
    assert handed.group == "administrator"


def test_a_crews_task_goes_to_whatever_group_the_city_has(boss):
    task = make_task(crew())
    Group.objects.create(name="night shift")
    for group in ("night shift", "dispatcher"):
        assert reassign_task(task_id=task.pk, group=group, reason="It is night.", by=boss).group == group


@pytest.mark.parametrize(
    "wrong", [{}, {"user": "ann", "group": "dispatcher"}, {"group": "dispatcher", "reason": " "}]
)
def test_one_of_user_and_group_and_a_reason_have_to_be_given(task, boss, wrong):
    with pytest.raises(InvalidRequest):
        reassign_task(task_id=task.pk, by=boss, **{"reason": "Because.", **wrong})


def test_links_and_what_a_crew_has_promised_end_when_the_task_is_handed_on(boss):
    task = make_task(crew(due="PT4H"))
    issue_link(task, "department:water")
    HumanTask.objects.update(crew="Crew 7", accepted_at=timezone.now(), arrival_at=timezone.now())
    handed = reassign_task(task_id=task.pk, group="dispatcher", reason="The crew has gone home.", by=boss)
    assert (handed.crew, handed.accepted_at) == ("", None)
    assert task.links.get().revoked_at is not None


# --- hold and resume -------------------------------------------------------------------------------------------


def test_the_clock_of_a_held_task_stands_still(task, ann):
    held = hold_task(task_id=task.pk, reason="Waiting for the gas company.", by=ann)
    assert (held.status, held.hold_reason) == (TaskStatus.ON_HOLD, "Waiting for the gas company.")
    make_late(task)
    assert sweep_deadlines() == 0
    assert "gas" not in str(last_event(task).data)


def test_resuming_gives_back_the_working_time_that_was_left(task, ann):
    hold_task(task_id=task.pk, reason="Waiting.", by=ann)
    held_since, calendar = timezone.now() - timedelta(days=30), calendar_of(task.department)
    HumanTask.objects.update(
        held_at=held_since,
        due_at=held_since + timedelta(days=3),
        next_look_at=held_since + timedelta(days=4),
    )
    left = [work_between(held_since, held_since + timedelta(days=days), calendar) for days in (3, 4)]
    before = timezone.now()
    resumed = resume_task(task_id=task.pk, by=ann)
    assert (resumed.status, resumed.held_at, resumed.hold_reason) == (TaskStatus.OPEN, None, "")
    assert resumed.due_at > before
    for moment, time in zip((resumed.due_at, resumed.next_look_at), left, strict=True):
        assert abs(work_between(before, moment, calendar) - time) < timedelta(seconds=30)


def test_what_was_overdue_when_it_was_held_is_overdue_when_it_goes_on(task, ann):
    make_late(task, timedelta(hours=1))
    due = HumanTask.objects.get().due_at
    hold_task(task_id=task.pk, reason="Waiting.", by=ann)
    assert resume_task(task_id=task.pk, by=ann).due_at == due
    assert sweep_deadlines() == 1


def test_a_held_task_may_still_be_decided(task, ann):
    hold_task(task_id=task.pk, reason="Waiting.", by=ann)
    assert decide(task, ann).status == TaskStatus.DECIDED


def test_holding_twice_and_resuming_what_runs_are_refused(task, ann):
    with pytest.raises(TaskNotOnHold):
        resume_task(task_id=task.pk, by=ann)
    held = hold_task(task_id=task.pk, reason="Waiting.", by=ann)
    with pytest.raises(TaskOnHold) as refused:
        hold_task(task_id=task.pk, reason="Still waiting.", by=ann)
    assert refused.value.extra == {"held_at": held.held_at.isoformat()}


def test_who_neither_has_it_nor_leads_holds_nothing(task, ann, bob, boss):
    claim_task(task_id=task.pk, by=ann)
    with pytest.raises(TaskTaken):
        hold_task(task_id=task.pk, reason="Mine.", by=bob)
    with pytest.raises(Forbidden):
        hold_task(task_id=task.pk, reason="Mine.", by=factories.make_user("planner"))
    assert hold_task(task_id=task.pk, reason="Budget.", by=boss).status == TaskStatus.ON_HOLD
    with pytest.raises(InvalidRequest):
        hold_task(task_id=task.pk, reason="  ", by=boss)
