"""One history of a thing and of what has come of it: an issue's own events, its plans' and its runs'.

The thing's room doesn't know the others: each registers which streams belong to it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Model
from django.http import HttpRequest

from mudda.console import Moment, in_words, moment_of
from mudda.models import Event

SHOWN = 60
"""Events at first; the page has a link to all."""
MOST = 2_000


@dataclass(frozen=True)
class Chapter:
    """A stream that belongs to the thing: its name, what it is in words, where its page is, and its steps' titles."""

    stream: str
    title: str
    url: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """A moment, and what it happened to."""

    moment: Moment
    chapter: Chapter


@dataclass(frozen=True)
class Timeline:
    """Newest first. ``more``: older ones are left out."""

    told: tuple[Told, ...]
    more: bool


ChaptersOf = Callable[[HttpRequest, Any], Iterable[Chapter]]

_chapters: dict[type[Model], list[ChaptersOf]] = defaultdict(list)


def tells_of(model: type[Model]) -> Callable[[ChaptersOf], ChaptersOf]:
    """Register a room's streams that belong to the things of ``model``: those that the person may see."""

    def register(chapters_of: ChaptersOf) -> ChaptersOf:
        _chapters[model].append(chapters_of)
        return chapters_of

    return register


def timeline_of(request: HttpRequest, obj: Any, own: Chapter, *, whole: bool = False) -> Timeline:
    """The events of ``own`` and of every stream that belongs to ``obj``, in one query besides the rooms' own.

    Args:
        whole: up to ``MOST`` of them, instead of the latest ``SHOWN``.
    """
    others = (one for chapters_of in _chapters[type(obj)] for one in chapters_of(request, obj))
    chapters = {one.stream: one for one in (own, *others)}
    rows = Event.objects.filter(stream__in=list(chapters)).select_related("actor").order_by("-at", "-pk")
    most = MOST if whole else SHOWN
    found = list(rows[: most + 1])
    told = tuple(_told(row, chapters[row.stream]) for row in found[:most])
    return Timeline(told, more=len(found) > most)


def _told(event: Event, chapter: Chapter) -> Told:
    """What happened, without the name of what it happened to where the chapter has it: "Plan: approved"."""
    family, _dot, happened = event.type.partition(".")
    moment = moment_of(event, chapter.titles)
    own = family == chapter.stream.partition(":")[0]
    return Told(replace(moment, words=in_words(happened)) if own else moment, chapter)
