"""The workflow module is loaded by every worker's sandbox, and by tools that know no Django."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

LOAD = """
import asyncio, sys
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio import workflow
from executions.temporal.workflow import PlanWorkflow

async def load():
    SandboxedWorkflowRunner().prepare_workflow(workflow._Definition.must_from_class(PlanWorkflow))

asyncio.run(load())
named = [name for name in sys.modules if name.partition(".")[0] in {"django", "rest_framework", "psycopg"}]
assert not named, named
print("loaded")
"""


def test_it_loads_in_the_sandbox_without_django_and_without_settings():
    ended = subprocess.run(
        [sys.executable, "-c", LOAD], cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True, check=False
    )
    assert ended.stdout == "loaded\n", ended.stderr
