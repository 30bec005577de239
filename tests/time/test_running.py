"""Deadlines in real runs: a real worker, a real Temporal, a real mail server. The clock is moved, not slept through."""

import asyncio

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from executions.deadlines import sweep_deadlines
from executions.models import ExecutionStatus, HumanTask, TaskStatus, WorkflowExecution
from tests import factories
from tests.faults.city import until
from tests.faults.mail import PostOffice
from tests.time.runs import confirm, crew, launch, make_late

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def office():
    office = PostOffice()
    office.start()
    yield office
    office.stop()


@pytest.fixture
def worker(start_worker, office):
    return start_worker(EMAIL_URL=office.url)


def opened(execution: WorkflowExecution) -> HumanTask:
    return until(lambda: HumanTask.objects.filter(execution=execution).first(), 60)


def ended(execution: WorkflowExecution) -> WorkflowExecution:
    def over():
        execution.refresh_from_db()
        return execution.status in {ExecutionStatus.COMPLETED, ExecutionStatus.FAILED}

    until(over, 60)
    return execution


def history_of(execution, server):
    """The types of the run's events in Temporal: no new one, no new billable action."""

    async def fetch():
        client = await Client.connect(server.address)
        handle = client.get_workflow_handle(execution.temporal_workflow_id)
        return [event.event_type async for event in handle.fetch_history_events()]

    return asyncio.run(fetch())


def waits_for_a_person(execution, server):
    """The history, once the step's activity has answered that a person was asked."""
    found = history_of(execution, server)
    asked = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED in found
    return found if asked and found[-1] == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED else None


def step(execution, step_id):
    return execution.steps.get(step_id=step_id)


def test_a_run_whose_step_nobody_does_in_time_fails_and_says_so(worker):
    execution = launch(confirm(due="PT1M", overdue={"then": "fail"}), factories.note_step("after"))
    task = opened(execution)
    assert task.due_at is not None
    make_late(task)
    found = ended(execution)
    assert (found.status, found.failure["code"], found.failure["step_id"]) == ("failed", "overdue", "confirm")
    assert "in time" in found.failure["message"]
    assert step(execution, "confirm").error["code"] == "overdue"
    assert step(execution, "after").status == "cancelled"
    task.refresh_from_db()
    assert task.status == TaskStatus.EXPIRED


def test_a_run_goes_on_with_the_answer_that_the_plan_has_for_silence(worker):
    answer = {"confirmed": False, "notes": "Nobody answered in time."}
    after = factories.note_step("after", inputs={"note": "Said: {{ steps.confirm.notes }}"})
    execution = launch(confirm(due="PT1M", overdue={"then": {"answer": answer}}), after)
    make_late(opened(execution))
    found = ended(execution)
    assert (found.status, found.execution_data["results"]["confirm"]) == ("completed", answer)
    assert found.plan.issue.notes.get().text == "Said: Nobody answered in time."


def test_an_approval_that_nobody_gives_in_time_is_a_failure_of_its_step(worker):
    approval = {"group": "supervisor", "due": "PT1M", "overdue": {"then": "fail"}}
    execution = launch(
        factories.note_step("dear", requires_approval=approval, on_failure="continue"),
        factories.note_step("after"),
    )
    make_late(opened(execution))
    found = ended(execution)
    assert found.status == "completed"
    assert step(execution, "dear").error["code"] == "overdue"
    assert found.plan.issue.notes.get().text == "This is after."


def test_reminders_go_out_while_the_run_waits_and_temporal_hears_of_none(worker, office, temporal_server):
    factories.make_user("dispatcher", email="dora@city.example.org")
    execution = launch(confirm(due="PT1M", overdue={"remind": "PT1M"}))
    task = opened(execution)
    settled = until(lambda: waits_for_a_person(execution, temporal_server), 30)
    for count in (1, 2):
        make_late(task)
        until(lambda count=count: len(office.mails) == count, 30)
    assert history_of(execution, temporal_server) == settled
    assert {mail.to for mail in office.mails} == {"dora@city.example.org"}
    assert len({mail.message_id for mail in office.mails}) == 2
    task.refresh_from_db()
    assert (task.status, task.reminders) == (TaskStatus.OPEN, 2)
    execution.refresh_from_db()
    assert execution.status == ExecutionStatus.RUNNING


def test_two_workers_and_a_third_sweeper_remind_once(worker, start_worker, office):
    start_worker(EMAIL_URL=office.url)
    execution = launch(crew(due="PT1M"))
    task = opened(execution)
    until(lambda: office.mails, 30)  # the dispatch itself
    make_late(task)
    sweep_deadlines()
    until(lambda: len(office.mails) == 2, 30)
    task.refresh_from_db()
    assert (task.reminders, task.next_look_at) == (1, None)
    assert office.mails[1].subject.startswith("Reminder")
