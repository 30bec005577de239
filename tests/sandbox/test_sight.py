"""Whoever calls with a sandbox key sees what its sandbox holds, and everybody else what is real: at every door."""

import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from mudda.models import Event, OutboxMessage
from tests import factories
from tests.api.doors import every_route
from tests.sandbox.worlds import POLICY, REPORT, good, launched, make_key, make_world, upload
from tests.time.runs import crew
from workflows.reporting import fates

SHARED = {"code"}
"""Names in routes of what nobody's sandbox has: categories and departments."""
PARAMETER = re.compile(r"<\w+:(\w+)>")

CALLS = [
    (method, route)
    for route, view in every_route()
    for method in view.scopes
    if set(PARAMETER.findall(route)) - SHARED
]
"""Every call that names something which is in a sandbox, or isn't."""

REASON = {"reason": "Because."}
BODIES = {
    "issues/<str:reference>": {"urgency": "high"},
    "facts": {"urgency": "high"},
    "notes": {"text": "A note."},
    "retry": REASON,
    "skip": REASON,
    "answer": {**REASON, "answer": {}},
    "pause": REASON,
    "resume": REASON,
    "cancel": REASON,
    "hold": REASON,
    "decline": REASON,
    "reassign": {**REASON, "group": "supervisor"},
    "decide": {"outcome": "done", "answer": {"notes": "Done."}},
    "complete": {"answer": {"notes": "Done."}},
    "accept": {"crew": "Crew 7", "arrival_at": "2030-01-01T09:00:00Z"},
    "reject": REASON,
    "approve": {"digest": "0" * 64},
    "revise": {"instruction": "Call them first."},
    "workflows/<uuid:workflow_id>": {"workflow_plan": factories.document()},
    "publish": {"version": 1},
    "policies/<uuid:policy_id>": {"heading": "Leaks", "text": "Soon."},
    "replay": {"from": "2026-01-01T00:00:00Z"},
    "webhooks/<uuid:webhook_id>": {"active": False},
}
"""What each call needs to get as far as looking for what it names."""
FILES = ("attachments", "uploads", "import")


def call(world, method, route, ids):
    path = PARAMETER.sub(lambda found: str(ids.get(found[1], "water")), route)
    last = route.rpartition("/")[2]
    if method == "POST" and last in FILES:
        text = {"file": SimpleUploadedFile("leaks.md", b"# Leaks\n\nSoon."), "language": "english"}
        more = {"file": text["file"]} if last == "import" else {}
        return upload(world.api, path, **more)
    body = BODIES.get(route.strip("/"), BODIES.get(last, {}))
    return world.api.call(method, path, None if method in {"GET", "DELETE"} else body)


def counted():
    """What no call that finds nothing may change."""
    return Event.objects.count(), OutboxMessage.objects.count()


@pytest.mark.parametrize(("method", "route"), CALLS)
def test_no_door_leads_from_what_is_real_into_a_sandbox_or_back_or_from_one_to_another(
    real, sandbox, other, method, route
):
    before = counted()
    for world, ids in [
        (real, sandbox.ids),
        (sandbox, real.ids),
        (sandbox, other.ids),
    ]:
        answer = call(world, method, route, ids)
        assert answer.status_code == 404, (method, route, answer.content)
        assert answer.json()["code"] == "not_found"
    assert counted() == before


@pytest.mark.parametrize("route", sorted({route for method, route in CALLS if method == "GET"}))
def test_every_door_opens_for_whoever_has_made_what_is_behind_it(real, sandbox, route):
    """Else the test above would find nothing whatever it looked for."""
    for world in (real, sandbox):
        assert call(world, "GET", route, world.ids).status_code == 200


def test_staff_who_call_the_api_see_only_what_is_real(real, sandbox, owner):
    staff = Client()
    staff.force_login(owner)
    for route in {route for method, route in CALLS if method == "GET"}:
        path = PARAMETER.sub(lambda found: str(sandbox.ids[found[1]]), route)
        assert staff.get(path, headers={"Accept": "application/json"}).status_code == 404, route
        path = PARAMETER.sub(lambda found: str(real.ids[found[1]]), route)
        assert staff.get(path, headers={"Accept": "application/json"}).status_code == 200, route


LISTS = [route for route, view in every_route() if "GET" in view.scopes and "<" not in route]


@pytest.mark.parametrize("route", sorted(set(LISTS) - {"/policies/search", "/webhooks/event-types"}))
def test_every_list_has_what_is_ones_own_and_marks_it(real, sandbox, other, route):
    for world in (real, sandbox, other):
        rows = good(world.api.get(route))["results"]
        if route in {"/categories", "/departments"}:
            assert rows
            continue
        assert len(rows) == 1
        assert rows[0]["sandbox"] is (world is not real)
        [key] = {"issue_id", "workflow_id", "id", "policy_id", "webhook_id"} & set(rows[0]) - (
            {"issue_id"} if route != "/issues" else set()
        )
        assert str(rows[0][key]) in world.ids.values()


def test_answers_and_events_are_marked(real, sandbox):
    for world, mark in ((real, False), (sandbox, True)):
        ids = world.ids
        for path in (
            f"/issues/{ids['reference']}",
            f"/workflows/{ids['workflow_id']}",
            f"/workflows/executions/{ids['execution_id']}",
            f"/workflows/tasks/{ids['task_id']}",
            f"/policies/{ids['policy_id']}",
            f"/webhooks/{ids['webhook_id']}",
        ):
            assert good(world.api.get(path))["sandbox"] is mark, path
            if "webhook" not in path and "tasks" not in path:
                found = good(world.api.get(f"{path}/events", Accept="application/json"))["events"]
                assert {event["sandbox"] for event in found} == {mark}, path
        drafted = good(world.api.post("/workflows/generate", REPORT))
        assert drafted["sandbox"] is mark
        body = {"approve": True, "digest": drafted["digest"]}
        run = good(world.api.post(f"/workflows/{drafted['workflow_id']}/execute", body))["execution_id"]
        assert good(world.api.get(f"/workflows/executions/{run}"))["sandbox"] is mark


def test_keys_of_one_owner_can_share_a_sandbox(owner, sandbox):
    _, colleague = make_key(owner, str(sandbox.key.sandbox_id))
    path = f"/workflows/executions/{sandbox.ids['execution_id']}"
    assert good(colleague.get(path))["sandbox"] is True
    assert colleague.get(f"/webhooks/{sandbox.ids['webhook_id']}").status_code == 404  # a key sees its own


def test_a_sandbox_key_changes_no_reference_data(sandbox):
    assert good(sandbox.api.get("/categories"))["results"]
    for path, body in (("/categories/water_leak", {"name": "X"}), ("/departments/water", {"name": "X"})):
        answer = sandbox.api.call("PATCH", path, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_in_sandbox")


def test_what_sandboxes_hold_is_no_duplicate_and_no_example_of_anything_real(owner, sandbox):
    statement = {"problem_statement": "Water leak at 123 Main St, again"}
    for world in (make_world(owner), sandbox):
        drafted = good(world.api.post("/workflows/generate", statement))
        mine = {world.ids["reference"]}
        assert {one["issue_id"] for one in drafted["duplicates"]} <= mine
    answer = good(sandbox.api.get(f"/issues/{sandbox.ids['reference']}"))
    twin = {one["issue_id"] for one in answer["duplicates"]}
    assert twin and twin.isdisjoint({sandbox.ids["reference"]})


def test_similar_cases_stay_on_their_side(real, sandbox, other):
    from issues.models import Issue
    from workflows.cases import similar_cases

    for world in (real, sandbox):
        again = good(world.api.post("/issues", {"statement": "Water leak", "category": "water_leak"}))
        issue = Issue.objects.get(pk=int(again["issue_id"].removeprefix("ISSUE-")))
        assert [case.issue.reference for case in similar_cases(issue)] == [world.ids["reference"]]


def test_reports_about_the_planner_count_what_is_real(real, sandbox, other):
    assert sum(fate.drafts for fate in fates().values()) == 1


# --- policies ---------------------------------------------------------------------------------------


def publish(world):
    path = f"/policies/{world.ids['policy_id']}"
    return good(world.api.post(f"{path}/publish", {"version": 1}))


def search(world):
    found = good(world.api.get("/policies/search?q=leak%20in%20the%20main"))["results"]
    return {one["policy_id"] for one in found}


def test_a_sandbox_reads_the_real_policies_in_force_and_nobody_else_those_of_a_sandbox(real, sandbox, other):
    for world in (real, sandbox):
        publish(world)
    mine, theirs = real.ids["policy_id"], sandbox.ids["policy_id"]
    assert (search(real), search(sandbox), search(other)) == ({mine}, {mine, theirs}, {mine})
    assert good(sandbox.api.get(f"/policies/{mine}"))["sandbox"] is False
    assert sandbox.api.get(f"/policies/{mine}/versions/1").status_code == 200


def test_of_a_real_policy_a_sandbox_sees_no_text_that_waits(real, sandbox):
    publish(real)
    path = f"/policies/{real.ids['policy_id']}"
    good(real.api.put(path, {"heading": "Leaks", "text": "A secret that waits."}))
    assert good(sandbox.api.get(path))["text"] == POLICY["text"]
    assert sandbox.api.get(f"{path}/versions/2").status_code == 404
    assert sandbox.api.get(f"{path}/events", Accept="application/json").status_code == 404


def test_a_sandbox_changes_no_real_policy_though_it_reads_it(real, sandbox):
    publish(real)
    path = f"/policies/{real.ids['policy_id']}"
    for answer in (
        sandbox.api.put(path, {"heading": "Leaks", "text": "Never."}),
        sandbox.api.post(f"{path}/publish", {"version": 1}),
        sandbox.api.post(f"{path}/withdraw"),
        upload(sandbox.api, f"{path}/import", file=SimpleUploadedFile("a.md", b"# Leaks\n\nNever.")),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "not_in_sandbox")
    assert good(real.api.get(path))["version"] == 1


@pytest.mark.parametrize("side", ["real", "sandbox"])
def test_only_a_plan_of_the_sandbox_may_cite_its_policy(real, sandbox, side):
    publish(sandbox)
    world = {"real": real, "sandbox": sandbox}[side]
    drafted = good(world.api.post("/workflows/generate", REPORT))
    cited = factories.document(factories.note_step(policies=[f"{sandbox.ids['policy_id']}@1"]))
    saved = good(world.api.put(f"/workflows/{drafted['workflow_id']}", {"workflow_plan": cited}))
    errors = [problem["code"] for problem in saved["problems"] if problem["severity"] == "error"]
    assert errors == ([] if side == "sandbox" else ["unknown_policy"])


def test_a_policy_of_a_sandbox_grounds_no_real_draft(real, sandbox):
    from issues.models import Issue
    from workflows.grounding import grounds_for

    publish(sandbox)
    offered = {}
    for world in (real, sandbox):
        issue = Issue.objects.get(pk=int(world.ids["reference"].removeprefix("ISSUE-")))
        offered[world.key.sandbox_id] = {p.document for p in grounds_for(issue, "leak in the main").passages}
    assert offered == {None: set(), sandbox.key.sandbox_id: {sandbox.ids["policy_id"]}}


# --- people -----------------------------------------------------------------------------------------


def test_a_task_of_a_sandbox_can_be_given_to_a_colleague(sandbox):
    colleague = factories.make_user("dispatcher")
    path = f"/workflows/tasks/{sandbox.ids['task_id']}"
    body = {"reason": "You are nearer.", "user": colleague.get_username()}
    assert good(sandbox.api.post(f"{path}/reassign", body))["assignee"] == colleague.get_username()


def test_the_departments_of_a_key_bound_a_sandbox_too(owner):
    from mudda import scopes
    from mudda.apikeys import create_api_key
    from tests.api.client import Api

    whole, api = make_key(owner, "new")
    plan, _ = launched(api, crew())
    tied = {"scopes": scopes.known(), "owner": owner, "sandbox": str(whole.sandbox_id)}
    for code, status in (("water", 200), ("parks", 404)):
        _, text = create_api_key(name=code, departments=[code], **tied)
        assert Api(text).get(f"/workflows/{plan}").status_code == status


def test_an_idempotency_key_answers_as_before(owner):
    _, api = make_key(owner, "new")
    first = api.post("/issues", {"statement": "A leak"}, **{"Idempotency-Key": "a-1"})
    again = api.post("/issues", {"statement": "A leak"}, **{"Idempotency-Key": "a-1"})
    assert json.loads(again.content) == json.loads(first.content)
    assert again["Idempotency-Replayed"] == "true"


def test_the_number_of_an_issue_is_unknown_on_the_other_side(real, sandbox):
    path = f"/workflows/{sandbox.ids['workflow_id']}/simulate"
    another = good(sandbox.api.post("/issues", {"statement": "The hydrant at 9 Mill Lane drips."}))
    for named, status in ((real.ids["reference"], 200), (another["issue_id"], 409)):
        answer = sandbox.api.post(path, {"execution_data": {"issue_id": named}})
        assert answer.status_code == status, answer.content
