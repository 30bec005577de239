"""A compiled plan: everything that a run needs, frozen at launch.

It is the input of the Temporal workflow, so its JSON form only ever grows: ``from_json`` ignores fields
that it doesn't know and has a default for every field that came later.

Loads inside Temporal's sandbox: standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from workflows.plan.schema import Approval, Overdue, Retry

CompiledOverdue = Overdue
"""Nothing of the catalogue joins it, so it is compiled as it is written."""


@dataclass(frozen=True)
class CompiledCompensation:
    """What undoes a completed step, with what the catalogue says of that activity joined.

    Attributes:
        activity_id, inputs: As in the plan (inputs still with references).
        timeout_seconds, give_up_after_seconds, heartbeat_seconds, retry, effect, local_ok, typical_seconds,
            cost: As in ``ActivitySpec``; a plan can't change them.
        input_schema, output_schema: JSON Schemas that its resolved inputs and its output must satisfy.
    """

    activity_id: str
    inputs: dict[str, Any] = field(default_factory=dict)
    timeout_seconds: int = 60
    give_up_after_seconds: int = 30 * 86_400
    retry: Retry = Retry()
    effect: str = "none"
    local_ok: bool = False
    output_schema: dict[str, Any] = field(default_factory=dict)
    heartbeat_seconds: int | None = None
    typical_seconds: int = 5
    cost: float = 0
    input_schema: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object with every field."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        data["retry"] = self.retry.to_json()
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CompiledCompensation:
        """From ``to_json``; unknown fields are ignored, later ones take their default."""
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        known["retry"] = Retry() if known.get("retry") is None else Retry.from_json(known["retry"])
        return cls(**known)


@dataclass(frozen=True)
class CompiledStep:
    """One step with what the plan says and what the catalogue says joined.

    Attributes:
        step_id, activity_id, title, inputs, when, due: As in the plan (inputs still with references).
        done_by: ``program``, ``person`` or ``clock``.
        needs: The steps that must have ended before this one starts.
        approval: The stronger of plan and catalogue, or None.
        timeout_seconds, give_up_after_seconds, heartbeat_seconds: As in ``ActivitySpec``.
        retry: The catalogue's, changed by the plan's.
        on_failure: ``fail``, ``continue`` or ``escalate``.
        effect, local_ok, ends_when_told, typical_seconds, cost: As in ``ActivitySpec``.
        input_schema: JSON Schema that the step's inputs must satisfy once references are resolved.
        output_schema: JSON Schema that the step's output must satisfy.
        escalate_to: The group that is asked, for ``escalate``.
        compensate: What undoes it once it has completed, or None.
        overdue: For a person's step: what happens when it isn't done in time; None to remind and wait.
    """

    step_id: str
    activity_id: str
    title: str
    done_by: str
    needs: tuple[str, ...] = ()
    inputs: dict[str, Any] = field(default_factory=dict)
    when: dict[str, Any] | None = None
    approval: Approval | None = None
    due: str | None = None
    timeout_seconds: int = 60
    give_up_after_seconds: int = 30 * 86_400
    heartbeat_seconds: int | None = None
    retry: Retry = Retry()
    on_failure: str = "fail"
    effect: str = "none"
    local_ok: bool = False
    ends_when_told: bool = False
    output_schema: dict[str, Any] = field(default_factory=dict)
    escalate_to: str = ""
    compensate: CompiledCompensation | None = None
    overdue: CompiledOverdue | None = None
    typical_seconds: int = 5
    cost: float = 0
    input_schema: dict[str, Any] = field(default_factory=dict)

    @property
    def withdrawable(self) -> bool:
        """Whether it may be withdrawn while it runs: it waits for a person's answer or for a clock."""
        return self.done_by in ("person", "clock") and not self.ends_when_told

    def to_json(self) -> dict[str, Any]:
        """As a JSON object with every field."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        data["needs"] = list(self.needs)
        data["approval"] = self.approval and self.approval.to_json()
        data["retry"] = self.retry.to_json()
        data["compensate"] = self.compensate and self.compensate.to_json()
        data["overdue"] = self.overdue and self.overdue.to_json()
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CompiledStep:
        """From ``to_json``; unknown fields are ignored, later ones take their default."""
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        known["needs"] = tuple(known.get("needs", ()))
        approval, retry = known.get("approval"), known.get("retry")
        known["approval"] = None if approval is None else Approval.from_json(approval)
        known["retry"] = Retry() if retry is None else Retry.from_json(retry)
        compensate, overdue = known.get("compensate"), known.get("overdue")
        known["compensate"] = None if compensate is None else CompiledCompensation.from_json(compensate)
        known["overdue"] = None if overdue is None else CompiledOverdue.from_json(overdue)
        return cls(**known)


@dataclass(frozen=True)
class Graph:
    """What the scheduler would otherwise compute at every move.

    Attributes:
        order: The steps, each after all of its needs; the plan's order where that leaves a choice.
        position: Place of each step in the plan, by step id.
        titles: Step titles by step id.
        escalating: The steps whose failure a person is asked about.
    """

    order: tuple[CompiledStep, ...]
    position: dict[str, int]
    titles: dict[str, str]
    escalating: tuple[CompiledStep, ...] = ()

    @classmethod
    def of(cls, steps: tuple[CompiledStep, ...]) -> Graph:
        """Raises ValueError when steps need each other in a circle or need one that isn't there."""
        order: list[CompiledStep] = []
        placed: set[str] = set()
        waiting = list(steps)
        while waiting:
            later = []
            for step in waiting:
                if placed.issuperset(step.needs):
                    order.append(step)
                    placed.add(step.step_id)
                else:
                    later.append(step)
            if len(later) == len(waiting):
                raise ValueError("the steps of a compiled plan need each other in a circle")
            waiting = later
        return cls(
            tuple(order),
            {step.step_id: index for index, step in enumerate(steps)},
            {step.step_id: step.title for step in steps},
            tuple(step for step in steps if step.on_failure == "escalate"),
        )


@dataclass(frozen=True)
class CompiledPlan:
    """A plan ready to be carried out.

    Attributes:
        digest: Of the plan's revision.
        catalogue_digest: Of the catalogue it was compiled with.
        workflow_name: For people.
        steps: In the plan's order.
        due: The whole plan's target, a working-time duration; None for the category's.
    """

    digest: str
    catalogue_digest: str
    workflow_name: str
    steps: tuple[CompiledStep, ...]
    due: str | None = None

    @cached_property
    def graph(self) -> Graph:
        """Computed once per plan object."""
        return Graph.of(self.steps)

    @cached_property
    def by_id(self) -> dict[str, CompiledStep]:
        """The steps by step id."""
        return {step.step_id: step for step in self.steps}

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; ``from_json`` reads it back."""
        return {
            "digest": self.digest,
            "catalogue_digest": self.catalogue_digest,
            "workflow_name": self.workflow_name,
            "due": self.due,
            "steps": [step.to_json() for step in self.steps],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CompiledPlan:
        """From ``to_json``, also of another version of this program; unknown fields are ignored."""
        return cls(
            data["digest"],
            data["catalogue_digest"],
            data["workflow_name"],
            tuple(CompiledStep.from_json(step) for step in data["steps"]),
            data.get("due"),
        )
