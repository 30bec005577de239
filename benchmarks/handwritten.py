"""What a Temporal developer would write for the five-step plan: no plan, no scheduler, the same activities.

The activities make the same database writes for it as for a plan's run, since it passes them the same calls.
"""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from executions.temporal.contracts import FINISH_EXECUTION, FinishCall, StepAnswer, StepCall

HAND_WRITTEN = "HandWritten"
STEPS = 5
OPTIONS = {
    "start_to_close_timeout": timedelta(seconds=60),
    "schedule_to_close_timeout": timedelta(days=30),
    "retry_policy": RetryPolicy(initial_interval=timedelta(seconds=5), backoff_coefficient=2),
}


@dataclass
class HandInput:
    execution_id: str
    activity_id: str
    local: bool


@workflow.defn(name=HAND_WRITTEN)
class HandWritten:
    @workflow.run
    async def run(self, given: HandInput) -> str:
        do = workflow.execute_local_activity if given.local else workflow.execute_activity
        for number in range(1, STEPS + 1):
            call = StepCall(
                execution_id=given.execution_id,
                step_id=f"step_{number}",
                activity_id=given.activity_id,
                inputs={"note": f"This is step {number}."},
                timeout_seconds=60,
                max_attempts=3,
            )
            await do(given.activity_id, call, result_type=StepAnswer, **OPTIONS)
        await workflow.execute_activity(
            FINISH_EXECUTION,
            FinishCall(given.execution_id, "completed"),
            start_to_close_timeout=timedelta(seconds=30),
        )
        return "completed"
