"""What happens in runs: to themselves, their steps and people's tasks."""

from mudda.event_types import register_type

_STEP = {"step_id": "which step of the plan"}
_TASK = {"task": "the task's id", **_STEP}
_LINK = {"link": "the id of the signed link, if it was done through one", "role": "whose link"}
_STEERING = {"steering": "the id of the row that says why"}

register_type(
    "execution.launched", "A run is to be started.", {"execution": "the run's id", "digest": "of what runs"}
)
register_type("execution.started", "A worker has begun.")
register_type(
    "execution.payloads_read",
    "Somebody of the staff was shown in Temporal's own pages what it holds, decrypted.",
    offered=False,
)
register_type("execution.paused", "Somebody paused it: no further step begins.", _STEERING)
register_type("execution.resumed", "Somebody let it go on.", _STEERING)
register_type("execution.cancel_requested", "Somebody wants it cancelled.", _STEERING)
register_type("execution.completed", "All is done.")
register_type(
    "execution.failed", "It ended with a failure.", {"code": "why", **_STEP}, optional=("code", "step_id")
)
register_type(
    "execution.cancelled",
    "It was cancelled.",
    {"code": "why, where it failed besides", **_STEP},
    optional=("code", "step_id"),
)

register_type(
    "step.started", "An attempt has begun.", {**_STEP, "attempt": "1 for the first; also repeated ones"}
)
register_type("step.attempt_failed", "An attempt failed; there will be another.", {**_STEP, "code": "why"})
register_type(
    "step.failed", "It failed for good.", {**_STEP, "code": "why, where an attempt did"}, optional=["code"]
)
register_type("step.waiting", "It waits, for a person or a time.", _STEP)
register_type("step.running", "It goes on.", _STEP)
register_type("step.completed", "It is done.", _STEP)
register_type("step.skipped", "It is left out.", _STEP)
register_type("step.cancelled", "It is not done, because the run ends.", _STEP)
register_type("step.pending", "It will be tried again, as somebody decided.", _STEP)
register_type("step.undoing", "What it did is being undone.", {**_STEP, "activity": "how"})
register_type("step.compensated", "What it did was undone.", _STEP)
register_type("step.undoing_failed", "What it did could not be undone.", {**_STEP, "code": "why"})

register_type(
    "task.opened", "A person has something to do.", {**_TASK, "kind": "what", "group": "who may do it"}
)
register_type("task.claimed", "Somebody took it.", _TASK)
register_type("task.released", "It was given back to its group.", {**_TASK, "was": "the account that had it"})
register_type(
    "task.reassigned",
    "It was handed on.",
    {
        **_TASK,
        "group": "whose it is now",
        "user": "the account that has it now, or null",
        "from_group": "whose it was",
        "from_user": "the account that had it, or null",
    },
)
register_type("task.held", "Its clock was stopped.", _TASK)
register_type("task.resumed", "Its clock goes on.", {**_TASK, "due_at": "when it is due now, or null"})
register_type(
    "task.reminded",
    "It is late, and people were reminded.",
    {**_TASK, "reminders": "how often by now", "letters": "how many letters were written"},
)
register_type(
    "task.escalated",
    "It is late, and another group has it.",
    {**_TASK, "from": "the group before", "to": "the group now", "letters": "how many letters were written"},
)
register_type(
    "task.expired", "Nobody did it in time.", {**_TASK, "then": "`answer` with what was agreed, or `fail`"}
)
register_type(
    "task.accepted",
    "A crew comes.",
    {**_TASK, "arrival_at": "when it means to be there", **_LINK},
    optional=_LINK,
)
register_type("task.declined", "A crew can't come.", {**_TASK, **_LINK}, optional=_LINK)
register_type("task.decided", "Somebody decided it.", {**_TASK, "outcome": "how", **_LINK}, optional=_LINK)
register_type("task.withdrawn", "It doesn't matter any more.", _TASK)
register_type(
    "task.file_added", "A file came with it.", {**_TASK, "upload": "the file's id", **_LINK}, optional=_LINK
)
register_type(
    "task.link_given", "A signed link was made.", {**_TASK, "link": "the link's id", "role": "for whom"}
)
register_type("task.links_revoked", "Signed links were withdrawn.", {**_TASK, "links": "how many"})
register_type("execution.overdue", "It is past its due time and not over.", {"due_at": "when it was due"})
