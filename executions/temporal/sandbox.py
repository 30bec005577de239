"""Temporal's sandbox, not entered where nothing of the workflow is asked.

For every payload, up to three times, the SDK enters the workflow's sandbox to ask in which context the payload is
to be encoded: a fifth of all that a worker computes (profiled with five steps a run). The SDK's default converter
encodes alike in every context, so the answer is given outside. Any other converter or codec may look at its context,
and gets the SDK's own runner.
"""

from dataclasses import dataclass
from typing import Any

from temporalio.converter import DataConverter, StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner


def runner_for(converter: DataConverter) -> SandboxedWorkflowRunner:
    """The sandbox for the workflows of a worker whose client converts payloads so."""
    return ContextFreeRunner() if converter == DataConverter.default else SandboxedWorkflowRunner()


@dataclass(frozen=True)
class ContextFreeRunner(SandboxedWorkflowRunner):
    """The SDK's sandbox with the same restrictions, for converters that know no context."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """As the SDK: a sandbox of its own for each run."""
        return _ContextFree(super().create_instance(det))


class _ContextFree(WorkflowInstance):
    def __init__(self, sandboxed: WorkflowInstance) -> None:
        self._sandboxed = sandboxed

    def activate(self, act: Any) -> Any:
        return self._sandboxed.activate(act)

    def get_info(self) -> Any:
        return self._sandboxed.get_info()

    def get_thread_id(self) -> int | None:
        return self._sandboxed.get_thread_id()

    def get_serialization_context(self, command_info: Any) -> None:
        return None

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:
        return StorageDriverStoreContext(target=None)
