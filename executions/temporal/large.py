"""Outputs too large for a run's history: the run carries a handle, the value stays in the step's row.

References pass a handle on like any value; the activity that reads it puts the value back. Conditions can't look
into it: ``bad_condition``.
"""

import re
from typing import Any

from executions.models import StepRun
from executions.temporal.handles import HANDLE, is_handle
from workflows.plan.references import as_text

_IN_TEXT = re.compile(r'\{"\$stored": ?"([0-9a-f-]{36}/[a-z][a-z0-9_]{0,62}/[^"/]+)"\}')


def restore(execution_id: Any, value: Any) -> Any:
    """The value with every handle replaced by what it stands for, also inside text."""
    if is_handle(execution_id, value):
        return _load(execution_id, value[HANDLE])
    if isinstance(value, dict):
        return {name: restore(execution_id, member) for name, member in value.items()}
    if isinstance(value, list):
        return [restore(execution_id, member) for member in value]
    if isinstance(value, str) and HANDLE in value:
        return _IN_TEXT.sub(lambda found: _written(execution_id, found), value)
    return value


def _written(execution_id: Any, found: re.Match[str]) -> str:
    ours = found[1].startswith(f"{execution_id}/")
    return as_text(_load(execution_id, found[1])) if ours else found[0]


def _load(execution_id: Any, handle: str) -> Any:
    _, step_id, name = handle.split("/", 2)
    step = StepRun.objects.filter(execution_id=execution_id, step_id=step_id).only("output").first()
    output = step.output if step is not None else None
    return output.get(name) if isinstance(output, dict) else None
