"""What the console's home page says of plans: drafts that wait, how many are written, and how long they wait."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Count, Exists, ExpressionWrapper, F, OuterRef, QuerySet
from django.db.models.fields import DurationField
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issues.home import RECENT, in_days
from mudda import console
from mudda.charts import Chart, Median, Row, bars, columns
from workflows.models import PlanApproval, PlanQuerySet, PlanStatus, WorkflowPlan

DAYS = 30
PLANS = "admin:workflows_workflowplan_changelist"


class Approved(admin.SimpleListFilter):
    """The plans that are approved as they are now, whatever has become of them since."""

    title = gettext_lazy("approval")
    parameter_name = "approval"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("given", _("Given"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        given = PlanApproval.objects.filter(revision=OuterRef("current"))
        return queryset.filter(Exists(given)) if self.value() == "given" else queryset


@console.on_home
def drafts_to_review(request: HttpRequest) -> Iterable[console.Waiting]:
    if not request.user.has_perm("workflows.view_workflowplan"):
        return
    found = WorkflowPlan.objects.visible_to(request.user).filter(status=PlanStatus.DRAFT)
    rows = tuple(
        (plan.title or _("A plan without a name"), console.page_of(plan), plan.issue.reference)
        for plan in found.select_related("issue").order_by("created_at")[: console.SHOWN_WAITING]
    )
    yield console.Waiting(
        _("Drafts to review"),
        reverse(PLANS) + "?status__exact=DRAFT",
        found.count(),
        rows,
        _("No draft waits. “Draft a plan” on an issue makes one."),
        rank=20,
    )


@console.charts_on_home
def drafts_and_approvals(request: HttpRequest) -> Iterable[Chart]:
    if not request.user.has_perm("workflows.view_workflowplan"):
        return
    mine = WorkflowPlan.objects.visible_to(request.user)
    points, since = drafts_by_day(mine, timezone.localdate()), timezone.now() - RECENT
    yield columns(
        _("Drafts per day"),
        [(date_format(day, "j M"), count) for day, count in points],
        heads=(_("Day"), _("Drafts")),
        summary=_("%(count)s plans were drafted in the last 30 days.")
        % {"count": f"{sum(count for _day, count in points):,}"},
        empty=_("Nothing was drafted in the last 30 days. “Draft a plan” on an issue makes a draft."),
        urls=[_drafted_on(day) for day, _count in points],
        rank=10,
    )
    yield bars(
        _("Time to approval"),
        [_waited(dict(row), since) for row in waits(mine, since)],
        heads=(_("Department"), _("Median")),
        summary=_("Plans drafted in the last 90 days and approved: the median time that they waited."),
        empty=_("No plan of the last 90 days is approved yet. Approved ones are counted here."),
        rank=20,
    )


def drafts_by_day(plans: PlanQuerySet, today: date) -> list[tuple[date, int]]:
    """How many plans were made on each of the last ``DAYS`` days of the city's clock, also where there were none."""
    first = today - timedelta(days=DAYS - 1)
    counted = plans.filter(created_at__gte=_midnight(first)).order_by().values(day=TruncDate("created_at"))
    found = dict(counted.annotate(count=Count("pk")).values_list("day", "count"))
    days = (first + timedelta(days=at) for at in range(DAYS))
    return [(day, found.get(day, 0)) for day in days]


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _drafted_on(day: date) -> str:
    window = console.since("created_at", _midnight(day), _midnight(day + timedelta(days=1)))
    return f"{reverse(PLANS)}?{window}"


def waits(plans: PlanQuerySet, since: datetime) -> Iterable[Any]:
    """By department, in the order of their names: the median time from a plan, of those made since then, to the
    approval of what it is now."""
    waited = ExpressionWrapper(
        F("current__approvals__approved_at") - F("created_at"), output_field=DurationField()
    )
    approved = plans.filter(
        created_at__gte=since,
        current__approvals__isnull=False,
        issue__department__isnull=False,
    )
    found = approved.order_by("issue__department__name").values(
        "issue__department__name", "issue__department"
    )
    return found.annotate(waited=Median(waited))


def _waited(row: dict[str, object], since: datetime) -> Row:
    waited = row["waited"]
    assert isinstance(waited, timedelta)  # noqa: S101 (for the type checker)
    department = f"issue__department__id__exact={row['issue__department']}"
    url = f"{reverse(PLANS)}?{department}&approval=given&{console.since('created_at', since)}"
    return Row(str(row["issue__department__name"]), waited.total_seconds(), in_days(waited), url)
