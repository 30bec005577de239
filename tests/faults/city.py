"""A whole site to break, its mail server, and the people who work on it."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row
from temporalio.client import Client, WorkflowHistory

from mudda.devstack.processes import Child, ask, worker_command
from mudda.devstack.site import Site
from mudda.devstack.temporal import Temporal
from tests.faults.mail import PostOffice

OVER = {"completed", "failed", "cancelled"}

PEOPLE = """
import json
from django.contrib.auth.models import Group, User
from django.test import Client
from mudda import scopes
from mudda.apikeys import create_api_key
from mudda.models import ApiKey

def person(name, *groups, scopes=("tasks:read", "tasks:write", "executions:read")):
    user = User.objects.create_user(name, is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    return create_api_key(name=name, scopes=scopes, owner=user)[1]

keys = {
    "integration": create_api_key(name="integration", scopes=scopes.known())[1],
    "supervisor": person("sam", "supervisor"),
    "author": person("olga", "supervisor", scopes=scopes.known()),
    "dispatcher": person("dora", "dispatcher"),
}
browser = Client()
browser.force_login(User.objects.create_superuser("admin"))
keys["session"] = browser.cookies["sessionid"].value
print(json.dumps(keys))
"""


class City:
    """One site with a durable Temporal, so that every part can go away and come back."""

    def __init__(self, home: Path, office: PostOffice, **variables: str) -> None:
        self.office = office
        rates = {"RATE_LIMIT_KEY": "1000000", "RATE_LIMIT_ANONYMOUS": "1000000"}  # nothing here is about them
        self.site = Site(home, {"EMAIL_URL": office.url, **rates, **variables})
        self.site.temporal = Temporal(home / "logs", stack=home)
        self.keys: dict[str, str] = {}
        self.http = httpx.Client(base_url=self.site.url, timeout=30, trust_env=False)

    def start(self) -> None:
        self.site.start()
        self.keys = json.loads(self.site.manage("shell", "--verbosity", "0", "-c", PEOPLE).splitlines()[-1])

    def stop(self) -> None:
        self.http.close()
        self.site.stop()

    def mend(self) -> None:
        """Start whatever the test before left stopped."""
        if self.site.postgres.pid is None:
            self.site.postgres.start()
        if self.site.temporal.pid is None:
            self.site.temporal.start()
        for child in (self.site.web, self.site.worker):
            if child.pid is None:
                child.start()
        if ask(self.site.url + "/readyz") != "200":
            self.site.web.wait("/readyz")
        self.office.forget()

    # --- the API --------------------------------------------------------------------------------

    def call(
        self, method: str, path: str, body: Any = None, *, by: str = "integration", **headers: str
    ) -> httpx.Response:
        given = {"Authorization": f"Api-Key {self.keys[by]}", **headers}
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            given.setdefault("Content-Type", "application/json")
        return self.http.request(method, path, content=content, headers=given)

    def expect(self, status: int, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = self.call(method, path, body, **more)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        return answer.json()

    def draft(
        self, *steps: dict[str, Any], statement: str = "Water leak at 123 Main St", by: str = "integration"
    ) -> dict[str, Any]:
        """A DRAFT with these steps (with the playbook's own when there are none)."""
        report = {"problem_statement": statement, "reporter": {"name": "Ann", "email": "ann@example.org"}}
        plan = self.expect(201, "POST", "/workflows/generate", report, by=by)
        if steps:
            document = {
                "schema_version": 1,
                "workflow_name": "A test",
                "description": "",
                "steps": list(steps),
            }
            plan = self.expect(
                200, "PUT", f"/workflows/{plan['workflow_id']}", {"workflow_plan": document}, by=by
            )
        errors = [problem for problem in plan["problems"] if problem["severity"] == "error"]
        assert not errors, errors
        return plan

    def approved(self, *steps: dict[str, Any], by: str = "integration", **more: Any) -> str:
        """An approved plan's id."""
        plan = self.draft(*steps, by=by, **more)
        path = f"/workflows/{plan['workflow_id']}/approve"
        return self.expect(200, "POST", path, {"digest": plan["digest"]}, by=by)["workflow_id"]

    def execute(self, plan: str, *, by: str = "integration", **data: Any) -> str:
        """Launch an approved plan; returns the execution's id."""
        answer = self.expect(202, "POST", f"/workflows/{plan}/execute", {"execution_data": data}, by=by)
        assert answer["status"] == "pending"
        return answer["execution_id"]

    def launch(self, *steps: dict[str, Any], by: str = "integration", **data: Any) -> str:
        """Draft, approve and launch a plan of these steps; returns the execution's id."""
        return self.execute(self.approved(*steps, by=by), by=by, **data)

    def execution(self, execution: str) -> dict[str, Any]:
        return self.expect(200, "GET", f"/workflows/executions/{execution}")

    def step(self, execution: str, step_id: str) -> dict[str, Any]:
        return next(step for step in self.execution(execution)["steps"] if step["step_id"] == step_id)

    def ends(self, execution: str, status: str = "completed", *, deadline: float = 60) -> dict[str, Any]:
        """Wait until the run is over; it has to have ended as ``status``."""
        until(lambda: self.execution(execution)["status"] in OVER, deadline, lambda: self.story(execution))
        found = self.execution(execution)
        assert found["status"] == status, self.story(execution)
        return found

    def task(self, execution: str, *, deadline: float = 60) -> dict[str, Any]:
        """The task that the run waits for, once there is one."""
        waiting = until(
            lambda: self.execution(execution)["waiting_on"], deadline, lambda: self.story(execution)
        )
        return self.expect(200, "GET", f"/workflows/tasks/{waiting[0]['task_id']}")

    def decide(
        self, task: dict[str, Any], outcome: str, *, by: str = "supervisor", status: int = 200, **more: Any
    ) -> Any:
        return self.expect(
            status, "POST", f"/workflows/tasks/{task['id']}/decide", {"outcome": outcome, **more}, by=by
        )

    # --- behind the API ---------------------------------------------------------------------------

    @contextlib.contextmanager
    def database(self) -> Iterator[psycopg.Cursor[dict[str, Any]]]:
        """A cursor in a transaction of its own, rolled back at the end unless it is committed."""
        url, options = self.site.postgres.url(), "-c search_path=public,workflow"
        with psycopg.connect(url, options=options, row_factory=dict_row) as connection:
            yield connection.cursor()
            connection.rollback()

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        with self.database() as cursor:
            return cursor.execute(query, parameters).fetchall()

    def step_row(self, execution: str, step_id: str) -> dict[str, Any]:
        query = "SELECT * FROM step_runs WHERE execution_id = %s AND step_id = %s"
        return self.rows(query, execution, step_id)[0]

    def effects(self, execution: str) -> dict[str, str]:
        """``<step id>:<name>`` to status."""
        found = self.rows("SELECT key, status FROM effects WHERE execution_id = %s ORDER BY key", execution)
        return {row["key"].removeprefix(f"{execution}:"): row["status"] for row in found}

    def story(self, execution: str) -> str:
        """What is known of a run, for a failing test."""
        return (
            json.dumps(self.execution(execution), indent=1) + "\n" + self.site.worker.log.read_text()[-6000:]
        )

    def history(self, execution: str) -> WorkflowHistory:
        return asyncio.run(self._history(f"mudda-workflow-{execution}"))

    async def _history(self, workflow_id: str) -> WorkflowHistory:
        client = await Client.connect(self.site.temporal.address)
        return await client.get_workflow_handle(workflow_id).fetch_history()

    def temporal_runs(self, execution: str) -> list[str]:
        """How all Temporal workflows with the ended execution's id ended: one word, if it was started once."""
        # The run is written as over before its Temporal workflow closes, and listed as closed a moment later.
        until(lambda: "RUNNING" not in self.temporal_runs_now(execution))
        return self.temporal_runs_now(execution)

    def temporal_runs_now(self, execution: str) -> list[str]:
        """How all Temporal workflows with the execution's id ended, or that they run."""
        return asyncio.run(self._temporal_runs(f"WorkflowId = 'mudda-workflow-{execution}'"))

    async def _temporal_runs(self, query: str) -> list[str]:
        client = await Client.connect(self.site.temporal.address)
        return [run.status.name async for run in client.list_workflows(query)]

    @contextlib.contextmanager
    def more_workers(self, count: int) -> Iterator[None]:
        """Further workers, each with its dispatcher."""
        folder = self.site.home / "logs"
        more = [
            Child("worker", worker_command(), self.site.environment, folder / f"worker-{n}.log")
            for n in range(count)
        ]
        try:
            for child in more:
                child.start()
            for child in more:
                child.wait_until_said("worker started")
            yield
        finally:
            for child in more:
                child.stop()


def until(condition: Callable[[], Any], deadline: float = 60, story: Callable[[], str] = str) -> Any:
    """Wait until ``condition`` holds, and return what it gave."""
    end = time.monotonic() + deadline
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {deadline:g} s: {story()}"
        time.sleep(0.1)
    return found


# --- steps ------------------------------------------------------------------------------------------


def letter(step_id: str = "tell", **fields: Any) -> dict[str, Any]:
    """A step that sends one letter to the reporter."""
    inputs = {"to": "{{ issue.reporter }}", "subject": f"Letter {step_id}", "message": f"This is {step_id}."}
    return {
        "step_id": step_id,
        "activity_id": "send_notification",
        "title": f"Send {step_id}",
        "inputs": inputs,
        **fields,
    }


def note(step_id: str = "note", **fields: Any) -> dict[str, Any]:
    """A step that writes a note on the issue."""
    inputs = {"note": f"This is {step_id}."}
    return {
        "step_id": step_id,
        "activity_id": "update_issue",
        "title": f"Note {step_id}",
        "inputs": inputs,
        **fields,
    }


def wait(step_id: str = "pause", **fields: Any) -> dict[str, Any]:
    """A step that lets one second go by."""
    return {
        "step_id": step_id,
        "activity_id": "wait_until",
        "title": "Wait",
        "inputs": {"for": "PT1S"},
        **fields,
    }
