"""A client that somebody else's generator makes of the OpenAPI document does the main job with it."""

import compileall
import json
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest

from tests.api import snapshot

PAGE = Path(__file__).resolve().parents[2] / "docs/quickstart.md"
PACKAGE = "mudda_client"
CRUMBS = re.compile(r"(.*_)?(response_\d+|item_type_\d+|additional_property_\d+)")
"""Names that a generator makes up where the document has none."""
SECONDS = 120


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """The folder of the package, made with the configuration that the page names."""
    folder = tmp_path_factory.mktemp("generated")
    (configuration,) = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (folder / "client.yaml").write_text(f"{configuration}post_hooks: []\n")
    (folder / "openapi.json").write_text(json.dumps(snapshot.current()))
    command = [
        sys.executable,
        "-m",
        "openapi_python_client",
        "generate",
        "--fail-on-warning",
        "--meta",
        "none",
    ]
    command += ["--path", "openapi.json", "--config", "client.yaml", "--output-path", PACKAGE]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "arning" not in made.stdout + made.stderr
    return folder / PACKAGE


@pytest.fixture
def importable(generated, monkeypatch):
    """``importable("models")`` is that module of the package."""
    monkeypatch.syspath_prepend(str(generated.parent))
    yield lambda name="": import_module(f"{PACKAGE}.{name}" if name else PACKAGE)
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def test_what_is_generated_compiles_and_has_sensible_names(generated):
    assert compileall.compile_dir(generated, quiet=1)
    calls = {file.stem for file in generated.glob("api/*/*.py")} - {"__init__"}
    operations = [o for item in snapshot.current()["paths"].values() for o in item.values()]
    assert calls == {operation["operationId"] for operation in operations}
    assert [file.stem for file in generated.glob("models/*.py") if CRUMBS.fullmatch(file.stem)] == []


class Caller:
    """Calls operations by their names, with a real key, on a real server."""

    def __init__(self, importable, url, key):
        self.importable, self.models = importable, importable("models")
        # Streams of events come as pages of JSON.
        headers = {"Accept": "application/json"}
        self.client = importable().AuthenticatedClient(
            base_url=url, token=key, prefix="Api-Key", headers=headers
        )

    def __call__(self, operation, expected, *given, **named):
        answer = self.importable(f"api.workflows.{operation}").sync(*given, client=self.client, **named)
        assert isinstance(answer, getattr(self.models, expected)), answer
        return answer

    def until(self, holds, operation, expected, *given, **named):
        """What the operation answers once it ``holds``."""
        deadline = time.monotonic() + SECONDS
        while not holds(answer := self(operation, expected, *given, **named)):
            assert time.monotonic() < deadline, answer
            time.sleep(0.1)
        return answer


def test_a_generated_client_does_the_main_job(importable, live_web, live_worker):
    from tests import factories

    factories.load_city()
    call = Caller(importable, live_web.url, factories.make_key())
    models = call.models

    asked = models.GenerateInputRequest(problem_statement="Water leak at 14 Mill Lane")
    plan = call("generate_plan", "DraftedOutput", body=asked)
    read = call("read_plan", "PlanOutput", plan.workflow_id)
    assert (read.status, read.digest) == (models.PlanStatus.DRAFT, plan.digest)
    approved = call(
        "approve_plan", "PlanOutput", plan.workflow_id, body=models.ApproveInputRequest(digest=read.digest)
    )
    assert approved.status == models.PlanStatus.APPROVED
    launched = call("execute_plan", "LaunchedOutput", plan.workflow_id, body=models.ExecuteInputRequest())

    run = launched.execution_id
    waits = call.until(lambda found: found.waiting_on, "read_execution", "ExecutionOutput", run)
    task = waits.waiting_on[0].task_id
    arrival = datetime.now(UTC) + timedelta(minutes=30)
    call("accept_task", "TaskOutput", task, body=models.AcceptInputRequest(crew="Crew 7", arrival_at=arrival))
    done = models.DecideInputRequest(outcome="done", answer={"notes": "Clamped the joint."})
    assert call("decide_task", "TaskOutput", task, body=done).status == models.TaskStatus.DECIDED

    ended = call.until(lambda found: found.completed_at, "read_execution", "ExecutionOutput", run)
    assert ended.status == models.ExecutionStatus.COMPLETED
    told = call("follow_execution", "EventsOutput", run, after=0)
    assert [event.seq for event in told.events] == list(range(1, told.last + 1))
    assert told.events[-1].type_ == "execution.completed"
    [document] = call("list_documents", "PaginatedDocumentOutputList", run).results
    file = importable("api.workflows.read_document").sync(document.id, client=call.client)
    assert file.payload.read(5) == b"%PDF-"
