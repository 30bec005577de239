"""Why an activity failed, and who has written so."""

import pytest
from temporalio.exceptions import ActivityError, ApplicationError, RetryState, TimeoutError, TimeoutType

from executions.temporal.calling import failure_of, was_recorded
from executions.temporal.contracts import INFRASTRUCTURE


def remote(cause, state):
    """As Temporal hands it to the workflow."""
    error = ActivityError(
        "failed", scheduled_event_id=1, started_event_id=2, identity="", activity_type="x", activity_id="1",
        retry_state=state,
    )  # fmt: skip
    error.__cause__ = cause
    return error


FINAL = ApplicationError("It broke.", type="odd", non_retryable=True)
BUSY = ApplicationError("Later.", type="busy")
AWAY = ApplicationError("The database is away.", type=INFRASTRUCTURE)
LATE = TimeoutError("late", type=TimeoutType.SCHEDULE_TO_CLOSE, last_heartbeat_details=[])


@pytest.mark.parametrize(
    ("cause", "state", "recorded", "code"),
    [
        (FINAL, RetryState.NON_RETRYABLE_FAILURE, True, "odd"),
        (BUSY, RetryState.TIMEOUT, False, "busy"),
        (AWAY, RetryState.TIMEOUT, False, "timed_out"),
        (LATE, RetryState.TIMEOUT, False, "timed_out"),
    ],
)
def test_only_what_may_not_be_tried_again_has_been_written_by_the_activity(cause, state, recorded, code):
    for error in (remote(cause, state), cause):  # a local activity's comes as it is
        assert (was_recorded(error), failure_of(error).code) == (recorded, code)
