"""Outputs too large for a run's history: the run carries a handle, the value stays in the step's row.

References pass a handle on like any value, longer where they read a part of it; the activity that reads it puts the
value back. What conditions compare is carried whole, as far as ``handles.LARGEST_COMPARED`` goes.
"""

import re
from typing import Any
from uuid import UUID

from executions.activities.registry import StepFailed
from executions.models import StepRun, WorkflowExecution
from executions.temporal.handles import is_handle, is_large, parts_of, shrink
from workflows.plan.conditions import compared
from workflows.plan.references import STORED, MissingValue, as_text, member

_IN_TEXT = re.compile(r'\{"\$stored": ?"([0-9a-f-]{36}/[a-z][a-z0-9_]{0,62}/[^"]+)"\}')


def shrunk(execution_id: UUID, step_id: str, output: Any) -> Any:
    """A step's output as its run carries it."""
    if not is_large(output):
        return output
    steps = WorkflowExecution.objects.values_list("compiled__steps", flat=True).get(pk=execution_id)
    return shrink(execution_id, step_id, output, compared(step.get("when") for step in steps))


def restore(execution_id: Any, value: Any) -> Any:
    """The value with every handle replaced by what it stands for, also inside text.

    Raises:
        StepFailed: there is no such value, or it is null inside text; permanently ``missing_value``.
    """
    if is_handle(execution_id, value):
        return _load(execution_id, value[STORED])
    if isinstance(value, dict):
        return {name: restore(execution_id, part) for name, part in value.items()}
    if isinstance(value, list):
        return [restore(execution_id, part) for part in value]
    if isinstance(value, str) and STORED in value:
        return _IN_TEXT.sub(lambda found: _written(execution_id, found), value)
    return value


def _written(execution_id: Any, found: re.Match[str]) -> str:
    if not found[1].startswith(f"{execution_id}/"):
        return found[0]
    value = _load(execution_id, found[1])
    if value is None:
        raise _missing(found[1])
    return as_text(value)


def _load(execution_id: Any, handle: str) -> Any:
    step_id, *path = parts_of(handle)
    step = StepRun.objects.filter(execution_id=execution_id, step_id=step_id).only("output").first()
    value = step.output if step is not None else None
    try:
        for part in path:
            value = member(value, part, handle)
    except MissingValue:
        raise _missing(handle) from None
    return value


def _missing(handle: str) -> StepFailed:
    reference = ".".join(["steps", *parts_of(handle)])
    return StepFailed("missing_value", f"{reference} has no value.", permanent=True)
