"""The Temporal workflow that carries out one PlannerRun: ask the planner; if that fails for good, do without it.

Its history has the run's id and codes of errors. Nothing of the statement or the plan passes through Temporal.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from workflows.temporal.contracts import (
        ASK_THE_PLANNER,
        BEAT_EVERY,
        DRAFTING_WORKFLOW,
        GIVE_UP_ASKING,
        Asked,
        GivenUp,
    )

ONE_ATTEMPT = timedelta(minutes=10)
"""The planner's own budget is a minute; the rest is for an answer that waits for the database."""

ALL_ATTEMPTS = timedelta(hours=6)
"""Counted from when a worker could have begun, so also while all workers are away: a draft is worth waiting for."""

BACK_OFF = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))


@workflow.defn(name=DRAFTING_WORKFLOW)
class DraftingWorkflow:
    @workflow.run
    async def run(self, asked: Asked) -> str:
        try:
            await workflow.execute_activity(
                ASK_THE_PLANNER,
                asked,
                task_queue=asked.queue,
                start_to_close_timeout=ONE_ATTEMPT,
                schedule_to_close_timeout=ALL_ATTEMPTS,
                heartbeat_timeout=timedelta(seconds=BEAT_EVERY * 3),
                retry_policy=BACK_OFF,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise  # by somebody, from outside: noticed by the dispatcher
            await workflow.execute_activity(
                GIVE_UP_ASKING,
                _given_up(asked, error),
                task_queue=asked.queue,
                start_to_close_timeout=timedelta(seconds=60),
                retry_policy=BACK_OFF,
            )
            return "given up"
        return "done"


def _given_up(asked: Asked, error: ActivityError) -> GivenUp:
    cause = error.cause
    if isinstance(cause, ApplicationError):
        return GivenUp(asked.run_id, cause.type or "planner_defect", cause.message)
    return GivenUp(asked.run_id, "planner_timed_out", "The planner was not done in the time that it has.")
