"""A worker does again what it has done, because its answer to Temporal was lost; a person was fast meanwhile."""

from dataclasses import replace

import pytest
from temporalio.exceptions import ApplicationError

from executions.activities.registry import Waiting, implementations
from executions.adapters.errors import AdapterError
from executions.deciding import TaskClosed, decide_task
from executions.models import Effect, EffectStatus, HumanTask, StepRun, TaskStatus
from executions.tasks import APPROVAL, ESCALATION, UNCERTAIN_EFFECT, open_task
from executions.temporal.contracts import Carried, EscalateCall, FinishCall, StepCall
from executions.temporal.finishing import finish_execution
from executions.temporal.recording import (
    Superseded,
    ask_for_approval,
    begin,
    complete,
    record_failure,
    record_overrun,
    run_step,
    wait_for_person,
)
from executions.temporal.undoing import escalate
from mudda.devstack.surroundings import free_port
from tests import factories
from tests.time.runs import confirm, crew, happened, launch, told

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("temporal_server")]

FAILURE = {"code": "refused", "message": "It was refused."}
ANSWER = {"confirmed": True, "notes": ""}
APPROVE = {"requires_approval": {"group": "supervisor", "reason": "It costs money."}}


@pytest.fixture
def boss():
    return factories.make_user("supervisor")


@pytest.fixture
def dora():
    return factories.make_user("dispatcher")


def call_of(execution, **more):
    step = execution.compiled["steps"][0]
    call = StepCall(str(execution.pk), step["step_id"], step["activity_id"], step["inputs"], 60, 8)
    return replace(call, **more)


def asking(execution, name):
    return EscalateCall(str(execution.pk), step_of(execution).step_id, "supervisor", FAILURE, asking=name)


def step_of(execution):
    step = StepRun.objects.get(execution=execution)
    step.execution = execution
    return step


def task_of(answer):
    return HumanTask.objects.get(pk=answer.task_id)


def do(execution, implementation=None, **more):
    call = call_of(execution, **more)
    return run_step(call, implementation or implementations()[call.activity_id])


def mail_is_away(step):
    raise AdapterError("The mail server is away.", code="unavailable", permanent=False)


def cut_off(step, task):
    def perform(key):
        raise AdapterError("It was cut off.", code="outcome_unknown", permanent=False)

    step.effects.once("letter", perform, "at_most_once")


def opens_and(then):
    """An activity that opens its task, and whose letter meets what ``then`` does."""

    def activity(step):
        task = open_task(step.step, kind=step.step.activity_id, title="Do it", outcomes=["done"])
        then(step, task)
        return Waiting(task)

    return activity


# --- asked again by a repeated attempt ------------------------------------------------------------------------


def test_an_approval_that_was_given_before_the_answer_arrived_is_not_asked_for_again(boss):
    execution = launch(factories.note_step("dear", **APPROVE))
    first = task_of(ask_for_approval(call_of(execution)))
    decide_task(task_id=first.pk, outcome="approve", by=boss)
    assert task_of(ask_for_approval(call_of(execution))) == first
    assert HumanTask.objects.filter(kind=APPROVAL).count() == 1


@pytest.mark.parametrize("outcome", ["retry", "skip"])
def test_a_question_about_a_failure_that_was_answered_before_the_answer_arrived_is_not_asked_again(
    boss, outcome
):
    execution = launch(factories.note_step("dear"))
    first = task_of(escalate(asking(execution, "one")))
    assert task_of(escalate(asking(execution, "one"))) == first
    decide_task(task_id=first.pk, outcome=outcome, comment="So be it.", by=boss)
    assert task_of(escalate(asking(execution, "one"))) == first
    assert task_of(escalate(asking(execution, "two"))) != first


def test_a_question_about_a_failure_is_still_open_after_the_attempt_that_asked_is_repeated():
    execution = launch(factories.note_step("dear"))
    carried = [Carried("dear", "failed", error=FAILURE)]
    first = task_of(escalate(replace(asking(execution, "one"), carried=carried)))
    assert task_of(escalate(replace(asking(execution, "one"), carried=carried))).status == TaskStatus.OPEN
    assert task_of(escalate(replace(asking(execution, "one"), carried=carried))) == first
    assert step_of(execution).status == "waiting"


# --- the letter about a task fails ----------------------------------------------------------------------------


def test_what_a_person_did_while_the_letter_could_not_be_sent_counts_though_it_was_the_last_attempt(boss):
    execution = launch(crew())

    def answered_then_away(step, task):
        decide_task(task_id=task.pk, outcome="done", answer={}, by=boss)
        mail_is_away(step)

    task = task_of(do(execution, opens_and(answered_then_away), max_attempts=1))
    assert (task.status, step_of(execution).status) == (TaskStatus.DECIDED, "waiting")
    assert [message["then"] for message in told(task)] == ["answer"]
    assert step_of(execution).own_failures == 0


def test_no_letter_is_sent_about_what_a_person_has_done_already(boss, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    execution = launch(crew())
    with pytest.raises(ApplicationError) as away:
        do(execution)
    assert not away.value.non_retryable
    task = HumanTask.objects.get()
    decide_task(task_id=task.pk, outcome="done", answer={}, by=boss)
    assert task_of(do(execution)) == task
    assert Effect.objects.get().status == EffectStatus.FAILED, "it was not tried again"


def test_a_task_on_hold_gets_its_letter_all_the_same():
    execution = launch(crew())
    with pytest.raises(ApplicationError):
        do(execution, opens_and(lambda step, task: mail_is_away(step)))
    HumanTask.objects.update(status=TaskStatus.ON_HOLD)
    do(execution)
    assert Effect.objects.get().status == EffectStatus.DONE


def test_a_step_whose_letter_fails_for_good_takes_its_task_back_and_says_so(dora):
    execution = launch(confirm())
    with pytest.raises(ApplicationError) as failed:
        do(execution, opens_and(lambda step, task: mail_is_away(step)), max_attempts=1)
    assert failed.value.non_retryable
    task = HumanTask.objects.get()
    assert happened(task) == ["task.opened", "task.withdrawn"]
    with pytest.raises(TaskClosed, match="The step has failed") as closed:
        decide_task(task_id=task.pk, outcome="done", answer=ANSWER, by=dora)
    assert closed.value.extra["decided_at"] == task.decided_at.isoformat()
    assert closed.value.extra["reason"] == "The step has failed."


def test_a_failure_that_passes_leaves_the_task_open():
    execution = launch(confirm())
    with pytest.raises(ApplicationError):
        do(execution, opens_and(lambda step, task: mail_is_away(step)), max_attempts=2)
    assert HumanTask.objects.get().status == TaskStatus.OPEN


def test_whether_a_letter_arrived_is_not_asked_once_a_person_has_done_what_it_asks_for(boss):
    execution = launch(crew())

    def answered_but_unknown(step, task):
        decide_task(task_id=task.pk, outcome="done", answer={}, by=boss)
        cut_off(step, task)

    assert task_of(do(execution, opens_and(answered_but_unknown))).kind == "dispatch_crew"
    assert not HumanTask.objects.filter(kind=UNCERTAIN_EFFECT).exists()


def test_who_is_asked_whether_a_letter_arrived_needs_not_answer_once_what_it_asks_for_is_done(boss):
    execution = launch(crew())
    asked = task_of(do(execution, opens_and(cut_off)))
    assert asked.kind == UNCERTAIN_EFFECT
    task = HumanTask.objects.get(kind="dispatch_crew")
    decide_task(task_id=task.pk, outcome="done", answer={}, by=boss)
    asked.refresh_from_db()
    assert asked.status == TaskStatus.WITHDRAWN
    assert [message["then"] for message in told(asked)] == ["again"]
    assert task_of(do(execution)) == task


def test_a_failure_that_a_person_is_asked_about_withdraws_what_the_step_had_asked():
    execution = launch(confirm())
    task = task_of(do(execution))
    escalate(asking(execution, "one"))
    task.refresh_from_db()
    assert task.status == TaskStatus.WITHDRAWN
    assert HumanTask.objects.get(kind=ESCALATION).status == TaskStatus.OPEN


def test_a_run_that_is_over_leaves_no_question_open():
    execution = launch(confirm(), crew("other"))
    step = StepRun.objects.get(execution=execution, step_id="confirm")
    step.execution = execution
    task = open_task(step, kind="confirm_completion", title="Is it done?", outcomes=["done"])
    StepRun.objects.filter(pk=step.pk).update(status="failed")
    by_hand = open_task(step, kind="compensation_failed", title="Undo", outcomes=["done"], awaited=False)
    finish_execution(FinishCall(str(execution.pk), "failed", FAILURE, "confirm"))
    task.refresh_from_db()
    assert (task.status, task.comment) == (TaskStatus.WITHDRAWN, "The run is over.")
    by_hand.refresh_from_db()
    assert by_hand.status == TaskStatus.OPEN


# --- an attempt that comes too late ---------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["complete", "fail", "ask"])
@pytest.mark.parametrize("outcome", [None, "skip", "retry"])
def test_a_late_attempt_does_not_touch_a_step_whose_failure_a_person_is_asked_about(boss, end, outcome):
    execution = launch(confirm())
    call = call_of(execution)
    late = begin(call)
    task = open_task(late, kind="confirm_completion", title="Late", outcomes=["done"])
    record_overrun(replace(call, max_attempts=1), late.pk, late.attempts, late.own_failures)
    asked = task_of(escalate(asking(execution, "one")))
    if outcome:
        decide_task(task_id=asked.pk, outcome=outcome, comment="So be it.", by=boss)
    before = step_of(execution).status
    with pytest.raises(Superseded):
        match end:
            case "complete":
                complete(late, ANSWER)
            case "fail":
                record_failure(call, late, AdapterError("Too late.", code="odd", permanent=True))
            case "ask":
                wait_for_person(late, task)
    assert step_of(execution).status == before
