"""What crews and photographers are asked, and the output that becomes of their answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_noop, ngettext, override

from executions.models import HumanTask
from workflows.plan.core import DISPATCH_CREW, LINE, PHOTOS, REQUEST_PHOTOS

CREW_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "crew": {
            **LINE,
            "title": gettext_noop("Crew"),
            "description": gettext_noop("Who did the work; without it, who accepted."),
        },
        "notes": {
            "type": "string",
            "maxLength": 10_000,
            "title": gettext_noop("What was done"),
            "description": gettext_noop("What was found and done, and what is left to do."),
        },
        "photos": {**PHOTOS, "title": gettext_noop("Photos")},
    },
    "additionalProperties": False,
}
"""What a crew is asked when the work is done. The times come from the clock, not from the form."""

PHOTO_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "photos": {**PHOTOS, "title": gettext_noop("Photos")},
        "notes": {
            "type": "string",
            "maxLength": 10_000,
            "title": gettext_noop("Anything to add"),
            "description": gettext_noop("If you cannot send photos, say so here."),
        },
    },
    "additionalProperties": False,
}


def photo_form(count: int) -> dict[str, Any]:
    """What somebody is asked who shall send ``count`` photos: so many, or a word about why not."""
    enough = {"required": ["photos"], "properties": {"photos": {"minItems": count}}}
    a_word = {"required": ["notes"], "properties": {"notes": {"pattern": r"\S"}}}
    with override("en"):  # it is kept with the task, for readers of any language
        wanted = _wanted(count)
    return {**PHOTO_FORM, "anyOf": [enough, a_word], "x-any-of": wanted, "x-photos": count}


def too_few_photos(kind: str, form: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """What to say about an answer that has neither the photos that were asked for nor a word about why; "" for none."""
    count = form.get("x-photos", 1)
    if kind != REQUEST_PHOTOS.activity_id or answer.get("notes") or len(answer.get("photos") or ()) >= count:
        return ""
    return _wanted(count)


def _wanted(count: int) -> str:
    return ngettext(
        "Add at least one photo, or say why there is none.",
        "Add %(count)d photos, or say why there are fewer.",
        count,
    ) % {"count": count}


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
