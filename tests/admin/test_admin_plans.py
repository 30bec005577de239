"""Reviewing plans: who sees what, and that a decision is about the text that was read."""

import json

import pytest
from django.urls import reverse

from executions.models import WorkflowExecution
from issues.models import Category, Department
from issues.services import report_issue
from tests.admin.looking import HOSTILE, assert_tame, said
from workflows.drafting import create_plan, draft_for
from workflows.models import PlanStatus, WorkflowPlan
from workflows.plan.schema import normalise
from workflows.services import approve_plan, current_revision, replace_plan


def page(plan):
    return reverse("admin:workflows_workflowplan_change", args=[plan.pk])


def action(name, plan, digest=None):
    view = "executions_workflowexecution_launch" if name == "launch" else f"workflows_workflowplan_{name}"
    return f"{reverse(f'admin:{view}', args=[plan.pk])}?digest={digest or current_revision(plan).digest}"


def changed(plan, **changes):
    return normalise({**current_revision(plan).document, **changes})


def document_with(plan, at, **changes):
    steps = [dict(step) for step in current_revision(plan).document["steps"]]
    steps[at] = {**steps[at], **changes}
    return changed(plan, steps=steps)


# --- reading ----------------------------------------------------------------------------------------


def test_the_owner_reads_the_steps_in_order_with_who_does_them_and_why(owner, draft):
    text = owner.get(page(draft)).content.decode()
    titles = [step["title"] for step in current_revision(draft).document["steps"]]
    places = [text.index(title) for title in titles]
    assert places == sorted(places)
    assert "Water Supply" in text
    assert "so nobody waits for an inspection first" in text
    assert "the issue&#x27;s address" in text
    assert "{{ issue.address }}" not in text.split('class="md-code"')[0]


def test_the_owner_sees_every_button_on_a_draft(owner, draft):
    text = owner.get(page(draft)).content.decode()
    for label in ("Approve and launch", ">Approve<", "Reject", "Edit"):
        assert label in text


def test_what_decides_on_a_plan_stands_above_and_below_its_steps(owner, draft):
    above, below = owner.get(page(draft)).content.decode().split('<div class="md-buttons md-decide">')
    for name in ("launch", "approve", "reject"):
        assert action(name, draft) in above and action(name, draft) in below
    assert 'id="step-1"' in above and ">Edit</a>" not in below


def test_a_colleague_who_only_views_reads_the_draft_and_has_no_buttons(colleague, draft):
    response = colleague.get(page(draft))
    assert response.status_code == 200
    for label in ("Approve and launch", ">Approve<", "Reject</a>", ">Edit<"):
        assert label not in response.content.decode()


def test_an_outsider_is_told_that_there_is_no_such_plan(outsider, draft):
    response = outsider.get(page(draft))
    assert response.status_code == 302
    assert response.url == reverse("admin:index")
    assert (
        draft.title not in outsider.get(reverse("admin:workflows_workflowplan_changelist")).content.decode()
    )


def test_nobody_is_sent_to_sign_in(nobody, draft):
    for address in (page(draft), action("approve", draft), action("launch", draft), action("edit", draft)):
        assert nobody.get(address).url.startswith(reverse("admin:login"))
        assert nobody.post(address).url.startswith(reverse("admin:login"))


def test_the_list_names_the_plan_its_issue_status_and_planner(owner, draft):
    text = owner.get(reverse("admin:workflows_workflowplan_changelist")).content.decode()
    for shown in (draft.title, draft.issue.reference, "Draft", "playbooks"):
        assert shown in text


def test_a_condition_is_a_sentence_and_an_approval_names_its_group_and_reason(owner, draft, people):
    document = document_with(
        draft,
        1,
        when={"eq": ["{{ issue.urgency }}", "high"]},
        requires_approval={
            "group": "supervisor",
            "reason": "Digging costs money.",
            "four_eyes": True,
            "due": "PT2H",
        },
        timeout="PT5M",
        on_failure="continue",
    )
    plan = replace_plan(plan_id=draft.pk, document=document, expected_digest=None, by=people["owner"])
    text = owner.get(page(plan)).content.decode()
    assert "the issue&#x27;s urgency is &quot;high&quot;" in text
    assert "Supervisor, nobody who wrote or approved the plan, within 2 working hours" in text
    assert "Digging costs money." in text
    assert "Given up after 5 minutes." in text
    assert "If it fails, the rest goes on." in text


def test_a_problem_is_shown_at_its_step_and_the_plan_cannot_be_approved(owner, draft, people):
    document = document_with(draft, 2, activity_id="launch_rocket")
    plan = replace_plan(plan_id=draft.pk, document=document, expected_digest=None, by=people["owner"])
    text = owner.get(page(plan)).content.decode()
    step = text[text.index('id="step-3"') :].split("</li>\n<li", 1)[0]
    assert "unknown_activity" in step
    assert "cannot be approved" in text
    response = owner.post(action("approve", plan), {"digest": current_revision(plan).digest})
    assert "error" in said(response)
    plan.refresh_from_db()
    assert plan.status == PlanStatus.DRAFT


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        "text",
        {"steps": None},
        {
            "steps": [
                None,
                1,
                "x",
                [],
                {"needs": 1, "inputs": [], "when": 3, "requires_approval": 7, "policies": 2},
            ]
        },
        {
            "steps": [
                {"needs": ["gone", 1], "inputs": {"questions": [], "to": {"a": [1]}}, "retry": 1, "due": []}
            ]
        },
        {
            "steps": [
                {"inputs": {"x": "{{ broken", "y": None, "z": [[{}]]}, "when": {"eq": [1]}, "compensate": {}}
            ]
        },
        {"steps": [{"requires_approval": {"group": ["x"], "due": 5, "reason": {}}, "activity_id": {"a": 1}}]},
        {"steps": [{"step_id": "a", "needs": ["a"]}, {"step_id": "a"}], "due": "PXD", "workflow_name": 3},
    ],
)
def test_a_draft_of_any_shape_can_be_read(owner, draft, people, document):
    plan = replace_plan(plan_id=draft.pk, document=document, expected_digest=None, by=people["owner"])
    assert owner.get(page(plan)).status_code == 200


def test_an_older_revision_can_be_read_but_not_decided_about(owner, draft, people):
    first = draft.title
    plan = replace_plan(
        plan_id=draft.pk,
        document=changed(draft, workflow_name="Another name"),
        expected_digest=None,
        by=people["owner"],
    )
    now = owner.get(page(plan)).content.decode()
    assert "Revision 2" in now and "?revision=1" in now
    older = owner.get(f"{page(plan)}?revision=1").content.decode()
    assert "You are reading revision 1" in older
    assert first in older
    assert "Approve and launch" not in older


# --- deciding ---------------------------------------------------------------------------------------


def test_the_confirmation_names_the_digest_and_changes_nothing(owner, draft):
    for name in ("approve", "launch", "reject"):
        text = owner.get(action(name, draft)).content.decode()
        assert current_revision(draft).digest in text
        assert "Water Supply" in text
    draft.refresh_from_db()
    assert draft.status == PlanStatus.DRAFT
    assert not WorkflowExecution.objects.exists()


def test_approving_records_who_read_what(owner, draft, people):
    digest = current_revision(draft).digest
    response = owner.post(action("approve", draft), {"digest": digest, "comment": "Good."})
    assert response.url == page(draft)
    draft.refresh_from_db()
    assert draft.status == PlanStatus.APPROVED
    approval = draft.current.approvals.get()
    assert (approval.digest, approval.approver, approval.comment) == (digest, people["owner"], "Good.")


def test_approve_and_launch_makes_one_run_and_shows_it(owner, draft):
    digest = current_revision(draft).digest
    response = owner.post(action("launch", draft), {"digest": digest})
    run = WorkflowExecution.objects.get()
    assert response.url == reverse("admin:executions_workflowexecution_change", args=[run.pk])
    again = owner.post(action("launch", draft), {"digest": digest})
    assert again.url == page(draft)
    assert "runs, or has run" in said(again)
    assert WorkflowExecution.objects.count() == 1
    text = owner.get(page(draft)).content.decode()
    for label in ("Approve and launch", ">Launch<", "Reject</a>", ">Edit<"):
        assert label not in text


def test_an_approved_plan_is_launched_without_a_second_approval(owner, draft, people):
    approve_plan(plan_id=draft.pk, digest=current_revision(draft).digest, by=people["owner"])
    assert ">Launch<" in owner.get(page(draft)).content.decode()
    owner.post(action("launch", draft), {"digest": current_revision(draft).digest})
    assert draft.current.approvals.count() == 1
    assert WorkflowExecution.objects.get().approval == draft.current.approvals.get()


@pytest.mark.parametrize("name", ["approve", "launch", "reject"])
def test_a_plan_that_was_changed_meanwhile_is_not_decided_about_but_what_differs_is_shown(
    owner, draft, people, name
):
    seen = current_revision(draft).digest
    replace_plan(
        plan_id=draft.pk,
        document=changed(draft, workflow_name="Other"),
        expected_digest=None,
        by=people["owner"],
    )
    for response in (
        owner.get(action(name, draft, seen)),
        owner.post(action(name, draft, seen), {"digest": seen, "reason": "no"}),
    ):
        diff = reverse("admin:workflows_workflowplan_diff", args=[draft.pk])
        assert response.url == f"{diff}?from=1&to=2"
        assert "changed since you read it" in said(response)
    draft.refresh_from_db()
    assert draft.status == PlanStatus.DRAFT
    assert not WorkflowExecution.objects.exists()


def test_a_decision_without_the_digest_of_what_was_read_is_refused(owner, draft):
    address = reverse("admin:workflows_workflowplan_approve", args=[draft.pk])
    assert owner.get(address).url == page(draft)
    assert owner.post(address).url == page(draft)
    draft.refresh_from_db()
    assert draft.status == PlanStatus.DRAFT


def test_rejecting_needs_a_reason_and_shows_it(owner, draft):
    digest = current_revision(draft).digest
    assert owner.post(action("reject", draft), {"digest": digest, "reason": " "}).status_code == 422
    owner.post(action("reject", draft), {"digest": digest, "reason": "The crew is elsewhere."})
    draft.refresh_from_db()
    assert draft.status == PlanStatus.REJECTED
    assert "The crew is elsewhere." in owner.get(page(draft)).content.decode()


@pytest.mark.parametrize("name", ["approve", "launch", "reject", "edit"])
def test_a_colleague_without_the_permission_may_not_and_an_outsider_finds_nothing(
    colleague, outsider, draft, name
):
    given = {"digest": current_revision(draft).digest, "reason": "x", "text": "{}"}
    assert colleague.get(action(name, draft)).status_code == 403
    assert colleague.post(action(name, draft), given).status_code == 403
    for response in (outsider.get(action(name, draft)), outsider.post(action(name, draft), given)):
        assert response.status_code == 302
        assert current_revision(draft).digest not in response.url
    draft.refresh_from_db()
    assert draft.status == PlanStatus.DRAFT
    assert not WorkflowExecution.objects.exists()


def test_data_that_the_plan_reads_is_asked_for_and_kept_with_its_type(owner, draft, people):
    document = document_with(
        draft,
        1,
        when={
            "all": [
                {"gt": ["{{ data.depth }}", 2]},
                {"eq": ["{{ data.closed }}", True]},
                {"exists": "{{ data.x }}"},
            ]
        },
    )
    plan = replace_plan(plan_id=draft.pk, document=document, expected_digest=None, by=people["owner"])
    text = owner.get(action("launch", plan)).content.decode()
    assert "Depth" in text and "Closed" in text
    given = {"digest": current_revision(plan).digest, "value_0": "much", "kind_0": "number"}
    assert owner.post(action("launch", plan), given).status_code == 422
    given |= {"value_0": "2.5", "value_1": "yes", "kind_1": "yes_no"}
    owner.post(action("launch", plan), given)
    assert WorkflowExecution.objects.get().execution_data == {"depth": 2.5, "closed": True}


# --- writing ----------------------------------------------------------------------------------------


def test_an_edit_makes_a_new_revision_and_takes_the_approval_back(owner, draft, people):
    approve_plan(plan_id=draft.pk, digest=current_revision(draft).digest, by=people["owner"])
    form = owner.get(action("edit", draft)).context["form"]
    text = form.initial["text"].replace(draft.title, "A better name")
    owner.post(action("edit", draft), {"digest": current_revision(draft).digest, "text": text, "save": ""})
    draft.refresh_from_db()
    assert (draft.title, draft.status, draft.current.number) == ("A better name", PlanStatus.DRAFT, 2)
    assert (draft.current.planner, draft.current.author) == ("staff", people["owner"])


def test_saving_the_text_as_it_was_offered_changes_nothing(owner, draft):
    text = owner.get(action("edit", draft)).context["form"].initial["text"]
    owner.post(action("edit", draft), {"digest": current_revision(draft).digest, "text": text, "save": ""})
    draft.refresh_from_db()
    assert draft.current.number == 1


def test_an_edit_of_what_somebody_else_changed_is_refused_and_the_text_is_kept(owner, draft, people):
    seen = current_revision(draft).digest
    mine = json.dumps(changed(draft, workflow_name="Mine"))
    replace_plan(
        plan_id=draft.pk,
        document=changed(draft, workflow_name="Theirs"),
        expected_digest=None,
        by=people["owner"],
    )
    response = owner.post(action("edit", draft, seen), {"digest": seen, "text": mine, "save": ""})
    assert response.status_code == 409
    assert "Mine" in response.content.decode()
    draft.refresh_from_db()
    assert draft.title == "Theirs"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "Not JSON"),
        ('{"a": 1, "a": 2}', "twice"),
        ('{"a": NaN}', "finite"),
        ('{"a": "\\u0000"}', "NUL"),
        ("", "required"),
    ],
)
def test_text_that_is_not_strict_json_is_refused_with_its_place(owner, draft, text, word):
    response = owner.post(
        action("edit", draft), {"digest": current_revision(draft).digest, "text": text, "save": ""}
    )
    assert response.status_code == 422
    assert word in response.content.decode()
    assert WorkflowPlan.objects.get().current.number == 1


def test_a_check_shows_the_problems_and_saves_nothing(owner, draft):
    text = json.dumps(document_with(draft, 0, activity_id="launch_rocket"))
    response = owner.post(
        action("edit", draft), {"digest": current_revision(draft).digest, "text": text, "check": ""}
    )
    assert "unknown_activity" in response.content.decode()
    assert WorkflowPlan.objects.get().current.number == 1


def test_the_owner_drafts_a_plan_with_one_button_and_others_cannot(
    owner, colleague, outsider, nobody, issue, people
):
    address = reverse("admin:workflows_workflowplan_draft", args=[issue.pk])
    assert owner.get(address).status_code == 405
    assert colleague.post(address).status_code == 403
    assert outsider.post(address).url == reverse("admin:issues_issue_changelist")
    assert nobody.post(address).url.startswith(reverse("admin:login"))
    assert not WorkflowPlan.objects.exists()
    response = owner.post(address)
    plan = WorkflowPlan.objects.get()
    assert response.url == page(plan)
    assert (plan.issue, plan.created_by) == (issue, people["owner"])


def test_plans_are_neither_added_nor_deleted_in_a_form(owner, administrator, draft):
    for client in (owner, administrator):
        assert client.get(reverse("admin:workflows_workflowplan_add")).status_code == 403
        assert client.post(reverse("admin:workflows_workflowplan_delete", args=[draft.pk])).status_code == 403
        assert client.post(page(draft), {"title": "x"}).status_code == 405


# --- hostile text and many rows ---------------------------------------------------------------------


def test_hostile_text_in_every_field_of_a_plan_is_shown_and_never_markup(owner, draft, people):
    for text in HOSTILE:
        step = {
            "step_id": "a", "activity_id": text, "title": text, "reason": text, "policies": [text],
            "inputs": {text: text, "to": [text], "questions": {text: {"ask": text, "type": text, "options": [text]}}},
            "needs": [text], "when": {"eq": [text, text]},
            "requires_approval": {"group": text, "reason": text, "due": text},
            "due": text, "timeout": text, "retry": {text: text}, "on_failure": {"escalate": text},
            "compensate": {"activity_id": text}, text: text,
        }  # fmt: skip
        document = {
            "schema_version": 1,
            "workflow_name": text[:120],
            "description": text,
            "due": text,
            "steps": [step],
        }
        plan = replace_plan(plan_id=draft.pk, document=document, expected_digest=None, by=people["owner"])
        WorkflowPlan.objects.filter(pk=plan.pk).update(rejection_reason=text, status="REJECTED")
        for address in (page(plan), action("edit", plan), reverse("admin:workflows_workflowplan_changelist")):
            assert_tame(owner.get(address), text)
        WorkflowPlan.objects.filter(pk=plan.pk).update(status="DRAFT")
        for name in ("approve", "launch", "reject"):
            assert_tame(owner.get(action(name, plan)), text)


def test_the_list_and_the_page_take_a_bounded_number_of_queries(
    owner, draft, people, django_assert_max_num_queries
):
    Department.objects.get(code="sanitation").staff.add(people["owner"])
    for at, code in enumerate(
        ["water_leak", "litter_garbage", "graffiti", "water_meter_lid", "illegal_dumping"] * 3
    ):
        issue = report_issue(statement=f"Trouble {at} on Main St", category=Category.objects.get(code=code))
        create_plan(draft=draft_for(statement=issue.statement, issue=issue), statement="x", issue=issue)
    with django_assert_max_num_queries(12):
        text = owner.get(reverse("admin:workflows_workflowplan_changelist")).content.decode()
    assert text.count("Draft</span>") == 16
    # The plan, and what staff should know beside it, whatever there is of it.
    with django_assert_max_num_queries(29):
        owner.get(page(draft))
