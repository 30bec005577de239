"""The city's own words where playbooks tell people something: for each kind of issue and each moment of its plan, or
for what reporters are told of each state of their issue, by category.

Drafts that a playbook makes say them from then on. Plans that are written already stay as they are. What is worded most
closely is said: at the step; at the state for the category; at the state for every category; else what ships.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.models import User
from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models.functions import JSONObject

from issues.models import IssueStatus
from mudda.errors import NotFound
from workflows.models import PlaybookWording
from workflows.plan.core import SEND_NOTIFICATION, UPDATE_ISSUE
from workflows.plan.problems import Problem
from workflows.planning.base import PlannedDraft
from workflows.planning.playbooks import Playbook, load_playbooks
from workflows.services import PlanHasProblems, validate_document

Step = dict[str, Any]

REPORTER = "{{ issue.reporter }}"
EVERY = ""
"""In place of a category's code: every one."""


@dataclass(frozen=True)
class Message:
    """What a playbook tells somebody. ``own`` is the city's wording at that step, ``stated`` the one for the state of
    the issue that a reporter is told of, None where there is none; without both, what ships is said. ``state`` is ""
    for who isn't the reporter."""

    step_id: str
    moment: str
    to: Any
    shipped_subject: str
    shipped_message: str
    own: PlaybookWording | None
    state: str = ""
    stated: PlaybookWording | None = None

    @property
    def said(self) -> PlaybookWording | None:
        return self.own or self.stated

    @property
    def subject(self) -> str:
        return (self.said.subject if self.said else "") or self.shipped_subject

    @property
    def message(self) -> str:
        return self.said.message if self.said else self.shipped_message


def messages_of(playbook: Playbook, words: "Words | None" = None) -> list[Message]:
    """What a playbook tells people, in the order of its steps. ``words``: of the city, where they are read already."""
    words = words if words is not None else words_of_city()
    return [_message(playbook, step, words) for step in _telling(playbook.plan)]


def _message(playbook: Playbook, step: Step, words: "Words") -> Message:
    state = state_told(playbook.plan, step)
    return Message(
        step_id=step["step_id"],
        moment=str(step.get("title") or step["step_id"]),
        to=step["inputs"].get("to"),
        shipped_subject=step["inputs"].get("subject", ""),
        shipped_message=step["inputs"].get("message", ""),
        own=words.at_step(playbook.kind, step["step_id"]),
        state=state,
        stated=words.at_state(playbook.category, state),
    )


class Words:
    """Rows of the city's words, found by where they are said."""

    def __init__(self, rows: Iterable[PlaybookWording]) -> None:
        self._rows = {(row.playbook, row.step_id): row for row in rows}

    @property
    def some(self) -> bool:
        return bool(self._rows)

    def at_step(self, kind: str, step_id: str) -> PlaybookWording | None:
        return self._rows.get((kind, step_id))

    def exactly_at_state(self, category: str, state: str) -> PlaybookWording | None:
        """Those for this category alone, or those for ``EVERY``."""
        return self._rows.get(("", _place(category, state)))

    def at_state(self, category: str, state: str) -> PlaybookWording | None:
        """Those for the category, else those for every one; None also for who isn't told of a state."""
        if not state:
            return None
        return self.exactly_at_state(category, state) or self.exactly_at_state(EVERY, state)


def _place(category: str, state: str) -> str:
    """What stands for a step where words are for a state: no step is called so."""
    return f"{state}:{category}"


def words_of_city() -> Words:
    """All words of the city's, with who wrote them, in one query."""
    return Words(PlaybookWording.objects.select_related("author"))


def state_told(plan: Mapping[str, Any], step: Step) -> str:
    """The state of the issue that a letter to its reporter goes with; "" where it goes to somebody else.

    It is the state that the plan sets once the letter is out (*tell, then close*); else the one that it sets at the
    same moment, or was the last to set before (*repaired: resolve and tell*); else nothing has been set, and the issue
    is received.
    """
    if step["inputs"].get("to") != REPORTER:
        return ""
    needs, condition = set(step.get("needs", ())), step.get("when")
    changes = [one for one in plan["steps"] if _sets_state(one)]
    follows = [one for one in changes if step["step_id"] in one.get("needs", ())]
    beside = [
        one for one in changes if one.get("when") == condition and needs.issuperset(one.get("needs", ()))
    ]
    before = [one for one in changes if one["step_id"] in needs]
    for found in (follows[:1], beside[-1:], before[-1:]):
        if found:
            return str(found[0]["inputs"]["status"])
    return IssueStatus.OPEN.value


def _sets_state(step: Step) -> bool:
    return step["activity_id"] == UPDATE_ISSUE.activity_id and "status" in step["inputs"]


def states_told() -> list[str]:
    """The states of an issue of which some playbook tells reporters, in the order of the states."""
    told = {one.state for book in load_playbooks().playbooks.values() for one in messages_of(book, Words(()))}
    return [state for state in IssueStatus.values if state in told]


def letters_at(category: str, state: str, words: Words | None = None) -> list[tuple[Playbook, Message]]:
    """The letters that the words for a category and a state are said in: of the category's playbook; of all for every
    category, and for one that has no playbook, whose issues get the one that their words call for."""
    books = list(load_playbooks().playbooks.values())
    own = [book for book in books if book.category == category]
    words = words if words is not None else words_of_city()
    return [(book, one) for book in own or books for one in messages_of(book, words) if one.state == state]


def own_words() -> ArraySubquery:
    """All words of the city's, to be read along with another row: a draft takes no query more for them."""
    fields = {name: name for name in ("playbook", "step_id", "category", "state", "subject", "message")}
    return ArraySubquery(PlaybookWording.objects.order_by("pk").values(row=JSONObject(**fields)))


def with_own_words(
    planned: PlannedDraft, own: Iterable[Mapping[str, str]] | None = None, *, category: str | None = None
) -> PlannedDraft:
    """A draft as the city says it; as it is where no playbook made it, or the city says nothing else.

    Args:
        own: what ``own_words`` gave, None where it is still to be read.
        category: the issue's, by its code, where it is known; else the one that was understood counts.
    """
    kind = planned.detail.get("playbook") if planned.planner == "playbooks" else None
    if kind is None:
        return planned
    words = words_of_city() if own is None else Words(PlaybookWording(**row) for row in own)
    return replace(
        planned, document=_worded(planned.document, kind, category or planned.facts.category, words)
    )


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
    _refuse_problems([(playbook, step_id)], row)
    kept, _ = PlaybookWording.objects.update_or_create(
        playbook=kind,
        step_id=step_id,
        defaults={"subject": subject, "message": message, "author": by},
    )
    return kept


def forget_wording(*, kind: str, step_id: str) -> bool:
    """Say again what ships. Whether there were words of the city's."""
    return PlaybookWording.objects.filter(playbook=kind, step_id=step_id).delete()[0] > 0


@transaction.atomic
def word_state(*, category: str, state: str, subject: str, message: str, by: User) -> PlaybookWording:
    """Say this from now on to reporters who are told of a state of their issue, except where a step has its own words.

    Args:
        category: a code, or ``EVERY``.
        subject, message: as ``word_message``'s.

    Raises:
        NotFound: nobody is told of that state.
        PlanHasProblems: in one of the letters they could not be sent; as ``word_message``.
    """
    letters = letters_at(category, state)
    if not letters:
        raise NotFound("Nobody is told anything at that state.")
    row = PlaybookWording(category=category, state=state, subject=subject, message=message)
    _refuse_problems([(book, one.step_id) for book, one in letters], row)
    kept, _ = PlaybookWording.objects.update_or_create(
        playbook="",
        step_id=_place(category, state),
        defaults={"category": category, "state": state, "subject": subject, "message": message, "author": by},
    )
    return kept


def forget_state(*, category: str, state: str) -> bool:
    """Say again what is said without these words. Whether there were some."""
    found = PlaybookWording.objects.filter(playbook="", step_id=_place(category, state))
    return found.delete()[0] > 0


def _refuse_problems(places: Iterable[tuple[Playbook, str]], row: PlaybookWording) -> None:
    """Refuse words that could not be sent at one of ``places``, with what is wrong at the first such one."""
    for playbook, step_id in places:
        said = PlaybookWording(
            playbook=playbook.kind, step_id=step_id, subject=row.subject, message=row.message
        )
        document = _worded(playbook.plan, playbook.kind, playbook.category, Words([said]))
        errors = [_of_text(problem) for problem in _problems(document, step_id)]
        if errors:
            raise PlanHasProblems("These words cannot be sent.", errors=errors)


def _playbook(kind: str) -> Playbook:
    found = load_playbooks().playbooks.get(kind)
    if found is None:
        raise NotFound("There is no such playbook.")
    return found


def _telling(plan: Mapping[str, Any]) -> Iterator[Step]:
    return (step for step in plan["steps"] if step["activity_id"] == SEND_NOTIFICATION.activity_id)


def _worded(plan: Mapping[str, Any], kind: str, category: str, words: Words) -> dict[str, Any]:
    document = copy.deepcopy(dict(plan))
    for step in _telling(document):
        row = words.at_step(kind, step["step_id"]) or words.at_state(category, state_told(document, step))
        if row is not None:
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
