"""Following a run, and who may."""

import pytest
from django.urls import reverse
from django.utils import timezone

from executions.models import Document, Effect, StepRun, WorkflowExecution
from executions.services import launch_execution
from executions.tasks import open_task
from issues.models import Category, Department
from issues.services import report_issue
from tests.admin.looking import HOSTILE, assert_tame
from workflows.drafting import create_plan, draft_for


def page(run):
    return reverse("admin:executions_workflowexecution_change", args=[run.pk])


LIST = "admin:executions_workflowexecution_changelist"


@pytest.fixture
def under_way(run):
    """A run with a step in every state that has something to show."""
    steps = list(StepRun.objects.filter(execution=run).order_by("position"))
    now = timezone.now()
    StepRun.objects.filter(pk=steps[0].pk).update(
        status="completed", attempts=1, started_at=now, ended_at=now,
        inputs={"note": "Water {{ and more", "visible": True}, output={"status": "IN_PROGRESS"},
    )  # fmt: skip
    StepRun.objects.filter(pk=steps[1].pk).update(
        status="running",
        attempts=2,
        started_at=now,
        error={"code": "smtp_away", "message": "The mail server is away."},
    )
    StepRun.objects.filter(pk=steps[2].pk).update(status="skipped", reason="Nobody to tell.", ended_at=now)
    steps[1].execution = run
    open_task(steps[1], kind="dispatch_crew", title="Call out the crew", outcomes=["done"], awaited=False)
    Document.objects.create(
        execution=run, step_id=steps[3].step_id, effect_key="k", title="The record", name="x.pdf",
        content_type="application/pdf", size=2048, sha256="0" * 64, pages=1,
    )  # fmt: skip
    Effect.objects.create(
        key="an-effect", execution=run, step_id=steps[1].step_id, effect_class="at_most_once", status="uncertain",
        holder=run.pk, lease_until=now,
    )  # fmt: skip
    WorkflowExecution.objects.filter(pk=run.pk).update(status="running", started_at=now)
    return run


def test_the_owner_follows_each_step_with_its_state_attempts_and_trouble(owner, under_way):
    response = owner.get(page(under_way))
    text = response.content.decode()
    for shown in (
        "Completed", "Running", "Skipped", "2 attempts", "The mail server is away. (smtp_away). It is tried again.",
        "Nobody to tell.", "Call out the crew", "The record", "an-effect", "Uncertain", "Water {{ and more", "high",
        f"2 of {under_way.steps.count()} steps have ended",
    ):  # fmt: skip
        assert shown in text
    document = Document.objects.get()
    assert reverse("document", args=[document.pk]) in text
    assert "mudda/follow.js" in text and "data-follow" in text


def test_a_run_that_is_over_is_not_loaded_again_and_says_what_failed(owner, under_way):
    WorkflowExecution.objects.filter(pk=under_way.pk).update(
        status="failed",
        completed_at=timezone.now(),
        failure={"code": "smtp_away", "message": "The mail server is away.", "step_id": "dispatch"},
    )
    text = owner.get(page(under_way)).content.decode()
    assert "follow.js" not in text and "data-follow" not in text
    assert (
        "The run failed in the step “Call out the water crew”: The mail server is away. (smtp_away)." in text
    )


def test_a_colleague_reads_the_run_without_its_outside_effects(colleague, under_way):
    text = colleague.get(page(under_way)).content.decode()
    assert "The record" in text
    assert "an-effect" not in text


def test_an_outsider_finds_no_run_and_nobody_signs_in_first(outsider, nobody, under_way):
    assert outsider.get(page(under_way)).url == reverse("admin:index")
    assert under_way.plan.title not in outsider.get(reverse(LIST)).content.decode()
    assert nobody.get(page(under_way)).url.startswith(reverse("admin:login"))
    assert nobody.get(reverse(LIST)).url.startswith(reverse("admin:login"))


def test_runs_are_neither_added_changed_nor_deleted_in_a_form(owner, administrator, run):
    for client in (owner, administrator):
        assert client.get(reverse("admin:executions_workflowexecution_add")).status_code == 403
        assert (
            client.post(reverse("admin:executions_workflowexecution_delete", args=[run.pk])).status_code
            == 403
        )
        assert client.post(page(run), {"status": "completed"}).status_code == 405


def test_the_plan_and_the_issue_name_their_runs(owner, run):
    for name, pk in (("workflows_workflowplan", run.plan_id), ("issues_issue", run.plan.issue_id)):
        assert page(run) in owner.get(reverse(f"admin:{name}_change", args=[pk])).content.decode()


def test_hostile_text_in_every_field_of_a_run_is_shown_and_never_markup(owner, under_way):
    step = StepRun.objects.filter(execution=under_way).first()
    for text in HOSTILE:
        StepRun.objects.filter(pk=step.pk).update(
            title=text, inputs={text: text, "list": [text]}, output={text: {text: text}}, reason=text,
            error={"code": text, "message": text}, activity_id=text[:63],
        )  # fmt: skip
        WorkflowExecution.objects.filter(pk=under_way.pk).update(
            execution_data={text: text}, failure={"code": text, "message": text, "step_id": text}
        )
        Document.objects.update(title=text)
        Effect.objects.update(error=text)
        assert_tame(owner.get(page(under_way)), text)


def test_an_address_that_is_no_id_is_told_so(owner, run):
    for name in (
        "executions_workflowexecution",
        "workflows_workflowplan",
        "executions_humantask",
        "issues_issue",
    ):
        for wrong in ("nonsense", "00000000-0000-0000-0000-000000000000", "99999999999999999999", "0"):
            assert owner.get(reverse(f"admin:{name}_change", args=[wrong])).url == reverse("admin:index")


def test_the_list_and_the_page_take_a_bounded_number_of_queries(
    owner, under_way, people, django_assert_max_num_queries
):
    Department.objects.get(code="sanitation").staff.add(people["owner"])
    for at, code in enumerate(["water_leak", "litter_garbage", "graffiti", "water_meter_lid"] * 3):
        issue = report_issue(statement=f"Trouble {at} on Main St", category=Category.objects.get(code=code))
        plan = create_plan(
            draft=draft_for(statement=issue.statement, issue=issue), statement="x", issue=issue
        )
        launch_execution(plan_id=plan.pk, execution_data={}, by=people["owner"], approve=True)
    with django_assert_max_num_queries(12):
        owner.get(reverse(LIST))
    with django_assert_max_num_queries(16):
        owner.get(page(under_way))
