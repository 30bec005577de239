"""The plan language is pure, and the part that runs inside Temporal's sandbox loads there."""

import asyncio
import subprocess
import sys

import pytest
from sandboxed_probe import Probe
from temporalio import workflow
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

ON_THE_WORKFLOW_PATH = (
    "workflows.plan.compiled", "workflows.plan.scheduler", "workflows.plan.outcomes",
    "workflows.plan.references", "workflows.plan.conditions",
)  # fmt: skip


def modules_after(*imports):
    code = f"import {', '.join(imports)}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_what_the_workflow_imports_is_standard_library_and_ours():
    extra = modules_after(*ON_THE_WORKFLOW_PATH) - modules_after("sys")
    assert extra <= set(sys.stdlib_module_names) | {"workflows", "mudda"}


@pytest.mark.parametrize(
    "module",
    ["workflows.plan.validation", "workflows.plan.compiler", "workflows.plan.simulation", "mudda.strictjson"],
)
def test_no_part_of_the_plan_language_imports_django(module):
    assert not modules_after(module) & {"django", "rest_framework", "temporalio"}


def test_the_decider_works_in_the_sandbox_without_being_passed_through():
    async def load():
        SandboxedWorkflowRunner().prepare_workflow(workflow._Definition.must_from_class(Probe))

    asyncio.run(load())
