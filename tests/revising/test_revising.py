"""Changing a plan in words, through the API, with a real peer that speaks OpenAI's protocol."""

import json
import threading
import time

import pytest
from django.db import connection

from executions.services import launch_execution
from mudda.models import Event
from tests import factories
from tests.api.client import Api
from tests.revising.answers import revision, with_police
from workflows import asking
from workflows.models import PlannerRun, PlanRevision, PlanStatus, WorkflowPlan
from workflows.services import current_revision

ASYNC = {"Prefer": "respond-async"}
WISH = {"instruction": "also tell the traffic police before closing the lane"}
SAID = "The traffic police are told before anything else."


def path_of(draft, more=""):
    return f"/workflows/{draft['workflow_id']}{more}"


def ask(api, draft, wish=None, **headers):
    return api.post(path_of(draft, "/revise"), wish or WISH, **{**ASYNC, **headers})


def ended(api, asked):
    """The run as the address in a 202 shows it."""
    return api.get(asked["Location"]).json()


@pytest.fixture
def revised(api, draft, model, carried_out):
    """The draft, revised in words, as the API answers."""
    model.revise(revision(with_police(draft["workflow_plan"]), SAID))
    asked = ask(api, draft)
    carried_out()
    return ended(api, asked)


# --- what comes of it -------------------------------------------------------------------------------


def test_a_revision_in_words_is_a_new_revision_with_its_diff_and_the_models_account(draft, revised):
    assert (revised["status"], revised["revision"]) == ("DRAFT", 2)
    assert revised["digest"] != draft["digest"]
    assert revised["run"]["status"] == "done"
    assert revised["run"]["base"] == {"revision": 1, "digest": draft["digest"]}
    assert revised["run"]["revision"] == {"revision": 2, "digest": revised["digest"]}
    assert revised["account"] == [SAID]
    [change] = revised["changes"]
    assert (change["kind"], change["step"], change["place"]) == ("added", "tell_police", 1)
    assert change["words"] == 'New step 1: "Tell the traffic police" (send notification).'


def test_asking_is_answered_at_once_with_where_it_goes_on(api, draft, model):
    model.revise(revision(draft["workflow_plan"]))
    asked = ask(api, draft)
    body = asked.json()
    assert asked.status_code == 202
    assert asked["Preference-Applied"] == "respond-async"
    assert asked["Location"] == path_of(draft, f"/revise/{body['run']['run_id']}")
    assert (body["run"]["status"], body["digest"], body["changes"]) == ("asked", draft["digest"], [])
    assert model.requests == []


def test_the_model_is_shown_the_plan_and_the_instruction(api, draft, model, revised):
    [body] = model.bodies("revise")
    sent = json.dumps(body)
    assert WISH["instruction"] in sent
    assert draft["workflow_plan"]["steps"][0]["step_id"] in sent


def test_personal_data_in_an_instruction_does_not_leave_and_comes_back_in_the_plan(
    api, draft, model, carried_out
):
    asked = ask(api, draft, {"instruction": "tell canary.person@example.org that 555-0142-99 is wrong"})
    model.revise(revision(draft["workflow_plan"]))
    carried_out()
    assert ended(api, asked)["run"]["status"] == "done"
    assert "canary.person" not in json.dumps(model.bodies())
    run = PlannerRun.objects.get(purpose="revise")
    assert "canary.person" not in json.dumps(run.exchanges)


def test_what_was_asked_said_and_spent_is_kept_with_the_revision(api, draft, revised):
    run = PlannerRun.objects.get(purpose="revise")
    assert (run.instruction, run.account) == (WISH["instruction"], SAID)
    assert (run.planner, run.calls, run.input_tokens, run.output_tokens) == ("openai", 1, 100, 50)
    assert run.exchanges
    found = api.get(path_of(draft, "/revisions/2")).json()
    assert (found["instruction"], found["account"], found["planner"]) == (WISH["instruction"], SAID, "openai")
    assert [change["kind"] for change in found["changes"]] == ["added"]


def test_policies_in_force_are_offered_to_the_model_and_kept_with_the_run(api, draft, model, carried_out):
    given = {"heading": "Closing lanes", "text": "The traffic police hear of every lane that is closed."}
    policy = api.post("/policies", given).json()
    api.post(f"/policies/{policy['policy_id']}/publish", {"version": 1})
    model.revise(revision(with_police(draft["workflow_plan"])))
    ask(api, draft)
    carried_out()
    assert "hear of every lane" in json.dumps(model.bodies("revise"))
    [citation] = PlannerRun.objects.get(purpose="revise").citations
    assert (citation["document"], citation["version"], citation["steps"]) == (policy["policy_id"], 1, [])


def test_the_plans_history_tells_of_it_without_the_words(draft, revised):
    found = Event.objects.filter(stream=f"plan:{draft['workflow_id']}").order_by("seq")
    told = [event.type for event in found]
    stages = ["plan.written", "plan.validated"]
    assert told[-5:] == ["plan.revision_asked", *stages, "plan.edited", "plan.revised"]
    assert "traffic" not in json.dumps([event.data for event in found])


def test_an_approval_of_an_earlier_digest_does_not_carry_over(api, draft, model, carried_out):
    api.post(path_of(draft, "/approve"), {"digest": draft["digest"]})
    model.revise(revision(with_police(draft["workflow_plan"])))
    asked = ask(api, draft)
    carried_out()
    assert ended(api, asked)["status"] == "DRAFT"
    launched = api.post(path_of(draft, "/execute"), {"execution_data": {}})
    assert launched.json()["code"] == "plan_not_approved"
    again = api.post(path_of(draft, "/approve"), {"digest": draft["digest"]})
    assert again.json()["code"] == "stale_digest"
    found = api.get(path_of(draft, "/revisions")).json()["results"]
    assert [len(row["approvals"]) for row in found] == [0, 1]


def test_a_model_that_changes_nothing_makes_no_revision_and_says_why(api, draft, model, carried_out):
    api.post(path_of(draft, "/approve"), {"digest": draft["digest"]})
    model.revise(revision(draft["workflow_plan"], "That is done already."))
    asked = ask(api, draft)
    carried_out()
    body = ended(api, asked)
    assert (body["run"]["status"], body["run"]["revision"], body["changes"]) == ("done", None, [])
    assert body["account"] == ["That is done already."]
    assert (body["status"], body["revision"]) == ("APPROVED", 1)


def test_a_plan_of_staff_is_revised_like_one_of_the_playbooks(api, draft, model, carried_out):
    edited = {**draft["workflow_plan"], "workflow_name": "By hand"}
    api.put(path_of(draft), {"workflow_plan": edited})
    model.revise(revision(with_police(edited)))
    asked = ask(api, draft)
    carried_out()
    assert (ended(api, asked)["revision"], ended(api, asked)["title"]) == (3, "By hand")


# --- what it may not do -----------------------------------------------------------------------------


def with_contractor(draft, **more):
    order = {
        "step_id": "order",
        "activity_id": "order_contractor",
        "title": "Order the repair",
        "needs": [],
        "inputs": {"department": "water", "scope": "Repair.", "cost_limit": 500},
        **more,
    }
    return {**draft["workflow_plan"], "steps": [*draft["workflow_plan"]["steps"], order]}


def compiled_step(plan, step_id):
    from workflows.plan.catalogue import offered
    from workflows.plan.compiler import compile_plan

    compiled = compile_plan(plan, offered())
    return next(step for step in compiled.steps if step.step_id == step_id)


def test_an_approval_of_the_plan_stays_whatever_the_model_leaves_out_and_the_account_says_so(
    api, draft, model, carried_out
):
    strict = {"group": "supervisor", "reason": "It costs.", "four_eyes": True}
    before = with_contractor(draft, requires_approval=strict)
    api.put(path_of(draft), {"workflow_plan": before})
    model.revise(revision(with_contractor(draft)))
    asked = ask(api, draft, {"instruction": "skip the approval, we are in a hurry"})
    carried_out()
    body = ended(api, asked)
    assert (body["run"]["status"], body["changes"]) == ("done", [])
    assert body["account"] == ["The approval of “Order the repair” was kept: only staff take approvals away."]
    needed = compiled_step(body["workflow_plan"], "order").approval
    assert (needed.group, needed.four_eyes) == ("supervisor", True)


def test_an_approval_weaker_than_the_catalogues_is_an_error_and_cannot_be_approved(
    api, draft, model, carried_out
):
    weak = {"group": "viewer", "reason": "Anybody.", "four_eyes": False, "due": None}
    model.revise(revision(with_contractor(draft, requires_approval=weak)))
    asked = ask(api, draft)
    carried_out()
    body = ended(api, asked)
    assert "weakens_approval" in [problem["code"] for problem in body["problems"]]
    assert len(model.bodies("revise")) == 3  # twice corrected, in vain
    refused = api.post(path_of(draft, "/approve"), {"digest": body["digest"]})
    assert refused.json()["code"] == "plan_has_problems"


@pytest.mark.parametrize(
    "address", ["mallory@example.net", "+1 555 0123", "department:nowhere", "https://x.y"]
)
def test_nobody_outside_the_records_can_be_written_to(api, draft, model, carried_out, address):
    plan = with_police(draft["workflow_plan"])
    plan["steps"][0]["inputs"]["to"] = address
    model.revise(revision(plan))
    asked = ask(api, draft, {"instruction": f"send it to {address}"})
    carried_out()
    body = ended(api, asked)
    if body["run"]["status"] == "failed":
        assert (body["run"]["problem"]["code"], body["revision"]) == ("answer_unsafe", 1)
        return
    refused = api.post(path_of(draft, "/approve"), {"digest": body["digest"]})
    assert refused.json()["code"] == "plan_has_problems"


# --- who may, and when ------------------------------------------------------------------------------


def test_without_a_model_it_says_so_and_what_to_do(api, draft):
    refused = api.post(path_of(draft, "/revise"), WISH)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_model")
    assert "OPENAI_API_KEY" in refused.json()["detail"]
    assert "by hand" in refused.json()["detail"]
    assert not PlannerRun.objects.filter(purpose="revise").exists()


def test_only_whoever_may_edit_the_plan_may_ask(api, draft, model):
    def asks(*groups, departments, scope="plans:write"):
        owner = factories.make_user(*groups, departments=departments)
        return ask(Api(factories.make_key(scope, owner=owner)), draft).status_code

    assert asks("planner", departments=("water",)) == 202
    assert asks("viewer", departments=("water",)) == 403
    assert asks("planner", departments=("parks",)) == 404
    assert asks("planner", departments=("water",), scope="plans:read") == 403
    assert ask(Api(), draft).status_code == 401


def test_an_outsider_reads_no_run(api, draft, model):
    asked = ask(api, draft)
    key = factories.make_key("plans:read", owner=factories.make_user("planner", departments=("parks",)))
    assert Api(key).get(asked["Location"]).status_code == 404
    other = api.post("/workflows/generate", {"problem_statement": "Pothole"}, **ASYNC).json()
    stray = asked["Location"].replace(draft["workflow_id"], other["workflow_id"])
    assert api.get(stray).status_code == 404
    [drafting] = PlannerRun.objects.filter(plan=draft["workflow_id"], purpose="draft")
    assert api.get(path_of(draft, f"/revise/{drafting.pk}")).status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({"instruction": ""}, "invalid_request"),
        ({"instruction": " \n"}, "invalid_request"),
        ({"instruction": "!?"}, "empty_instruction"),
        ({"instruction": "\u200b"}, "empty_instruction"),
        ({"instruction": "x" * 4_001}, "invalid_request"),
        ({"instruction": None}, "invalid_request"),
        ({"instruction": ["x"]}, "invalid_request"),
        ({"instruction": "x", "model": "y"}, "invalid_request"),
        ({"instruction": "a\x00b"}, "malformed_json"),
        ({"instruction": "\ud800"}, "malformed_json"),
    ],
)
def test_an_instruction_that_says_nothing_or_cannot_be_kept_is_refused(api, draft, model, body, code):
    refused = api.post(path_of(draft, "/revise"), body, **ASYNC)
    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert model.requests == []


def test_a_plan_that_is_still_being_written_cannot_be_revised(api, city, model):
    drafting = api.post("/workflows/generate", {"problem_statement": "Pothole"}, **ASYNC).json()
    assert drafting["status"] == "DRAFTING"
    refused = ask(api, drafting)
    assert (refused.status_code, refused.json()["code"]) == (409, "still_drafting")


def test_an_archived_plan_and_one_that_runs_stay_as_they_are(api, draft, model):
    owner = factories.make_user("supervisor", "approver", "planner", "dispatcher")
    launch_execution(plan_id=draft["workflow_id"], execution_data={}, by=owner, approve=True)
    refused = ask(api, draft)
    assert (refused.status_code, refused.json()["code"]) == (409, "already_executed")
    assert refused.json()["execution_id"]
    other = factories.make_plan()
    WorkflowPlan.objects.filter(pk=other.pk).update(status=PlanStatus.ARCHIVED)
    refused = ask(api, {"workflow_id": other.pk})
    assert refused.json()["code"] == "plan_not_editable"


def test_a_plan_that_nobody_has_is_not_found(api, model):
    stranger = {"workflow_id": "00000000-0000-4000-8000-000000000000"}
    assert ask(api, stranger).json()["code"] == "not_found"


# --- races, repetitions and failures ----------------------------------------------------------------


def test_if_match_asks_only_about_what_was_read(api, draft, model):
    late = ask(api, draft, **{"If-Match": '"' + "0" * 64 + '"'})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert late.json()["digest"] == draft["digest"]
    assert ask(api, draft, **{"If-Match": f'"{draft["digest"]}"'})["ETag"] == f'"1-draft-{draft["digest"]}"'


def test_an_edit_meanwhile_is_not_overwritten(api, draft, model, carried_out):
    asked = ask(api, draft)
    edited = {**draft["workflow_plan"], "workflow_name": "Edited meanwhile"}
    current = api.put(path_of(draft), {"workflow_plan": edited}).json()
    model.revise(revision(with_police(draft["workflow_plan"])))
    carried_out()
    body = ended(api, asked)
    assert (body["run"]["status"], body["run"]["problem"]["code"]) == ("failed", "stale_digest")
    assert (body["digest"], body["revision"], body["title"]) == (current["digest"], 2, "Edited meanwhile")
    assert Event.objects.filter(type="plan.revision_failed").get().data["code"] == "stale_digest"
    run = PlannerRun.objects.get(purpose="revise")
    assert run.calls == 1  # it was paid for, and is kept


def test_an_edit_that_was_taken_back_meanwhile_does_no_harm(api, draft, model, carried_out):
    asked = ask(api, draft)
    api.put(path_of(draft), {"workflow_plan": {**draft["workflow_plan"], "workflow_name": "Oops"}})
    api.put(path_of(draft), {"workflow_plan": draft["workflow_plan"]})
    model.revise(revision(with_police(draft["workflow_plan"])))
    carried_out()
    assert (ended(api, asked)["run"]["status"], ended(api, asked)["revision"]) == ("done", 4)


def test_of_two_revisions_of_one_text_the_second_changes_nothing(api, draft, model, carried_out):
    model.revise(revision(with_police(draft["workflow_plan"])))
    first, second = ask(api, draft), ask(api, draft)
    carried_out()
    states = sorted(ended(api, asked)["run"]["status"] for asked in (first, second))
    assert states == ["done", "failed"]
    assert PlanRevision.objects.filter(plan=draft["workflow_id"]).count() == 2


def test_a_plan_that_was_launched_meanwhile_stays_as_it_was_approved(api, draft, model, carried_out):
    asked = ask(api, draft)
    owner = factories.make_user("supervisor", "approver", "planner", "dispatcher")
    launch_execution(plan_id=draft["workflow_id"], execution_data={}, by=owner, approve=True)
    model.revise(revision(with_police(draft["workflow_plan"])))
    carried_out()
    assert ended(api, asked)["run"]["problem"]["code"] == "already_executed"
    assert ended(api, asked)["revision"] == 1


def test_the_same_key_asks_once_and_tells_how_far_it_is(api, draft, model, carried_out):
    model.revise(revision(with_police(draft["workflow_plan"]), SAID))
    key = {"Idempotency-Key": "once"}
    first, second = ask(api, draft, **key), ask(api, draft, **key)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["run"]["run_id"] == second.json()["run"]["run_id"]
    assert second["Idempotency-Replayed"] == "true"
    carried_out()
    third = ask(api, draft, **key)
    assert (third.status_code, third.json()["account"]) == (200, [SAID])
    assert PlannerRun.objects.filter(purpose="revise").count() == 1
    other = ask(api, draft, {"instruction": "something else"}, **key)
    assert other.json()["code"] == "idempotency_key_reused"


def test_a_run_carried_out_twice_makes_one_revision(api, draft, model):
    model.revise(revision(with_police(draft["workflow_plan"])))
    run_id = ask(api, draft).json()["run"]["run_id"]
    asking.carry_out(run_id)
    asking.carry_out(run_id)
    assert PlanRevision.objects.filter(plan=draft["workflow_id"]).count() == 2
    assert len(model.bodies("revise")) == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("Sure, here is your plan!", "answer_junk"),
        (" ", "answer_empty"),
        ({"account": ["nothing"]}, "answer_junk"),
    ],
)
def test_an_answer_that_is_no_plan_leaves_the_plan_as_it_is_and_is_named(
    api, draft, model, carried_out, answer, code
):
    model.revise(answer)
    asked = ask(api, draft)
    carried_out()
    body = ended(api, asked)
    assert (body["run"]["status"], body["run"]["problem"]["code"]) == ("failed", code)
    assert (body["digest"], body["revision"]) == (draft["digest"], 1)


def test_a_service_that_is_down_is_named_and_what_was_spent_is_kept(api, draft, model, carried_out):
    model.revise(model.error(401, "invalid_api_key"))
    asked = ask(api, draft)
    carried_out()
    assert ended(api, asked)["run"]["problem"]["code"] == "planner_key_refused"
    assert ended(api, asked)["revision"] == 1
    assert PlannerRun.objects.get(purpose="revise").calls == 1


@pytest.mark.parametrize(
    "spent", [{"calls": 10}, {"input_tokens": 100_000}, {"output_tokens": 99_500}, {"seconds": 50.0}]
)
def test_an_attempt_after_a_crash_has_what_the_earlier_ones_left(api, draft, model, carried_out, spent):
    model.revise(revision(draft["workflow_plan"]))
    asked = ask(api, draft)
    PlannerRun.objects.filter(purpose="revise").update(**spent)
    carried_out()
    assert ended(api, asked)["run"]["problem"]["code"] == "planner_budget_spent"
    assert model.requests == []
    run = PlannerRun.objects.get(purpose="revise")
    assert {name: getattr(run, name) for name in spent if name != "seconds"}.items() <= spent.items()


def test_a_failed_run_is_told_as_an_error_to_whoever_asks_with_its_key_again(api, draft, model, carried_out):
    model.revise(" ")
    ask(api, draft, **{"Idempotency-Key": "once"})
    carried_out()
    again = ask(api, draft, **{"Idempotency-Key": "once"})
    assert (again.status_code, again.json()["code"]) == (502, "answer_empty")
    assert again.json()["run_id"]


def test_a_run_that_is_given_up_says_why_and_leaves_the_plan(api, draft, model):
    run_id = ask(api, draft).json()["run"]["run_id"]
    asking.give_up(run_id, "planner_crashed", "3 attempts to ask the planner ended in a crash.")
    body = api.get(path_of(draft, f"/revise/{run_id}")).json()
    assert body["run"]["problem"]["code"] == "planner_crashed"
    assert body["status"] == "DRAFT"


@pytest.mark.django_db(transaction=True)
def test_an_edit_while_the_model_writes_is_not_overwritten(model):
    factories.load_city()
    api = Api(factories.make_key())
    draft = {"workflow_id": str(factories.make_plan().pk)}
    plan = api.get(path_of(draft)).json()["workflow_plan"]
    model.revise(revision(with_police(plan)))
    model.chaos(latencyMs=1_500)
    asked = ask(api, draft)

    def carry_out():
        asking.carry_out(asked.json()["run"]["run_id"])
        connection.close()

    worker = threading.Thread(target=carry_out)
    worker.start()
    while not model.requests:
        time.sleep(0.01)
    edited = api.put(path_of(draft), {"workflow_plan": {**plan, "workflow_name": "Edited meanwhile"}})
    worker.join()
    assert edited.status_code == 200
    assert ended(api, asked)["run"]["problem"]["code"] == "stale_digest"
    found = WorkflowPlan.objects.get(pk=draft["workflow_id"])
    assert current_revision(found).document["workflow_name"] == "Edited meanwhile"
