"""POST /workflows/{id}/execute, and what is read of a run. (That it really runs is shown in tests/faults.)"""

import json
import uuid
from dataclasses import replace

import pytest

from executions.models import WorkflowExecution
from tests import factories
from tests.api.client import Api

GUIDE = {"execution_data": {"issue_id": "ISSUE-001", "priority": "high"}}


def execute(api, plan, body=GUIDE, **headers):
    return api.post(f"/workflows/{plan['workflow_id']}/execute", body, **headers)


def test_the_guides_call_gives_202_with_the_ids_and_pending(api, approved):
    response = execute(api, approved)
    assert response.status_code == 202
    launched = response.json()
    assert set(launched) == {"execution_id", "workflow_plan_id", "temporal_workflow_id", "status"}
    assert launched["workflow_plan_id"] == approved["workflow_id"]
    assert launched["temporal_workflow_id"] == f"mudda-workflow-{launched['execution_id']}"
    assert launched["status"] == "pending"


def test_a_run_is_read_with_the_callers_keys_as_sent(api, approved):
    launched = execute(api, approved).json()
    run = api.get(f"/workflows/executions/{launched['execution_id']}").json()
    assert run["id"] == launched["execution_id"]
    assert run["status"] == "pending"
    assert run["execution_data"] == GUIDE["execution_data"]
    assert run["started_at"] is None
    assert run["completed_at"] is None
    assert run["digest"] == approved["digest"]
    assert {step["status"] for step in run["steps"]} == {"pending"}


def test_a_draft_is_not_executed(api, draft):
    response = execute(api, draft)
    assert response.status_code == 409
    assert response.json()["code"] == "plan_not_approved"


def test_approve_and_execute_in_one_call_needs_no_digest_while_there_is_one_revision(api, draft):
    assert execute(api, draft, {**GUIDE, "approve": True}).status_code == 202


def test_approve_in_the_same_call_needs_the_digest_once_there_are_two_revisions(api, draft):
    plan = {**draft["workflow_plan"], "description": "Edited."}
    edited = api.put(f"/workflows/{draft['workflow_id']}", {"workflow_plan": plan}).json()
    missing = execute(api, draft, {**GUIDE, "approve": True})
    assert missing.status_code == 409
    assert missing.json()["code"] == "digest_needed"
    assert (
        execute(api, draft, {**GUIDE, "approve": True, "digest": draft["digest"]}).json()["code"]
        == "stale_digest"
    )
    assert execute(api, draft, {**GUIDE, "approve": True, "digest": edited["digest"]}).status_code == 202


def test_approve_in_the_same_call_needs_the_scope_to_approve(api, draft):
    launcher = Api(factories.make_key("plans:read", "executions:write"))
    response = execute(launcher, draft, {**GUIDE, "approve": True})
    assert response.status_code == 403
    assert not WorkflowExecution.objects.exists()


def test_a_plan_is_executed_once_and_the_second_caller_gets_its_id(api, approved):
    first = execute(api, approved).json()
    second = execute(api, approved)
    assert second.status_code == 409
    assert second.json()["code"] == "already_executed"
    assert second.json()["execution_id"] == first["execution_id"]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_after_a_failed_or_cancelled_run_the_same_approval_may_launch_again(api, approved, status):
    execute(api, approved)
    WorkflowExecution.objects.update(status=status)
    assert execute(api, approved).status_code == 202


def test_an_executed_plan_is_neither_edited_nor_rejected(api, approved):
    execute(api, approved)
    path = f"/workflows/{approved['workflow_id']}"
    plan = {**approved["workflow_plan"], "description": "Too late."}
    assert api.put(path, {"workflow_plan": plan}).json()["code"] == "already_executed"
    assert api.post(f"{path}/reject", {"reason": "Too late."}).json()["code"] == "already_executed"


def test_the_same_idempotency_key_gets_the_same_answer(api, approved):
    first = execute(api, approved, **{"Idempotency-Key": "run-1"})
    second = execute(api, approved, **{"Idempotency-Key": "run-1"})
    assert (first.status_code, first.json()) == (second.status_code, second.json()) == (202, first.json())


def test_an_issue_of_ours_that_is_not_the_plans_is_a_mismatch(api, approved):
    other = api.post("/workflows/generate", {"problem_statement": "Pothole on Elm St"}).json()
    response = execute(api, approved, {"execution_data": {"issue_id": other["issue_id"]}})
    assert response.status_code == 409
    assert response.json()["code"] == "issue_mismatch"
    assert execute(api, approved, {"execution_data": {"issue_id": approved["issue_id"]}}).status_code == 202


def test_the_key_results_is_ours(api, approved):
    response = execute(api, approved, {"execution_data": {"results": 1}})
    assert response.status_code == 422
    assert response.json()["code"] == "reserved_key"
    assert not WorkflowExecution.objects.exists()


def test_missing_data_names_every_key_and_creates_nothing(api, draft):
    step = factories.note_step(inputs={"note": "{{ data.one }} and {{ data.two.three }}"})
    body = {"workflow_plan": factories.document(step)}
    plan = api.put(f"/workflows/{draft['workflow_id']}", body).json()
    api.post(f"/workflows/{draft['workflow_id']}/approve", {"digest": plan["digest"]})
    response = execute(api, draft, {"execution_data": {"one": 1}})
    assert response.status_code == 422
    assert response.json()["code"] == "missing_data"
    assert [error["pointer"] for error in response.json()["errors"]] == ["/execution_data/two"]
    assert not WorkflowExecution.objects.exists()


@pytest.mark.parametrize("data", [[], "x", 1, None])
def test_execution_data_has_to_be_an_object(api, approved, data):
    response = execute(api, approved, {"execution_data": data})
    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "/execution_data"


def test_runs_are_listed_and_filtered(api, approved):
    launched = execute(api, approved).json()
    (found,) = api.get("/workflows/executions?status=pending").json()["results"]
    assert found["id"] == launched["execution_id"]
    assert found["issue_id"] == approved["issue_id"]
    assert api.get("/workflows/executions?status=completed").json()["results"] == []
    assert (
        len(api.get(f"/workflows/executions?workflow_plan_id={approved['workflow_id']}").json()["results"])
        == 1
    )


def test_unknown_runs_are_404(api):
    assert api.get(f"/workflows/executions/{uuid.uuid4()}").json()["code"] == "not_found"
    assert api.post(f"/workflows/{uuid.uuid4()}/execute", GUIDE).json()["code"] == "not_found"


def test_an_approval_under_another_catalogue_has_to_be_given_again(api, approved):
    from workflows.models import PlanApproval, PlanRevision

    old = PlanApproval.objects.get()
    PlanApproval.objects.create(
        revision=PlanRevision.objects.get(),
        digest=old.digest,
        catalogue_digest="0" * 64,
        approver=old.approver,
    )
    assert execute(api, approved).json()["code"] == "catalogue_changed"
    again = api.post(f"/workflows/{approved['workflow_id']}/approve", {"digest": approved["digest"]})
    assert again.status_code == 200
    assert execute(api, approved).status_code == 202


def test_temporal_is_given_only_what_the_plan_reads(api, draft):
    from executions.starting import run_input

    step = factories.note_step(inputs={"note": "{{ data.one.two }} at {{ issue.address }}"})
    guarded = factories.note_step("late", when={"exists": "{{ data.three }}"})
    body = {"workflow_plan": factories.document(step, guarded)}
    api.put(f"/workflows/{draft['workflow_id']}", body)
    plan = api.get(f"/workflows/{draft['workflow_id']}").json()
    data = {"one": {"two": "x"}, "three": 3, "phone": "+1 555 0100"}
    execute(api, plan, {"execution_data": data, "approve": True, "digest": plan["digest"]})
    given = run_input(WorkflowExecution.objects.get())
    assert given.data == {"one": {"two": "x"}, "three": 3}
    assert "statement" not in given.issue
    assert given.issue["address"]


def test_the_schemas_of_a_compiled_plan_stay_in_the_row_where_activities_read_them(api, draft):
    from executions.starting import run_input
    from workflows.plan.compiled import CompiledPlan

    undo = {"activity_id": "release_lane", "inputs": {"reservation_id": "{{ steps.lane.reservation_id }}"}}
    lane = {
        "step_id": "lane",
        "activity_id": "reserve_lane",
        "title": "Reserve a lane",
        "inputs": {"address": "{{ issue.address }}", "hours": 1},
        "compensate": undo,
    }
    api.put(f"/workflows/{draft['workflow_id']}", {"workflow_plan": factories.document(lane)})
    plan = api.get(f"/workflows/{draft['workflow_id']}").json()
    execute(api, plan, {"approve": True, "digest": plan["digest"]})
    execution = WorkflowExecution.objects.get()
    [kept] = execution.compiled["steps"]
    assert kept["input_schema"] and kept["output_schema"] and kept["compensate"]["input_schema"]
    given = run_input(execution)
    assert "_schema" not in json.dumps(given.compiled)
    no_schemas = {"input_schema": {}, "output_schema": {}}
    [whole], [carried] = (CompiledPlan.from_json(of).steps for of in (execution.compiled, given.compiled))
    assert carried == replace(whole, **no_schemas, compensate=replace(whole.compensate, **no_schemas))
