"""What crews and photographers are asked, and the output that becomes of their answers."""

from datetime import datetime
from typing import Any

from executions.models import HumanTask
from workflows.plan.core import DISPATCH_CREW, LINE, PHOTOS, REQUEST_PHOTOS

CREW_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "crew": {
            **LINE,
            "title": "Crew",
            "description": "Who did the work; without it, who accepted.",
        },
        "notes": {
            "type": "string",
            "maxLength": 10_000,
            "title": "What was done",
            "description": "What was found and done, and what is left to do.",
        },
        "photos": {**PHOTOS, "title": "Photos"},
    },
    "additionalProperties": False,
}
"""What a crew is asked when the work is done. The times come from the clock, not from the form."""

PHOTO_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "photos": {**PHOTOS, "title": "Photos"},
        "notes": {
            "type": "string",
            "maxLength": 10_000,
            "title": "Anything to add",
            "description": "If you cannot send photos, say so here.",
        },
    },
    "additionalProperties": False,
}


def finished_answer(task: HumanTask, answer: Any, now: datetime) -> Any:
    """The step's output: what the person answered to the form, with what the row and the clock know."""
    if not isinstance(answer, dict):
        return answer
    if task.kind == DISPATCH_CREW.activity_id:
        return {
            "crew": answer.get("crew")
            or task.crew
            or (task.department.name if task.department else "a crew"),
            "accepted_at": (task.accepted_at or now).isoformat(timespec="seconds"),
            "completed_at": now.isoformat(timespec="seconds"),
            "notes": answer.get("notes", ""),
            "photos": answer.get("photos", []),
        }
    if task.kind == REQUEST_PHOTOS.activity_id:
        return {"photos": answer.get("photos", []), "notes": answer.get("notes", "")}
    return answer


def photo_fields(form: Any) -> dict[str, dict[str, Any]]:
    """The properties of a task's form that take uploads, by name."""
    properties = form.get("properties") if isinstance(form, dict) else None
    if not isinstance(properties, dict):
        return {}
    return {name: one for name, one in properties.items() if isinstance(one, dict) and one.get("x-uploads")}


def keeps_location(form: Any) -> bool:
    """Whether a question of the form asks where its photos were taken."""
    return any(one.get("x-keep-location") is True for one in photo_fields(form).values())
