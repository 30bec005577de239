"""A Temporal workflow whose module uses the decider: loading it in the sandbox proves that it can be used there."""

from temporalio import workflow

from workflows.plan.compiled import CompiledPlan, CompiledStep
from workflows.plan.scheduler import Context, Start, decide

STEP = CompiledStep(
    "a", "x", "A", "program",
    inputs={"note": "At {{ issue.address }}"}, when={"lt": ["2026-05-01T09:00:00Z", "2026-05-01T09:00:00-05:00"]},
)  # fmt: skip
PLAN = CompiledPlan.from_json(CompiledPlan("d", "c", "n", (STEP,)).to_json())

assert decide(PLAN, Context({"address": "x"}, {}), {}).moves == (Start("a", {"note": "At x"}),)


@workflow.defn
class Probe:
    @workflow.run
    async def run(self) -> None:
        """Nothing: what matters happens when the module is loaded."""
