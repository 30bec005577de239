"""What the admin shows of an issue's facts and of its possible duplicates, on its page and on its plans' pages."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.http import HttpRequest
from django.urls import reverse

from issues.duplicates import Duplicate
from issues.facts import RECORDED, STAFF, Fact, facts_of
from issues.models import REFERENCE, UNKNOWN_ADDRESS, Issue
from mudda import console

LABELS = {"category": "Category", "place": "Where", "urgency": "Urgency", "people_affected": "People"}
MISSING = {"category": "not decided", "place": UNKNOWN_ADDRESS, "people_affected": "not known"}
SURE, UNSURE = 0.8, 0.5
"""From which confidence on a fact is shown as good, and below which as a guess."""
LONGEST_STATEMENT = 160


@dataclass(frozen=True)
class FactLine:
    """A fact in words: what it is, how sure, and who said so. ``tone`` is the colour of ``sure``."""

    label: str
    value: str
    sure: str
    tone: str
    who: str


@dataclass(frozen=True)
class Suspect:
    """A possible duplicate in words, with the address of its page."""

    reference: str
    url: str
    status: str
    statement: str
    apart: str


def fact_lines(issue: Issue) -> list[FactLine]:
    """An issue's facts for people, in at most one query."""
    facts = facts_of(issue)
    names = dict(
        User.objects.filter(pk__in={fact.by for fact in facts if fact.by}).values_list("pk", "username")
    )
    return [_line(issue, fact, names) for fact in facts]


def _line(issue: Issue, fact: Fact, names: dict[int, str]) -> FactLine:
    value = _value(issue, fact)
    if fact.source == STAFF:
        return FactLine(LABELS[fact.name], value, "", "", f"set by {names.get(fact.by or 0, 'staff')}")
    if fact.source == RECORDED:
        return FactLine(LABELS[fact.name], value, "", "", "given with the report")
    if not fact.source:
        return FactLine(LABELS[fact.name], value, "", "", "")
    sure = "" if fact.confidence is None else f"{round(fact.confidence * 100)}% sure"
    high = fact.confidence or 0.0
    tone = "green" if high >= SURE else "amber" if high >= UNSURE else "red"
    return FactLine(LABELS[fact.name], value, sure, tone, f"read by {planner_in_words(fact.source)}")


def planner_in_words(name: str) -> str:
    """``playbooks`` as "the playbooks", ``openai`` as "a model"."""
    return {"playbooks": "the playbooks", "openai": "a model"}.get(name, name)


def _value(issue: Issue, fact: Fact) -> str:
    if fact.value in (None, ""):
        return MISSING[fact.name]
    if fact.name == "category":
        return str(issue.category)
    if fact.name == "people_affected":
        return f"about {fact.value}" if fact.source not in {STAFF, RECORDED} else str(fact.value)
    return console.in_words(fact.value) if fact.name == "urgency" else str(fact.value)


def facts_panel(request: HttpRequest, issue: Issue, title: str) -> console.Panel:
    """The facts, with a way to correct them for those who may."""
    may = request.user.has_perm("issues.change_issue")
    context = {
        "lines": fact_lines(issue),
        "department": issue.department,
        "correct_url": reverse("admin:issues_issue_facts", args=[issue.pk]) if may else "",
    }
    return console.Panel(title, "admin/console/panels/facts.html", context)


def duplicates_panel(duplicates: Iterable[Duplicate], viewer: Any) -> console.Panel | None:
    """The possible duplicates that ``viewer`` may see; None where there are none."""
    rows = suspects(duplicates, viewer)
    if not rows:
        return None
    return console.Panel("Possible duplicates", "admin/console/panels/duplicates.html", {"rows": rows})


def suspects(duplicates: Iterable[Duplicate], viewer: AbstractBaseUser | AnonymousUser) -> list[Suspect]:
    """Duplicates in words, in one query."""
    found = {int(match[1]): one for one in duplicates if (match := REFERENCE.match(one.issue))}
    rows = Issue.objects.visible_to(viewer).only("statement", "status").in_bulk(found) if found else {}
    return [_suspect(rows[pk], one) for pk, one in found.items() if pk in rows]


def _suspect(issue: Issue, duplicate: Duplicate) -> Suspect:
    return Suspect(
        reference=issue.reference,
        url=console.page_of(issue),
        status=console.badge(issue.status),
        statement=cut(issue.statement, LONGEST_STATEMENT),
        apart=" · ".join(_apart(duplicate)),
    )


def _apart(duplicate: Duplicate) -> Iterable[str]:
    hours = round(duplicate.hours_apart)
    if hours < 1:
        yield "less than an hour apart"
    elif hours < 48:
        yield f"{hours} hour{'s' if hours > 1 else ''} apart"
    else:
        yield f"{round(hours / 24)} days apart"
    if duplicate.metres_apart is not None:
        yield f"{round(duplicate.metres_apart)} m away"
    else:
        yield "the same street"
    yield f"{round(duplicate.similarity * 100)}% alike in words"


def cut(text: str, length: int) -> str:
    """A text on one line, cut to ``length`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"
