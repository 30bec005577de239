"""What the console's home page says of issues: which are open, which are late, and how long they take."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Avg, Case, Count, ExpressionWrapper, F, FloatField, Q, Value, When
from django.db.models.fields import DurationField
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from issues.models import Issue, IssueQuerySet, IssueStatus, overdue
from issues.panels import cut
from mudda import console
from mudda.charts import Chart, Median, Row, bars

RECENT = timedelta(days=90)
"""How far back the charts look: long enough for the slow kinds of work, short enough to be news."""
LONGEST_LINE = 100
DONE = (IssueStatus.RESOLVED, IssueStatus.CLOSED)


def issue_list(**filters: object) -> str:
    """The address of the list of issues, narrowed as its own filters do it."""
    query = urlencode({name: str(value) for name, value in filters.items()})
    return reverse("admin:issues_issue_changelist") + (f"?{query}" if query else "")


@console.on_home
def issues_to_look_at(request: HttpRequest) -> Iterable[console.Waiting]:
    """The open ones, and those that should be over."""
    if not request.user.has_perm("issues.view_issue"):
        return
    mine, now = Issue.objects.visible_to(request.user).defer("facts"), timezone.now()
    late = mine.filter(overdue(now)).order_by("due_at")
    yield console.Waiting(
        _("Overdue issues"),
        issue_list(target="overdue"),
        late.count(),
        tuple(_row(issue, _late(issue, now)) for issue in late[: console.SHOWN_WAITING]),
        _("Nothing is late. Issues appear here when they pass their category's target."),
        rank=40,
        urgent=True,
    )
    found = mine.filter(status=IssueStatus.OPEN)
    yield console.Waiting(
        _("Open issues"),
        issue_list(status__exact=IssueStatus.OPEN.value),
        found.count(),
        tuple(_row(issue, cut(issue.statement, LONGEST_LINE)) for issue in found[: console.SHOWN_WAITING]),
        _("Nothing is open. New reports appear here."),
        rank=60,
    )


def _row(issue: Issue, detail: str) -> tuple[str, str, str]:
    return issue.reference, console.page_of(issue), detail


def _late(issue: Issue, now: datetime) -> str:
    since = now - issue.due_at if issue.due_at else timedelta()
    return f"{_since(since)} · {cut(issue.statement, LONGEST_LINE)}"


def _since(late: timedelta) -> str:
    if late < timedelta(days=1):
        hours = max(1, round(late.total_seconds() / 3600))
        return ngettext("%(count)d hour late", "%(count)d hours late", hours) % {"count": hours}
    return ngettext("%(count)d day late", "%(count)d days late", late.days) % {"count": late.days}


@console.charts_on_home
def time_to_completion(request: HttpRequest) -> Iterable[Chart]:
    """By department: how long issues took that ended lately, beside what was promised."""
    if not request.user.has_perm("issues.view_issue"):
        return
    since = timezone.now() - RECENT
    found = completions(Issue.objects.visible_to(request.user), since)
    rows = [_completion(dict(row), since) for row in found]
    yield bars(
        _("Time to completion"),
        rows,
        heads=(_("Department"), _("Median, and the median target"), _("Kept")),
        summary=_(
            "Issues reported in the last 90 days and done: the median from report to end, beside the department's "
            "target, which is the mark."
        ),
        empty=_("No issue of the last 90 days is done yet. Resolved and closed ones are counted here."),
        rank=30,
    )


def completions(issues: IssueQuerySet, since: datetime) -> Iterable[Any]:
    """By department, in the order of their names: medians of what was taken and of what was promised, and the share
    (0 to 1) that was in time. Of issues reported since then that were promised something and are done."""
    took = ExpressionWrapper(F("ended_at") - F("reported_at"), output_field=DurationField())
    promised = ExpressionWrapper(F("due_at") - F("reported_at"), output_field=DurationField())
    kept = Case(
        When(ended_at__lte=F("due_at"), then=Value(1.0)), default=Value(0.0), output_field=FloatField()
    )
    ended = issues.filter(
        Q(status__in=DONE, due_at__isnull=False, department__isnull=False),
        reported_at__gte=since,
    )
    found = ended.order_by("department__name").values("department__name", "department")
    return found.annotate(took=Median(took), promised=Median(promised), kept=Avg(kept), count=Count("pk"))


def _completion(row: dict[str, object], since: datetime) -> Row:
    took, promised, kept = row["took"], row["promised"], row["kept"]
    assert isinstance(took, timedelta) and isinstance(promised, timedelta)  # noqa: S101 (for the type checker)
    return Row(
        label=str(row["department__name"]),
        amount=took / promised if promised else 0.0,
        value=in_days(took),
        url=issue_list(
            department__id__exact=row["department"],
            status__in=",".join(DONE),
            due_at__isnull=False,
            reported_at__gte=since.isoformat(),
        ),
        target=1.0,
        target_words=_("of %(target)s") % {"target": in_days(promised)},
        more=_("%(share)s in time") % {"share": f"{float(str(kept)):.0%}"},
    )


def in_days(time: timedelta) -> str:
    """A time as people say it: hours up to two days, days above."""
    hours = time.total_seconds() / 3600
    if hours < 48:
        return _("%(count)s h") % {"count": f"{hours:.0f}" if hours >= 10 else f"{hours:.1f}"}
    days = hours / 24
    return _("%(count)s days") % {"count": f"{days:.0f}" if days >= 10 else f"{days:.1f}"}
