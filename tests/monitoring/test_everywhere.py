"""Values that occur nowhere else, one for every field and every secret, and all that leaves or is written down.

``tests/safety/test_canaries.py`` has more of prompts and of Temporal; here it is everything at once, in real processes
that log all they can, are traced and are measured.
"""

import json
import re
from contextlib import contextmanager

import pytest

from tests.faults.city import until
from tests.monitoring.watched import metrics_at
from tests.openai_server import text_of
from tests.planning.model_answers import answer, choice, revision
from tests.safety.canaries import INSTRUCTION, NOTE, POLICY, REASON, REPORTER, STATEMENT, seen
from tests.safety.test_canaries import TELL, WRITE_DOWN, histories

COMMENT = "Approved, said Theodora Yarrowby, 347-555-0129."
PLATE = "ZQK 4471"
ALLOW = "INSERT INTO mudda_webhookallowedhost (host, added_at) VALUES ('127.0.0.1:9', now()) ON CONFLICT DO NOTHING"
ADDRESS = "9 Quagmirewold Row"
SECRETS = {
    "SECRET_KEY": "canary-secret-key-4e1f8a90c2d75b36a1e0f94c7d28b5a3e6f10923",
    "SECRET_KEY_FALLBACKS": "canary-older-key-90c2d75b36a1e0f94c7d28b5a3e6f109234e1f8a",
    "OPENAI_API_KEY": "sk-canary-3b9d1f",
    "OTEL_EXPORTER_OTLP_HEADERS": "x-canary=otlp-canary-77a1",
}


@contextmanager
def telling_all(watched, openai):
    """The site with these secrets, a model, and every logger at DEBUG."""
    more = {
        **SECRETS, "LOG_LEVEL": "DEBUG", "OPENAI_LOG": "debug", "OPENAI_BASE_URL": openai.base_url,
        "OPENAI_MODEL": "test-model",
        "OPENAI_PRICES": '{"test-model": [1, 1]}',  # or Django says at its start, as text, that there is none
    }  # fmt: skip
    kept = {child: dict(child.environment) for child in (watched.site.web, watched.site.worker)}
    for child in kept:
        child.stop()
        child.log.write_text("")
        child.environment.update(more)
    watched.mend()
    watched.site.wait()
    try:
        yield
    finally:
        for child, environment in kept.items():
            child.stop()
            child.log.write_text("")
            child.environment.clear()
            child.environment.update(environment)


def told(watched, openai):
    """All that the site has said to anybody but the city, by where; and the tokens that it has given out."""
    return {
        "the log of the web server": watched.site.web.log.read_text(),
        "the log of the worker": watched.site.worker.log.read_text(),
        "traces": "".join(json.dumps(span) for span in watched.receiver.spans())
        + watched.receiver.bytes.decode("latin-1").replace(
            SECRETS["OTEL_EXPORTER_OTLP_HEADERS"].partition("=")[2], ""
        ),
        "metrics": metrics_at(watched.site.web.environment["METRICS_PORT"])
        + metrics_at(watched.site.worker.environment["METRICS_PORT"]),
        "prompts": "\n".join(text_of(body) for _, _, body in openai.requests),
    }


@pytest.fixture
def lived(watched, openai_server):
    """One report from its statement to the end of its run, with all that people say on the way; and every secret."""
    with telling_all(watched, openai_server):
        tokens = live(watched, openai_server)
        yield watched, openai_server, tokens


def live(watched, openai):
    policy = watched.expect(201, "POST", "/policies", {"heading": "Water leaks", "text": POLICY})
    watched.expect(200, "POST", f"/policies/{policy['policy_id']}/publish", {"version": 1})
    openai.choose(choice("update_issue", place="123 Main St"))
    openai.write(answer(TELL, WRITE_DOWN))
    openai.revise(
        revision(TELL, {**WRITE_DOWN, "requires_approval": {"group": "supervisor", "reason": "Look."}})
    )
    body = {"problem_statement": STATEMENT, "reporter": REPORTER}
    plan = watched.expect(201, "POST", "/workflows/generate", body)
    path = f"/workflows/{plan['workflow_id']}"
    reference = watched.expect(200, "GET", path)["issue_id"]
    watched.expect(200, "PATCH", f"/issues/{reference}", {"address": ADDRESS})
    revised = watched.expect(200, "POST", f"{path}/revise", {"instruction": INSTRUCTION})
    watched.expect(200, "POST", f"{path}/approve", {"digest": revised["digest"], "comment": REASON})
    with watched.database() as cursor:
        cursor.execute(ALLOW)
        cursor.connection.commit()
    webhook = watched.expect(
        201, "POST", "/webhooks", {"url": "http://127.0.0.1:9/x", "types": ["execution.*"]}
    )
    data = {"plate": PLATE}
    execution = watched.expect(202, "POST", f"{path}/execute", {"execution_data": data})["execution_id"]
    run = f"/workflows/executions/{execution}"
    watched.expect(202, "POST", f"{run}/pause", {"reason": REASON})
    watched.expect(202, "POST", f"{run}/resume", {"reason": NOTE})
    task = watched.task(execution)
    watched.decide(task, "approve", comment=COMMENT)
    watched.ends(execution)
    refused(watched)
    until(lambda: "CompleteWorkflow:PlanWorkflow" in str(watched.receiver.spans()))
    return {"execution": execution, "keys": [*watched.keys.values(), webhook["secret"]]}


def refused(watched):
    """What is wrong is quoted to whoever sent it, and to nobody else."""
    who = f"{REPORTER['name']} {REPORTER['email']}"
    watched.call("POST", "/workflows/generate", {"problem_statement": 5, who: who})
    watched.call("GET", f"/workflows/{REPORTER['email']}")
    watched.call("GET", f"/issues?address={REPORTER['email']}")
    watched.call(
        "POST", "/workflows/generate", {"problem_statement": STATEMENT}, Authorization=f"Api-Key {who}"
    )
    watched.http.get(f"/t/{REPORTER['email']}/")
    watched.http.get("/admin/login/", params={"next": who})
    watched.http.post("/admin/login/", data={"username": REPORTER["email"], "password": "canary-password"})


def test_nothing_personal_and_no_secret_leaves_or_is_written_down(lived):
    watched, openai, tokens = lived
    places = told(watched, openai)
    for place, text in places.items():
        assert len(text) > 1_000, f"{place} has hardly anything"
        assert seen(text) == set(), place
        for secret in (*SECRETS.values(), "canary-password", *tokens["keys"]):
            assert secret not in text, f"{place}: {secret[:12]}"
        assert ("Quagmirewold" in text) is (place == "prompts"), place  # a plan without its place is none
    # They have been at work: at DEBUG, with the libraries' own loggers.
    loggers = {line["logger"].partition(".")[0] for line in watched.lines(watched.site.worker)}
    assert {"mudda", "openai"} <= loggers

    # Temporal keeps what the plan says and reads and what people answer, as payloads aren't encrypted here: the
    # statement, which a step reads, and the words that were put back into the message. Of drafting nothing.
    by_id = histories(watched.site.temporal)
    ours = by_id.pop(f"mudda-workflow-{tokens['execution']}")
    drafting = {key: text for key, text in by_id.items() if key.startswith("mudda-drafting-")}
    assert len(drafting) >= 2 and set().union(*(seen(text) for text in drafting.values())) == set()
    allowed = seen(STATEMENT) | seen(COMMENT) | {"Ottoline", "Zephyrwick"}
    assert seen(ours) <= allowed, seen(ours) - allowed
    assert not seen(ours) & (
        seen(REPORTER["email"] + REPORTER["phone"] + POLICY + REASON + INSTRUCTION) - seen(STATEMENT)
    )
    for secret in (*SECRETS.values(), *tokens["keys"]):
        assert secret not in ours


def test_the_canaries_live_where_they_may(lived):
    """They were really there: in the database, and in the letter."""
    watched, _, _ = lived
    kept = watched.rows("SELECT statement, address FROM issues_issue ORDER BY id DESC LIMIT 1")[0]
    assert seen(kept["statement"]) == seen(STATEMENT) and kept["address"] == ADDRESS
    assert re.search("Ottoline|Peregrine", "".join(mail.text for mail in watched.office.mails))
