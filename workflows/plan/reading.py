"""What steps read of each other while a run goes on, and what becomes of a step whose inputs can't be had.

Loads inside Temporal's sandbox: standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from workflows.plan.conditions import BadCondition
from workflows.plan.references import BadReference, MissingValue, TooLong, Values
from workflows.plan.states import IS_COMPLETED, PENDING, Context, Failure, StepState, StepStatus, has_ended

T = TypeVar("T")


def values_of(context: Context, states: Mapping[str, StepState]) -> Values:
    """What references are resolved against; follows later changes of ``states``."""
    return Values(context.issue, context.data, lambda step_id: _output(states, step_id))


def _output(states: Mapping[str, StepState], step_id: str) -> Any:
    state = states.get(step_id, PENDING)
    if state.status is IS_COMPLETED:
        return state.output
    path = f"steps.{step_id}"
    if state.status in (StepStatus.failed, StepStatus.compensated):
        raise MissingValue(path, "failed")
    raise MissingValue(path, "skipped" if has_ended(state) else "absent")


def attempt(read: Callable[[], T]) -> T | Failure:
    """What ``read`` gives, or why it can't be had.

    Raises:
        MissingValue: the output of a skipped or failed step is read; what follows depends on who reads.
    """
    try:
        return read()
    except MissingValue as missing:
        if missing.because != "absent":
            raise
        return missing_value(missing)
    except BadCondition as error:
        return Failure("bad_condition", str(error))
    except BadReference as error:
        return Failure("bad_reference", str(error))
    except TooLong as error:
        return Failure("over_limit", str(error))


def missing_value(missing: MissingValue) -> Failure:
    """The failure of a reader for which the value should have been there."""
    return Failure("missing_value", f"{missing.path} has no value.")
