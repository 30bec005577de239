"""A workflow that must never be released: it does something before what runs under way have done."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from executions.temporal.contracts import PLAN_WORKFLOW, RunInput
    from executions.temporal.workflow import PlanWorkflow


@workflow.defn(name=PLAN_WORKFLOW)
class Incompatible(PlanWorkflow):
    """Says that it has begun, without ``workflow.patched``."""

    @workflow.init
    def __init__(self, run: RunInput) -> None:
        super().__init__(run)

    @workflow.run
    async def run(self, run: RunInput) -> str:
        await self._note_progress(self.ledger.take_unsaved())
        return await super().run(run)
