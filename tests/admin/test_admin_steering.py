"""Pausing, resuming and cancelling a run in the admin, and what its page says of it."""

import pytest
from django.urls import reverse
from django.utils import timezone

from executions.models import StepRun, WorkflowExecution
from executions.steering import cancel_execution, pause_execution
from mudda.models import OutboxMessage
from tests.admin.looking import HOSTILE, assert_tame, said


def page(run):
    return reverse("admin:executions_workflowexecution_change", args=[run.pk])


def steer(way, run):
    return reverse("admin:executions_workflowexecution_steer", args=[run.pk, way])


def told(action):
    return OutboxMessage.objects.filter(kind="steer", payload__action=action).count()


def test_a_run_is_paused_and_resumed_with_a_reason_that_the_page_shows(owner, run, people):
    text = owner.get(page(run)).content.decode()
    assert steer("pause", run) in text and steer("cancel", run) in text and steer("resume", run) not in text
    assert "No new step starts" in owner.get(steer("pause", run)).content.decode()
    assert "paused" in said(owner.post(steer("pause", run), {"reason": "The street is closed."}))
    text = owner.get(page(run)).content.decode()
    assert "Paused since" in text and "The street is closed." in text and people["owner"].username in text
    assert steer("resume", run) in text and steer("pause", run) not in text
    assert "goes on" in said(owner.post(steer("resume", run), {"reason": "It is open again."}))
    text = owner.get(page(run)).content.decode()
    assert "Paused since" not in text
    assert "The street is closed." in text and "It is open again." in text
    assert (told("pause"), told("resume")) == (1, 1)


def test_a_run_is_cancelled_once_and_offers_nothing_after(owner, run):
    assert "being cancelled" in said(owner.post(steer("cancel", run), {"reason": "Reported twice."}))
    text = owner.get(page(run)).content.decode()
    assert "Is being cancelled since" in text and "Reported twice." in text
    assert not any(steer(way, run) in text for way in ("pause", "resume", "cancel"))
    assert "cancelled already" in said(owner.post(steer("cancel", run), {"reason": "Again."}))
    assert told("cancel") == 1


@pytest.mark.parametrize("reason", ["", "   ", "x" * 2_001, "a\x00b"])
def test_without_a_fit_reason_nothing_is_told(owner, run, reason):
    response = owner.post(steer("pause", run), {"reason": reason})
    assert response.status_code == 422
    run.refresh_from_db()
    assert run.paused_at is None and told("pause") == 0


def test_what_came_too_late_is_said_in_words(owner, run):
    WorkflowExecution.objects.filter(pk=run.pk).update(status="completed", completed_at=timezone.now())
    assert "completed" in said(owner.post(steer("cancel", run), {"reason": "Too late."}))
    assert steer("cancel", run) not in owner.get(page(run)).content.decode()


def test_only_who_may_change_runs_steers_them(colleague, outsider, nobody, run):
    assert steer("pause", run) not in colleague.get(page(run)).content.decode()
    for way in ("pause", "resume", "cancel"):
        for ask in (colleague.get, lambda url: colleague.post(url, {"reason": "Mine."})):
            assert ask(steer(way, run)).status_code == 403
        assert outsider.post(steer(way, run), {"reason": "Mine."}).url == reverse("admin:index")
        assert nobody.post(steer(way, run), {"reason": "Mine."}).url.startswith(reverse("admin:login"))
        assert told(way) == 0


def test_there_is_no_other_way(owner, run):
    assert owner.get(steer("explode", run)).status_code == 404


def test_colleagues_read_who_steered_and_why(colleague, run, people):
    pause_execution(execution_id=run.pk, reason="The street is closed.", by=people["owner"])
    text = colleague.get(page(run)).content.decode()
    assert "The street is closed." in text and people["owner"].username in text


def test_steps_that_wait_were_undone_or_cancelled_say_so(owner, run):
    steps = list(run.steps.order_by("position"))
    now = timezone.now()
    StepRun.objects.filter(pk=steps[0].pk).update(status="compensated", ended_at=now)
    StepRun.objects.filter(pk=steps[1].pk).update(
        status="waiting", error={"code": "smtp_away", "message": "The mail server is away."}
    )
    StepRun.objects.filter(pk=steps[2].pk).update(status="cancelled", reason="The run was cancelled.")
    text = owner.get(page(run)).content.decode()
    for shown in (
        ">Compensated<", "has been undone", ">Waiting<", "A person says what is to be done.", ">Cancelled<",
        "The run was cancelled.",
    ):  # fmt: skip
        assert shown in text
    assert "It is tried again." not in text


@pytest.mark.parametrize(
    ("status", "words"), [("failed", "The run failed"), ("cancelled", "The run was cancelled")]
)
def test_what_could_not_be_undone_is_named_with_its_step(owner, run, status, words):
    first = run.steps.order_by("position").first()
    WorkflowExecution.objects.filter(pk=run.pk).update(
        status=status,
        completed_at=timezone.now(),
        failure={"code": "away", "message": "Away.", "step_id": "", "compensation_failed": [first.step_id]},
    )
    text = owner.get(page(run)).content.decode()
    assert f"{words}: Away. (away)." in text
    assert "Still to be undone by hand" in text
    assert f'<a href="#step-1">1. <bdi>{first.title}' in text


def test_hostile_reasons_and_titles_stay_text(owner, run, people):
    for text in HOSTILE:
        run.refresh_from_db()
        if run.paused_at is None:
            owner.post(steer("pause", run), {"reason": text})
        assert_tame(owner.get(page(run)))
    for text in HOSTILE:
        assert_tame(owner.post(steer("cancel", run), {"reason": text + "x" * 2_000}), text)
        run.plan.title = text
        run.plan.save()
        assert_tame(owner.get(steer("cancel", run)), text)
    cancel_execution(execution_id=run.pk, reason=HOSTILE[1], by=people["owner"])
    run.steerings.update(reason=HOSTILE[0])
    assert_tame(owner.get(page(run)), HOSTILE[0])
