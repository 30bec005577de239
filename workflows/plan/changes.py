"""What differs between two texts of a plan, by step and field: how an edit is recorded, and shown to staff.

Takes any two JSON values, because a draft with errors has revisions too. Pure, like the rest of the language.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mudda.strictjson import child
from workflows.plan.canonical import canonical_text
from workflows.plan.comparing import same
from workflows.plan.schema import PLAN_FIELDS, STEP_FIELDS, normalise

Kind = Literal["added", "removed", "renamed", "moved", "changed"]

DEEPEST = 3
"""Members below a step that are told apart: ``inputs/questions/severity``, and no deeper."""

WHOLE = ("when",)
"""Fields whose members mean nothing alone."""


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes:
        kind: ``added``, ``removed``, ``renamed`` or ``moved`` of a step; ``changed`` of a field.
        step: The step's id in the newer text (in the older one for ``removed``); "" for the plan itself. A step
            without an id of its own is ``#1``, ``#2``, and the second of one id is ``<id>#2``.
        field: The field, members of an object below it as in a JSON pointer: ``inputs/message``. "" for the whole.
        title: The step's title, from the same text as ``step``.
        before, after: The values, None where there is none. For ``added`` and ``removed`` the step; for ``moved``
            the places, from 1; for ``renamed`` the ids.
        place: Where the step stands, from 1, in the text that ``step`` is from; 0 for the plan itself.
    """

    kind: Kind
    step: str = ""
    field: str = ""
    title: str = ""
    before: Any = None
    after: Any = None
    place: int = 0

    def as_dict(self) -> dict[str, Any]:
        """As stored and as the API shows it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Change:
        """From ``as_dict``; unknown members are ignored."""
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})


def compare(before: object, after: object) -> list[Change]:
    """What changed from one text to the next: the plan's own fields, then the steps in their new order, then
    what is gone. The same two texts always give the same list; equal ones an empty one.

    Raises:
        NotCanonical: one of them is no JSON value.
    """
    old, new = normalise(before), normalise(after)
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [] if same(old, new) else [Change("changed", before=old, after=new)]
    changes = list(_fields(old, new, PLAN_FIELDS, ("steps",), Change("changed")))
    steps = old.get("steps"), new.get("steps")
    if isinstance(steps[0], list) and isinstance(steps[1], list):
        return changes + _steps(_keyed(steps[0]), _keyed(steps[1]))
    return changes + (
        [] if same(*steps) else [Change("changed", field="steps", before=steps[0], after=steps[1])]
    )


Steps = dict[str, Any]
_ABSENT = object()


def _keyed(steps: list[Any]) -> Steps:
    """Each step by its id; those that have none, or one that is taken, by a key that no id can be."""
    keyed: Steps = {}
    counts: Counter[str] = Counter()
    for step in steps:
        step_id = step.get("step_id") if isinstance(step, dict) else None
        name = step_id if isinstance(step_id, str) else ""
        key = name
        while not key or key in keyed:
            counts[name] += 1
            key = f"{name}#{counts[name] + (name != '')}"
        keyed[key] = step
    return keyed


def _steps(old: Steps, new: Steps) -> list[Change]:
    was = {**{key: key for key in new if key in old}, **_renamed(old, new)}
    old_places = {key: place for place, key in enumerate(old, 1)}
    moved = _moved([old_places[was[key]] for key in new if key in was])
    changes: list[Change] = []
    for place, (key, step) in enumerate(new.items(), 1):
        here = Change("changed", step=key, title=_title(step), place=place)
        if key not in was:
            changes.append(_as(here, "added", None, step))
            continue
        if was[key] != key:
            changes.append(_as(here, "renamed", was[key], key))
        if old_places[was[key]] in moved:
            changes.append(_as(here, "moved", old_places[was[key]], place))
        changes += _of_step(old[was[key]], step, here)
    gone = set(old) - set(was.values())
    return changes + [
        Change("removed", step=key, title=_title(step), before=step, place=old_places[key])
        for key, step in old.items()
        if key in gone
    ]


def _renamed(old: Steps, new: Steps) -> dict[str, str]:
    """Steps that have another id and are the same otherwise, by their new id. Only where there is no doubt."""
    gone, come = _by_content(old, new), _by_content(new, old)
    return {
        come[content][0]: gone[content][0]
        for content in come
        if content in gone and len(come[content]) == len(gone[content]) == 1
    }


def _by_content(these: Steps, those: Steps) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, step in these.items():
        if key not in those and isinstance(step, dict):
            content = {name: value for name, value in step.items() if name not in ("step_id", "needs")}
            found.setdefault(canonical_text(content), []).append(key)
    return found


def _moved(places: list[int]) -> set[int]:
    """The fewest of ``places`` that have to be taken out for the rest to be in order."""
    tails: list[int] = []
    lengths: list[int] = []
    for place in places:
        at = bisect_left(tails, place)
        tails[at : at + 1] = [place]
        lengths.append(at + 1)
    kept: set[int] = set()
    wanted, below = len(tails), float("inf")
    for place, length in zip(reversed(places), reversed(lengths), strict=True):
        if length == wanted and place < below:
            kept.add(place)
            wanted, below = wanted - 1, place
    return set(places) - kept


def _of_step(old: Any, new: Any, here: Change) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        renamed = ("step_id",) if isinstance(old.get("step_id"), str) else ()
        yield from _fields(old, new, STEP_FIELDS, renamed, here)
    elif not same(old, new):
        yield _as(here, "changed", old, new)


def _fields(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    order: tuple[str, ...],
    without: tuple[str, ...],
    here: Change,
) -> Iterator[Change]:
    for name in _in_order({*old, *new}, order):
        if name in without:
            continue
        missing = {} if name == "inputs" else _ABSENT
        before, after = old.get(name, missing), new.get(name, missing)
        yield from _values(before, after, child("", name)[1:], 0 if name not in WHOLE else DEEPEST, here)


def _values(before: Any, after: Any, field: str, depth: int, here: Change) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict) and depth < DEEPEST - 1:
        for name in sorted({*before, *after}):
            below = child(field, name)
            yield from _values(before.get(name, _ABSENT), after.get(name, _ABSENT), below, depth + 1, here)
    elif before is _ABSENT or after is _ABSENT or not same(before, after):
        before, after = (None if value is _ABSENT else value for value in (before, after))
        yield Change("changed", here.step, field, here.title, before, after, here.place)


def _in_order(names: Iterable[str], order: tuple[str, ...]) -> list[str]:
    names = set(names)
    return [name for name in order if name in names] + sorted(names - set(order))


def _as(here: Change, kind: Kind, before: Any, after: Any) -> Change:
    return Change(kind, here.step, "", here.title, before, after, here.place)


def _title(step: Any) -> str:
    title = step.get("title") if isinstance(step, dict) else None
    return title if isinstance(title, str) else ""
