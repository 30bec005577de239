"""Small charts, drawn by the server as SVG: shapes only, in percentages, with every word beside them as HTML.

Presentation attributes and classes alone, so that a strict Content-Security-Policy has nothing to forbid. The figures
stand in a table too: for people who don't see the picture, and for those who want to know exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Aggregate, DurationField

LINES = 2
"""Lines across a chart of columns, besides the ground."""


@dataclass(frozen=True)
class Column:
    """One column: its place and size, what it stands for, its value in words, and a way to what is behind it."""

    x: str
    width: str
    y: str
    height: str
    label: str
    value: str
    url: str = ""


@dataclass(frozen=True)
class Columns:
    """Values over time. ``summary`` says in a sentence what the picture shows; ``empty`` what would fill it."""

    title: str
    summary: str
    columns: tuple[Column, ...]
    top: str
    first: str
    last: str
    empty: str
    heads: tuple[str, str]
    rank: int = 50
    kind: str = "columns"

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(percent(100 * at / LINES) for at in range(LINES))


@dataclass(frozen=True)
class Bar:
    """One bar: its length, and where its target lies, beside the longest; both in words, and a way to what is behind
    it. ``late``: it reaches beyond its target."""

    label: str
    url: str
    length: str
    value: str
    target: str = ""
    target_words: str = ""
    late: bool = False
    more: str = ""


@dataclass(frozen=True)
class Bars:
    """Values side by side, such as departments. The picture is a table."""

    title: str
    summary: str
    bars: tuple[Bar, ...]
    empty: str
    heads: tuple[str, ...]
    rank: int = 50
    kind: str = "bars"


Chart = Columns | Bars


@dataclass(frozen=True)
class Row:
    """What a bar is made from: ``amount`` and ``target`` in one unit, and how they are said."""

    label: str
    amount: float
    value: str
    url: str = ""
    target: float | None = None
    target_words: str = ""
    more: str = ""


def columns(
    title: str,
    points: Sequence[tuple[str, int]],
    *,
    heads: tuple[str, str],
    summary: str,
    empty: str,
    urls: Sequence[str] = (),
    rank: int = 50,
) -> Columns:
    """A chart of counts, in the order in which they are given; none is drawn where all are zero. ``urls`` lead to what
    is behind each of ``points``. Of several charts the one with the smallest ``rank`` stands first."""
    most = max((count for _, count in points), default=0)
    wide = 100 / max(1, len(points))
    drawn = tuple(
        Column(
            x=percent(at * wide + wide * 0.12),
            width=percent(wide * 0.76),
            y=percent(100 - 100 * count / most),
            height=percent(100 * count / most),
            label=label,
            value=f"{count:,}",
            url=urls[at] if urls and count else "",
        )
        for at, (label, count) in enumerate(points)
        if most
    )
    ends = (points[0][0], points[-1][0]) if points else ("", "")
    return Columns(title, summary, drawn, f"{most:,}", *ends, empty, heads, rank)


def bars(
    title: str,
    rows: Sequence[Row],
    *,
    heads: tuple[str, ...],
    summary: str,
    empty: str,
    longest: float | None = None,
    rank: int = 50,
) -> Bars:
    """A chart of amounts in the order in which they are given. ``heads`` name the table's columns; ``longest`` is the
    amount of a whole bar, where that isn't the greatest of them."""
    longest = longest or max((max(row.amount, row.target or 0) for row in rows), default=0) or 1
    drawn = tuple(
        Bar(
            label=row.label,
            url=row.url,
            length=percent(100 * row.amount / longest),
            value=row.value,
            target="" if row.target is None else percent(100 * row.target / longest),
            target_words=row.target_words,
            late=row.target is not None and row.amount > row.target,
            more=row.more,
        )
        for row in rows
    )
    return Bars(title, summary, drawn, empty, heads, rank)


def percent(share: float) -> str:
    """For an attribute of SVG, which knows one way to write numbers, whatever the reader's language."""
    return f"{share:.2f}%"


class Median(Aggregate):
    """The median of durations."""

    function = "percentile_cont"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field: Any = DurationField()
