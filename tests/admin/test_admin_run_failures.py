"""What becomes of a failed step, said on the page of its run. Each way asks for a reason."""

import pytest
from django.urls import reverse

from executions.deciding import decide_task
from executions.models import HumanTask, StepRun, TaskStatus, WorkflowExecution
from executions.tasks import ask_about_failed_step
from mudda.models import OutboxMessage
from tests.admin.looking import HOSTILE, assert_tame, assert_undecided, page_of_task, said

RESULT = {"type": "object", "properties": {"pages": {"type": "integer"}}, "required": ["pages"]}


def page(run):
    return reverse("admin:executions_workflowexecution_change", args=[run.pk])


def about(step, way):
    return reverse("admin:executions_workflowexecution_step", args=[step.execution_id, step.step_id, way])


@pytest.fixture
def asked(step):
    WorkflowExecution.objects.filter(pk=step.execution_id).update(status="running")
    StepRun.objects.filter(pk=step.pk).update(
        status="waiting", error={"code": "away", "message": "It is away."}
    )
    return ask_about_failed_step(step, "supervisor", {"code": "away", "message": "It is away."}, RESULT)


@pytest.mark.parametrize(
    ("way", "words"), [("retry", "tried again"), ("skip", "goes on without"), ("stop", "being stopped")]
)
def test_a_failed_step_is_tried_again_left_out_or_ends_the_run_with_a_reason(
    owner, step, asked, people, way, words
):
    assert f'href="{about(step, way)}"' in owner.get(page(step.execution)).content.decode()
    shown = owner.get(about(step, way)).content.decode()
    assert step.title in shown and 'name="reason"' in shown
    assert words in said(owner.post(about(step, way), {"reason": "The mast is up again."}))
    asked.refresh_from_db()
    assert (asked.status, asked.outcome, asked.comment) == (TaskStatus.DECIDED, way, "The mast is up again.")
    assert asked.decided_by == people["owner"]
    assert OutboxMessage.objects.get(payload__task_id=str(asked.pk)).payload["then"] == way
    assert about(step, way) not in owner.get(page(step.execution)).content.decode()


def test_giving_the_result_by_hand_leads_to_the_form_opened(owner, step, asked):
    text = owner.get(page(step.execution)).content.decode()
    link = f"{page_of_task(asked)}?by-hand#decision"
    assert f'href="{link}"' in text
    assert '<details class="md-by-hand" open>' in owner.get(link).content.decode()
    assert '<details class="md-by-hand">' in owner.get(page_of_task(asked)).content.decode()


@pytest.mark.parametrize("reason", ["", "  ", "x" * 2_001, "a\x00b"])
def test_without_a_fit_reason_nothing_is_decided(owner, step, asked, reason):
    assert owner.post(about(step, "skip"), {"reason": reason}).status_code == 422
    assert_undecided(asked)


def test_whoever_comes_second_is_told_that_it_is_decided(owner, step, asked, people):
    decide_task(task_id=asked.pk, outcome="retry", comment="First.", by=people["owner"])
    assert "Nobody is being asked" in said(owner.post(about(step, "skip"), {"reason": "Second."}))
    asked.refresh_from_db()
    assert asked.outcome == "retry"


def test_nothing_is_offered_where_nothing_has_failed_or_somebody_else_has_it(owner, step, people):
    assert about(step, "retry") not in owner.get(page(step.execution)).content.decode()
    assert "Nobody is being asked" in said(owner.post(about(step, "retry"), {"reason": "Why not."}))
    task = ask_about_failed_step(step, "supervisor", {"code": "away", "message": "Away."}, RESULT)
    HumanTask.objects.filter(pk=task.pk).update(assignee=people["colleague"])
    assert about(step, "retry") not in owner.get(page(step.execution)).content.decode()
    assert people["colleague"].username in said(owner.post(about(step, "retry"), {"reason": "Mine."}))
    assert_undecided(task)


def test_ways_and_steps_that_are_not_there_are_not_found(owner, step, asked):
    assert owner.get(about(step, "explode")).status_code == 404
    other = reverse("admin:executions_workflowexecution_step", args=[step.execution_id, "no_such", "retry"])
    assert owner.get(other).status_code == 404


@pytest.mark.parametrize("way", ["retry", "skip", "stop"])
def test_who_may_say_what_becomes_of_a_failed_step(
    owner, colleague, outsider, nobody, step, asked, client, way
):
    from tests import factories

    for ask in (colleague.get, lambda url: colleague.post(url, {"reason": "Mine."})):
        assert ask(about(step, way)).status_code == 403
    assert about(step, way) not in colleague.get(page(step.execution)).content.decode()
    assert outsider.post(about(step, way), {"reason": "Mine."}).url == reverse("admin:index")
    assert nobody.post(about(step, way), {"reason": "Mine."}).url.startswith(reverse("admin:login"))
    client.force_login(factories.make_user("dispatcher", departments=("water",)))
    assert about(step, way) not in client.get(page(step.execution)).content.decode()
    assert "for the group supervisor" in said(client.post(about(step, way), {"reason": "Mine."}))
    assert_undecided(asked)


def test_hostile_titles_and_reasons_stay_text(owner, step, asked):
    for text in HOSTILE:
        StepRun.objects.filter(pk=step.pk).update(title=text)
        assert_tame(owner.post(about(step, "skip"), {"reason": text + "x" * 2_000}), text)
