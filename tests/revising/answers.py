"""What a model answers when it is asked to revise."""

import copy

from workflows.planning.answers import show_plan

KEYS = (
    "step_id", "activity_id", "title", "reason", "needs", "when_json", "requires_approval", "due", "overdue",
    "on_failure", "inputs", "compensate",
)  # fmt: skip


def revision(document, *account):
    """An answer with this plan, in the form in which models write it."""
    plan = show_plan(copy.deepcopy(document))
    plan["steps"] = [
        {key: step.get(key) for key in KEYS} | {"reason": step.get("reason", "")} for step in plan["steps"]
    ]
    return {"plan": plan, "account": list(account)}


def with_police(document):
    """The plan, with the traffic police told first of all."""
    police = {
        "step_id": "tell_police",
        "activity_id": "send_notification",
        "title": "Tell the traffic police",
        "reason": "They keep the lane free.",
        "needs": [],
        "inputs": {"to": "department:traffic", "message": "A lane will be closed at {{ issue.address }}."},
    }
    return {**document, "steps": [police, *document["steps"]]}
