"""Handles in place of outputs that are too large for a run's history; ``large`` puts the values back.

A handle is ``{"$stored": "<execution id>/<step id>/<member>"}`` in place of a member of the output, which the step's
row has whole. Whoever writes a statement or data before the launch cannot know the execution's id, so that nothing of
theirs is taken for a handle.
Loads inside Temporal's sandbox: no Django.
"""

import json
from collections.abc import Collection
from dataclasses import asdict, replace
from typing import Any

from executions.temporal.contracts import RunInput

LARGEST = 64 * 1024
"""Bytes of JSON, from the plan language's limits."""

LARGEST_RUN = 1_900_000
"""Bytes of JSON that a run may start, or continue as new, with: Temporal refuses more than 2 MiB, its own members
included, and ends a run that continues with more."""

HANDLE = "$stored"


def shrink(execution_id: object, step_id: str, output: Any) -> Any:
    """The output as the run carries it: members are replaced by handles, largest first, until it fits."""
    if not isinstance(output, dict) or size_of(output) <= LARGEST:
        return output
    carried = dict(output)
    for name in sorted(output, key=lambda name: size_of(output[name]), reverse=True):
        carried[name] = handle_of(execution_id, step_id, name)
        if size_of(carried) <= LARGEST:
            break
    return carried


def fit(run: RunInput, *, in_rows: Collection[str], limit: int = LARGEST_RUN) -> RunInput:
    """The run with the largest members of outputs replaced by handles, as few as make it no larger than ``limit``.

    Args:
        in_rows: ids of the steps whose output is in their row.
        limit: bytes of JSON as the SDK writes it.
    """
    excess = sent_size(asdict(run)) - limit
    if excess <= 0:
        return run
    states = {step_id: dict(state) for step_id, state in run.state.states.items()}
    for size, step_id, name in _members(run.execution_id, states, in_rows):
        if excess <= 0:
            break
        handle = handle_of(run.execution_id, step_id, name)
        states[step_id]["output"] = {**states[step_id]["output"], name: handle}
        excess -= size - sent_size(handle)
    return replace(run, state=replace(run.state, states=states))


def _members(
    execution_id: str, states: dict[str, Any], in_rows: Collection[str]
) -> list[tuple[int, str, str]]:
    """Size, step and name of every member of an output that a handle can stand for, largest first."""
    found = [
        (sent_size(member), step_id, name)
        for step_id in in_rows
        if isinstance(output := states[step_id]["output"], dict)
        for name, member in output.items()
    ]
    worth = (one for one in found if one[0] > sent_size(handle_of(execution_id, *one[1:])))
    return sorted(worth, reverse=True)


def handle_of(execution_id: object, step_id: str, name: str) -> dict[str, str]:
    return {HANDLE: f"{execution_id}/{step_id}/{name}"}


def size_of(value: Any) -> int:
    """Bytes of the value as JSON."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def sent_size(value: Any) -> int:
    """Bytes of the value as the SDK writes it: every character outside ASCII counts as six or twelve."""
    return len(json.dumps(value, separators=(",", ":")))


def is_handle(execution_id: object, value: Any) -> bool:
    """Whether a value is a handle of this very run."""
    if not isinstance(value, dict) or set(value) != {HANDLE}:
        return False
    return str(value[HANDLE]).startswith(f"{execution_id}/")


def has_handles(execution_id: object, value: Any) -> bool:
    """Whether some member of an output is a handle."""
    return isinstance(value, dict) and any(is_handle(execution_id, member) for member in value.values())
