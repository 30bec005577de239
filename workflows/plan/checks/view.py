"""What the checks have understood of each step, so that one broken step doesn't hide the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from workflows.plan.activity import ActivitySpec, Schema, output_schema
from workflows.plan.references import BadReference, Reference, find

Found = tuple[str, bool, Reference | BadReference]
"""As ``workflows.plan.references.find`` tells it."""


@dataclass
class StepView:
    """A step of a document that may have problems.

    Attributes:
        index: Place in the plan.
        pointer: ``/steps/<index>``.
        raw: The step as written, with null fields left out.
        step_id: The id when it is good and the first of its name, else None.
        spec: The activity when the catalogue has it.
        needs: Ids of needed steps that exist (self included), written or by default.
    """

    index: int
    pointer: str
    raw: dict[str, Any]
    step_id: str | None = None
    spec: ActivitySpec | None = None
    needs: list[str] = field(default_factory=list)

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs, {} when they aren't an object."""
        found = self.raw.get("inputs")
        return found if isinstance(found, dict) else {}

    @property
    def compensation_inputs(self) -> dict[str, Any]:
        """The inputs of ``compensate``, {} when there are none."""
        compensate = self.raw.get("compensate")
        found = compensate.get("inputs") if isinstance(compensate, dict) else None
        return found if isinstance(found, dict) else {}

    @cached_property
    def input_references(self) -> list[Found]:
        """What its inputs read, found once: several checks ask."""
        return list(find(self.inputs, f"{self.pointer}/inputs"))

    @cached_property
    def condition_references(self) -> list[Found]:
        """What its condition reads."""
        return list(find(self.raw.get("when"), f"{self.pointer}/when"))

    @cached_property
    def compensation_references(self) -> list[Found]:
        """What the inputs of its compensation read."""
        return list(find(self.compensation_inputs, f"{self.pointer}/compensate/inputs"))

    @cached_property
    def output(self) -> Schema | None:
        """The schema of its output; None when the activity isn't known."""
        return None if self.spec is None else output_schema(self.spec, self.inputs)


Views = Mapping[str, StepView]
