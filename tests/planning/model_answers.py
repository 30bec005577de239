"""What a model writes when it keeps to the form."""

import json

from workflows.planning.base import DraftRequest

REQUEST = DraftRequest("Water leak at 123 Main St")


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
        "needs": [], "when_json": None, "requires_approval": None, "due": None, "on_failure": "fail",
        "inputs": inputs,
    }  # fmt: skip
    return {**usual, **changes}


def answer(*steps, **facts):
    usual = {"category": "water_leak", "confidence": 0.9, "place": "123 Main St", "urgency": "high"}
    plan = {"workflow_name": "Answer a leak", "description": "Tell.", "steps": list(steps) or [step()]}
    return json.dumps({"facts": {**usual, **facts}, "plan": plan})
