"""What a simulation tells: a timeline, the people, the messages, the approvals, the cost. Plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from workflows.plan.states import Finish

EntryKind = Literal["step", "compensation"]


@dataclass(frozen=True)
class Entry:
    """One line of the timeline.

    Attributes:
        kind: ``step``, or ``compensation`` for undoing the step.
        activity_id, done_by: What is done, and by ``program``, ``person`` or ``clock``.
        start_seconds, end_seconds: From the launch; the same for what was never begun.
        status: A step's at the end of the run; ``completed`` or ``failed`` for a compensation.
        reason: Why it was skipped, cancelled or failed.
        inputs: References resolved; None for what was never begun.
    """

    step_id: str
    title: str
    activity_id: str
    done_by: str
    start_seconds: int
    end_seconds: int
    status: str
    reason: str = ""
    inputs: dict[str, Any] | None = None
    kind: EntryKind = "step"


@dataclass(frozen=True)
class Involved:
    """Somebody who has a part in the run: ``group:<group>`` or a role, and in which steps."""

    who: str
    step_ids: tuple[str, ...]


@dataclass(frozen=True)
class Message:
    """A message that would be sent, in its own words: see ``messages.Words``. ``to`` are roles."""

    step_id: str
    to: tuple[str, ...]
    channel: str
    subject: str
    text: str


@dataclass(frozen=True)
class AskedApproval:
    """An approval that would be asked for; times in seconds from the launch, ``due`` in working time.

    ``decided_seconds`` and ``approved`` are None where the run stops before anybody decides.
    """

    step_id: str
    title: str
    group: str
    reason: str
    four_eyes: bool
    due: str | None
    asked_seconds: int
    decided_seconds: int | None = None
    approved: bool | None = None


@dataclass(frozen=True)
class Escalation:
    """A failure that would be put to a group, and the answer that was assumed; "" where the run stops before."""

    step_id: str
    group: str
    code: str
    message: str
    asked_seconds: int
    answer: str = ""


@dataclass(frozen=True)
class Simulation:
    """A run as it would go.

    Attributes:
        timeline: By start, then in the plan's order.
        people: By name.
        messages, approvals, escalations: In the order in which they happen.
        total_cost: Of all that was begun, compensations included, in the city's currency.
        total_seconds: From the launch to the end.
        finish: How it ends.
    """

    timeline: tuple[Entry, ...]
    people: tuple[Involved, ...]
    messages: tuple[Message, ...]
    approvals: tuple[AskedApproval, ...]
    escalations: tuple[Escalation, ...]
    total_cost: float
    total_seconds: int
    finish: Finish

    def to_json(self) -> dict[str, Any]:
        """As a JSON object with every field."""
        lists = ("timeline", "people", "messages", "approvals", "escalations")
        return {
            **{name: [_plain(one) for one in getattr(self, name)] for name in lists},
            "total_cost": self.total_cost,
            "total_seconds": self.total_seconds,
            "finish": self.finish.to_json(),
        }


def _plain(one: Any) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(one).items()}
