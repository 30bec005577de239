"""Reports in the console: figures over some months, as charts, tables and CSV. Each room registers its own.

What a report counts is real, and within what the person may see.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mudda.charts import Chart
from mudda.csvs import csv_response
from mudda.reach import REAL_ON_A_PAGE, narrow

Words = str | Promise

PERIODS = (3, 6, 12, 24)
"""Months that can be chosen, this one included."""
USUAL = 12


@dataclass(frozen=True)
class Table:
    """Rows of words and figures: the first cell of each names it. ``total`` is the last row."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A part of a report: the chart, and its table."""

    chart: Chart
    table: Table


@dataclass(frozen=True)
class Download:
    """A table to be saved: the heads, and its rows since a moment, within what the person may see."""

    title: Words
    heads: tuple[str, ...]
    rows: Callable[[Any, datetime], Iterable[Sequence[object]]]


@dataclass(frozen=True)
class Report:
    """``slug`` names its address; ``permission`` is who may read it; ``sections`` are made of a user and the beginning
    of the period. ``lead`` says what is counted."""

    slug: str
    title: Words
    lead: Words
    permission: str
    sections: Callable[[Any, datetime], Iterable[Section]]
    downloads: Mapping[str, Download] = field(default_factory=dict)


_reports: dict[str, Report] = {}


def register(report: Report) -> None:
    """Offer a report. They stand in the order in which the rooms register."""
    _reports[report.slug] = report


def reports_for(user: Any) -> list[Report]:
    """Those that ``user`` may read."""
    return [report for report in _reports.values() if user.has_perm(report.permission)]


def first_of_month(months: int, now: datetime) -> datetime:
    """The beginning, on the city's clock, of the first of so many months, of which that of ``now`` is the last."""
    today = timezone.localtime(now).date()
    before = today.year * 12 + today.month - months
    return timezone.make_aware(datetime.combine(today.replace(before // 12, before % 12 + 1, 1), time.min))


# --- pages ------------------------------------------------------------------------------------------


def index(request: HttpRequest) -> HttpResponse:
    """The first report that the person may read."""
    mine = reports_for(request.user)
    if not mine:
        raise PermissionDenied
    return redirect("report", mine[0].slug)


def show(request: HttpRequest, slug: str) -> HttpResponse:
    report, months = _asked(request, slug)
    context = {
        **admin.site.each_context(request),
        "title": report.title,
        "report": report,
        "reports": [(one, reverse("report", args=[one.slug])) for one in reports_for(request.user)],
        "months": months,
        "periods": [(n, ngettext("%(n)d month", "%(n)d months", n) % {"n": n}) for n in PERIODS],
        "sections": list(report.sections(request.user, first_of_month(months, timezone.now()))),
        "downloads": [
            (one.title, f"{reverse('report_csv', args=[slug, name])}?months={months}")
            for name, one in report.downloads.items()
        ],
    }
    return TemplateResponse(request, "admin/console/report.html", context)


def download(request: HttpRequest, slug: str, name: str) -> StreamingHttpResponse:
    report, months = _asked(request, slug)
    if name not in report.downloads:
        raise Http404
    chosen = report.downloads[name]
    rows = chosen.rows(request.user, first_of_month(months, timezone.now()))
    return csv_response(request, f"{slug}-{name}-{timezone.localdate():%Y-%m-%d}.csv", chosen.heads, rows)


def _asked(request: HttpRequest, slug: str) -> tuple[Report, int]:
    """The report and the number of months; a number that isn't offered is the usual one."""
    report = _reports.get(slug)
    if report is None:
        raise Http404
    if not request.user.has_perm(report.permission):
        raise PermissionDenied
    narrow(request.user, REAL_ON_A_PAGE)
    asked = request.GET.get("months", "")
    return report, int(asked) if asked in map(str, PERIODS) else USUAL


def urls() -> list[URLPattern]:
    view = admin.site.admin_view
    return [
        path("", view(index), name="reports"),
        path("<slug:slug>/", view(show), name="report"),
        path("<slug:slug>/<slug:name>.csv", view(download), name="report_csv"),
    ]


# --- counting by month, department and category ------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """The figures of one month, department and category; None where there is none."""

    month: datetime
    department: str | None
    category: str | None
    counts: Mapping[str, int]


def together(groups: Iterable[Group], key: Callable[[Group], Any]) -> dict[Any, dict[str, int]]:
    """The figures of all groups with the same key, added up; in the order in which the keys come."""
    found: dict[Any, dict[str, int]] = {}
    for group in groups:
        counts = found.setdefault(key(group), dict.fromkeys(group.counts, 0))
        for name, count in group.counts.items():
            counts[name] += count
    return found


def share(part: int, whole: int) -> str:
    """A part in percent; a dash where there is nothing to divide by."""
    return f"{part / whole:.0%}" if whole else _("–")
