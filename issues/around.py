"""What else there is around an issue: near ones, and others of the same reporter. Each is one or two queries, along
an index, that look at a bounded number of rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from math import atan2, cos, degrees, radians
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import F, Q, Value
from django.db.models.expressions import Combinable
from django.utils import timezone

from issues.models import UNDER_WAY, Issue, IssueQuerySet, Reporter
from issues.nearness import box_around, metres_between

AROUND = 400.0
"""Metres that count as the neighbourhood: what a crew can look at on the same way."""
RECENT = timedelta(days=180)
"""What is over is still of interest for so long after its report."""
LOOKED_AT = 60
"""Marks on a map: more would hide one another."""
SHOWN = 8
SAME_PERSON = 50
"""Reporters' rows (one an issue) that are looked at for one person."""


@dataclass(frozen=True)
class Near:
    """Another issue in the neighbourhood. ``metres`` is None where only the street is the same; ``bearing`` is the
    direction to it in degrees from north."""

    issue: Issue
    metres: float | None
    bearing: float = 0.0

    @property
    def is_open(self) -> bool:
        return self.issue.status in UNDER_WAY


def position_of(issue: Issue) -> tuple[float, float] | None:
    """Latitude and longitude in degrees; None where they aren't known."""
    if issue.latitude is None or issue.longitude is None:
        return None
    return float(issue.latitude), float(issue.longitude)


def issues_near(issue: Issue, *, viewer: User) -> list[Near]:
    """The issues around ``issue`` that ``viewer`` may see and that are under way or ``RECENT``, the nearest first;
    without a position those of the same street, the newest first. Of its own side (real, or its sandbox) only."""
    fresh = Q(status__in=UNDER_WAY) | Q(reported_at__gte=timezone.now() - RECENT)
    others = _beside(issue, viewer).filter(fresh)
    here = position_of(issue)
    if here is None:
        if not issue.street:
            return []
        return [Near(other, None) for other in others.filter(street=issue.street)[:SHOWN]]
    south, north, west, east = box_around(here, AROUND)
    inside = others.filter(latitude__range=(south, north), longitude__range=(west, east))
    found = (_near(other, here) for other in inside.order_by(_apart(here), "pk")[:LOOKED_AT])
    return sorted(
        (near for near in found if (near.metres or 0.0) <= AROUND), key=lambda near: near.metres or 0.0
    )


def others_of_reporter(issue: Issue, reporter: Reporter, *, viewer: User) -> list[Issue]:
    """What else the same person has reported, the newest first: by their row, address or telephone number."""
    people = {reporter.pk}
    if reporter.email:
        people |= _known(Q(email__iexact=reporter.email) & ~Q(email=""))
    if reporter.phone:
        people |= _known(Q(phone=reporter.phone) & ~Q(phone=""))
    return list(_beside(issue, viewer).filter(reporter__in=people)[:SHOWN])


def _known(same: Q) -> set[UUID]:
    """Reporters' keys. Each condition says that there is something to compare, as its index does."""
    return set(Reporter.objects.filter(same).values_list("pk", flat=True)[:SAME_PERSON])


def _beside(issue: Issue, viewer: User) -> IssueQuerySet:
    rows = Issue.objects.visible_to(viewer).filter(sandbox=issue.sandbox_id).exclude(pk=issue.pk)
    return rows.select_related("category").defer("facts")


def _apart(here: tuple[float, float]) -> Combinable:
    """The distance to order by: squared, on a flat Earth, which a neighbourhood is."""
    north = F("latitude") - Value(Decimal(str(here[0])))
    east = (F("longitude") - Value(Decimal(str(here[1])))) * Value(
        Decimal(str(round(cos(radians(here[0])), 6)))
    )
    return north * north + east * east


def _near(other: Any, here: tuple[float, float]) -> Near:
    there = position_of(other)
    assert there is not None  # noqa: S101 (for the type checker: it lies within a range)
    north = there[0] - here[0]
    east = (there[1] - here[1]) * cos(radians(here[0]))
    return Near(other, metres_between(here, there), degrees(atan2(east, north)) % 360)


def nearest(found: Iterable[Near]) -> list[Near]:
    """As many as a list shows."""
    return list(found)[:SHOWN]
