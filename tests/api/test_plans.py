"""Reading, replacing, approving and rejecting plans."""

import base64
import uuid
from urllib.parse import quote

import pytest

from mudda.models import Event
from tests import factories
from tests.api.client import Api
from workflows.models import PlanApproval, WorkflowPlan


def changed(plan, **fields):
    return {**plan, "description": "Changed by a person.", **fields}


def test_a_plan_is_read_with_its_revision_status_and_digest_as_etag(api, draft):
    response = api.get(f"/workflows/{draft['workflow_id']}")
    assert response.status_code == 200
    assert response["ETag"] == f'"1-draft-{draft["digest"]}"'
    assert response.json()["workflow_plan"] == draft["workflow_plan"]


def test_plans_are_listed_in_pages_newest_first(api):
    made = [
        api.post("/workflows/generate", {"problem_statement": "Pothole"}).json()["workflow_id"]
        for _ in range(3)
    ]
    first = api.get("/workflows?page_size=2").json()
    assert [plan["workflow_id"] for plan in first["results"]] == [made[2], made[1]]
    second = api.get(first["next"].removeprefix("http://testserver")).json()
    assert [plan["workflow_id"] for plan in second["results"]] == [made[0]]


@pytest.mark.parametrize(
    "place", ["p=abc", "p=%00", "p=9999-99-99", "o=x", "nonsense", "p=0001-01-01T00:00:00%2B14:00"]
)
@pytest.mark.parametrize("path", ["/workflows", "/workflows/executions", "/workflows/tasks"])
def test_a_cursor_that_is_not_ours_is_400(api, draft, path, place):
    cursor = base64.b64encode(place.encode()).decode()
    response = api.get(f"{path}?cursor={quote(cursor)}")
    assert (response.status_code, response.json()["code"]) == (400, "bad_cursor")


def test_plans_are_filtered_by_status_issue_and_department(api, draft):
    api.post("/workflows/generate", {"problem_statement": "Graffiti on the wall of the library"})
    only = api.get(f"/workflows?issue_id={draft['issue_id']}").json()["results"]
    assert [plan["workflow_id"] for plan in only] == [draft["workflow_id"]]
    assert len(api.get("/workflows?status=DRAFT").json()["results"]) == 2
    assert api.get("/workflows?status=APPROVED").json()["results"] == []
    assert len(api.get("/workflows?department=water").json()["results"]) == 1
    assert api.get("/workflows?status=NONSENSE").status_code == 400


def test_approval_is_bound_to_the_digest_that_was_read(api, draft):
    path = f"/workflows/{draft['workflow_id']}/approve"
    stale = api.post(path, {"digest": "0" * 64})
    assert stale.status_code == 409
    assert stale.json()["code"] == "stale_digest"
    assert stale.json()["digest"] == draft["digest"]
    approved = api.post(path, {"digest": draft["digest"]})
    assert approved.status_code == 200
    assert approved.json()["status"] == "APPROVED"


def test_approving_the_same_revision_twice_changes_nothing(api, draft):
    path = f"/workflows/{draft['workflow_id']}/approve"
    for _ in range(2):
        assert api.post(path, {"digest": draft["digest"]}).status_code == 200
    assert PlanApproval.objects.count() == 1


def test_an_edit_makes_a_new_revision_and_the_old_digest_cannot_be_approved(api, draft):
    path = f"/workflows/{draft['workflow_id']}"
    edited = api.put(
        path, {"workflow_plan": changed(draft["workflow_plan"])}, **{"If-Match": f'"{draft["digest"]}"'}
    )
    assert edited.status_code == 200
    assert edited.json()["digest"] != draft["digest"]
    assert edited.json()["revision"] == 2
    assert api.post(f"{path}/approve", {"digest": draft["digest"]}).json()["code"] == "stale_digest"


def test_an_edit_of_an_older_text_is_412_and_says_the_current_digest(api, draft):
    path = f"/workflows/{draft['workflow_id']}"
    api.put(path, {"workflow_plan": changed(draft["workflow_plan"])})
    late = api.put(path, {"workflow_plan": draft["workflow_plan"]}, **{"If-Match": f'"{draft["digest"]}"'})
    assert late.status_code == 412
    assert late.json()["code"] == "precondition_failed"
    assert late.json()["digest"] == api.get(path).json()["digest"]


def test_an_edit_returns_an_approved_plan_to_draft(api, approved):
    path = f"/workflows/{approved['workflow_id']}"
    edited = api.put(path, {"workflow_plan": changed(approved["workflow_plan"])}).json()
    assert edited["status"] == "DRAFT"
    launched = api.post(f"{path}/execute", {"execution_data": {}})
    assert launched.json()["code"] == "plan_not_approved"


def test_a_plan_with_errors_is_saved_as_a_draft_but_not_approved(api, draft):
    path = f"/workflows/{draft['workflow_id']}"
    broken = changed(draft["workflow_plan"], steps=[factories.note_step(activity_id="teleport_crew")])
    saved = api.put(path, {"workflow_plan": broken})
    assert saved.status_code == 200
    assert [p["code"] for p in saved.json()["problems"] if p["severity"] == "error"] == ["unknown_activity"]
    refused = api.post(f"{path}/approve", {"digest": saved.json()["digest"]})
    assert refused.status_code == 422
    assert refused.json()["code"] == "plan_has_problems"
    assert refused.json()["errors"][0]["pointer"] == "/steps/0/activity_id"


@pytest.mark.parametrize("plan", [None, [], "a plan", 7, {}, {"steps": "none"}, {"schema_version": 99}])
def test_whatever_is_put_as_a_plan_is_kept_with_its_problems_and_never_a_500(api, draft, plan):
    response = api.put(f"/workflows/{draft['workflow_id']}", {"workflow_plan": plan})
    assert response.status_code in {200, 400}
    if response.status_code == 200:
        assert any(problem["severity"] == "error" for problem in response.json()["problems"])


def test_a_department_that_the_city_does_not_have_is_an_error(api, draft):
    step = {
        "step_id": "send",
        "activity_id": "dispatch_crew",
        "title": "Send",
        "inputs": {"department": "wizards", "address": "here", "instructions": "Go.", "urgency": "low"},
    }
    body = {"workflow_plan": factories.document(step)}
    problems = api.put(f"/workflows/{draft['workflow_id']}", body).json()["problems"]
    assert ("/steps/0/inputs/department", "bad_value") in [(p["pointer"], p["code"]) for p in problems]


def test_a_rejected_plan_says_why_and_cannot_be_approved(api, draft):
    path = f"/workflows/{draft['workflow_id']}"
    rejected = api.post(f"{path}/reject", {"reason": "Wrong department."})
    assert rejected.json()["status"] == "REJECTED"
    assert rejected.json()["rejection_reason"] == "Wrong department."
    refused = api.post(f"{path}/approve", {"digest": draft["digest"]})
    assert refused.status_code == 409
    assert refused.json()["code"] == "plan_not_editable"
    assert api.post(f"{path}/reject", {}).status_code == 400


def test_what_happens_to_a_plan_is_in_its_events_in_order(api, approved):
    events = Event.objects.filter(stream=f"plan:{approved['workflow_id']}").values_list("seq", "type")
    assert [seq for seq, _ in events] == list(range(1, len(events) + 1))
    types = [type for _, type in events]
    assert types[0] == "plan.asked"
    assert types[-2:] == ["plan.drafted", "plan.approved"]


def test_unknown_plans_and_paths_are_404_problems(api):
    for path in (f"/workflows/{uuid.uuid4()}", "/workflows/nonsense", "/nowhere"):
        response = api.get(path)
        assert response.status_code == 404
        assert response["Content-Type"] == "application/problem+json"
        assert response.json()["code"] == "not_found"


def test_staff_limited_to_a_department_do_not_see_anothers_plans(api, draft):
    outsider = factories.make_user("supervisor", departments=("parks",))
    colleague = factories.make_user("supervisor", departments=("water",))
    path = f"/workflows/{draft['workflow_id']}"
    assert Api(factories.make_key(owner=colleague)).get(path).status_code == 200
    assert Api(factories.make_key(owner=outsider)).get(path).status_code == 404
    assert (
        Api(factories.make_key(owner=outsider))
        .post(f"{path}/approve", {"digest": draft["digest"]})
        .status_code
        == 404
    )
    assert WorkflowPlan.objects.get().status == "DRAFT"
