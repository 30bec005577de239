"""What a worker carries out: each activity is named in the lines that are logged meanwhile, and in its span."""

import logging
from time import perf_counter
from typing import Any

from django.conf import settings
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from mudda.monitoring import tracing
from mudda.monitoring.about import about

logger = logging.getLogger("mudda.activities")

IN_CALLS = {"execution_id": "execution", "step_id": "step", "run_id": "planner_run"}
"""What the fields of an activity's argument are called in a line. Nothing else of it is read."""


class Named(Interceptor):
    """Goes to each ``Worker``; how long activities take is among the metrics of Temporal's SDK."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Named(next)


class _Named(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        call = input.args[0] if input.args else None
        ids = {name: getattr(call, field, "") or "" for field, name in IN_CALLS.items()}
        tracing.note(
            mudda__activity=info.activity_type,
            mudda__attempt=info.attempt,
            **{f"mudda__{name}": value for name, value in ids.items()},
        )
        begun, outcome = perf_counter(), "failed"
        with about(activity=info.activity_type, temporal_workflow=info.workflow_id, **ids):
            _tell("Activity started", attempt=info.attempt)
            try:
                result = await self.next.execute_activity(input)
                outcome = "done"
                return result
            finally:
                seconds = round(perf_counter() - begun, 4)
                _tell("Activity ended", outcome=outcome, seconds=seconds)


def _tell(what: str, **about_it: Any) -> None:
    """For whoever collects lines; a person who reads them sees the run in the console."""
    if settings.JSON_LOGS:
        logger.info(what, extra=about_it)
