"""Reading a plan, playing it, and deciding about exactly what was read."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from issues.models import Department, Issue, Reporter
from mudda.errors import Forbidden
from tests.admin.looking import HOSTILE, assert_tame, said
from tests.factories import make_user
from workflows.models import PlanApproval, PlanStatus, WorkflowPlan
from workflows.services import approve_plan, current_revision, replace_plan

ORDER = {
    "step_id": "order",
    "activity_id": "order_contractor",
    "title": "Order a digger",
    "inputs": {"department": "water", "scope": "Dig a hole.", "cost_limit": 2500},
    "needs": [],
}
TELL = {
    "step_id": "tell",
    "activity_id": "send_notification",
    "title": "Tell the reporter",
    "inputs": {
        "to": "{{ issue.reporter }}",
        "subject": "About {{ issue.reference }}",
        "message": "We are on it.",
    },
    "needs": ["order"],
}
PLAN = {"schema_version": 1, "workflow_name": "Dig it up", "steps": [ORDER, TELL]}


@pytest.fixture
def plan(draft, people):
    return replace_plan(plan_id=draft.pk, document=PLAN, expected_digest=None, by=people["owner"])


def page(plan):
    return reverse("admin:workflows_workflowplan_change", args=[plan.pk])


def at(name, plan):
    return reverse(f"admin:workflows_workflowplan_{name}", args=[plan.pk])


def deciding(name, plan, digest=None):
    view = "executions_workflowexecution_launch" if name == "launch" else f"workflows_workflowplan_{name}"
    return f"{reverse(f'admin:{view}', args=[plan.pk])}?digest={digest or current_revision(plan).digest}"


def changed_by(plan, person, **changes):
    return replace_plan(
        plan_id=plan.pk,
        document={**current_revision(plan).document, **changes},
        expected_digest=None,
        by=person,
    )


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


# --- the page ---------------------------------------------------------------------------------------


def test_the_plan_is_drawn_beside_the_cards_that_its_boxes_lead_to(owner, plan):
    text = owner.get(page(plan)).content.decode()
    assert '<svg class="md-graph-svg"' in text
    for number in (1, 2):
        assert f'href="#step-{number}"' in text
        assert f'id="step-{number}"' in text


def test_who_is_contacted_what_it_costs_and_who_is_asked_stand_at_a_glance(owner, plan):
    text = text_of(owner.get(page(plan)))
    assert "the issue&#x27;s reporter" in text
    assert "1,000 declared, if every step is done" in text
    assert "Order a digger : orders for up to 2500" in text
    assert "Supervisor, nobody who wrote or approved the plan" in text


def test_each_card_can_be_changed_by_who_may_and_by_nobody_else(owner, colleague, plan):
    link = reverse("admin:workflows_workflowplan_step", args=[plan.pk, 1])
    assert link in owner.get(page(plan)).content.decode()
    assert link not in colleague.get(page(plan)).content.decode()
    assert link not in owner.get(f"{page(plan)}?revision=1").content.decode()


def test_what_is_missing_beside_a_plan_is_named(owner, plan):
    Issue.objects.filter(pk=plan.issue_id).update(category=None, reporter=None)
    text = text_of(owner.get(page(plan)))
    assert "The issue has no category" in text
    assert "Nobody is on file as the reporter" in text
    assert "nobody is on file as the reporter" in text_of(
        owner.get(deciding("approve", WorkflowPlan.objects.get()))
    )


def test_a_plan_for_an_issue_without_a_department_says_so(administrator, plan):
    Issue.objects.filter(pk=plan.issue_id).update(department=None)
    assert "The issue has no department" in text_of(administrator.get(page(plan)))


def test_what_a_deleted_account_wrote_is_said_to_be_a_deleted_accounts(owner, plan):
    gone = make_user("planner", departments=("water",))
    number = gone.pk
    plan = changed_by(plan, gone, description="Theirs")
    gone.delete()
    assert not User.objects.filter(pk=number).exists()
    text = text_of(owner.get(page(plan)))
    assert text.count(f"account {number} (deleted)") >= 2
    assert f"account {number} (deleted)" in text_of(owner.get(f"{at('diff', plan)}?to=3"))
    assert owner.get(f"{page(plan)}?revision=2").status_code == 200


@pytest.mark.parametrize(
    ("version", "words"), [(0, "version 0"), (None, "version (none)"), ("x", "version x")]
)
def test_a_plan_of_another_version_of_the_language_shows_and_says_so(owner, plan, people, version, words):
    plan = changed_by(plan, people["owner"], schema_version=version)
    text = text_of(owner.get(page(plan)))
    assert words in text
    assert "Order a digger" in text


def test_a_reporter_without_any_address_is_named_before_anybody_approves(owner, plan):
    Reporter.objects.update(email="", phone="")
    assert "no address on file" in text_of(owner.get(deciding("approve", plan)))


def test_only_the_newest_of_many_revisions_are_listed_and_any_two_are_compared(owner, plan, people):
    for number in range(25):
        plan = changed_by(plan, people["owner"], description=f"Text {number}")
    text = text_of(owner.get(page(plan)))
    assert "7 older ones" in text
    assert "Text 3" in text_of(owner.get(f"{at('diff', plan)}?from=6&to=21"))


def test_reading_takes_the_same_number_of_queries_whatever_there_is(
    owner, plan, people, django_assert_max_num_queries
):
    several = [make_user("planner", departments=("water",)) for _ in range(5)]
    departments = list(Department.objects.values_list("code", flat=True))
    steps = [
        {
            **ORDER,
            "step_id": f"s{number}",
            "inputs": {**ORDER["inputs"], "department": departments[number % len(departments)]},
        }
        for number in range(150)
    ]
    for person in several:
        plan = changed_by(plan, person, steps=steps, description=person.username)
    with django_assert_max_num_queries(32):
        owner.get(page(plan))
    with django_assert_max_num_queries(16):
        owner.get(deciding("approve", plan))
    with django_assert_max_num_queries(16):
        owner.get(at("diff", plan))
    with django_assert_max_num_queries(20):
        owner.get(at("simulate", plan))


# --- playing it -------------------------------------------------------------------------------------


def test_a_simulation_shows_the_timeline_and_every_message_and_does_nothing(owner, plan, mailoutbox):
    response = owner.get(at("simulate", plan))
    text = text_of(response)
    assert "It comes to its end." in text
    assert f"About {plan.issue.reference}" in text
    assert "We are on it." in text
    assert "the group supervisor" in text
    assert "ada@example.org" not in text
    assert mailoutbox == []
    assert PlanApproval.objects.count() == 0
    assert plan.executions.count() == 0


def test_a_step_assumed_to_fail_and_an_approval_assumed_to_be_refused_change_how_it_ends(owner, plan):
    failed = text_of(owner.get(at("simulate", plan), {"failing": "order", "play": "1"}))
    assert "It fails." in failed
    assert "Assumed to fail." in failed
    refused = text_of(owner.get(at("simulate", plan), {"refused": "order", "play": "1"}))
    assert "The approval was refused." in refused


def test_what_the_plan_reads_at_its_launch_is_asked_for_before_it_is_played(owner, plan, people):
    steps = [ORDER, {**TELL, "inputs": {**TELL["inputs"], "message": "Depth {{ data.depth }}"}}]
    plan = changed_by(plan, people["owner"], steps=steps)
    assert "Say what the plan reads" in text_of(owner.get(at("simulate", plan)))
    played = owner.get(at("simulate", plan), {"value_0": "2.5", "kind_0": "number", "play": "1"})
    assert "Depth 2.5" in text_of(played)
    assert owner.get(at("simulate", plan), {"value_0": "much", "kind_0": "number"}).context["data"].errors


def test_a_plan_with_errors_cannot_be_played_and_the_page_says_why(owner, plan, people):
    plan = changed_by(plan, people["owner"], steps=[{**ORDER, "activity_id": "launch_rocket"}])
    response = owner.get(at("simulate", plan))
    assert response.status_code == 422
    assert "nobody can say what it would do" in text_of(response)


def test_who_has_no_address_on_file_is_said_beside_the_message(owner, plan):
    Issue.objects.filter(pk=plan.issue_id).update(reporter=None)
    assert "the reporter has no address for this on file" in text_of(owner.get(at("simulate", plan)))


def test_whoever_may_read_the_plan_may_play_it_and_nobody_else(colleague, outsider, nobody, plan):
    assert colleague.get(at("simulate", plan)).status_code == 200
    assert outsider.get(at("simulate", plan)).url == reverse("admin:index")
    assert nobody.get(at("simulate", plan)).url.startswith(reverse("admin:login"))


def test_hostile_words_are_only_words_in_a_simulation(owner, plan, people):
    for text in HOSTILE:
        shown = text.replace("{{", "{{{{")
        step = {
            **TELL,
            "title": text,
            "needs": [],
            "inputs": {"to": "{{ issue.reporter }}", "message": shown, "subject": "x"},
        }
        plan = changed_by(plan, people["owner"], steps=[step], workflow_name=text)
        assert_tame(owner.get(at("simulate", plan)), text)


# --- deciding ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["approve", "launch", "reject"])
def test_the_confirmation_names_digest_contacts_cost_and_further_approval(owner, plan, name):
    text = text_of(owner.get(deciding(name, plan)))
    assert current_revision(plan).digest in text
    assert "the issue&#x27;s reporter" in text
    assert "1,000 declared" in text
    assert "Supervisor, nobody who wrote or approved the plan : Order a digger" in text
    assert "not you, once you have approved the plan" in text


@pytest.mark.parametrize("name", ["approve", "launch", "reject"])
def test_a_decision_about_a_changed_plan_is_refused_and_what_differs_is_shown(owner, plan, people, name):
    seen = current_revision(plan).digest
    plan = changed_by(plan, people["administrator"], workflow_name="Another name")
    for response in (
        owner.get(deciding(name, plan, seen)),
        owner.post(deciding(name, plan, seen), {"digest": seen, "reason": "no"}),
    ):
        assert response.url == f"{at('diff', plan)}?from=2&to=3"
        assert "changed since you read it" in said(response)
    text = text_of(owner.get(response.url))
    assert "Dig it up" in text
    assert "Another name" in text
    plan.refresh_from_db()
    assert plan.status == PlanStatus.DRAFT
    assert plan.executions.count() == 0


def test_a_change_between_the_check_and_the_decision_is_found_by_the_service(
    owner, plan, people, monkeypatch
):
    """The page has looked, and then somebody saves: the service, which holds the lock, is asked with what was read."""
    from workflows import admin

    seen = current_revision(plan).digest

    def look_then_somebody_saves(request, found):
        changed_by(found, people["administrator"], workflow_name="In between")

    monkeypatch.setattr(admin, "changed_meanwhile", look_then_somebody_saves)
    response = owner.post(deciding("approve", plan, seen), {"digest": seen})
    assert response.url == f"{at('diff', plan)}?from=2&to=3"
    assert not PlanApproval.objects.exists()


def test_going_back_to_the_text_that_was_read_makes_it_decidable_again(owner, plan, people):
    seen = current_revision(plan).digest
    document = current_revision(plan).document
    changed_by(plan, people["administrator"], workflow_name="Another name")
    plan = replace_plan(plan_id=plan.pk, document=document, expected_digest=None, by=people["administrator"])
    owner.post(deciding("approve", plan, seen), {"digest": seen})
    plan.refresh_from_db()
    assert plan.status == PlanStatus.APPROVED


def test_who_approved_the_plan_may_not_decide_its_step_that_asks_for_four_eyes(owner, plan, people):
    from executions.deciding import decide_task
    from executions.models import StepRun
    from executions.services import launch_execution
    from executions.tasks import open_task

    approve_plan(plan_id=plan.pk, digest=current_revision(plan).digest, by=people["owner"])
    run = launch_execution(plan_id=plan.pk, execution_data={}, by=people["owner"])
    step = StepRun.objects.select_related("execution__plan__issue__department").get(
        execution=run, step_id="order"
    )
    task = open_task(
        step,
        kind="approval",
        title="Order?",
        outcomes=["approve", "reject"],
        group="supervisor",
        four_eyes=True,
    )
    with pytest.raises(Forbidden):
        decide_task(task_id=task.pk, outcome="approve", by=people["owner"])


def test_where_four_eyes_are_asked_for_the_author_cannot_approve_and_another_can(
    owner, draft, people, settings
):
    settings.PLAN_FOUR_EYES = True
    digest = current_revision(draft).digest
    text = owner.get(page(draft)).content.decode()
    assert "somebody else has to approve it" in text
    assert ">Approve<" not in text
    for name in ("approve", "launch"):
        refused = owner.post(deciding(name, draft), {"digest": digest})
        assert "somebody else has to approve it" in said(refused)
    assert not PlanApproval.objects.exists()
    second = make_user("supervisor", departments=("water",))
    approve_plan(plan_id=draft.pk, digest=digest, by=second)
    assert PlanApproval.objects.get().approver == second


def test_where_four_eyes_are_asked_for_who_wrote_an_earlier_revision_cannot_approve_either(
    plan, people, settings
):
    settings.PLAN_FOUR_EYES = True
    editor, last = (make_user("supervisor", departments=("water",)) for _ in range(2))
    changed_by(plan, editor, description="Mine")
    plan = changed_by(plan, last, description="Theirs")
    for person in (editor, last, people["owner"]):
        with pytest.raises(Forbidden):
            approve_plan(plan_id=plan.pk, digest=current_revision(plan).digest, by=person)
    approver = make_user("supervisor", departments=("water",))
    approve_plan(plan_id=plan.pk, digest=current_revision(plan).digest, by=approver)
    plan.refresh_from_db()
    assert plan.status == PlanStatus.APPROVED
