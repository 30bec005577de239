"""Outputs too large for a run's history: the run carries a handle, the value stays in the step's row.

A handle is ``{"$stored": "<step id>/<member>"}`` in place of a member of the output. References pass it on like any
value; the activity that reads it puts the value back. Conditions can't look into it: ``bad_condition``.
"""

import json
import re
from typing import Any

from executions.models import StepRun
from workflows.plan.references import as_text

LARGEST = 64 * 1024
"""Bytes of JSON, from the plan language's limits."""

HANDLE = "$stored"
_IN_TEXT = re.compile(r'\{"\$stored": ?"([a-z][a-z0-9_]{0,62}/[^"/]+)"\}')


def shrink(step_id: str, output: Any) -> Any:
    """The output as the run carries it: members are replaced by handles, largest first, until it fits."""
    if not isinstance(output, dict) or size_of(output) <= LARGEST:
        return output
    carried = dict(output)
    for name in sorted(output, key=lambda name: size_of(output[name]), reverse=True):
        carried[name] = {HANDLE: f"{step_id}/{name}"}
        if size_of(carried) <= LARGEST:
            break
    return carried


def size_of(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def has_handles(value: Any) -> bool:
    """Whether some member of an output is a handle."""
    return isinstance(value, dict) and any(_is_handle(member) for member in value.values())


def restore(execution_id: Any, value: Any) -> Any:
    """The value with every handle replaced by what it stands for, also inside text."""
    if _is_handle(value):
        return _load(execution_id, value[HANDLE])
    if isinstance(value, dict):
        return {name: restore(execution_id, member) for name, member in value.items()}
    if isinstance(value, list):
        return [restore(execution_id, member) for member in value]
    if isinstance(value, str) and HANDLE in value:
        return _IN_TEXT.sub(lambda found: as_text(_load(execution_id, found[1])), value)
    return value


def _is_handle(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {HANDLE}


def _load(execution_id: Any, handle: str) -> Any:
    step_id, _, name = handle.partition("/")
    step = StepRun.objects.filter(execution_id=execution_id, step_id=step_id).only("output").first()
    output = step.output if step is not None else None
    return output.get(name) if isinstance(output, dict) else None
