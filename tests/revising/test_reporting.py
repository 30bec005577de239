"""``manage.py planner_report``: on plans that were really drafted, edited, approved and rejected."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.factories import document, make_category, make_plan, make_user, note_step
from workflows.drafting import create_plan
from workflows.models import PlanStatus, WorkflowPlan
from workflows.planning.base import Facts, PlannedDraft
from workflows.services import approve_plan, current_revision, reject_plan, replace_plan

POLICE = {
    "step_id": "police", "activity_id": "send_notification", "title": "Tell the traffic police",
    "inputs": {"to": "department:water", "message": "A lane will be closed."},
}  # fmt: skip


@pytest.fixture
def staff(db):
    return make_user("supervisor")


def run(*arguments):
    out = StringIO()
    call_command("planner_report", *arguments, stdout=out)
    return out.getvalue()


def reported(*arguments):
    return json.loads(run("--json", *arguments))


def approve(plan, staff):
    plan = WorkflowPlan.objects.get(pk=plan.pk)
    return approve_plan(plan_id=plan.pk, digest=current_revision(plan).digest, by=staff)


def edit(plan, staff, *steps):
    return replace_plan(plan_id=plan.pk, document=document(*steps), expected_digest=None, by=staff)


@pytest.fixture
def plans(staff):
    """Of water leaks one untouched, two edited, one rejected, one waiting; of trees one edited and waiting."""
    approve(make_plan(), staff)
    for _ in range(2):
        plan = make_plan()
        edit(plan, staff, note_step(), POLICE)
        approve(plan, staff)
    reject_plan(plan_id=make_plan().pk, reason="No.", by=staff)
    make_plan()
    edit(make_plan(category="tree"), staff, POLICE)


def test_what_became_of_drafts_is_counted_by_category(plans):
    found = reported()
    leak, tree = found["categories"]["water_leak"], found["categories"]["tree"]
    counts = ("drafts", "untouched", "edited", "rejected", "undecided")
    assert [leak[name] for name in counts] == [5, 1, 2, 1, 1]
    assert [tree[name] for name in counts] == [1, 0, 0, 0, 1]
    assert [found["total"][name] for name in counts] == [6, 1, 2, 1, 2]


def test_the_steps_that_staff_add_and_remove_are_named_with_the_number_of_plans(plans):
    found = reported()["categories"]
    police = {"activity_id": "send_notification", "main": "department:water", "example": ""}
    note = {"activity_id": "update_issue", "main": "", "example": "Note note"}
    assert found["water_leak"]["added"] == [{**police, "plans": 2}]
    assert found["water_leak"]["removed"] == []
    assert found["tree"]["added"] == [{**police, "plans": 1}]
    assert found["tree"]["removed"] == [{**note, "plans": 1}]


def test_the_table_shows_shares_of_what_was_decided(plans):
    said = run()
    [leak] = [line for line in said.splitlines() if line.startswith("water_leak ")]
    assert leak.split() == ["water_leak", "5", "1", "(25%)", "2", "(50%)", "1", "(25%)", "1", "0"]
    assert "  added       2  send_notification department:water" in said.splitlines()
    assert '  removed     1  update_issue  such as "Note note"' in said.splitlines()


def test_steps_that_a_model_words_anew_each_time_are_counted_together_and_no_name_is_repeated(staff):
    for name in ("Ann Lee", "Bob Roe"):
        told = {**POLICE, "title": f"Tell {name}", "inputs": {"to": "{{ issue.reporter }}", "message": name}}
        plan = modelled(document(told, {**POLICE, "step_id": "more", "inputs": {"to": "annlee"}}))
        edit(plan, staff, note_step("x", title=f"{name} was told", activity_id=name))
    found = reported()["total"]
    assert found["removed"] == [
        {"activity_id": "send_notification", "main": "", "example": "", "plans": 2},
        {"activity_id": "send_notification", "main": "{{ issue.reporter }}", "example": "", "plans": 2},
    ]
    assert found["added"] == [{"activity_id": "", "main": "", "example": "", "plans": 2}]
    for private in ("Ann", "Bob", "annlee"):
        assert private not in run() + run("--json")


def modelled(plan):
    """A DRAFT that a model wrote."""
    facts = Facts(category="water_leak", confidence=1.0, place="", urgency="normal")
    make_category("water_leak")
    return create_plan(draft=PlannedDraft(plan, facts, "openai"), statement="A leak")


def test_an_edit_that_was_taken_back_leaves_the_draft_untouched(staff):
    plan = make_plan()
    draft = current_revision(plan).document
    edit(plan, staff, POLICE)
    replace_plan(plan_id=plan.pk, document=draft, expected_digest=None, by=staff)
    approve(plan, staff)
    found = reported()["total"]
    assert (found["untouched"], found["edited"], found["added"]) == (1, 0, [])


def test_a_rejected_plan_that_was_rewritten_and_approved_is_an_edited_one(staff):
    plan = make_plan()
    reject_plan(plan_id=plan.pk, reason="No.", by=staff)
    edit(plan, staff, note_step(), POLICE)
    approve(plan, staff)
    assert (reported()["total"]["rejected"], reported()["total"]["edited"]) == (0, 1)


def test_an_archived_plan_counts_by_whether_its_text_was_approved(staff):
    approve(make_plan(), staff)
    make_plan()
    WorkflowPlan.objects.update(status=PlanStatus.ARCHIVED)
    found = reported()["total"]
    assert (found["untouched"], found["undecided"]) == (1, 1)


def test_only_plans_made_in_the_time_asked_for_are_counted(staff):
    old, new = make_plan(), make_plan()
    WorkflowPlan.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=40))
    month_ago = (timezone.now() - timedelta(days=30)).date().isoformat()
    assert reported()["total"]["drafts"] == 2
    assert reported("--since", month_ago)["total"]["drafts"] == 1
    assert reported("--until", month_ago)["total"]["drafts"] == 1
    later = (timezone.now() + timedelta(days=1)).isoformat()
    assert reported("--since", later)["total"]["drafts"] == 0
    assert "No plan was drafted" in run("--since", later)
    assert new.pk


@pytest.mark.parametrize("when", ["yesterday", "2026-13-01", "2026-02-30", "", "1"])
def test_what_is_no_date_is_refused(db, when):
    with pytest.raises(CommandError, match="no date such as"):
        run(f"--since={when}")


def test_the_drafts_of_one_planner_are_counted_alone(plans):
    assert reported("--planner", "playbooks")["total"]["drafts"] == 6
    assert reported("--planner", "openai")["total"]["drafts"] == 0


def test_an_issue_without_a_category_has_a_line_of_its_own(staff):
    plan = make_plan()
    type(plan.issue).objects.update(category=None)
    assert list(reported()["categories"]) == ["(no category)"]


def test_texts_that_are_no_plan_at_all_are_counted_like_any_edit(staff):
    plan = make_plan()
    replace_plan(plan_id=plan.pk, document={"steps": [1, {"title": 7}]}, expected_digest=None, by=staff)
    found = reported()["total"]
    assert found["undecided"] == 1
    assert found["added"][0]["activity_id"] == found["added"][0]["example"] == ""


def test_titles_are_shown_on_one_line_whatever_is_in_them(staff):
    plan = make_plan(document(note_step("odd", title="A\nB \x1b[31m " + "x" * 120)))
    edit(plan, staff, POLICE)
    line = next(line for line in run().splitlines() if line.startswith("  removed"))
    assert "\x1b" not in line
    assert len(line) < 140


def test_many_plans_are_read_with_few_queries(staff, django_assert_max_num_queries):
    for number in range(8):
        edit(make_plan(), staff, note_step(f"s{number}"))
    with django_assert_max_num_queries(4):
        assert reported()["total"]["drafts"] == 8
