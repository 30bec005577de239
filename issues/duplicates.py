"""Issues that may be the same one: the same kind, near in place and time. Open ones first.

One query, served by the indexes on street and position: it looks at no more than ``LOOKED_AT`` rows, however many
issues there are. What it finds is a hint for people: nothing is merged or refused because of it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchVector
from django.db import connection
from django.db.models import Case, F, Func, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Abs, Extract
from django.utils import timezone

from issues.models import UNDER_WAY, Issue, within_departments
from issues.nearness import Duplicate, Spot, box_around, likeness, metres_between, spot_of

__all__ = [
    "SAME_WORDS",
    "STEMS",
    "VAGUE",
    "Duplicate",
    "Report",
    "possible_duplicates",
    "report_of",
    "stems_of",
]

OPEN = UNDER_WAY
OPEN_WINDOW = timedelta(days=90)
"""What nobody has mended yet may have been reported a season ago; our judgement, as the figures below."""
DONE_WINDOW = timedelta(days=14)
NEAR = 200.0
"""Metres: two or three houses and the error of a telephone's position together."""
NEIGHBOURS = 10
"""House numbers apart that may be the same spot."""
SAME_WORDS = 0.3
"""Likeness that two reports need where only the street is the same, or one's kind isn't known."""
LOOKED_AT = 100
VAGUE = "other"
"""The category of what fits nothing: two of them are not of the same kind for that."""

STEMS = Func(
    SearchVector("statement", config="english"),
    function="tsvector_to_array",
    output_field=ArrayField(TextField()),
)
"""The stems of an issue's statement, for comparing words."""
User = AbstractBaseUser | AnonymousUser


@dataclass(frozen=True)
class Report:
    """What is compared with the issues that are there. ``category`` is a code, empty when it isn't known;
    positions are degrees; ``issue`` is the report's own primary key, where it is recorded already; ``sandbox`` the id
    of the sandbox that it belongs to."""

    statement: str
    category: str = ""
    address: str = ""
    latitude: Decimal | float | None = None
    longitude: Decimal | float | None = None
    reported_at: datetime | None = None
    issue: int | None = None
    sandbox: UUID | None = None

    @property
    def position(self) -> tuple[float, float] | None:
        if self.latitude is None or self.longitude is None:
            return None
        return float(self.latitude), float(self.longitude)

    @property
    def kind(self) -> str:
        return "" if self.category == VAGUE else self.category


def report_of(issue: Issue) -> Report:
    """An issue as something to compare."""
    return Report(
        statement=issue.statement,
        category=issue.category.code if issue.category else "",
        address=issue.address,
        latitude=issue.latitude,
        longitude=issue.longitude,
        reported_at=issue.reported_at,
        issue=issue.pk,
        sandbox=issue.sandbox_id,
    )


def possible_duplicates(about: Issue | Report, *, viewer: User, limit: int = 5) -> list[Duplicate]:
    """The issues that ``about`` may be a duplicate of, open ones first, then by words, then by time.

    Args:
        about: an issue, or what is about to become one. Without an address and a position nothing is near.
        viewer: only issues of their departments are found, which belong to the sandbox of ``about``, or are real too.
        limit: how many at most.
    """
    report = report_of(about) if isinstance(about, Issue) else about
    at = report.reported_at or timezone.now()
    spot = spot_of(report.address)
    rows = list(_candidates(report, spot, at, viewer))
    words = stems_of(report.statement) if rows else frozenset()
    found = [
        (row.status not in OPEN, -round(duplicate.similarity, 1), duplicate.hours_apart, duplicate)
        for row in rows
        if (duplicate := _compare(report, words, spot, at, row)) is not None
    ]
    return [duplicate for *_, duplicate in sorted(found, key=lambda entry: entry[:3])[:limit]]


def _candidates(report: Report, spot: Spot, at: datetime, viewer: User) -> QuerySet[Any]:
    place = Q()
    if spot.street:
        place |= Q(street=spot.street)
    if report.position is not None:
        south, north, west, east = box_around(report.position, NEAR)
        place |= Q(latitude__range=(south, north), longitude__range=(west, east))
    if not place:
        return Issue.objects.none()
    mine = within_departments(viewer, "department")
    rows = Issue.objects.filter(mine, place, _recent(at), sandbox=report.sandbox)
    if report.issue is not None:
        rows = rows.exclude(pk=report.issue)
    if report.kind:
        rows = rows.filter(Q(category__code__in=(report.kind, VAGUE)) | Q(category=None))
    still_open = Case(When(status__in=OPEN, then=Value(0)), default=Value(1))
    apart = Abs(Extract(F("reported_at") - Value(at), "epoch"))
    ordered = rows.order_by(still_open, apart, "pk").annotate(stems=STEMS, kind=F("category__code"))
    return ordered.defer("facts")[:LOOKED_AT]


def _recent(at: datetime) -> Q:
    window, short = OPEN_WINDOW, DONE_WINDOW
    return Q(reported_at__range=(at - short, at + short)) | Q(
        status__in=OPEN, reported_at__range=(at - window, at + window)
    )


def stems_of(text: str) -> frozenset[str]:
    """The stems of a text, as PostgreSQL's English dictionary has them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tsvector_to_array(to_tsvector('english'::regconfig, %s))", [text])
        row = cursor.fetchone()
    return frozenset(row[0]) if row else frozenset()


def _compare(report: Report, words: frozenset[str], spot: Spot, at: datetime, row: Any) -> Duplicate | None:
    """How the two compare, or None when they are too far apart."""
    similarity = likeness(words, frozenset(row.stems))
    position = (
        (float(row.latitude), float(row.longitude)) if None not in (row.latitude, row.longitude) else None
    )
    metres = metres_between(report.position, position) if report.position and position else None
    same_kind = bool(report.kind) and row.kind == report.kind
    if not _is_near(metres, spot, row, similarity) or not (same_kind or similarity >= SAME_WORDS):
        return None
    return Duplicate(
        issue=row.reference,
        status=row.status,
        hours_apart=round(abs((row.reported_at - at).total_seconds()) / 3600, 1),
        metres_apart=None if metres is None else round(metres, 1),
        similarity=round(similarity, 2),
    )


def _is_near(metres: float | None, spot: Spot, row: Any, similarity: float) -> bool:
    if metres is not None:
        return metres <= NEAR
    if not spot.street or row.street != spot.street:
        return False
    number = spot_of(row.address).number
    if spot.number is not None and number is not None:
        return abs(spot.number - number) <= NEIGHBOURS
    crossing = "|" in spot.street
    return crossing or similarity >= SAME_WORDS or spot.number == number
