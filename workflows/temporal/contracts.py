"""What the drafting workflow and its activities say to each other: ids and codes, never what a citizen wrote.

Messages only grow: new fields have defaults. No Django, so that Temporal's sandbox can load them.
"""

from dataclasses import dataclass

DRAFTING_WORKFLOW = "DraftingWorkflow"
ASK_THE_PLANNER = "ask_the_planner"
GIVE_UP_ASKING = "give_up_asking"
"""Names on the wire."""

PREFIX = "mudda-drafting-"
"""A Temporal workflow's id is this and the PlannerRun's id."""

INFRASTRUCTURE = "infrastructure"
"""The error type of trouble that may pass."""

BEAT_EVERY = 10.0
"""Seconds between heartbeats of an activity that waits for a model: each that reaches the server is billed."""


def planner_queue(task_queue: str) -> str:
    """The task queue of planner activities: they may take minutes, and must not keep a run's steps waiting."""
    return f"{task_queue}-planner"


@dataclass
class Asked:
    """A PlannerRun to carry out, and the task queue of the activities that do it."""

    run_id: str
    queue: str


@dataclass
class GivenUp:
    """A PlannerRun that the planner failed on for good."""

    run_id: str
    code: str
    message: str
