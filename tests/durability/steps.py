"""Steps of the tests' plans."""

from typing import Any

ASK = {"requires_approval": {"group": "supervisor"}}


def visit(step_id: str, activity: str = "visit", **fields: Any) -> dict[str, Any]:
    """A step that visits the server outside at ``/<step id>``."""
    step = {"step_id": step_id, "activity_id": activity, "title": f"Visit {step_id}"}
    return {**step, "inputs": {"path": f"/{step_id}"}, **fields}


def compensated(path: str, activity: str = "visit_quick") -> dict[str, Any]:
    """Undone by a visit at ``/<path>``."""
    return {"compensate": {"activity_id": activity, "inputs": {"path": f"/{path}"}}}


def lane(step_id: str, **fields: Any) -> dict[str, Any]:
    """A step that reserves a lane, and gives it back when it is undone."""
    undo = {"reservation_id": f"{{{{ steps.{step_id}.reservation_id }}}}"}
    return {
        "step_id": step_id,
        "activity_id": "reserve_lane",
        "title": f"Reserve {step_id}",
        "inputs": {"address": "here", "hours": 1},
        "compensate": {"activity_id": "release_lane", "inputs": undo},
        **fields,
    }


def chain(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each needs the one before."""
    return [
        {**step, "needs": [before["step_id"]] if before else []}
        for before, step in zip([None, *steps[:-1]], steps, strict=True)
    ]
