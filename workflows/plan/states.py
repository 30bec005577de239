"""What is known of a run, and what the decider says of it: plain data.

Loads inside Temporal's sandbox: standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal


class StepStatus(StrEnum):
    """Where a step of a run stands."""

    pending = "pending"
    waiting = "waiting"
    running = "running"
    completed = "completed"
    failed = "failed"
    skipped = "skipped"
    compensated = "compensated"
    cancelled = "cancelled"


# What decisions ask of every step: in Python 3.11 each StepStatus.x is a call, and hashing or comparing members more.
IS_PENDING, IS_WAITING, IS_RUNNING = StepStatus.pending, StepStatus.waiting, StepStatus.running
IS_COMPLETED, IS_FAILED = StepStatus.completed, StepStatus.failed

ENDED = frozenset(
    {
        StepStatus.completed, StepStatus.failed, StepStatus.skipped,
        StepStatus.compensated, StepStatus.cancelled,
    }
)  # fmt: skip

Undoing = Literal["", "running", "done", "failed"]


@dataclass(frozen=True)
class Failure:
    """Why a step failed for good: a stable code and a sentence."""

    code: str
    message: str

    def to_json(self) -> dict[str, str]:
        """``{code, message}``."""
        return {"code": self.code, "message": self.message}


@dataclass(frozen=True)
class StepState:
    """One step of a run.

    Attributes:
        status: Where it stands.
        approved: A person has agreed to it.
        output: What it gave, a JSON value, once completed.
        failure: Why it failed; why its compensation did, when ``compensation`` is ``failed``.
        reason: Why it was skipped or cancelled, for people.
        escalated: A person has been asked what to do about its failure: ``waiting`` until the answer is there,
            ``failed`` when the answer was to stop.
        completion: Its place in the order of completions, 1 for the first. The shell counts.
        compensation: How undoing it stands; ``done`` goes with the status ``compensated``.
    """

    status: StepStatus = StepStatus.pending
    approved: bool = False
    output: Any = None
    failure: Failure | None = None
    reason: str = ""
    escalated: bool = False
    completion: int | None = None
    compensation: Undoing = ""

    def to_json(self) -> dict[str, Any]:
        """As a JSON object with every field."""
        return {
            "status": self.status.value,
            "approved": self.approved,
            "output": self.output,
            "failure": self.failure and self.failure.to_json(),
            "reason": self.reason,
            "escalated": self.escalated,
            "completion": self.completion,
            "compensation": self.compensation,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StepState:
        """From ``to_json``; unknown fields are ignored, missing ones take their default."""
        failure = data.get("failure")
        return cls(
            StepStatus(data.get("status", "pending")),
            bool(data.get("approved", False)),
            data.get("output"),
            None if failure is None else Failure(failure["code"], failure["message"]),
            data.get("reason", ""),
            bool(data.get("escalated", False)),
            data.get("completion"),
            data.get("compensation", ""),
        )


@dataclass(frozen=True)
class Context:
    """What a run was launched with: the issue (roles as opaque text) and the caller's data."""

    issue: dict[str, Any]
    data: dict[str, Any]


@dataclass(frozen=True)
class AskApproval:
    """Ask a person to agree to this step."""

    step_id: str


@dataclass(frozen=True)
class Start:
    """Start this step with these inputs, references resolved."""

    step_id: str
    inputs: dict[str, Any]


@dataclass(frozen=True)
class Escalate:
    """Ask the group what to do about this step's failure: again, skip, answer by hand, or stop."""

    step_id: str
    group: str
    failure: Failure


@dataclass(frozen=True)
class Compensate:
    """Undo this completed step by this activity, with these inputs, references resolved."""

    step_id: str
    activity_id: str
    inputs: dict[str, Any]


Move = AskApproval | Start | Escalate | Compensate


@dataclass(frozen=True)
class Finish:
    """The run is over.

    Attributes:
        outcome: How it ended.
        failure, step_id: For ``failed``: the failure and the step that made it fail.
        compensation_failed: The steps that should have been undone and were not, in the plan's order.
    """

    outcome: Literal["completed", "failed", "cancelled"]
    failure: Failure | None = None
    step_id: str | None = None
    compensation_failed: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As a JSON object with every field."""
        return {
            "outcome": self.outcome,
            "failure": self.failure and self.failure.to_json(),
            "step_id": self.step_id,
            "compensation_failed": list(self.compensation_failed),
        }


@dataclass(frozen=True)
class Decision:
    """What to do now.

    Attributes:
        states: Every step of the plan; skips and failures that follow from what happened are settled.
        moves: What to begin, in the plan's order.
        withdraw: Steps to stop waiting for, because the run is stopping: ``cancelled`` in ``states``, or
            ``failed`` again where a person had been asked about the failure.
        finish: Set when nothing is left to do or to wait for.
        stopping: The run has begun to stop; nothing but undoing is begun any more.
    """

    states: dict[str, StepState]
    moves: tuple[Move, ...] = ()
    withdraw: tuple[str, ...] = ()
    finish: Finish | None = None
    stopping: bool = False


PENDING = StepState()


def has_ended(state: StepState) -> bool:
    """Whether the status is one of ``ENDED``."""
    status = state.status
    return status is not IS_PENDING and status is not IS_WAITING and status is not IS_RUNNING
