"""POST /workflows/generate: from a citizen's words to a DRAFT."""

import pytest

from issues.models import Issue
from tests import factories
from tests.api.client import Api
from workflows.models import WorkflowPlan


def test_the_guides_call_gives_201_and_a_draft_with_its_digest_and_planner(api):
    response = api.post("/workflows/generate", {"problem_statement": "Water leak at 123 Main St"})
    assert response.status_code == 201
    plan = response.json()
    assert plan["status"] == "DRAFT"
    assert plan["workflow_plan"]["steps"]
    assert len(plan["digest"]) == 64
    assert plan["problems"] == []
    assert plan["planner"]["name"] == "playbooks"
    assert plan["planner"]["playbook"] == "water_leak"


def test_an_issue_is_recorded_from_the_statement_with_place_and_urgency(api):
    plan = api.post("/workflows/generate", {"problem_statement": "Water leak at 123 Main St"}).json()
    issue = Issue.objects.get()
    assert plan["issue_id"] == issue.reference == f"ISSUE-{issue.pk:06d}"
    assert issue.statement == "Water leak at 123 Main St"
    assert "123 Main St" in issue.address
    assert issue.category.code == "water_leak"
    assert issue.department.code == "water"


def test_a_plan_for_an_issue_of_ours_records_no_second_issue(api, draft):
    body = {"problem_statement": "It is getting worse", "issue_id": draft["issue_id"]}
    response = api.post("/workflows/generate", body)
    assert response.status_code == 201
    assert response.json()["issue_id"] == draft["issue_id"]
    assert Issue.objects.count() == 1


def test_an_issue_that_is_not_ours_is_refused_and_nothing_is_stored(api):
    response = api.post("/workflows/generate", {"problem_statement": "Leak", "issue_id": "ISSUE-999999"})
    assert response.status_code == 400
    assert response.json()["code"] == "unknown_issue"
    assert response.json()["errors"][0]["pointer"] == "/issue_id"
    assert not WorkflowPlan.objects.exists()


def test_the_reporter_is_kept_apart_from_the_issue_and_never_in_the_plan(api):
    reporter = {"name": "Ann Canary", "email": "ann.canary@example.org", "phone": "+1 555 0100"}
    response = api.post("/workflows/generate", {"problem_statement": "Water leak", "reporter": reporter})
    assert "canary" not in response.content.decode().lower()
    assert Issue.objects.get().reporter.email == "ann.canary@example.org"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/problem_statement"),
        ({"problem_statement": ""}, "/problem_statement"),
        ({"problem_statement": "   \n\t "}, "/problem_statement"),
        ({"problem_statement": "\u200b\u202e\u0007"}, "/problem_statement"),
        ({"problem_statement": "x" * 10_001}, "/problem_statement"),
        ({"problem_statement": ["leak"]}, "/problem_statement"),
        ({"problem_statement": "leak", "reporter": {"email": "nobody"}}, "/reporter/email"),
        ({"problem_statement": "leak", "statement": "x"}, "/statement"),
    ],
)
def test_a_bad_field_is_400_with_its_pointer(api, body, pointer):
    response = api.post("/workflows/generate", body)
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert pointer in [error["pointer"] for error in response.json()["errors"]]


def test_the_same_idempotency_key_gets_the_same_plan(api):
    body = {"problem_statement": factories.STATEMENT}
    first = api.post("/workflows/generate", body, **{"Idempotency-Key": "k-1"})
    second = api.post("/workflows/generate", body, **{"Idempotency-Key": "k-1"})
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert second["Idempotency-Replayed"] == "true"
    assert WorkflowPlan.objects.count() == 1


def test_the_same_idempotency_key_with_another_body_is_422(api):
    api.post("/workflows/generate", {"problem_statement": "Water leak"}, **{"Idempotency-Key": "k-1"})
    response = api.post("/workflows/generate", {"problem_statement": "Pothole"}, **{"Idempotency-Key": "k-1"})
    assert response.status_code == 422
    assert response.json()["code"] == "idempotency_key_reused"


def test_two_callers_may_use_the_same_idempotency_key(api):
    body = {"problem_statement": factories.STATEMENT}
    other = Api(factories.make_key())
    first = api.post("/workflows/generate", body, **{"Idempotency-Key": "k-1"}).json()
    second = other.post("/workflows/generate", body, **{"Idempotency-Key": "k-1"}).json()
    assert first["workflow_id"] != second["workflow_id"]
