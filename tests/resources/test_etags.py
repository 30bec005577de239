"""ETag, If-Match and If-None-Match: nothing is changed that isn't what the caller has read."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from executions.services import launch_execution
from executions.tasks import ask_about_failed_step
from tests import factories
from tests.api.client import Api
from workflows.models import WorkflowPlan
from workflows.policies.services import create_policy
from workflows.services import approve_plan

STALE = '"0-something-else"'


@pytest.fixture
def execution(plan):
    by = factories.make_user("administrator")
    approve_plan(plan_id=plan.pk, digest=plan.current.digest, by=by)
    return launch_execution(plan_id=plan.pk, execution_data={}, by=by)


@pytest.fixture
def policy(city):
    return create_policy(heading="Lamps", text="Lamps are repaired within ten days.")


@pytest.fixture
def doors(api, plan, policy, issue):
    """What can be changed: where it is read, and calls that change it."""
    edit = {**plan.current.document, "description": "Edited."}
    text = {"heading": "Lamps", "text": "Within eight days."}
    return {
        "plan": (
            f"/workflows/{plan.pk}",
            [
                ("PUT", "", {"workflow_plan": edit}),
                ("POST", "/approve", {"digest": plan.current.digest}),
                ("POST", "/reject", {"reason": "No."}),
                ("POST", "/archive", {}),
            ],
        ),
        "policy": (
            f"/policies/{policy.pk}",
            [("PUT", "", text), ("POST", "/publish", {"version": 1}), ("POST", "/withdraw", {})],
        ),
        "issue": (f"/issues/{issue.reference}", [("PATCH", "/facts", {"urgency": "high"})]),
    }


@pytest.mark.parametrize("kind", ["plan", "policy", "issue"])
def test_a_stale_tag_is_412_with_the_current_one_at_every_door_and_changes_nothing(api, doors, kind):
    path, calls = doors[kind]
    before = api.get(path)
    for method, rest, body in calls:
        late = api.call(method, path + rest, body, **{"If-Match": STALE})
        assert (late.status_code, late.json()["code"]) == (412, "precondition_failed"), rest
        assert late["ETag"] == late.json()["etag"] == before["ETag"]
        weak = api.call(method, path + rest, body, **{"If-Match": f"W/{before['ETag']}"})
        assert weak.status_code == 412, rest
    assert api.get(path).json() == before.json()


@pytest.mark.parametrize("kind", ["plan", "policy", "issue"])
@pytest.mark.parametrize("form", ["{}", "*", '"other", {}', 'W/"other" , {} '])
def test_the_current_tag_alone_or_in_a_list_or_a_star_lets_the_change_pass(api, doors, kind, form):
    path, [(method, rest, body), *_] = doors[kind]
    tag = api.get(path)["ETag"]
    changed = api.call(method, path + rest, body, **{"If-Match": form.format(tag)})
    assert changed.status_code == 200
    assert changed["ETag"] == api.get(path)["ETag"] != tag


@pytest.mark.parametrize("kind", ["plan", "policy", "issue"])
def test_what_the_caller_has_already_is_304_until_it_changes(api, doors, kind):
    path, [(method, rest, body), *_] = doors[kind]
    tag = api.get(path)["ETag"]
    for has in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        same = api.get(path, **{"If-None-Match": has})
        assert (same.status_code, same.content, same["ETag"]) == (304, b"", tag)
    assert api.get(path, **{"If-None-Match": STALE}).status_code == 200
    api.call(method, path + rest, body)
    assert api.get(path, **{"If-None-Match": tag}).status_code == 200


def test_approving_makes_another_tag_so_that_an_edit_of_a_draft_does_not_undo_it_unseen(api, plan):
    path = f"/workflows/{plan.pk}"
    read = api.get(path)
    approved = api.post(f"{path}/approve", {"digest": plan.current.digest}, **{"If-Match": read["ETag"]})
    assert approved["ETag"] == api.get(path)["ETag"] != read["ETag"]
    edit = {"workflow_plan": {**plan.current.document, "description": "Edited."}}
    assert api.put(path, edit, **{"If-Match": read["ETag"]}).status_code == 412
    by_text = api.put(
        path, edit, **{"If-Match": f'"{plan.current.digest}"'}
    )  # its digest: whatever its status
    assert by_text.status_code == 200


def test_an_archived_plan_is_approved_edited_and_launched_no_more(api, plan):
    path = f"/workflows/{plan.pk}"
    assert api.post(f"{path}/archive", {}).json()["status"] == "ARCHIVED"
    assert api.post(f"{path}/archive", {}).status_code == 200
    edit = {"workflow_plan": {**plan.current.document, "description": "Edited."}}
    for method, rest, body in (
        ("PUT", "", edit),
        ("POST", "/approve", {"digest": plan.current.digest}),
        ("POST", "/reject", {"reason": "No."}),
    ):
        assert api.call(method, path + rest, body).json()["code"] == "plan_not_editable"
    assert api.post(f"{path}/execute", {}).json()["code"] == "plan_not_approved"
    assert [row["workflow_id"] for row in api.get("/workflows?status=ARCHIVED").json()["results"]] == [
        str(plan.pk)
    ]


def test_a_plan_that_runs_is_not_archived(api, execution):
    refused = api.post(f"/workflows/{execution.plan_id}/archive", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "already_executed")
    assert WorkflowPlan.objects.get(pk=execution.plan_id).status == "APPROVED"


def test_a_run_is_steered_only_if_nothing_has_happened_since_it_was_read(owner, execution):
    path = f"/workflows/executions/{execution.pk}"
    read = owner.get(path)
    assert owner.get(path, **{"If-None-Match": read["ETag"]}).status_code == 304
    paused = owner.post(f"{path}/pause", {"reason": "Wait."}, **{"If-Match": read["ETag"]})
    assert paused.status_code == 202 and paused["ETag"] != read["ETag"]
    late = owner.post(f"{path}/resume", {"reason": "Go on."}, **{"If-Match": read["ETag"]})
    assert (late.status_code, late["ETag"]) == (412, paused["ETag"])
    assert owner.post(f"{path}/resume", {"reason": "Go on."}).status_code == 202


def test_a_task_is_changed_only_as_it_was_read(owner, wait_for):
    path = f"/workflows/tasks/{wait_for('dispatch_crew').pk}"
    read = owner.get(path)
    assert owner.get(path, **{"If-None-Match": read["ETag"]}).status_code == 304
    claimed = owner.post(f"{path}/claim", {}, **{"If-Match": read["ETag"]})
    assert claimed.status_code == 200
    assert claimed["ETag"] == owner.get(path)["ETag"] != read["ETag"]
    done = {"answer": {"crew": "Crew 7"}}
    for rest, body in (
        ("/release", {}),
        ("/hold", {"reason": "Wait."}),
        ("/resume", {}),
        ("/reassign", {"reason": "Yours.", "group": "supervisor"}),
        ("/accept", {"crew": "Crew 7", "arrival_at": "2026-01-01T00:00:00Z"}),
        ("/decline", {"reason": "No."}),
        ("/decide", {"outcome": "done", **done}),
        ("/complete", done),
    ):
        late = owner.post(path + rest, body, **{"If-Match": read["ETag"]})
        assert (late.status_code, late["ETag"]) == (412, claimed["ETag"]), rest
    assert owner.call("DELETE", f"{path}/links", **{"If-Match": read["ETag"]}).status_code == 412
    assert owner.get(path)["ETag"] == claimed["ETag"]
    completed = owner.post(f"{path}/complete", done, **{"If-Match": claimed["ETag"]})
    assert completed.status_code == 200
    assert (completed.json()["status"], completed.json()["outcome"]) == ("decided", "done")
    again = owner.post(f"{path}/complete", done)
    assert (again.status_code, again.json()["code"]) == (409, "task_closed")


def test_a_plan_is_launched_only_as_it_was_read(api, plan):
    path = f"/workflows/{plan.pk}"
    draft = api.get(path)["ETag"]
    approved = api.post(f"{path}/approve", {"digest": plan.current.digest})["ETag"]
    late = api.post(f"{path}/execute", {}, **{"If-Match": draft})
    assert (late.status_code, late["ETag"]) == (412, approved)
    assert api.post(f"{path}/execute", {}, **{"If-Match": approved}).status_code == 202


def test_what_to_do_about_a_failed_step_is_decided_only_as_the_run_was_read(owner, execution):
    failure = {"code": "unavailable", "message": "It is away."}
    task = ask_about_failed_step(execution.steps.get(), "supervisor", failure, {"type": "object"})
    path = f"/workflows/executions/{execution.pk}"
    read = owner.get(path)["ETag"]
    body = {"reason": "Go on."}
    assert owner.post(f"{path}/steps/note/skip", body, **{"If-Match": STALE}).status_code == 412
    skipped = owner.post(f"{path}/steps/note/skip", body, **{"If-Match": read})
    assert (skipped.status_code, skipped.json()["id"], skipped.json()["outcome"]) == (
        200,
        str(task.pk),
        "skip",
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["issue", "plan", "category"])
def test_of_two_changes_of_one_reading_at_once_one_passes(kind):
    factories.load_city()
    key, plan = factories.make_key(owner=factories.make_user("administrator")), factories.make_plan()
    path, method, bodies = {
        "issue": (f"/issues/{plan.issue.reference}", "PATCH", [{"urgency": "low"}, {"urgency": "critical"}]),
        "plan": (
            f"/workflows/{plan.pk}",
            "PUT",
            [{"workflow_plan": {**plan.current.document, "description": word}} for word in ("A", "B")],
        ),
        "category": ("/categories/water_leak", "PATCH", [{"target": "P8D"}, {"target": "P9D"}]),
    }[kind]
    tag, both = Api(key).get(path)["ETag"], threading.Barrier(2)

    def change(body):
        both.wait(10)
        try:
            return Api(key).call(method, path, body, **{"If-Match": tag}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(change, bodies)) == [200, 412]
