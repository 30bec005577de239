"""PostgreSQL is gone in the middle of a step: doors say so, the run waits, and everything is there afterwards."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from tests.faults.city import letter, note, until
from tests.faults.mail import Hold

STATEMENT = {"problem_statement": "Water leak at 123 Main St"}


@pytest.fixture(scope="module")
def outage(one_city):
    """What the doors answered while PostgreSQL was away, and the run whose letter was on its way just then."""
    city = one_city
    city.mend()
    plan, hold = city.approved(note()), Hold()
    city.office.plan(hold)
    execution = city.launch(letter(), note("after"), letter("last"))
    hold.wait()
    began = len(city.site.worker.log.read_text())
    city.site.postgres.stop()
    session = {"Cookie": f"sessionid={city.keys['session']}"}
    asked = {
        "read": lambda: city.call("GET", f"/workflows/executions/{execution}"),
        "generate": lambda: city.call("POST", "/workflows/generate", STATEMENT),
        "execute": lambda: city.call("POST", f"/workflows/{plan}/execute", {}),
        "readyz": lambda: city.http.get("/readyz"),
        "healthz": lambda: city.http.get("/healthz"),
        "admin": lambda: city.http.get("/admin/", headers=session),
    }
    with ThreadPoolExecutor(len(asked)) as threads:
        answering = {name: threads.submit(ask) for name, ask in asked.items()}
    hold.release()  # the letter is taken while there is nowhere to write that down
    until(lambda: city.office.mails)
    city.site.postgres.start()
    answers = {name: answer.result() for name, answer in answering.items()}
    return SimpleNamespace(city=city, execution=execution, plan=plan, answers=answers, began=began)


@pytest.mark.parametrize("door", ["read", "generate", "execute"])
def test_the_api_says_503_with_the_reason_and_when_to_come_back(outage, door):
    answer = outage.answers[door]
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "database_unavailable"
    assert int(answer.headers["Retry-After"]) > 0


def test_the_process_is_healthy_but_not_ready_and_says_which_part_is_away(outage):
    assert outage.answers["healthz"].status_code == 200
    ready = outage.answers["readyz"]
    assert ready.status_code == 503
    checks = ready.json()["checks"]
    assert {name: check["ok"] for name, check in checks.items()} == {
        "database": False,
        "migrations": False,
        "temporal": True,
    }


def test_the_admin_answers_with_a_page_that_says_so(outage):
    page = outage.answers["admin"]
    assert page.status_code == 503
    assert page.headers["Content-Type"].startswith("text/html")
    assert int(page.headers["Retry-After"]) > 0
    assert "database" in page.text


def test_the_run_waits_completes_and_counts_nothing_against_its_steps(outage):
    city = outage.city
    until(lambda: city.call("GET", "/workflows/executions").status_code == 200)
    city.ends(outage.execution, deadline=90)
    failures = city.rows("SELECT own_failures FROM step_runs WHERE execution_id = %s", outage.execution)
    assert [row["own_failures"] for row in failures] == [0, 0, 0]
    assert sorted(city.office.counts(outage.execution).values()) == [1, 1]
    assert city.effects(outage.execution) == {"tell:letter-0": "done", "last:letter-0": "done"}


def test_what_was_refused_left_nothing_behind_and_can_be_done_now(outage):
    city = outage.city
    until(lambda: city.http.get("/readyz").status_code == 200)
    assert city.rows("SELECT 1 FROM workflow_executions WHERE plan_id = %s", outage.plan) == []
    city.ends(city.execute(outage.plan))


def test_the_worker_says_once_that_the_database_is_away_and_once_that_it_is_back(outage):
    log = outage.city.site.worker.log
    until(lambda: "the database is back" in log.read_text()[outage.began :])
    said = log.read_text()[outage.began :]
    assert (said.count("the database is away"), said.count("the database is back")) == (1, 1)
