"""Changing a plan's document step by step. Pure: each takes a document of any shape and gives another."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

LONGEST_ID = 63
Step = dict[str, Any]


def steps_in(document: Any) -> list[Any]:
    """The steps of a document, whatever they are; none where there is no list of them."""
    steps = document.get("steps") if isinstance(document, dict) else None
    return list(steps) if isinstance(steps, list) else []


def with_steps(document: Any, steps: list[Any]) -> dict[str, Any]:
    return {**(document if isinstance(document, dict) else {}), "steps": steps}


def place_of(document: Any, step_id: str) -> int | None:
    """Where the first step of that id stands, from 0."""
    found = (at for at, step in enumerate(steps_in(document)) if id_of(step) == step_id)
    return next(found, None)


def id_of(step: Any) -> str:
    value = step.get("step_id") if isinstance(step, dict) else None
    return value if isinstance(value, str) else ""


def needs_of(step: Any) -> list[str]:
    """What a step waits for, without what is no id."""
    needs = step.get("needs") if isinstance(step, dict) else None
    return [one for one in needs if isinstance(one, str)] if isinstance(needs, list) else []


def moved(document: Any, at: int, by: int) -> dict[str, Any]:
    """A step moved up (-1) or down (1) in the list; at an end it stays. What starts when is said by ``needs``, which
    stay as they are."""
    steps = steps_in(document)
    to = at + by
    if 0 <= to < len(steps):
        steps[at], steps[to] = steps[to], steps[at]
    return with_steps(document, steps)


def replaced(document: Any, at: int, step: Step) -> dict[str, Any]:
    steps = steps_in(document)
    steps[at] = step
    return with_steps(document, steps)


def removed(document: Any, at: int) -> dict[str, Any]:
    """Without a step. What waited for it waits for what it waited for, so that nothing begins earlier."""
    steps = steps_in(document)
    gone = steps.pop(at)
    if id_of(gone):
        steps = [_waiting_instead(step, id_of(gone), needs_of(gone)) for step in steps]
    return with_steps(document, steps)


def inserted(document: Any, after: str, step: Step, *, between: bool) -> dict[str, Any]:
    """With a new step that waits for ``after``, "" for none, and stands behind it.

    Args:
        between: what waited for ``after`` waits for the new step instead.
    """
    steps = steps_in(document)
    at = place_of(document, after) if after else None
    if between and after:
        steps = [_waiting_instead(one, after, [step["step_id"]]) for one in steps]
    steps.insert(0 if at is None else at + 1, {**step, "needs": [after] if at is not None else []})
    return with_steps(document, steps)


def _waiting_instead(step: Any, gone: str, instead: Iterable[str]) -> Any:
    if gone not in needs_of(step):
        return step
    needs = [new for one in step["needs"] for new in (instead if one == gone else [one])]
    return {**step, "needs": list(dict.fromkeys(needs))}


def new_id(title: str, document: Any) -> str:
    """An id for a new step, made from its title; no other step has it."""
    words = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_") or "step"
    base = (words if words[0].isalpha() else f"step_{words}")[: LONGEST_ID - 4].rstrip("_")
    taken = {id_of(step) for step in steps_in(document)}
    names = (f"{base}_{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken else next(name for name in names if name not in taken)


def before(document: Any, needs: Iterable[str]) -> list[Step]:
    """The steps that have ended when these have, in the plan's order."""
    by_id: dict[str, Any] = {}
    for step in steps_in(document):
        by_id.setdefault(id_of(step), step)
    found: set[str] = set()
    todo = [one for one in needs if one in by_id]
    while todo:
        if (one := todo.pop()) not in found:
            found.add(one)
            todo += [other for other in needs_of(by_id[one]) if other in by_id]
    return [step for step_id, step in by_id.items() if step_id and step_id in found]


def with_fields(data: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """With members set; one that is None is left out."""
    return {name: value for name, value in {**data, **changes}.items() if value is not None}
