"""What a model answers to the two questions of a draft."""

STATEMENT = "Water leak at 123 Main St, it runs over the sidewalk"


def choice(**facts):
    """What is relevant."""
    usual = {
        "category": "water_leak", "confidence": 0.95, "place": "123 Main St", "urgency": "high",
        "people_affected": None, "sure": {"place": 0.9, "urgency": 0.9, "people_affected": 0.0},
    }  # fmt: skip
    activities = ["update_issue", "send_notification"]
    return {"facts": {**usual, **facts}, "activities": activities, "reason": "A leak."}


def plan(title="Tell the reporter what happens"):
    """A plan of one step that can be approved."""
    inputs = {"to": '"{{ issue.reporter }}"', "message": '"A crew is on its way."'}
    step = {
        "step_id": "tell", "activity_id": "send_notification", "title": title, "reason": "They asked.",
        "needs": [], "when_json": None, "requires_approval": None, "due": None, "overdue": None,
        "on_failure": "fail", "compensate": None,
        "inputs": [{"name": name, "value_json": value} for name, value in inputs.items()],
    }  # fmt: skip
    return {"plan": {"workflow_name": "Answer a leak", "description": "Tell.", "steps": [step]}}


def answers_well(server):
    """Let the model draft a plan that can be approved."""
    server.choose(choice())
    server.write(plan())
