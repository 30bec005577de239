"""Parts of runs, and that no list reads a table from end to end."""

import pytest
from django.db import connection
from django.utils import timezone

from executions.models import Document, HumanTask, StepRun, WorkflowExecution
from executions.services import launch_execution
from issues.models import Issue
from tests import factories
from workflows.models import WorkflowPlan
from workflows.policies.models import PolicyDocument
from workflows.services import approve_plan


@pytest.fixture
def execution(city):
    by = factories.make_user("administrator")
    plan = factories.make_plan(factories.document(*(factories.note_step(f"s{at}") for at in range(5))))
    approve_plan(plan_id=plan.pk, digest=plan.current.digest, by=by)
    return launch_execution(plan_id=plan.pk, execution_data={}, by=by)


def test_steps_are_listed_in_the_order_of_the_plan_page_by_page(owner, execution):
    StepRun.objects.filter(step_id="s3").update(status="completed", ended_at=timezone.now())
    path = f"/workflows/executions/{execution.pk}/steps"
    first = owner.get(f"{path}?page_size=3").json()
    rest = owner.get(first["next"]).json()
    assert [step["step_id"] for step in first["results"] + rest["results"]] == ["s0", "s1", "s2", "s3", "s4"]
    assert rest["next"] is None
    assert [step["step_id"] for step in owner.get(f"{path}?status=completed").json()["results"]] == ["s3"]
    assert first["results"][0] == owner.get(f"/workflows/executions/{execution.pk}").json()["steps"][0]


def test_documents_are_listed_with_where_to_fetch_them(owner, execution):
    made = Document.objects.create(
        execution=execution,
        step_id="s1",
        effect_key="k",
        title="Report",
        name="documents/x",
        content_type="application/pdf",
        size=7,
        sha256="0" * 64,
        pages=1,
    )
    [listed] = owner.get(f"/workflows/executions/{execution.pk}/documents").json()["results"]
    assert (listed["id"], listed["title"], listed["pages"]) == (str(made.pk), "Report", 1)
    assert listed["url"] == f"http://testserver/workflows/documents/{made.pk}"


@pytest.mark.parametrize("rest", ["steps", "documents"])
def test_parts_of_a_run_are_for_those_who_may_see_it(owner, colleague, outsider, nobody, execution, rest):
    path = f"/workflows/executions/{execution.pk}/{rest}"
    found = [client.get(path).status_code for client in (owner, colleague, outsider, nobody)]
    assert found == [200, 200, 404, 401]


def test_archiving_and_completing_are_for_those_who_may_write(
    owner, colleague, outsider, nobody, plan, wait_for
):
    path = f"/workflows/{plan.pk}/archive"
    found = [client.post(path, {}).status_code for client in (colleague, outsider, nobody, owner)]
    assert found == [403, 404, 401, 200]
    path = f"/workflows/tasks/{wait_for('dispatch_crew').pk}/complete"
    body = {"answer": {"crew": "Crew 7"}}
    found = [client.post(path, body).status_code for client in (colleague, outsider, nobody, owner)]
    assert found == [403, 404, 401, 200]


def test_completing_with_a_bad_answer_is_refused_as_deciding_is(owner, wait_for):
    path = f"/workflows/tasks/{wait_for('ask_reporter').pk}"
    one = owner.post(f"{path}/complete", {"answer": {"answer": 7}})
    other = owner.post(f"{path}/decide", {"outcome": "done", "answer": {"answer": 7}})
    assert one.status_code == other.status_code == 422
    assert one.json()["errors"] == other.json()["errors"]


AGES = [
    (Issue, "reported_at"),
    (Issue, "updated_at"),
    (WorkflowPlan, "created_at"),
    (PolicyDocument, "created_at"),
    (WorkflowExecution, "created_at"),
    (HumanTask, "opened_at"),
    (HumanTask, "due_order"),
]


@pytest.mark.parametrize(("model", "column"), AGES)
@pytest.mark.parametrize("sign", ["", "-"])
def test_a_page_is_read_in_the_order_of_an_index_and_not_sorted(db, model, column, sign):
    rows = model.objects.order_by(f"{sign}{column}", f"{sign}pk").values("pk")[:51]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off")
    assert "Sort" not in rows.explain()
