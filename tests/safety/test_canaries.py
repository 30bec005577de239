"""Personal data, marked: what leaves for the model, what is logged, what Temporal keeps, what is noted of a draft."""

import asyncio
import base64
import json
import logging
import time

import pytest
from temporalio.client import Client

from issues.models import Category, Issue
from issues.services import report_issue, update_issue
from mudda.models import Event
from tests import factories
from tests.openai_server import text_of
from tests.planning.model_answers import answer, choice, revision, step
from tests.safety.bad_answers import given
from tests.safety.canaries import (
    ALL,
    CASE,
    INSTRUCTION,
    KEY,
    NOTE,
    POLICY,
    REASON,
    REPORTER,
    STATEMENT,
    seen,
)
from workflows import asking
from workflows.models import PlannerRun
from workflows.planning.masking import KINDS
from workflows.policies.services import create_policy, publish_policy
from workflows.services import approve_plan
from workflows.temporal.contracts import PREFIX

TELL = step(
    title="Tell [NAME_1] at once",
    inputs=given(
        to="{{ issue.reporter }}", message="Dear [NAME_1], we call [PHONE_1] before {{ issue.address }}."
    ),
)
WRITE_DOWN = step(
    "record",
    "update_issue",
    title="Write it down",
    needs=["tell"],
    inputs=given(note="{{ issue.statement }}"),
)


@pytest.fixture
def city(transactional_db):
    factories.load_city()


@pytest.fixture
def past(city):
    """An issue like the one to come, with an approved plan; and a policy about both."""
    author = factories.make_user("supervisor")
    leak = Category.objects.get(code="water_leak")
    from workflows.drafting import create_plan, draft_for

    issue = report_issue(
        statement=CASE["statement"], address="9 Main St", category=leak, reporter=CASE["reporter"]
    )
    update_issue(issue_id=issue.pk, note=NOTE)
    drafted = draft_for(statement=issue.statement, issue=issue)
    plan = create_plan(draft=drafted, statement=issue.statement, issue=issue, by=author)
    approve_plan(plan_id=plan.pk, digest=None, by=author)
    policy = create_policy(heading="Water leaks", text=POLICY, by=author)
    publish_policy(policy_id=policy.pk, version=1, by=author)


@pytest.fixture
def working(openai_server, settings, start_worker, temporal_server):
    """A worker that drafts with the model and logs all it can."""
    model = {
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": openai_server.base_url,
        "OPENAI_MODEL": "test-model",
    }
    for name, value in model.items():
        setattr(settings, name, value)
    settings.GENERATE_WAIT = 60.0
    yield start_worker(**model, LOG_LEVEL="DEBUG", OPENAI_LOG="debug")
    from mudda.listening import hub

    hub.close()
    hub.stopping = False


def histories(server):
    """All that Temporal keeps, by workflow id: the events' JSON with every payload decoded."""

    async def read():
        client = await Client.connect(server.address)
        found = {}
        async for listed in client.list_workflows():
            handle = client.get_workflow_handle(listed.id, run_id=listed.run_id)
            described = await handle.describe()
            history = await handle.fetch_history()
            text = history.to_json() + str(described.raw_description)
            found[listed.id] = text + "".join(_decoded(json.loads(history.to_json())))
        return found

    return asyncio.run(read())


def _decoded(value):
    if isinstance(value, dict):
        if isinstance(value.get("data"), str):
            yield base64.b64decode(value["data"]).decode("utf-8", "replace")
        for item in value.values():
            yield from _decoded(item)
    elif isinstance(value, list):
        for item in value:
            yield from _decoded(item)


def until(look):
    end = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)
    return found


def test_personal_data_of_every_field_stays_with_the_city(
    past, api, openai_server, working, temporal_server, caplog, mudda_home
):
    """One report from its statement to the end of its run, with a change in words between."""
    caplog.set_level(logging.DEBUG)
    openai_server.choose(choice("update_issue", place="123 Main St"))
    openai_server.write(answer(TELL, WRITE_DOWN))
    drafted = api.post("/workflows/generate", {"problem_statement": STATEMENT, "reporter": REPORTER}).json()
    issue = Issue.objects.get(statement=STATEMENT)
    update_issue(issue_id=issue.pk, note=NOTE)
    message = drafted["workflow_plan"]["steps"][0]["inputs"]["message"]
    openai_server.revise(revision(TELL, WRITE_DOWN, {**WRITE_DOWN, "step_id": "again", "needs": ["record"]}))
    path = f"/workflows/{drafted['workflow_id']}"
    revised = api.post(f"{path}/revise", {"instruction": INSTRUCTION}).json()
    approved = api.post(f"{path}/approve", {"digest": revised["digest"]})
    assert approved.status_code == 200, approved.content
    launched = api.post(f"{path}/execute", {"execution_data": {}}).json()
    run_path = f"/workflows/executions/{launched['execution_id']}"
    until(lambda: api.get(run_path).json()["status"] == "completed")

    # It is real data: it came back into the plan, and the letter reached the reporter.
    assert message.startswith("Dear ") and len(seen(message)) >= 2, message
    mails = "".join(path.read_text() for path in (mudda_home / "mail").rglob("*") if path.is_file())
    assert REPORTER["email"] in mails

    runs = list(PlannerRun.objects.filter(plan_id=drafted["workflow_id"]).order_by("created_at"))
    assert [(run.purpose, run.planner) for run in runs] == [("draft", "openai"), ("revise", "openai")]
    assert runs[0].citations and runs[0].cases, "the policy and the past case were offered"

    # What left for the model, headers too.
    asked = "\n".join(text_of(body) + json.dumps(headers) for _, headers, body in openai_server.requests)
    assert "[NAME_1]" in asked and "Water leaks" in asked and "9 Main St" in asked
    assert seen(asked) == set()

    # What is kept of the exchanges, and what the streams tell.
    kept = json.dumps([[run.exchanges, run.fallback, run.problem, run.citations, run.cases] for run in runs])
    told = json.dumps(list(Event.objects.values_list("data", flat=True)))
    assert seen(kept) == set() and seen(told) == set()

    # What the worker and this process logged, all loggers at DEBUG.
    logged = working.log.read_text()
    assert "openai" in logged or "httpx" in logged
    assert seen(logged) == set()
    assert seen("\n".join(record.getMessage() for record in caplog.records)) == set()

    # What Temporal keeps. Of drafting and revising nothing. Of the run what the plan says and reads, as payloads aren't
    # encrypted here: the words that were put back into its steps and the statement that a step reads; never the
    # reporter's record, the note, the policy, the past case, or what staff asked for.
    by_id = histories(temporal_server)
    planning = {key: seen(text) for key, text in by_id.items() if key.startswith(PREFIX)}
    assert {f"{PREFIX}{run.pk}" for run in runs} <= set(planning)
    assert set().union(*planning.values()) == set()
    ours = next(text for key, text in by_id.items() if launched["execution_id"] in key)
    assert seen(ours) == seen(STATEMENT + message)
    others = seen(REPORTER["email"] + REPORTER["phone"] + NOTE + POLICY + INSTRUCTION) - seen(STATEMENT)
    assert not seen(ours) & others


@pytest.mark.parametrize(
    ("unmasked", "leaves"),
    [
        ("names", {"Peregrine", "Quokkason", "Ottoline"}),
        ("phones", {"212-555-0187"}),
        ("emails", {"p.quokka", "canary.example"}),
        ("plates", {"ZQK 4471"}),
        ("accounts phones", {"3704 0044 0532", "212-555-0187"}),  # by its digits an account may be a phone
    ],
)
def test_kinds_that_a_city_chooses_not_to_mask_leave_and_no_others(
    city, openai_server, settings, api, unmasked, leaves
):
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "sk-test", openai_server.base_url
    settings.OPENAI_MASKED = [one for one in KINDS if one not in unmasked.split()]
    openai_server.choose(choice("update_issue"))
    openai_server.write(answer(TELL, WRITE_DOWN))
    body = {"problem_statement": STATEMENT, "reporter": REPORTER}
    asked = api.post("/workflows/generate", body, Prefer="respond-async").json()
    asking.carry_out(PlannerRun.objects.get(plan_id=asked["workflow_id"]).pk)
    assert seen("\n".join(text_of(body) for body in openai_server.bodies())) == leaves


def edited(document):
    """The draft as somebody may leave it: personal data in every place of a plan that is not made for words."""
    name, surname = REPORTER["name"].split()
    look = {
        "step_id": "look", "activity_id": "inspect_site", "title": f"Look for {name}", "reason": REASON, "needs": [],
        "requires_approval": {"group": "supervisor", "reason": REASON},
        "inputs": {
            "department": surname, "address": f"At {REPORTER['name']}'s", KEY: 1,
            "questions": {f"saw_{name.lower()}": {"ask": "Seen?", "type": "choice", "options": [name, "nobody"]}},
        },
        "retry": {REPORTER["email"]: 2},
    }  # fmt: skip
    tell = {
        "step_id": "tell", "activity_id": "send_notification", "title": "Tell", "needs": ["look", surname],
        "when": {"eq": [f"{{{{ steps.look.saw_{name.lower()} }}}}", name]},
        "inputs": {"to": surname, "message": "Done.", "channel": surname},
        "on_failure": {"escalate": surname},
    }  # fmt: skip
    return {**document, "steps": [look, tell]}


def test_personal_data_in_names_conditions_and_recipients_of_an_edited_plan_stays_with_the_city(
    city, openai_server, settings, api
):
    """Both in the plan that is to be revised and in the problems of what the model then writes."""
    made = api.post("/workflows/generate", {"problem_statement": STATEMENT, "reporter": REPORTER}).json()
    Issue.objects.filter(statement=STATEMENT).update(
        address=f"Care of {REPORTER['name']}, {REPORTER['phone']}"
    )
    path = f"/workflows/{made['workflow_id']}"
    body = {"workflow_plan": edited(made["workflow_plan"])}
    assert api.put(path, body, **{"If-Match": f'"{made["digest"]}"'}).status_code == 200
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "sk-test", openai_server.base_url
    openai_server.revise(revision(step("look", "inspect_site", inputs=given(department="[NAME_1]"))))
    api.post(f"{path}/revise", {"instruction": INSTRUCTION}, Prefer="respond-async")
    run = PlannerRun.objects.get(plan_id=made["workflow_id"], purpose="revise")
    asking.carry_out(run.pk)
    run.refresh_from_db()
    asked = [text_of(body) for body in openai_server.bodies()]
    assert len(asked) == 3 and "/retry/[EMAIL_" in asked[1], "its problems were handed back"
    assert seen("\n".join(asked)) == set()
    assert len(run.exchanges) == 3 and seen(json.dumps(run.exchanges)) == set()
    shown = asked[0]
    for word in ("inspect_site", "requires_approval", "supervisor", "questions", '"look"', "steps.look"):
        assert word in shown.replace("\\", ""), word


def test_every_canary_is_seen_where_it_stands():
    texts = (
        STATEMENT,
        NOTE,
        POLICY,
        INSTRUCTION,
        *REPORTER.values(),
        CASE["statement"],
        *CASE["reporter"].values(),
        KEY,
        REASON,
    )
    found = seen("\n".join(texts))
    assert found == set(ALL)
    assert seen("OTTOLINE (212) 555.0187") == {"Ottoline", "212-555-0187"}
