"""Drafting with a model: a durable Temporal workflow that the request may or may not wait for."""

import asyncio
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from temporalio.client import Client

from issues.models import Issue
from mudda.models import Event
from tests.drafting.answers import STATEMENT, answers_well, choice, plan
from workflows import asking
from workflows.drafting import ask_for_draft
from workflows.models import PlannerRun, PlanRevision, PlanStatus, WorkflowPlan
from workflows.planning.ledger import MAX_OUTPUT_TOKENS
from workflows.temporal import starting
from workflows.temporal.contracts import PREFIX

CANARY = "Zanzibarquokka"
BODY = {"problem_statement": STATEMENT}
ASYNC = {"Prefer": "respond-async"}


def drafted(plan_id):
    return WorkflowPlan.objects.filter(pk=plan_id).exclude(status=PlanStatus.DRAFTING).first()


def of_temporal(server, work):
    async def ask():
        return await work(await Client.connect(server.address))

    return asyncio.run(ask())


def test_a_request_waits_for_the_model_and_gets_its_draft(api, openai_server, planner):
    answers_well(openai_server)
    response = api.post("/workflows/generate", BODY)
    assert response.status_code == 201, response.content
    found = response.json()
    assert found["status"] == "DRAFT"
    assert found["planner"]["name"] == "openai"
    assert found["workflow_plan"]["workflow_name"] == "Answer a leak"
    assert response["ETag"] == f'"1-draft-{found["digest"]}"'
    assert response["Location"] == f"/workflows/{found['workflow_id']}"


def test_what_the_draft_cost_and_understood_is_stored(api, openai_server, planner):
    answers_well(openai_server)
    found = api.post("/workflows/generate", BODY).json()
    run = PlannerRun.objects.get(plan=found["workflow_id"])
    assert (run.status, run.planner, run.calls, run.attempts) == ("done", "openai", 2, 1)
    assert run.input_tokens > 0 and run.output_tokens > 0 and run.exchanges
    assert run.revision.number == 1
    issue = Issue.objects.get()
    assert (issue.category.code, issue.urgency, issue.address) == ("water_leak", "high", "123 Main St")
    assert issue.facts["category"]["source"] == "openai"


def test_the_stream_tells_how_far_the_draft_is(api, openai_server, planner):
    answers_well(openai_server)
    found = api.post("/workflows/generate", BODY).json()
    told = Event.objects.filter(stream=f"plan:{found['workflow_id']}").order_by("seq")
    assert [event.type for event in told] == [
        "plan.asked",
        "plan.category_found",
        "plan.policies_found",
        "plan.written",
        "plan.validated",
        "plan.drafted",
    ]


def test_who_prefers_not_to_wait_gets_202_and_where_it_goes_on(api, openai_server, planner, until):
    answers_well(openai_server)
    response = api.post("/workflows/generate", BODY, **ASYNC)
    assert response.status_code == 202
    assert response["Preference-Applied"] == "respond-async"
    found = response.json()
    assert response["Location"] == f"/workflows/{found['workflow_id']}"
    assert (found["status"], found["workflow_plan"], found["digest"]) == ("DRAFTING", None, None)
    until(lambda: drafted(found["workflow_id"]))
    assert api.get(response["Location"]).json()["planner"]["name"] == "openai"


def test_without_a_worker_the_request_answers_202_and_the_draft_is_made_when_one_is_back(
    api, openai_server, with_model, settings, start_worker, until
):
    answers_well(openai_server)
    settings.GENERATE_WAIT = 0.5
    response = api.post("/workflows/generate", BODY)
    assert response.status_code == 202
    assert "Preference-Applied" not in response
    assert api.get(response["Location"]).json()["status"] == "DRAFTING"
    start_worker(**with_model)
    until(lambda: drafted(response.json()["workflow_id"]))
    assert api.get(response["Location"]).json()["planner"]["name"] == "openai"


def test_a_caller_may_say_how_long_to_wait(api, openai_server, with_model):
    response = api.post("/workflows/generate", BODY, Prefer="wait=1")
    assert response.status_code == 202


def test_a_model_that_is_down_falls_back_to_the_playbooks_and_says_why(api, openai_server, planner):
    openai_server.choose(openai_server.error(500))
    found = api.post("/workflows/generate", BODY).json()
    assert (found["status"], found["planner"]["name"]) == ("DRAFT", "playbooks")
    assert found["planner"]["fallback"]["code"] == "planner_failed"
    run = PlannerRun.objects.get()
    assert (run.status, run.fallback["code"]) == ("done", "planner_failed")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "approve", {"digest": "0" * 64}),
        ("POST", "reject", {"reason": "No."}),
        ("POST", "simulate", {}),
        ("POST", "execute", {"execution_data": {}}),
        ("POST", "execute", {"execution_data": {}, "approve": True}),
        ("PUT", "", {"workflow_plan": {"steps": []}}),
    ],
)
def test_nothing_can_be_done_with_a_plan_that_is_still_being_written(api, with_model, method, path, body):
    where = api.post("/workflows/generate", BODY, **ASYNC)["Location"]
    response = api.call(method, f"{where}/{path}".rstrip("/"), body)
    assert (response.status_code, response.json()["code"]) == (409, "still_drafting")
    assert response["Retry-After"]


def test_a_plan_that_is_still_being_written_is_listed_and_read(api, with_model):
    where = api.post("/workflows/generate", BODY, **ASYNC)["Location"]
    listed = api.get("/workflows?status=DRAFTING").json()["results"]
    assert [(row["status"], row["digest"], row["revision"]) for row in listed] == [("DRAFTING", None, 0)]
    read = api.get(where)
    assert read.status_code == 200 and "ETag" not in read


def test_temporal_never_sees_the_statement(api, openai_server, planner, temporal_server):
    openai_server.choose(choice(place=f"{CANARY} Street"))
    openai_server.write(plan(title=f"Tell {CANARY}"))
    body = {"problem_statement": f"Water leak near {CANARY}", "reporter": {"name": CANARY}}
    found = api.post("/workflows/generate", body)
    assert CANARY in found.content.decode()
    run = PlannerRun.objects.get()

    async def history(client):
        return await client.get_workflow_handle(f"{PREFIX}{run.pk}").fetch_history()

    text = of_temporal(temporal_server, history).to_json()
    assert str(run.pk) in text
    assert CANARY not in text


def test_a_draft_that_was_terminated_gets_the_playbooks_draft(
    api, openai_server, with_model, start_worker, temporal_server, until
):
    answers_well(openai_server)
    found = api.post("/workflows/generate", BODY, **ASYNC).json()
    run = PlannerRun.objects.get()
    starting.start_run(run.pk)  # no worker: it waits

    async def terminate(client):
        await client.get_workflow_handle(f"{PREFIX}{run.pk}").terminate()

    of_temporal(temporal_server, terminate)
    until(starting.reconcile_ended)
    run.refresh_from_db()
    assert (run.status, run.problem["code"], run.fallback["code"]) == ("failed", "terminated", "terminated")
    answer = api.get(f"/workflows/{found['workflow_id']}").json()
    assert (answer["status"], answer["planner"]["name"]) == ("DRAFT", "playbooks")
    assert answer["planner"]["fallback"]["code"] == "terminated"
    assert starting.reconcile_ended() == 0


def test_a_draft_that_was_terminated_while_no_dispatcher_looked_for_days_is_found_after_that(
    api, openai_server, with_model, temporal_server, until, monkeypatch
):
    answers_well(openai_server)
    api.post("/workflows/generate", BODY, **ASYNC)
    run = PlannerRun.objects.get()
    starting.start_run(run.pk)

    async def terminate(client):
        await client.get_workflow_handle(f"{PREFIX}{run.pk}").terminate()

    of_temporal(temporal_server, terminate)
    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + timedelta(days=3))
    until(starting.reconcile_ended)
    run.refresh_from_db()
    assert (run.status, run.problem["code"]) == ("failed", "terminated")


@pytest.mark.parametrize(
    ("words", "title"),
    [(STATEMENT, "Answer a water leak"), ("break the playbooks", "A plan to be written by hand")],
)
def test_a_defect_ends_in_a_draft_that_staff_can_use_and_its_code(
    api, openai_server, with_model, start_worker, temporal_server, words, title
):
    worker = start_worker(**with_model, CITY_APPS="tests.drafting.broken.apps.BrokenConfig")
    found = api.post("/workflows/generate", {"problem_statement": words}).json()
    assert (found["status"], found["title"]) == ("DRAFT", title)
    assert found["planner"]["fallback"]["code"] == "planner_defect"
    run = PlannerRun.objects.get()
    assert (run.status, run.problem["code"], run.attempts) == ("failed", "planner_defect", 1)

    async def history(client):
        return await client.get_workflow_handle(f"{PREFIX}{run.pk}").fetch_history()

    for text in (str(run.problem), worker.log.read_text(), of_temporal(temporal_server, history).to_json()):
        assert "KeyError" in text
        assert STATEMENT not in text


def test_a_worker_that_is_killed_while_the_model_writes_costs_a_call_and_not_the_draft(
    api, openai_server, with_model, start_worker, until
):
    answers_well(openai_server)
    openai_server.chaos(latencyMs=4_000)
    first = start_worker(**with_model)
    found = api.post("/workflows/generate", BODY, **ASYNC).json()
    until(lambda: openai_server.requests)
    first.kill()
    waiting = PlannerRun.objects.get()
    assert (waiting.calls, waiting.attempts) == (1, 1)
    assert waiting.output_tokens == MAX_OUTPUT_TOKENS, (
        "what the answer may cost that nobody waits for any more"
    )
    openai_server.chaos()
    start_worker(**with_model)
    until(lambda: drafted(found["workflow_id"]), seconds=90)
    assert PlanRevision.objects.filter(plan=found["workflow_id"]).count() == 1
    run = PlannerRun.objects.get()
    assert (run.attempts, run.calls) == (2, 3)
    assert run.output_tokens > MAX_OUTPUT_TOKENS


def test_two_attempts_at_once_store_one_revision(city, openai_server, with_model):
    answers_well(openai_server)
    openai_server.chaos(latencyMs=300)
    run = ask_for_draft(statement=STATEMENT)

    def attempt():
        asking.carry_out(run.pk)
        connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.refresh_from_db()
    assert (run.status, run.attempts) == ("done", 2)
    assert PlanRevision.objects.count() == 1
    assert Event.objects.filter(type="plan.drafted").count() == 1


def test_what_crashed_three_workers_is_not_begun_a_fourth_time(city, openai_server, with_model):
    run = ask_for_draft(statement=STATEMENT)
    PlannerRun.objects.update(attempts=asking.MOST_ATTEMPTS, calls=7, input_tokens=70_000)
    asking.carry_out(run.pk)
    run.refresh_from_db()
    assert (run.status, run.problem["code"]) == ("failed", "planner_crashed")
    assert (run.calls, run.input_tokens) == (7, 70_000), "what they spent is not forgotten"
    assert openai_server.requests == []
    assert drafted(run.plan_id).current.planner == "playbooks"


# --- the same key -----------------------------------------------------------------------------------


def test_the_same_key_gets_the_final_answer_once_there_is_one(api, openai_server, planner):
    answers_well(openai_server)
    first = api.post("/workflows/generate", BODY, **{"Idempotency-Key": "k"})
    second = api.post("/workflows/generate", BODY, **{"Idempotency-Key": "k"})
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert second["Idempotency-Replayed"] == "true"
    assert second["Location"] == first["Location"] and second["ETag"] == first["ETag"]
    assert WorkflowPlan.objects.count() == 1


def test_the_same_key_while_it_is_being_written_says_where(api, with_model):
    key = {**ASYNC, "Idempotency-Key": "k"}
    first = api.post("/workflows/generate", BODY, **key)
    second = api.post("/workflows/generate", BODY, **key)
    assert first.status_code == second.status_code == 202
    assert second["Location"] == first["Location"]
    assert WorkflowPlan.objects.count() == 1


def test_whoever_asked_reads_the_plan_while_nobody_knows_its_department(api, with_model):
    from tests import factories
    from tests.api.client import Api

    person = factories.make_user("planner", departments=("water",))
    other = factories.make_user("planner", departments=("water",))
    mine, theirs = (
        Api(factories.make_key("plans:read", "plans:write", owner=who)) for who in (person, other)
    )
    where = mine.post("/workflows/generate", BODY, **ASYNC)["Location"]
    assert mine.get(where).status_code == 200
    assert theirs.get(where).status_code == 404
