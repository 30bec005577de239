"""The catalogue: which activities a plan may name, and the registry of those that are offered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from workflows.plan.activity import (
    ACTIVITY_ID,
    GROUPS,
    ISSUE_FIELDS,
    ROLE_FIELDS,
    ActivitySpec,
    output_schema,
)
from workflows.plan.core import CORE
from workflows.plan.schema import Approval, Retry, canonical_text

__all__ = [
    "CORE", "CORE_CATALOGUE", "GROUPS", "ISSUE_FIELDS", "ROLE_FIELDS",
    "ActivitySpec", "Approval", "Catalogue", "Retry", "offer", "offered", "output_schema",
]  # fmt: skip


class Catalogue(Mapping[str, ActivitySpec]):
    """An immutable set of activities by name, in the order of their names."""

    def __init__(self, specs: Iterable[ActivitySpec]) -> None:
        """Raises ValueError when two activities have the same name or a name isn't allowed."""
        found: dict[str, ActivitySpec] = {}
        for spec in sorted(specs, key=lambda spec: spec.activity_id):
            if not ACTIVITY_ID.fullmatch(spec.activity_id):
                raise ValueError(f"{spec.activity_id!r} is not a name for an activity")
            if spec.activity_id in found:
                raise ValueError(f"the activity {spec.activity_id!r} is named twice")
            found[spec.activity_id] = spec
        self._specs = found

    def __getitem__(self, activity_id: str) -> ActivitySpec:
        return self._specs[activity_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    def subset(self, activity_ids: Iterable[str]) -> Catalogue:
        """Only these activities. Raises KeyError for one that isn't here."""
        return Catalogue(self._specs[activity_id] for activity_id in set(activity_ids))

    def to_json(self) -> dict[str, Any]:
        """``{"activities": {<activity_id>: {...}}}`` with everything that matters to a plan."""
        return {"activities": {name: spec.to_json() for name, spec in self._specs.items()}}

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of the canonical text of ``to_json``: changes when any activity does."""
        return hashlib.sha256(canonical_text(self.to_json()).encode()).hexdigest()


CORE_CATALOGUE = Catalogue(CORE.values())

_offered: dict[str, ActivitySpec] = {}
_snapshot: list[Catalogue] = []


def offer(spec: ActivitySpec) -> None:
    """Say that this process knows an activity with an implementation; done once per activity at start-up.

    Offering the very same again changes nothing. Raises ValueError for another under the same name.
    """
    known = _offered.get(spec.activity_id)
    if known is not None and known != spec:
        raise ValueError(f"another activity {spec.activity_id!r} is offered already")
    Catalogue([spec])
    _offered[spec.activity_id] = spec
    _snapshot.clear()


def offered() -> Catalogue:
    """The activities offered so far: what plans are validated against and compiled with."""
    if not _snapshot:
        _snapshot.append(Catalogue(_offered.values()))
    return _snapshot[0]
