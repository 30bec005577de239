"""Reading the revisions of a plan, and what differs between two."""

import pytest

from tests import factories
from tests.api.client import Api
from tests.revising.answers import revision, with_police
from workflows.models import PlannerRun, PlanRevision
from workflows.plan.changes import Change, compare
from workflows.services import replace_plan


def edit(api, plan, **changes):
    """Put another text, and return the plan as it then is."""
    path = f"/workflows/{plan['workflow_id']}"
    return api.put(path, {"workflow_plan": {**plan["workflow_plan"], **changes}}).json()


def with_step(plan, **step):
    return [*plan["workflow_plan"]["steps"], factories.note_step("extra", needs=[], **step)]


@pytest.fixture
def edited(api, draft):
    """The draft with one more step, then with another name: three revisions."""
    second = edit(api, draft, steps=with_step(draft))
    return edit(api, second, workflow_name="Another name")


def test_an_edit_by_staff_is_recorded_as_what_it_changed(api, draft, edited):
    changes = PlanRevision.objects.filter(plan=draft["workflow_id"]).order_by("number")
    first, second, third = ([Change.from_dict(one) for one in row.changes] for row in changes)
    assert first == []
    assert [(change.kind, change.step) for change in second] == [("added", "extra")]
    assert [(change.kind, change.field) for change in third] == [("changed", "workflow_name")]
    assert third[0].after == "Another name"


def test_revisions_are_listed_newest_first_with_their_changes_in_words(api, draft, edited):
    found = api.get(f"/workflows/{draft['workflow_id']}/revisions").json()["results"]
    assert [row["revision"] for row in found] == [3, 2, 1]
    assert [row["is_current"] for row in found] == [True, False, False]
    assert found[0]["changes"] == [
        f'The name is now "Another name", and was "{draft["workflow_plan"]["workflow_name"]}".'
    ]
    assert found[1]["changes"][0].startswith("New step ")
    assert (found[2]["planner"], found[1]["planner"]) == ("playbooks", "staff")
    assert found[2]["changes"] == []
    assert "workflow_plan" not in found[0]


def test_a_long_list_of_revisions_comes_in_pages(api, draft, edited):
    first = api.get(f"/workflows/{draft['workflow_id']}/revisions?page_size=2").json()
    assert [row["revision"] for row in first["results"]] == [3, 2]
    second = api.get(first["next"].removeprefix("http://testserver")).json()
    assert [row["revision"] for row in second["results"]] == [1]


def test_a_revision_is_read_with_its_text_its_digest_as_etag_and_who_approved_it(api, draft):
    path = f"/workflows/{draft['workflow_id']}"
    api.post(f"{path}/approve", {"digest": draft["digest"], "comment": "Good."})
    edit(api, draft, workflow_name="Another name")
    response = api.get(f"{path}/revisions/1")
    body = response.json()
    assert response["ETag"] == f'"{draft["digest"]}"'
    assert body["workflow_plan"] == draft["workflow_plan"]
    assert [approval["comment"] for approval in body["approvals"]] == ["Good."]
    newer = api.get(f"{path}/revisions/2").json()
    assert newer["approvals"] == []
    assert newer["changes"][0]["words"].startswith("The name is now")
    assert (newer["changes"][0]["field"], newer["changes"][0]["after"]) == ("workflow_name", "Another name")


def test_two_revisions_are_compared_in_either_direction(api, draft, edited):
    path = f"/workflows/{draft['workflow_id']}/diff"
    forth = api.get(f"{path}?from=1&to=3").json()
    assert (forth["from"]["revision"], forth["to"]["revision"]) == (1, 3)
    assert forth["to"]["digest"] == edited["digest"]
    assert {change["kind"] for change in forth["changes"]} == {"changed", "added"}
    back = api.get(f"{path}?from=3&to=1").json()
    assert {change["kind"] for change in back["changes"]} == {"changed", "removed"}
    assert api.get(f"{path}?from=2&to=2").json()["changes"] == []


def test_the_difference_is_by_default_what_the_last_revision_changed(api, draft, edited):
    body = api.get(f"/workflows/{draft['workflow_id']}/diff").json()
    assert (body["from"]["revision"], body["to"]["revision"]) == (2, 3)
    assert api.get(f"/workflows/{draft['workflow_id']}/diff?to=2").json()["from"]["revision"] == 1


def test_a_plan_with_a_single_revision_does_not_differ_from_anything(api, draft):
    body = api.get(f"/workflows/{draft['workflow_id']}/diff").json()
    assert (body["from"]["revision"], body["to"]["revision"], body["changes"]) == (1, 1, [])


def test_what_the_diff_says_is_what_comparing_the_texts_says(api, draft, edited):
    old, new = (api.get(f"/workflows/{draft['workflow_id']}/revisions/{n}").json() for n in (1, 3))
    expected = [change.as_dict() for change in compare(old["workflow_plan"], new["workflow_plan"])]
    found = api.get(f"/workflows/{draft['workflow_id']}/diff?from=1&to=3").json()["changes"]
    assert [{k: v for k, v in change.items() if k != "words"} for change in found] == expected


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("diff?from=0", 400), ("diff?from=x", 400), ("diff?to=1.5", 400), ("diff?to=99999999999999", 400),
        ("diff?since=1", "unknown_parameter"), ("diff?from=%00", 400), ("diff?from=9", 404), ("diff?to=9", 404),
        ("revisions/9", 404), ("revisions/99999999999999999999", 404), ("revisions/0", 404),
        ("revisions?cursor=nonsense", "bad_cursor"),
    ],
)  # fmt: skip
def test_revisions_that_are_not_there_and_numbers_that_are_none(api, draft, asked, status):
    response = api.get(f"/workflows/{draft['workflow_id']}/{asked}")
    assert response.status_code == (status if isinstance(status, int) else 400)
    assert response.json()["code"] == {400: "invalid_request", 404: "not_found"}.get(status, status)


@pytest.mark.parametrize("path", ["revisions", "revisions/1", "diff"])
def test_the_owner_and_a_colleague_read_revisions_and_an_outsider_finds_none(api, draft, path):
    def reads(*groups, departments):
        key = factories.make_key("plans:read", owner=factories.make_user(*groups, departments=departments))
        return Api(key).get(f"/workflows/{draft['workflow_id']}/{path}").status_code

    assert reads("planner", departments=("water",)) == 200
    assert reads("viewer", departments=("water",)) == 200
    assert reads("planner", departments=("parks",)) == 404
    assert Api().get(f"/workflows/{draft['workflow_id']}/{path}").status_code == 401
    other = Api(factories.make_key("tasks:read"))
    assert other.get(f"/workflows/{draft['workflow_id']}/{path}").status_code == 403


def test_the_list_asks_the_database_no_more_for_many_revisions(api, draft, django_assert_max_num_queries):
    plan = draft
    for number in range(12):
        plan = edit(api, plan, workflow_name=f"Name {number}")
    with django_assert_max_num_queries(14):
        assert len(api.get(f"/workflows/{draft['workflow_id']}/revisions").json()["results"]) == 13


def test_a_revision_whose_author_is_gone_is_still_read(api, draft):
    author = factories.make_user("planner", departments=("water",))
    document = {**draft["workflow_plan"], "workflow_name": "By somebody"}
    plan = replace_plan(plan_id=draft["workflow_id"], document=document, expected_digest=None, by=author)
    assert api.get(f"/workflows/{plan.pk}/revisions/2").json()["author"] == author.username
    author.delete()
    assert api.get(f"/workflows/{plan.pk}/revisions/2").json()["author"] is None


# --- how a revision was made ------------------------------------------------------------------------


def made(api, plan, number=1):
    return api.get(f"/workflows/{plan['workflow_id']}/revisions/{number}/made")


def test_how_a_model_made_a_revision_is_read_with_what_was_said_and_what_it_cost(
    api, draft, model, carried_out
):
    model.revise(revision(with_police(draft["workflow_plan"]), "Told the police."))
    path = f"/workflows/{draft['workflow_id']}/revise"
    asked = api.post(path, {"instruction": "tell Ann Lee"}, Prefer="respond-async")
    carried_out()
    found = made(api, draft, 2).json()
    run = PlannerRun.objects.get(purpose="revise")
    assert (found["run_id"], found["purpose"], found["status"]) == (str(run.pk), "revise", "done")
    assert (found["planner"], found["model"], found["calls"]) == ("openai", run.model, 1)
    assert (found["input_tokens"], found["output_tokens"]) == (100, 50)
    assert (found["account"], found["instruction"]) == ("Told the police.", "tell Ann Lee")
    assert found["cost"] is None and found["seconds"] > 0 and found["ended_at"]
    [exchange] = found["exchanges"]
    assert exchange == run.exchanges[0]
    assert exchange["purpose"] == "revise" and "<instruction>" in str(exchange["request"])
    assert api.get(asked["Location"] + "/made").json() == found


def test_what_was_said_in_a_revision_that_failed_can_be_read_too(api, draft, model, carried_out):
    model.revise("I would rather not.")
    path = f"/workflows/{draft['workflow_id']}/revise"
    asked = api.post(path, {"instruction": "tell the police"}, Prefer="respond-async")
    carried_out()
    found = api.get(asked["Location"] + "/made").json()
    assert (found["status"], found["problem"]["code"]) == ("failed", "answer_junk")
    assert found["exchanges"][0]["response"]["text"] == "I would rather not."
    model.reset()
    model.revise(model.error(401, "invalid_api_key"))
    asked = api.post(path, {"instruction": "tell the police"}, Prefer="respond-async")
    carried_out()
    found = api.get(asked["Location"] + "/made").json()
    assert (found["status"], found["problem"]["code"]) == ("failed", "planner_key_refused")
    assert "error" in found["exchanges"][0]["response"]


def test_how_the_playbooks_made_a_draft_is_read_and_a_persons_edit_was_made_by_no_planner(api, draft, edited):
    found = made(api, draft).json()
    assert (found["planner"], found["model"], found["exchanges"]) == ("playbooks", "", [])
    assert found["fallback"]["code"] == "planner_no_key"
    refused = made(api, draft, 2)
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert made(api, draft, 9).status_code == 404


def test_how_a_plan_was_made_is_for_those_who_may_read_it(api, draft):
    assert made(Api(factories.make_key("plans:write")), draft).status_code == 403
    stranger = factories.make_user("planner", departments=("parks",))
    assert made(Api(factories.make_key(owner=stranger)), draft).status_code == 404
    assert (
        made(Api(factories.make_key("plans:read", owner=factories.make_user("viewer"))), draft).status_code
        == 200
    )
