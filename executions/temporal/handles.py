"""Handles in place of outputs that are too large for a run's history; ``large`` puts the values back.

A handle is ``{"$stored": "<execution id>/<step id>/<member>"}`` in place of a member of the output, which the step's
row has whole; references to what is in it make it longer: ``.../photos/0``. What conditions compare stays as it is.
Whoever writes a statement or data before the launch cannot know the execution's id, so that nothing of theirs is taken
for a handle.
Loads inside Temporal's sandbox: no Django.
"""

import json
from collections.abc import Collection
from dataclasses import asdict, replace
from typing import Any

from executions.temporal.contracts import RunInput
from workflows.plan.references import STORED, is_stored

LARGEST = 64 * 1024
"""Bytes of JSON, from the plan language's limits."""

LARGEST_RUN = 1_900_000
"""Bytes of JSON that a run may start, or continue as new, with: Temporal refuses more than 2 MiB, its own members
included, and ends a run that continues with more."""

LARGEST_COMPARED = 256 * 1024
"""Bytes of JSON that an output may keep for the sake of conditions: they are the workflow's own, and it can't read
rows. What is larger still can't be compared."""

Compared = Collection[tuple[str, ...]]
"""What conditions read, as ``workflows.plan.conditions.compared`` gives it."""


def is_large(output: Any) -> bool:
    """Whether a run carries handles in place of some of it."""
    return isinstance(output, dict) and size_of(output) > LARGEST


def shrink(execution_id: object, step_id: str, output: Any, compared: Compared = ()) -> Any:
    """The output as the run carries it: members are replaced by handles, largest first, until it fits. Those that
    conditions compare come last, and only beyond ``LARGEST_COMPARED``."""
    if not is_large(output):
        return output
    carried = dict(output)
    by_size = sorted(output, key=lambda name: size_of(output[name]), reverse=True)
    kept = {name for name in output if is_compared(step_id, name, compared)}
    size = size_of(output)
    for name in sorted(by_size, key=kept.__contains__):
        if size <= (LARGEST_COMPARED if name in kept else LARGEST):
            break
        handle = handle_of(execution_id, step_id, name)
        saved = size_of(output[name]) - size_of(handle)
        if saved > 0:
            carried[name], size = handle, size - saved
    return carried


def is_compared(step_id: str, name: str, compared: Compared) -> bool:
    return (step_id,) in compared or (step_id, name) in compared


def fit(
    run: RunInput, *, in_rows: Collection[str], compared: Compared = (), limit: int = LARGEST_RUN
) -> RunInput:
    """The run with the largest members of outputs replaced by handles, as few as make it no larger than ``limit``.

    Args:
        in_rows: ids of the steps whose output is in their row.
        compared: what conditions still read: replaced after everything else, so that the run goes on at all.
        limit: bytes of JSON as the SDK writes it.
    """
    excess = sent_size(asdict(run)) - limit
    if excess <= 0:
        return run
    states = {step_id: dict(state) for step_id, state in run.state.states.items()}
    members = _members(run.execution_id, states, in_rows)
    for size, step_id, name in sorted(members, key=lambda one: is_compared(one[1], one[2], compared)):
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
    escaped = name.replace("~", "~0").replace("/", "~1")
    return {STORED: f"{execution_id}/{step_id}/{escaped}"}


def parts_of(handle: str) -> list[str]:
    """The step and the way down in its output that a handle of a run leads to."""
    return [part.replace("~1", "/").replace("~0", "~") for part in handle.split("/")[1:]]


def size_of(value: Any) -> int:
    """Bytes of the value as JSON."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def sent_size(value: Any) -> int:
    """Bytes of the value as the SDK writes it: every character outside ASCII counts as six or twelve."""
    return len(json.dumps(value, separators=(",", ":")))


def is_handle(execution_id: object, value: Any) -> bool:
    """Whether a value is a handle of this very run."""
    return is_stored(value) and value[STORED].startswith(f"{execution_id}/")


def has_handles(execution_id: object, value: Any) -> bool:
    """Whether some member of an output is a handle."""
    return isinstance(value, dict) and any(is_handle(execution_id, member) for member in value.values())
