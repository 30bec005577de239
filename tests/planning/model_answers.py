"""What a model writes when it keeps to the form."""

import json

from workflows.planning.base import DraftRequest, Passage

REQUEST = DraftRequest("Water leak at 123 Main St")
RULES = Passage(
    7, "0b6f5c1e-4a8e-4b7e-9d55-0c7f3d7a1b22", 3, "Water > Leaks", "A crew looks at a leak within 4 hours."
)
OTHER_RULES = Passage(9, "5a1e1b7c-93e5-4a0a-8a53-6f4f2f0b3c44", 1, "Parks > Dogs", "Dogs are on a lead.")


def step(step_id="tell", activity_id="send_notification", **changes):
    inputs = changes.pop(
        "inputs",
        [
            {"name": "to", "value_json": '"{{ issue.reporter }}"'},
            {"name": "message", "value_json": '"We are on our way."'},
        ],
    )
    usual = {
        "step_id": step_id, "activity_id": activity_id, "title": "Tell the reporter", "reason": "They asked.",
        "needs": [], "when_json": None, "requires_approval": None, "due": None, "overdue": None,
        "on_failure": "fail", "inputs": inputs, "compensate": None,
    }  # fmt: skip
    return {**usual, **changes}


def plan(*steps):
    return {"workflow_name": "Answer a leak", "description": "Tell.", "steps": list(steps) or [step()]}


def answer(*steps):
    """The model's plan, as text."""
    return json.dumps({"plan": plan(*steps)})


def revision(*steps, account=("Told the reporter.",)):
    """The model's other text of a plan, as text."""
    return json.dumps({"plan": plan(*steps), "account": list(account)})


def choice(*activities, policies=None, reason="A leak wants a crew.", **facts):
    """The model's choice of what is relevant, as text."""
    usual = {
        "category": "water_leak", "confidence": 0.9, "place": "123 Main St", "urgency": "high",
        "people_affected": None, "sure": {"place": 0.8, "urgency": 0.7, "people_affected": 0.0},
    }  # fmt: skip
    chosen = {
        "facts": {**usual, **facts},
        "activities": list(activities or ("inspect_site", "dispatch_crew")),
        "reason": reason,
    }
    return json.dumps(chosen if policies is None else {**chosen, "policies": policies})
