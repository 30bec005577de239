"""How activities are called: time-outs and retries from the compiled plan, failures in its words.

Loads inside Temporal's sandbox: no Django.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, TimeoutError

from executions.temporal.contracts import EXECUTION_OVER, INFRASTRUCTURE, WITHDRAWN
from workflows.plan.compiled import CompiledCompensation, CompiledStep
from workflows.plan.durations import parse_seconds
from workflows.plan.states import Failure

RECORD_OPTIONS: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=30),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)
    ),
}
"""For what only writes to our database: tried until it is back, however long that takes."""

LOCAL_ATTEMPTS = 3
"""Attempts of a local activity before it goes on as a remote one. The worker waits for it with an open workflow task,
and the SDK would never end one that meets nothing but trouble outside; the server repeats a remote one, and ends it."""

GOES_REMOTE = "local activities go on as remote ones"
"""The name of that change, for ``workflow.patched``."""

HURRIES = "a run that fails hurries what was put off"
"""The name of that change, for ``workflow.patched``."""


def activity_options(how: CompiledStep | CompiledCompensation) -> dict[str, Any]:
    """Options of a remote activity. Its attempts are unlimited here: a step's own failures are counted in its row."""
    heartbeat = how.heartbeat_seconds
    return {
        "start_to_close_timeout": timedelta(seconds=how.timeout_seconds),
        "schedule_to_close_timeout": timedelta(seconds=how.give_up_after_seconds),
        "heartbeat_timeout": None if heartbeat is None else timedelta(seconds=heartbeat),
        "retry_policy": _retry_policy(how),
    }


def local_options(how: CompiledStep | CompiledCompensation) -> dict[str, Any]:
    """Options of a local activity, in which Temporal knows no heartbeat."""
    return {
        "start_to_close_timeout": timedelta(seconds=how.timeout_seconds),
        "retry_policy": replace(_retry_policy(how), maximum_attempts=LOCAL_ATTEMPTS),
    }


def _retry_policy(how: CompiledStep | CompiledCompensation) -> RetryPolicy:
    return RetryPolicy(
        initial_interval=timedelta(seconds=how.retry.initial_seconds),
        backoff_coefficient=how.retry.backoff,
        maximum_interval=timedelta(seconds=how.retry.max_interval_seconds),
    )


def cause_of(error: FailureError) -> BaseException | None:
    """What an activity raised. A remote one's comes wrapped in an ActivityError, a local one's as it is."""
    return error.cause if isinstance(error, ActivityError) else error


def was_recorded(error: FailureError) -> bool:
    """Whether the activity itself ended the step: then it has written so, and has told Temporal not to try again. An
    error that it may try again is only the last before the time for all attempts was over."""
    cause = cause_of(error)
    return isinstance(cause, ApplicationError) and cause.non_retryable


def is_over(error: FailureError) -> bool:
    """Whether the activity found that the run had ended already: nobody waits for this Temporal workflow any more."""
    cause = cause_of(error)
    return isinstance(cause, ApplicationError) and cause.type == EXECUTION_OVER


def is_withdrawn(error: FailureError) -> bool:
    """Whether the activity found that the run stops and needs the step no more, and has written so."""
    cause = cause_of(error)
    return isinstance(cause, ApplicationError) and cause.type == WITHDRAWN


def failure_of(error: FailureError) -> Failure:
    """Why an activity failed for good, as the scheduler and the read side have it."""
    cause = cause_of(error)
    if isinstance(cause, TimeoutError) or (
        isinstance(cause, ApplicationError) and cause.type == INFRASTRUCTURE and not cause.non_retryable
    ):
        return Failure("timed_out", "It did not end in the time that it has, however often it was tried.")
    if isinstance(cause, ApplicationError):
        return Failure(cause.type or "failed", cause.message)
    return Failure("failed", str(cause or error))


def end_of_wait(inputs: dict[str, Any], now: datetime) -> datetime:
    """When a ``wait_until`` that begins now ends.

    Raises:
        BadDuration, ValueError, TypeError: neither a duration nor a time with its zone.
    """
    if "for" in inputs:
        return now + timedelta(seconds=parse_seconds(inputs["for"]))
    at = datetime.fromisoformat(inputs["at"])
    if at.tzinfo is None:
        raise ValueError("the time has no zone")
    return at
