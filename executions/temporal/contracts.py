"""What the workflow and its activities say to each other. Messages only grow: new fields have defaults.

Plain dataclasses of JSON values; no Django, so that Temporal's sandbox can load them.
"""

from dataclasses import dataclass, field
from typing import Any

PLAN_WORKFLOW = "PlanWorkflow"
ASK_APPROVAL = "ask_approval"
NOTE_PROGRESS = "note_progress"
FINISH_EXECUTION = "finish_execution"
TASK_DECIDED = "task_decided"
STEER = "steer"
ESCALATE = "escalate"
"""Names on the wire. The activity that does a step is named by its ``activity_id``."""

PAUSE, RESUME, CANCEL = "pause", "resume", "cancel"
"""What a person can tell a run to do."""

EXECUTION_OVER = "execution_over"
"""The error type of what belongs to no run any more: a Temporal workflow that was reset after its run had ended."""

WITHDRAWN = "withdrawn"
"""The error type of an attempt that nobody needs any more: the step's row says why."""

INFRASTRUCTURE = "infrastructure"
"""The error type of trouble that is not the step's own: retried, and never counted against it."""


@dataclass
class RunState:
    """What a run knows after it has continued as new: everything but its history.

    ``states`` are StepStates by step id; ``asked`` maps task ids to step ids; ``timers`` are the ends of clocks
    (RFC 3339) by step id; ``decisions`` are those that no step waits for yet; ``heard`` are message ids; ``steered``
    is the number of the last Steer that counted.
    """

    states: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    timers: dict[str, str] = field(default_factory=dict)
    decisions: list["TaskDecided"] = field(default_factory=list)
    unsaved: list["Carried"] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    paused: bool = False
    cancelling: bool = False
    steered: int = 0


@dataclass
class RunInput:
    """What a Temporal workflow starts with: the compiled plan and what it may read, frozen."""

    execution_id: str
    compiled: dict[str, Any]
    issue: dict[str, Any]
    data: dict[str, Any]
    state: RunState = field(default_factory=RunState)


@dataclass
class Carried:
    """The state of a step that the workflow itself decided; it rides along with the next activity."""

    step_id: str
    status: str
    output: Any = None
    error: dict[str, str] | None = None
    reason: str = ""


@dataclass
class StepCall:
    """Do one step (or ask for the approval it needs)."""

    execution_id: str
    step_id: str
    activity_id: str
    inputs: dict[str, Any]
    timeout_seconds: int
    max_attempts: int
    carried: list[Carried] = field(default_factory=list)
    compensating: bool = False


@dataclass
class StepAnswer:
    """``output`` when the step is done; ``task_id`` when a person has been asked and the step waits."""

    output: Any = None
    task_id: str | None = None


@dataclass
class TaskDecided:
    """A person, or a deadline, has decided.

    ``then``: ``answer`` (the step's output), ``approved``, ``rejected``, ``again`` (do the step again), ``retry``,
    ``skip``, ``stop`` (about a failed step), or ``fail`` with ``code``.
    """

    message_id: str
    task_id: str
    step_id: str
    then: str
    answer: Any = None
    reason: str = ""
    code: str = ""


@dataclass
class Steer:
    """A person steers the run: ``pause`` or ``resume``. Cancelling is Temporal's own cancel request.

    ``number`` grows with every wish for the run, so that the later one counts whichever arrives first; 0 is of a
    sender that didn't count yet.
    """

    message_id: str
    action: str
    number: int = 0


@dataclass
class EscalateCall:
    """Ask a group what to do about a failed step. ``asking`` tells this question from others about the same step."""

    execution_id: str
    step_id: str
    group: str
    failure: dict[str, str]
    carried: list[Carried] = field(default_factory=list)
    asking: str = ""


@dataclass
class ProgressCall:
    """Tell the read side what the workflow decided when no other activity does.

    ``hurry``: the run has begun to stop, and awaits activities that may have been put off for long.
    """

    execution_id: str
    carried: list[Carried] = field(default_factory=list)
    hurry: bool = False


@dataclass
class FinishCall:
    """The end of a run: ``outcome`` is completed, failed or cancelled."""

    execution_id: str
    outcome: str
    failure: dict[str, str] | None = None
    step_id: str | None = None
    carried: list[Carried] = field(default_factory=list)
    compensation_failed: list[str] = field(default_factory=list)
