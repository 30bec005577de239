"""What the console's page of an issue shows besides its facts: photos, the neighbourhood, the reporter, the notes, and
one history of it all."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from issues.around import AROUND, Near, issues_near, nearest, others_of_reporter, position_of
from issues.maps import Map, direction_of, map_of
from issues.models import Attachment, Issue
from issues.panels import cut
from issues.reading import VIEW_REPORTER, read_reporter
from mudda import console
from mudda.models import Event
from mudda.timeline import Chapter, Timeline, timeline_of

LONGEST_STATEMENT = 120
WHOLE = "history"
"""The parameter of the page's address that asks for all of the history."""


@dataclass(frozen=True)
class NearRow:
    """A near issue in words; ``number`` is its mark's on the map, "" where there is no map."""

    number: str
    issue: Issue
    url: str
    status: str
    statement: str
    where: str
    is_open: bool


@dataclass(frozen=True)
class Note:
    """A note with whoever left it in words."""

    text: str
    who: str
    at: datetime
    visible: bool


@dataclass(frozen=True)
class Photo:
    """A file with the address that serves it to those who may see the issue."""

    attachment: Attachment
    url: str
    is_image: bool


def overdue_badge(issue: Issue) -> SafeString:
    """A coloured word for what should be over; nothing for the rest."""
    return console.badge("failed", _("Overdue")) if issue.is_overdue else SafeString("")


def files_of(issue: Issue) -> list[Photo]:
    """Photos first, then what is none; each in the order in which they came."""
    files = [
        Photo(
            one,
            f"/issues/{issue.reference}/attachments/{one.pk}",
            is_image=one.content_type.startswith("image/"),
        )
        for one in issue.attachments.all()
    ]
    return sorted(files, key=lambda file: not file.is_image)


def neighbourhood(issue: Issue, viewer: User) -> dict[str, Any]:
    """What is near: the map (None without a position), the nearest in words, and how many there are."""
    near = issues_near(issue, viewer=viewer)
    drawn: Map | None = map_of(near) if position_of(issue) is not None else None
    rows = [_near_row(number, one, drawn) for number, one in enumerate(nearest(near), 1)]
    return {
        "map": drawn,
        "near": rows,
        "near_count": len(near),
        "street": issue.street,
        "around_metres": round(AROUND),
    }


def _near_row(number: int, near: Near, drawn: Map | None) -> NearRow:
    return NearRow(
        number=str(number) if drawn is not None else "",
        issue=near.issue,
        url=console.page_of(near.issue),
        status=console.badge(near.issue.status),
        statement=cut(near.issue.statement, LONGEST_STATEMENT),
        where=_where(near),
        is_open=near.is_open,
    )


def _where(near: Near) -> str:
    if near.metres is None:
        return _("the same street")
    if near.metres < 5:
        return _("at the same place")
    words = {
        "north": _("north"), "north-east": _("north-east"), "east": _("east"), "south-east": _("south-east"),
        "south": _("south"), "south-west": _("south-west"), "west": _("west"), "north-west": _("north-west"),
    }  # fmt: skip
    direction = words[direction_of(near.bearing)]
    return _("%(metres)d m %(direction)s") % {"metres": round(near.metres), "direction": direction}


def reporter_of(issue: Issue, by: User, *, shown: bool) -> dict[str, Any]:
    """Who reported it, for those who may know: it is written down that they were shown it. ``gap`` says what is
    missing, and why. Not ``shown``: only the head of the page is asked for, so that nobody reads anything."""
    if issue.reporter is None:
        return {
            "reporter": None,
            "gap": _("Nobody is known: it was reported without a name, or the name was erased."),
        }
    if not by.has_perm(VIEW_REPORTER):
        return {"reporter": None, "gap": _("Somebody is known, but not shown to you.")}
    if not shown:
        return {"reporter": None, "gap": ""}
    reporter = read_reporter(issue, by=by)
    if reporter is None:
        return {"reporter": None, "gap": _("Somebody reported it, without a name or a way to reach them.")}
    return {"reporter": reporter, "gap": ""}


def others_panel(issue: Issue, by: User) -> console.Panel | None:
    """What else the same person has reported, for somebody who may know who that is; None where nobody is known."""
    reporter = issue.reporter
    if reporter is None or not reporter.private:
        return None
    rows = [
        (
            other.reference,
            console.page_of(other),
            console.badge(other.status),
            cut(other.statement, LONGEST_STATEMENT),
        )
        for other in others_of_reporter(issue, reporter, viewer=by)
    ]
    return console.Panel(_("Also from this reporter"), "admin/console/panels/others.html", {"rows": rows})


def notes_of(issue: Issue) -> list[Note]:
    """The notes, oldest first, also of people whose accounts are gone."""
    written = Event.objects.filter(stream=issue.stream, type="issue.note_added").values_list(
        "data__note", "actor"
    )
    actors = dict(written)
    return [
        Note(row.text, _author(row.author, actors.get(row.pk)), row.created_at, row.visible)
        for row in issue.notes.select_related("author")
    ]


def _author(author: User | None, actor: int | None) -> str:
    if author is not None:
        return author.get_username()
    return "mudda" if actor is None else _("account %(number)d (deleted)") % {"number": actor}


def history_of(request: HttpRequest, issue: Issue) -> Timeline:
    """Everything that has happened to the issue, its plans and their runs."""
    own = Chapter(issue.stream, _("Issue"))
    return timeline_of(request, issue, own, whole=request.GET.get(WHOLE) == "all")
