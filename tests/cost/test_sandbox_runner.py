"""Which sandbox a worker gets: the cheaper one only where payloads are encoded alike in every context."""

from dataclasses import replace

from temporalio.converter import DataConverter, PayloadCodec
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from executions.temporal.sandbox import ContextFreeRunner, runner_for


class Codec(PayloadCodec):
    async def encode(self, payloads):
        return list(payloads)

    async def decode(self, payloads):
        return list(payloads)


def test_the_sdks_own_converter_knows_no_context():
    assert isinstance(runner_for(DataConverter.default), ContextFreeRunner)


def test_a_codec_may_look_at_its_context_and_gets_the_sdks_own_sandbox():
    assert type(runner_for(replace(DataConverter.default, payload_codec=Codec()))) is SandboxedWorkflowRunner


def test_both_restrict_workflows_alike():
    assert ContextFreeRunner().restrictions is SandboxedWorkflowRunner().restrictions
