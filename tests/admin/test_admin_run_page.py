"""What the page of a run says: whom it waits for, what came of it, over time, and where something is missing."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from executions.accepting import accept_task
from executions.assigning import claim_task, hold_task
from executions.crews import CREW_FORM
from executions.links import issue_link
from executions.models import Effect, HumanTask, StepRun, TaskUpload, WorkflowExecution
from executions.steering import pause_execution
from executions.tasks import ask_about_failed_step, open_task
from issues.models import Issue
from mudda import events
from tests.admin.looking import HOSTILE, assert_tame


def page(run):
    return reverse("admin:executions_workflowexecution_change", args=[run.pk])


def text_of(client, run):
    return client.get(page(run)).content.decode()


def waits(text):
    """The part of the page that says what the run waits for; "" where it doesn't."""
    found = re.search(r'<section class="mr-waits".*?</section>', text, re.DOTALL)
    return found[0] if found else ""


@pytest.fixture
def running(run):
    WorkflowExecution.objects.filter(pk=run.pk).update(status="running", started_at=timezone.now())
    run.refresh_from_db()
    return run


@pytest.fixture
def crew(running, step):
    return open_task(
        step, kind="dispatch_crew", title="Call out the crew", outcomes=["done"], form=CREW_FORM, due="PT4H"
    )


# --- whom it waits for ------------------------------------------------------------------------------


def test_a_run_says_whom_it_waits_for_since_when_and_until_when(owner, running, crew, people):
    opened, due = datetime(2030, 1, 2, 8, 5, tzinfo=UTC), datetime(2030, 1, 2, 14, 30, tzinfo=UTC)
    HumanTask.objects.filter(pk=crew.pk).update(opened_at=opened, due_at=due)
    said = waits(text_of(owner, running))
    for shown in (
        "Call out the crew",
        "anybody who may decide, in Water",
        "2 Jan, 08:05",
        "Wed 2 Jan, 14:30 UTC",
    ):
        assert shown in said
    issue_link(crew, "department:water")
    assert "the department Water" in waits(text_of(owner, running))
    accept_task(
        task_id=crew.pk, crew="Crew 7", arrival_at=timezone.now() + timedelta(hours=1), by=people["owner"]
    )
    assert "Crew 7 (a crew that has accepted)" in waits(text_of(owner, running))
    claim_task(task_id=crew.pk, by=people["owner"])
    assert f"<bdi>{people['owner'].username}</bdi>" in waits(text_of(owner, running))
    HumanTask.objects.filter(pk=crew.pk).update(assignee=None, assigned_at=None, crew="", group="supervisor")
    assert "the group supervisor" in waits(text_of(owner, running))


def test_what_is_due_first_is_told_first_and_what_is_late_says_so(owner, running, step):
    now = timezone.now()
    for title, due in (
        ("Never", None),
        ("Later", now + timedelta(hours=3)),
        ("Late", now - timedelta(hours=1)),
    ):
        task = open_task(step, kind="approval", title=title, outcomes=["approve"], suffix=title)
        HumanTask.objects.filter(pk=task.pk).update(due_at=due)
    said = waits(text_of(owner, running))
    assert said.index("<bdi>Late<") < said.index("<bdi>Later<") < said.index("<bdi>Never<")
    assert said.count("Overdue") == 1 and "no time set" in said


def test_a_task_on_hold_and_one_whose_holder_is_gone_say_so(owner, running, crew, people):
    hold_task(task_id=crew.pk, reason="Frost until Monday.", by=people["owner"])
    assert "its clock stands still. Frost until Monday." in waits(text_of(owner, running))
    HumanTask.objects.filter(pk=crew.pk).update(
        status="open", assignee=people["colleague"], assigned_at=timezone.now()
    )
    people["colleague"].delete()
    assert "has no account any more" in waits(text_of(owner, running))


def test_a_run_that_waits_for_a_time_says_until_when(owner, running):
    plan = running.revision.document
    step = StepRun.objects.filter(execution=running).first()
    began = datetime(2030, 1, 2, 8, 0, tzinfo=UTC)
    StepRun.objects.filter(pk=step.pk).update(activity_id="wait_until", status="waiting", started_at=began)
    assert "An earlier step of the run has said until when." in waits(text_of(owner, running))
    steps = [
        {**one, "inputs": {"for": "PT90M"}} if one["step_id"] == step.step_id else one
        for one in plan["steps"]
    ]
    change_document(running, {**plan, "steps": steps})
    said = waits(text_of(owner, running))
    assert step.title in said and "Wed 2 Jan, 09:30 UTC" in said and "An earlier step" not in said


def change_document(run, document):
    """Revisions never change: so the run gets another one, as an older version of mudda would have written it."""
    from workflows.models import PlanRevision

    old = run.revision
    made = PlanRevision(**{field.attname: getattr(old, field.attname) for field in old._meta.concrete_fields})
    made.pk, made.number, made.document = None, old.number + 1, document
    made._state.adding = True
    made.save()
    WorkflowExecution.objects.filter(pk=run.pk).update(revision=made)


def test_a_run_that_is_over_waits_for_nobody(owner, running, crew):
    WorkflowExecution.objects.filter(pk=running.pk).update(status="failed", completed_at=timezone.now())
    assert waits(text_of(owner, running)) == ""


def test_steps_that_a_failed_run_never_began_are_folded_into_one(owner, running):
    assert 'data-keep="never-began"' not in text_of(owner, running)
    steps, now = StepRun.objects.filter(execution=running), timezone.now()
    WorkflowExecution.objects.filter(pk=running.pk).update(status="failed", completed_at=now)
    steps.update(status="cancelled", started_at=None, ended_at=now)
    steps.filter(pk=steps.order_by("position")[0].pk).update(status="failed", started_at=now)
    shown, folded = text_of(owner, running).split('data-keep="never-began"')
    assert 'id="step-1"' in shown and 'id="step-2"' not in shown
    others = range(2, steps.count() + 1)
    assert f"{len(others)} steps never began" in folded
    assert all(f'id="step-{number}"' in folded for number in others)


# --- over time --------------------------------------------------------------------------------------


def test_each_step_has_a_bar_where_it_was_and_how_long_it_took(owner, running):
    start = timezone.now() - timedelta(hours=2)
    steps = list(StepRun.objects.filter(execution=running).order_by("position"))
    WorkflowExecution.objects.filter(pk=running.pk).update(
        started_at=start, status="completed", completed_at=start + timedelta(minutes=100)
    )
    StepRun.objects.filter(pk=steps[0].pk).update(
        status="completed", started_at=start, ended_at=start + timedelta(minutes=25)
    )
    StepRun.objects.filter(pk=steps[1].pk).update(
        status="failed", started_at=start + timedelta(minutes=25), ended_at=start + timedelta(minutes=100)
    )
    text = text_of(owner, running)
    assert '<rect class="mr-part mr-completed" x="0.00%" width="25.00%" height="100%"/>' in text
    assert '<rect class="mr-part mr-failed" x="25.00%" width="75.00%" height="100%"/>' in text
    assert "25 minutes</span>" in text and "1 hour 15 minutes</span>" in text
    assert text.count("not begun yet") == len(steps) - 2


def test_no_page_of_ours_has_an_inline_style_or_script(owner, running, crew):
    for address in (page(running), reverse("admin:executions_humantask_change", args=[crew.pk])):
        ours = owner.get(address).content.decode().split('<div class="md-page">')[1].split("</main>")[0]
        assert not re.search(r'\sstyle="|\son\w+="|<script(?![^>]*\ssrc=)|<style', ours)


# --- what came of it --------------------------------------------------------------------------------


@pytest.fixture
def fruitful(running, crew):
    """A run that has sent a letter and a text message, and got a photo."""
    steps = list(StepRun.objects.filter(execution=running).order_by("position"))
    now = timezone.now()
    for name, role, status in (
        ("letter-0", "issue.reporter", "done"),
        ("text-0", "department:water", "withheld"),
        ("letter-1", "department:parks", "failed"),
        ("lane", None, "done"),
    ):
        Effect.objects.create(
            key=f"{running.pk}:{steps[1].step_id}:{name}", execution=running, step_id=steps[1].step_id,
            effect_class="at_most_once", status=status, holder=running.pk, lease_until=now, ended_at=now,
            receipt={"role": role, "message": {"to": "ada@example.org"}} if role else {},
        )  # fmt: skip
    TaskUpload.objects.create(
        task=crew, title="leak.jpg", name="x.jpg", content_type="image/jpeg", size=10, sha256="0" * 64
    )
    return running


def test_letters_messages_and_photos_are_listed_without_anybodys_address(colleague, fruitful):
    text = text_of(colleague, fruitful)
    assert "E-mail to <bdi>the reporter</bdi>" in text
    assert (
        "Text message to <bdi>the department Water Supply</bdi>" in text
        and "not sent: this is a sandbox" in text
    )
    assert "to <bdi>the department P" not in text  # it failed
    assert "1 file from the people" in text and "leak.jpg" in text
    assert "ada@example.org" not in text


def test_a_run_without_fruits_says_what_would_be_listed(owner, running):
    assert "E-mails that are sent, reports that are made" in text_of(owner, running)


def test_the_attempts_of_a_step_are_told_one_by_one(owner, running):
    step = StepRun.objects.filter(execution=running).first()
    StepRun.objects.filter(pk=step.pk).update(status="running", attempts=2, started_at=timezone.now())
    for kind, data in (
        ("step.started", {"attempt": 1}),
        ("step.attempt_failed", {"code": "smtp_away"}),
        ("step.started", {"attempt": 2}),
    ):
        events.append(running, kind, {"step_id": step.step_id, **data})
    text = text_of(owner, running)
    assert "2 attempts" in text and "failed: <code>smtp_away</code>" in text and ">under way<" in text


# --- live -------------------------------------------------------------------------------------------


def test_a_page_that_is_live_knows_where_events_come_from_and_which_were_there(owner, running):
    running.refresh_from_db()
    text = text_of(owner, running)
    assert f'data-events="/workflows/executions/{running.pk}/events"' in text
    assert f'data-last="{running.event_seq}"' in text
    types = re.search(r'data-types="([^"]*)"', text)[1].split()
    assert {"step.completed", "task.opened", "execution.paused"} <= set(types)
    assert not any(name.startswith(("plan.", "issue.")) for name in types)
    assert "This page stays as it is until it is loaded again" in text  # shown where no script runs


def test_staff_follow_the_events_of_a_run_with_their_session_and_outsiders_do_not(
    owner, colleague, outsider, nobody, running
):
    address = reverse("execution-events", args=[running.pk])
    for client, status in ((owner, 200), (colleague, 200), (outsider, 404), (nobody, 401)):
        assert client.get(address, headers={"accept": "application/json"}).status_code == status


# --- for ops ----------------------------------------------------------------------------------------


def test_only_those_who_see_the_whole_city_get_the_link_to_temporal(
    owner, administrator, colleague, people, running, settings
):
    WorkflowExecution.objects.filter(pk=running.pk).update(temporal_run_id="a-run")
    settings.TEMPORAL_UI_URL, settings.TEMPORAL_NAMESPACE = "http://temporal.example.org/", "a city"
    link = f"http://temporal.example.org/namespaces/a%20city/workflows/mudda-workflow-{running.pk}"
    assert f'href="{link}"' in text_of(administrator, running)
    for client in (owner, colleague):
        assert "temporal.example.org" not in text_of(client, running)
    people["administrator"].departments.add(running.plan.issue.department)
    assert "temporal.example.org" not in text_of(administrator, running)
    people["administrator"].departments.clear()
    settings.TEMPORAL_UI_URL = ""
    assert "in Temporal" not in text_of(administrator, running)


# --- what is missing --------------------------------------------------------------------------------


def test_accounts_that_are_gone_are_named_as_such(owner, running, crew, people):
    gone = User.objects.create_user("gone", is_staff=True, is_superuser=True)
    pause_execution(execution_id=running.pk, reason="The street is closed.", by=gone)
    WorkflowExecution.objects.filter(pk=running.pk).update(started_by=gone)
    HumanTask.objects.filter(pk=crew.pk).update(
        status="decided", outcome="done", decided_by=gone, decided_at=timezone.now()
    )
    gone.delete()
    text = text_of(owner, running)
    assert text.count("an account that was deleted") == 4  # launched, paused twice (notice, list), decided
    assert f"account {gone_id(running)} (deleted)" in text


def gone_id(run):
    from mudda.models import Event

    return Event.objects.get(stream=run.stream, type="execution.paused").actor_id


def test_a_run_without_category_and_department_names_the_gaps(administrator, running):
    Issue.objects.filter(pk=running.plan.issue_id).update(category=None, department=None)
    text = text_of(administrator, running)
    assert "the issue has no category" in text and "only those who see the whole city find this run" in text


@pytest.mark.parametrize(
    "document", [{}, [], None, "words", {"schema_version": 0, "steps": "none"}, {"schema_version": 7}]
)
def test_a_plan_of_another_time_is_shown_as_far_as_it_can_be_read(owner, running, crew, document):
    change_document(running, document if document is not None else {"steps": [None, 5, {"step_id": []}]})
    text = text_of(owner, running)
    assert "another version of the plan language" in text
    assert crew.title in waits(text) and "Update" in text


def test_steps_that_are_not_offered_any_more_or_missing_are_named(owner, running):
    step = StepRun.objects.filter(execution=running).first()
    StepRun.objects.filter(pk=step.pk).update(activity_id="fax_somebody")
    text = text_of(owner, running)
    assert "no longer offers what these steps do" in text and "fax_somebody" in text and step.title in text
    StepRun.objects.filter(execution=running).delete()
    text = text_of(owner, running)
    assert "no record of this run&#x27;s steps" in text and "No step is on record" in text


def test_hostile_words_in_what_a_run_waits_for_stay_text(owner, running, crew):
    for text in HOSTILE:
        HumanTask.objects.filter(pk=crew.pk).update(
            title=text, crew=text, accepted_at=timezone.now(), hold_reason=text, status="on_hold",
            held_at=timezone.now(),
        )  # fmt: skip
        assert_tame(owner.get(page(running)), text)


# --- what it costs ----------------------------------------------------------------------------------


def test_the_page_takes_the_same_number_of_queries_however_much_there_is(
    owner, running, django_assert_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from tests import factories

    steps = list(
        StepRun.objects.select_related("execution__plan__issue__department").filter(execution=running)
    )
    StepRun.objects.filter(pk=steps[0].pk).update(attempts=2)

    def fill(at):
        step, now = steps[at % len(steps)], timezone.now()
        user = factories.make_user("supervisor", departments=("water",))
        task = open_task(
            step, kind="dispatch_crew", title=f"T{at}", outcomes=["done"], form=CREW_FORM, suffix=str(at)
        )
        issue_link(task, "department:water")
        failed = ask_about_failed_step(step, "supervisor", {"code": "c", "message": "m"}, {}, asking=str(at))
        done = open_task(step, kind="approval", title=f"D{at}", outcomes=["approve"], suffix=f"d{at}")
        HumanTask.objects.filter(pk=failed.pk).update(assignee=user)
        HumanTask.objects.filter(pk=done.pk).update(status="decided", decided_by=user, decided_at=now)
        TaskUpload.objects.create(
            task=task, title="p", name=f"p{at}", content_type="image/jpeg", size=1, sha256=str(at)
        )
        Effect.objects.create(
            key=f"{running.pk}:{step.step_id}:letter-{at}", execution=running, step_id=step.step_id, status="done",
            effect_class="at_most_once", holder=running.pk, lease_until=now, receipt={"role": "issue.reporter"},
        )  # fmt: skip
        running.steerings.create(action="pause", reason="x", by=user)
        events.append(running, "step.started", {"step_id": step.step_id, "attempt": at}, actor=user)

    fill(0)
    with CaptureQueriesContext(connection) as few:
        owner.get(page(running))
    for at in range(1, 12):
        fill(at)
    with django_assert_num_queries(len(few)):
        owner.get(page(running))
    assert len(few) <= 20
