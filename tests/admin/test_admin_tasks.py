"""People's tasks: the form is made from the activity's schema, and the row decides who was first."""

import pytest
from django.urls import reverse
from django.utils import timezone

from executions.console.answers import AnswerForm
from executions.deciding import decide_task
from executions.models import HumanTask, TaskStatus
from executions.tasks import open_task
from mudda.models import OutboxMessage
from tests.admin.looking import HOSTILE, assert_tame, said

FORM = {
    "type": "object",
    "properties": {
        "severity": {"type": "string", "enum": ["low", "high"]},
        "lane_affected": {"type": "boolean"},
        "depth": {"type": "number"},
        "photos": {"type": "array", "items": {"type": "string"}},
        "notes": {"type": "string"},
    },
    "required": ["severity", "lane_affected", "depth"],
    "additionalProperties": False,
}
GOOD = {"answer-severity": "1", "answer-lane_affected": "no", "answer-depth": "2.5", "outcome": "done"}


def page(task):
    return reverse("admin:executions_humantask_change", args=[task.pk])


def decide(task):
    return reverse("admin:executions_humantask_decide", args=[task.pk])


@pytest.fixture
def inspection(step):
    """An inspection that waits for its answer."""
    step.inputs = {
        "questions": {"severity": {"ask": "How bad is it?", "type": "choice", "options": ["low", "high"]}}
    }
    step.save()
    return open_task(step, kind="inspect_site", title="Look at the leak", outcomes=["done"], form=FORM)


@pytest.fixture
def approval(step):
    """An approval that only supervisors may give."""
    outcomes = ["approve", "reject"]
    return open_task(
        step,
        kind="approval",
        title="Approve: dig",
        question="It costs.",
        outcomes=outcomes,
        group="supervisor",
    )


def test_the_form_asks_in_the_plans_own_words_and_the_answer_keeps_its_types(owner, inspection, people):
    text = owner.get(page(inspection)).content.decode()
    assert "How bad is it?" in text
    assert "Lane affected" in text
    response = owner.post(decide(inspection), {**GOOD, "answer-photos": "a\n\n b ", "comment": "Careful."})
    assert "Thank you" in said(response)
    inspection.refresh_from_db()
    assert inspection.answer == {
        "severity": "high",
        "lane_affected": False,
        "depth": 2.5,
        "photos": ["a", "b"],
    }
    assert (inspection.decided_by, inspection.comment) == (people["owner"], "Careful.")
    assert OutboxMessage.objects.filter(payload__task_id=str(inspection.pk)).count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"answer-severity": ""},
        {"answer-lane_affected": ""},
        {"answer-depth": "much"},
        {"answer-depth": ""},
        {"answer-severity": "9"},
    ],
)
def test_a_wrong_answer_is_shown_at_its_field_and_nothing_is_decided(owner, inspection, wrong):
    response = owner.post(decide(inspection), {**GOOD, "answer-notes": "Kept.", **wrong})
    assert response.status_code == 422
    assert "Kept." in response.content.decode()
    inspection.refresh_from_db()
    assert inspection.status == TaskStatus.OPEN


def test_what_only_the_service_sees_is_shown_at_its_field(owner, inspection):
    HumanTask.objects.filter(pk=inspection.pk).update(
        form={"type": "object", "properties": {"depth": {"type": "number", "minimum": 5}}}
    )
    response = owner.post(decide(inspection), {"answer-depth": "2", "outcome": "done"})
    assert response.status_code == 422
    assert "This must be at least 5." in response.content.decode()


def test_fields_left_empty_are_null_where_the_schema_wants_them_and_left_out_elsewhere():
    schema = {
        "type": "object",
        "properties": {
            "crew": {"type": "string"},
            "accepted_at": {"type": ["string", "null"], "format": "date-time"},
            "completed_at": {"type": ["string", "null"], "format": "date-time"},
            "remark": {"type": "string"},
        },
        "required": ["crew", "accepted_at", "completed_at"],
    }
    form = AnswerForm(schema, {}, {"answer-crew": "Crew 7", "answer-accepted_at": "2025-01-02T03:04"})
    assert form.is_valid(), form.errors
    answer = form.answer()
    assert answer["crew"] == "Crew 7"
    assert answer["accepted_at"].startswith("2025-01-02T03:04:00")
    assert answer["completed_at"] is None
    assert "remark" not in answer


def test_an_approval_is_given_with_one_button(owner, approval):
    text = owner.get(page(approval)).content.decode()
    assert 'value="approve"' in text and 'value="reject"' in text
    owner.post(decide(approval), {"outcome": "reject", "comment": "Too dear."})
    approval.refresh_from_db()
    assert (approval.status, approval.outcome) == (TaskStatus.DECIDED, "reject")


def test_whoever_comes_second_is_told(owner, administrator, approval, people):
    decide_task(task_id=approval.pk, outcome="approve", by=people["owner"])
    response = owner.post(decide(approval), {"outcome": "reject"})
    assert "decided" in said(response)
    approval.refresh_from_db()
    assert approval.outcome == "approve"
    text = owner.get(page(approval)).content.decode()
    assert people["owner"].username in text
    assert 'name="outcome"' not in text


def test_a_colleague_reads_the_task_but_may_not_decide_it(colleague, approval):
    text = colleague.get(page(approval)).content.decode()
    assert "not decide them" in text
    assert 'name="outcome"' not in text
    assert colleague.post(decide(approval), {"outcome": "approve"}).status_code == 403


def test_somebody_of_another_group_is_told_whose_task_it_is(approval, people, client):
    from tests import factories

    client.force_login(factories.make_user("dispatcher", departments=("water",)))
    assert "for the group supervisor" in client.get(page(approval)).content.decode()
    response = client.post(decide(approval), {"outcome": "approve"})
    assert "for the group supervisor" in said(response)
    approval.refresh_from_db()
    assert approval.status == TaskStatus.OPEN


def test_four_eyes_keep_the_author_from_deciding(owner, approval):
    HumanTask.objects.filter(pk=approval.pk).update(four_eyes=True)
    assert "Four eyes" in owner.get(page(approval)).content.decode()
    assert "Four eyes" in said(owner.post(decide(approval), {"outcome": "approve"}))


def test_an_outsider_finds_no_task_and_nobody_signs_in_first(outsider, nobody, approval):
    assert outsider.get(page(approval)).url == reverse("admin:index")
    assert outsider.post(decide(approval), {"outcome": "approve"}).url == reverse("admin:index")
    listed = outsider.get(reverse("admin:executions_humantask_changelist")).content.decode()
    assert approval.title not in listed
    assert nobody.get(page(approval)).url.startswith(reverse("admin:login"))
    assert nobody.post(decide(approval), {"outcome": "approve"}).url.startswith(reverse("admin:login"))
    approval.refresh_from_db()
    assert approval.status == TaskStatus.OPEN


def test_an_outcome_that_is_not_offered_is_refused_in_words(owner, approval):
    assert "No such outcome" in said(owner.post(decide(approval), {"outcome": "explode"}))
    assert owner.get(decide(approval)).status_code == 405


def test_open_tasks_come_first_in_the_list(owner, step):
    for at in range(6):
        task = open_task(step, kind="approval", title=f"Task {at}", outcomes=["approve"], suffix=str(at))
        if at % 2:
            HumanTask.objects.filter(pk=task.pk).update(status=TaskStatus.DECIDED, decided_at=timezone.now())
    text = owner.get(reverse("admin:executions_humantask_changelist")).content.decode()
    order = [
        int(text[at + 5])
        for at in range(len(text))
        if text.startswith("Task ", at) and text[at + 5].isdigit()
    ]
    assert order == [4, 2, 0, 5, 3, 1]
    todo = owner.get(reverse("admin:executions_humantask_changelist") + "?state=todo").content.decode()
    assert "Task 4" in todo and "Task 5" not in todo


def test_hostile_text_in_every_field_of_a_task_is_shown_and_never_markup(owner, step):
    for at, text in enumerate(HOSTILE):
        form = {
            "type": "object",
            "properties": {text: {"type": "string", "description": text, "enum": [text]}},
        }
        task = open_task(
            step,
            kind="approval",
            title=text,
            question=text,
            outcomes=["done", text],
            form=form,
            suffix=str(at),
        )
        assert_tame(owner.get(page(task)), text)
        HumanTask.objects.filter(pk=task.pk).update(
            status="decided", outcome=text[:40], comment=text, answer={text: [text], "b": {text: text}}
        )
        assert_tame(owner.get(page(task)), text)
    assert_tame(owner.get(reverse("admin:executions_humantask_changelist")), *HOSTILE)


def test_the_list_of_tasks_takes_a_bounded_number_of_queries(owner, step, django_assert_max_num_queries):
    for at in range(20):
        open_task(step, kind="approval", title=f"Task {at}", outcomes=["approve"], suffix=str(at))
    with django_assert_max_num_queries(14):
        owner.get(reverse("admin:executions_humantask_changelist"))
