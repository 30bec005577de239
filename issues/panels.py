"""What the admin shows of an issue's facts and of its possible duplicates, on its page and on its plans' pages."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from issues.duplicates import Duplicate
from issues.facts import RECORDED, STAFF, Fact, facts_of
from issues.models import REFERENCE, Issue
from mudda import console

LABELS = {
    "category": gettext_lazy("Category"),
    "place": gettext_lazy("Where"),
    "urgency": gettext_lazy("Urgency"),
    "people_affected": gettext_lazy("People"),
}
MISSING = {
    "category": gettext_lazy("not decided"),
    "place": gettext_lazy("address not given"),
    "people_affected": gettext_lazy("not known"),
}
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
    label, value = str(LABELS[fact.name]), _value(issue, fact)
    if fact.source == STAFF:
        who = _("set by %(who)s") % {"who": names.get(fact.by or 0) or _("staff")}
        return FactLine(label, value, "", "", who)
    if fact.source == RECORDED:
        return FactLine(label, value, "", "", _("given with the report"))
    if not fact.source:
        return FactLine(label, value, "", "", "")
    sure = "" if fact.confidence is None else sure_in_words(fact.confidence)
    high = fact.confidence or 0.0
    tone = "green" if high >= SURE else "amber" if high >= UNSURE else "red"
    who = _("read by %(who)s") % {"who": planner_in_words(fact.source)}
    return FactLine(label, value, sure, tone, who)


def sure_in_words(confidence: float) -> str:
    """A confidence from 0 to 1, for people."""
    return _("%(percent)d%% sure") % {"percent": round(confidence * 100)}


def planner_in_words(name: str) -> str:
    """``playbooks`` as "the playbooks", ``openai`` as "a model"."""
    return {"playbooks": _("the playbooks"), "openai": _("a model")}.get(name, name)


def _value(issue: Issue, fact: Fact) -> str:
    if fact.value in (None, ""):
        return str(MISSING[fact.name])
    if fact.name == "category":
        return str(issue.category)
    if fact.name == "people_affected":
        said = fact.source in {STAFF, RECORDED}
        return str(fact.value) if said else _("about %(number)s") % {"number": fact.value}
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
    return console.Panel(_("Possible duplicates"), "admin/console/panels/duplicates.html", {"rows": rows})


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
        yield _("less than an hour apart")
    elif hours < 48:
        yield ngettext("%(count)d hour apart", "%(count)d hours apart", hours) % {"count": hours}
    else:
        yield _("%(count)d days apart") % {"count": round(hours / 24)}
    if duplicate.metres_apart is not None:
        yield _("%(metres)d m away") % {"metres": round(duplicate.metres_apart)}
    else:
        yield _("the same street")
    yield _("%(percent)d%% alike in words") % {"percent": round(duplicate.similarity * 100)}


def choices_in_words(choices: Iterable[tuple[str, str]]) -> list[tuple[str, Any]]:
    """A state's choices for a form, their names in the language of the page."""
    return [(value, gettext_lazy(name)) for value, name in choices]


def cut(text: str, length: int) -> str:
    """A text on one line, cut to ``length`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"
