"""The city's own words where playbooks tell people something: for each kind of issue, and each moment of its plan.

Drafts that a playbook makes say them from then on. Plans that are written already stay as they are.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.models import User
from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models.functions import JSONObject

from mudda.errors import NotFound
from workflows.models import PlaybookWording
from workflows.plan.core import SEND_NOTIFICATION
from workflows.plan.problems import Problem
from workflows.planning.base import PlannedDraft
from workflows.planning.playbooks import Playbook, load_playbooks
from workflows.services import PlanHasProblems, validate_document

Step = dict[str, Any]


@dataclass(frozen=True)
class Message:
    """What a playbook tells somebody. ``own`` is the city's wording, None where what ships is said."""

    step_id: str
    moment: str
    to: Any
    shipped_subject: str
    shipped_message: str
    own: PlaybookWording | None

    @property
    def subject(self) -> str:
        return self.own.subject if self.own else self.shipped_subject

    @property
    def message(self) -> str:
        return self.own.message if self.own else self.shipped_message


def messages_of(playbook: Playbook) -> list[Message]:
    """What a playbook tells people, in the order of its steps."""
    own = {
        row.step_id: row
        for row in PlaybookWording.objects.filter(playbook=playbook.kind).select_related("author")
    }
    return [
        Message(
            step_id=step["step_id"],
            moment=str(step.get("title") or step["step_id"]),
            to=step["inputs"].get("to"),
            shipped_subject=step["inputs"].get("subject", ""),
            shipped_message=step["inputs"].get("message", ""),
            own=own.get(step["step_id"]),
        )
        for step in _telling(playbook.plan)
    ]


def own_words() -> ArraySubquery:
    """All words of the city's, to be read along with another row: a draft takes no query more for them."""
    fields = {name: name for name in ("playbook", "step_id", "subject", "message")}
    return ArraySubquery(PlaybookWording.objects.order_by("pk").values(row=JSONObject(**fields)))


def with_own_words(planned: PlannedDraft, own: Iterable[Mapping[str, str]] | None = None) -> PlannedDraft:
    """A draft as the city says it; as it is where no playbook made it, or the city says nothing else.

    Args:
        own: what ``own_words`` gave, None where it is still to be read.
    """
    kind = planned.detail.get("playbook") if planned.planner == "playbooks" else None
    if kind is None:
        return planned
    if own is None:
        rows = list(PlaybookWording.objects.filter(playbook=kind))
    else:
        rows = [PlaybookWording(**row) for row in own if row["playbook"] == kind]
    return replace(planned, document=_worded(planned.document, rows)) if rows else planned


@transaction.atomic
def word_message(*, kind: str, step_id: str, subject: str, message: str, by: User) -> PlaybookWording:
    """Say this from now on.

    Args:
        subject, message: as a plan has them, with references such as ``{{ issue.address }}``.

    Raises:
        NotFound: the playbook tells nobody anything at that step.
        PlanHasProblems: its plan would have errors; names those at the two texts as ``/subject`` and ``/message``.
    """
    playbook = _playbook(kind)
    row = PlaybookWording(playbook=kind, step_id=step_id, subject=subject, message=message)
    if step_id not in {step["step_id"] for step in _telling(playbook.plan)}:
        raise NotFound("This playbook tells nobody anything at that step.")
    document = _worded(playbook.plan, [row])
    errors = [_of_text(problem) for problem in _problems(document, step_id)]
    if errors:
        raise PlanHasProblems("These words cannot be sent.", errors=errors)
    kept, _ = PlaybookWording.objects.update_or_create(
        playbook=kind, step_id=step_id, defaults={"subject": subject, "message": message, "author": by}
    )
    return kept


def forget_wording(*, kind: str, step_id: str) -> bool:
    """Say again what ships. Whether there were words of the city's."""
    return PlaybookWording.objects.filter(playbook=kind, step_id=step_id).delete()[0] > 0


def _playbook(kind: str) -> Playbook:
    found = load_playbooks().playbooks.get(kind)
    if found is None:
        raise NotFound("There is no such playbook.")
    return found


def _telling(plan: Mapping[str, Any]) -> Iterator[Step]:
    return (step for step in plan["steps"] if step["activity_id"] == SEND_NOTIFICATION.activity_id)


def _worded(plan: Mapping[str, Any], rows: list[PlaybookWording]) -> dict[str, Any]:
    document = copy.deepcopy(dict(plan))
    own = {row.step_id: row for row in rows}
    for step in _telling(document):
        if (row := own.get(step["step_id"])) is not None:
            step["inputs"] = {**step["inputs"], "message": row.message}
            if row.subject:
                step["inputs"]["subject"] = row.subject
    return document


def _problems(document: dict[str, Any], step_id: str) -> Iterator[Problem]:
    at = next(at for at, step in enumerate(document["steps"]) if step["step_id"] == step_id)
    inside = f"/steps/{at}/inputs/"
    return (p for p in validate_document(document) if p.severity == "error" and p.pointer.startswith(inside))


def _of_text(problem: Problem) -> dict[str, Any]:
    return {**problem.as_dict(), "pointer": f"/{problem.pointer.split('/')[4]}"}
