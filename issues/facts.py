"""What is known of an issue and how: its category, place, urgency, and how many people it affects.

Each fact is a column of the issue, and has an entry in ``Issue.facts`` that says where it is from:
``{"value", "confidence": 0 to 1 or None, "source", "by"?}``. ``source`` is ``staff`` or the planner that read it out
of the statement. What people have said is final: no draft changes it. A fact without an entry was given when the issue
was recorded, and is final too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from django.contrib.auth.models import User
from django.db import transaction

from issues.handing_over import lock_followers
from issues.models import Category, Issue, Urgency
from issues.services import LONGEST_ADDRESS
from mudda import events
from mudda.errors import InvalidRequest, NotFound
from mudda.etags import Expected, ensure_current
from mudda.events import Actor
from mudda.transactions import whole

FACTS = ("category", "place", "urgency", "people_affected")
STAFF, RECORDED = "staff", "recorded"
FINAL = frozenset({STAFF, RECORDED})
SETTLED = 0.8
"""A planner's fact of this confidence is not asked for again: later drafts build on it."""
MOST_PEOPLE = 10_000_000


class Understood(Protocol):
    """What a planner understood (``workflows.planning.base.Facts``): ``category`` is a code, ``confidence`` (0 to 1)
    is in the category, ``sure`` the confidence in each fact by its name."""

    @property
    def category(self) -> str: ...
    @property
    def confidence(self) -> float: ...
    @property
    def place(self) -> str: ...
    @property
    def urgency(self) -> str: ...
    @property
    def people_affected(self) -> int | None: ...
    @property
    def sure(self) -> Mapping[str, float]: ...


@dataclass(frozen=True)
class Known:
    """What a draft has to take as given; None where it may find out by itself."""

    category: str | None = None
    place: str | None = None
    urgency: Literal["low", "normal", "high", "critical"] | None = None
    people_affected: int | None = None


@dataclass(frozen=True)
class Fact:
    """One fact as people read it. ``value`` is a category's code, a text, or a number; None when it isn't known.
    ``by`` is the id of the account that set it."""

    name: str
    value: Any
    confidence: float | None
    source: str
    by: int | None = None


class UnknownCategory(InvalidRequest):
    code = "unknown_category"
    title = "There is no such category."


def facts_of(issue: Issue) -> list[Fact]:
    """All four facts, in one order, also those that nobody knows."""
    found = []
    for name in FACTS:
        entry, value = issue.facts.get(name), _column(issue, name)
        given = entry if isinstance(entry, dict) else {}
        source = str(given.get("source", "")) or (RECORDED if _is_given(issue, name) else "")
        found.append(Fact(name, value, given.get("confidence"), source, given.get("by")))
    return found


def known_facts(issue: Issue) -> Known:
    """What the next draft has to build on: what people have said, and what an earlier one was sure of."""
    return Known(**{fact.name: fact.value or None for fact in facts_of(issue) if _is_settled(fact)})


@whole()
def record_facts(issue: Issue, facts: Understood, source: str, *, by: Actor = None) -> tuple[str, ...]:
    """Write down what was read out of the statement, and return the names of the facts that this has changed.

    What people have set stays, and so does what an earlier draft was at least as sure of. A category that the city
    doesn't have is left out. Calling it again changes nothing.

    Args:
        source: the planner's name.
        by: who asked for the draft.
    """
    locked = _locked(issue.pk)
    was = locked.category_id, locked.department_id
    understood = {name: (value, confidence) for name, value, confidence in _understood(facts)}
    changed = [
        name
        for name, (value, confidence) in understood.items()
        if _may_record(locked, name, value, confidence) and _set(locked, name, value, confidence, source)
    ]
    if changed:
        _save(locked, was)
        events.append(locked, "issue.facts_recorded", {"facts": changed, "source": source}, actor=by)
    _refresh(issue, locked)
    return tuple(changed)


@transaction.atomic
def correct_facts(
    issue: Issue, *, by: User, expected_version: Expected = None, **facts: Any
) -> tuple[str, ...]:
    """Set facts by a person's word, which is final; return the names of those that it has changed.

    Repeating what a planner has guessed confirms it.

    Args:
        expected_version: the issue's ``event_seq`` that ``by`` has read; None to correct whatever is there.
        facts: ``category`` (a code), ``place``, ``urgency``, ``people_affected`` (None: not known).

    Raises:
        NotFound: ``by`` may not see the issue.
        PreconditionFailed: it was changed since; carries the current version.
        InvalidRequest: a value that the fact can't have, with its pointer.
    """
    if not Issue.objects.visible_to(by).filter(pk=issue.pk).exists():
        raise NotFound("There is no such issue.")
    if "category" in facts:
        lock_followers(issue.pk)
    locked = _locked(issue.pk)
    ensure_current(expected_version, locked.event_seq, version=locked.event_seq)
    was = locked.category_id, locked.department_id
    values = {name: _checked(name, value) for name, value in facts.items()}
    changed = [
        name
        for name, value in values.items()
        if not _is_said_by_staff(locked, name, value) and _set(locked, name, value, 1.0, STAFF, by)
    ]
    if changed:
        _save(locked, was)
        events.append(locked, "issue.facts_corrected", {"facts": changed}, actor=by)
    _refresh(issue, locked)
    return tuple(changed)


# --- reading ----------------------------------------------------------------------------------------


def _column(issue: Issue, name: str) -> Any:
    match name:
        case "category":
            return issue.category.code if issue.category else None
        case "place":
            return issue.address
        case "urgency":
            return issue.urgency
        case _:
            return issue.people_affected


def _is_given(issue: Issue, name: str) -> bool:
    """Whether a fact without an entry was given by whoever recorded the issue. "normal" is the urgency of those who
    said nothing."""
    value = _column(issue, name)
    return value not in (None, "") and (name, value) != ("urgency", Urgency.NORMAL)


def _is_settled(fact: Fact) -> bool:
    return fact.source in FINAL or (fact.confidence is not None and fact.confidence >= SETTLED)


def _understood(facts: Understood) -> Iterator[tuple[str, Any, float | None]]:
    """What a planner knows: name, value, confidence. What it doesn't know is left out."""
    people = facts.people_affected
    values = {
        "category": facts.category,
        "place": facts.place[:LONGEST_ADDRESS].strip(),
        "urgency": facts.urgency if facts.urgency in Urgency.values else None,
        "people_affected": people if people and 0 < people <= MOST_PEOPLE else None,
    }
    for name, value in values.items():
        if value not in (None, ""):
            sure = facts.sure.get(name, facts.confidence if name == "category" else None)
            yield name, value, None if sure is None else round(min(1.0, max(0.0, float(sure))), 2)


def _may_record(issue: Issue, name: str, value: Any, confidence: float | None) -> bool:
    entry = issue.facts.get(name)
    if not isinstance(entry, dict):
        return not _is_given(issue, name)
    if entry.get("source") in FINAL or entry.get("value") == value:
        return False
    return (confidence or 0.0) > (entry.get("confidence") or 0.0)


def _is_said_by_staff(issue: Issue, name: str, value: Any) -> bool:
    entry = issue.facts.get(name)
    return isinstance(entry, dict) and entry.get("source") == STAFF and _column(issue, name) == value


def _checked(name: str, value: Any) -> Any:
    """A person's value for a fact, or InvalidRequest."""
    match name, value:
        case "category", str() if Category.objects.filter(code=value, active=True).exists():
            return value
        case "category", _:
            raise UnknownCategory(errors=[_problem(name, "unknown_category", "There is no such category.")])
        case "place", str() if len(value.strip()) <= LONGEST_ADDRESS and "\x00" not in value:
            return value.strip()
        case "urgency", str() if value in Urgency.values:
            return value
        case "people_affected", None:
            return None
        case "people_affected", int() if not isinstance(value, bool) and 0 <= value <= MOST_PEOPLE:
            return value
        case _ if name in FACTS:
            raise InvalidRequest(errors=[_problem(name, "invalid", "The fact can't have this value.")])
    raise InvalidRequest(errors=[_problem(name, "unknown_field", "There is no such fact.")])


def _problem(name: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": f"/{name}", "code": code, "message": message}


# --- writing ----------------------------------------------------------------------------------------


def _locked(pk: int) -> Issue:
    """The issue, locked until commit; related rows are read only once it is."""
    Issue.objects.select_for_update().only("pk").get(pk=pk)
    return Issue.objects.select_related("category", "department").get(pk=pk)


def _set(
    issue: Issue, name: str, value: Any, confidence: float | None, source: str, by: Actor = None
) -> bool:
    """Set the column and its entry; False for a category that the city doesn't have."""
    match name:
        case "category":
            category = Category.objects.select_related("department").filter(code=value).first()
            if category is None:
                return False
            issue.category, issue.department = category, category.department
        case "place":
            issue.address = value
        case "urgency":
            issue.urgency = value
        case _:
            issue.people_affected = value
    entry = {"value": value, "confidence": confidence, "source": source}
    if by is not None and by.is_authenticated:
        entry["by"] = by.pk
    issue.facts = {**issue.facts, name: entry}
    return True


def _save(issue: Issue, was: tuple[int | None, int | None]) -> None:
    """``was``: the keys of category and department before. Naming them in a save makes a promise anew: nothing
    else may."""
    fields = ["address", "urgency", "people_affected", "facts", "updated_at"]
    moved = (issue.category_id, issue.department_id) != was
    issue.save(update_fields=[*fields, "category", "department"] if moved else fields)


def _refresh(issue: Issue, locked: Issue) -> None:
    """Let the caller's object say what is in the database now."""
    for name in (
        "address",
        "street",
        "urgency",
        "people_affected",
        "facts",
        "event_seq",
        "updated_at",
        "due_at",
    ):
        setattr(issue, name, getattr(locked, name))
    issue.category, issue.department = locked.category, locked.department
