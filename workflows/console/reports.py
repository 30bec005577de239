"""What staff make of drafts, by category, department and month: the console's report beside ``planner_report``."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.functions import TruncMonth
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issues.reporting import month_in_words, of_all
from mudda.charts import Row, bars
from mudda.reports import Download, Group, Report, Section, Table, register, share, together
from workflows.models import PlanApproval, PlanRevision, PlanStatus, WorkflowPlan

FIGURES = ("drafts", "untouched", "edited", "rejected", "undecided")


def drafts(user: Any, since: datetime) -> list[Group]:
    """By month of the draft, department and category, in one query: what became of drafts, as
    ``workflows.reporting.Fate`` has it."""
    first = PlanRevision.objects.filter(plan=OuterRef("pk"), number=1, digest=OuterRef("current__digest"))
    approved = PlanApproval.objects.filter(revision=OuterRef("current"))
    accepted = Q(status=PlanStatus.APPROVED) | Q(status=PlanStatus.ARCHIVED) & Q(Exists(approved))
    # Only a plan with more than one revision is looked up: most have one.
    untouched = Q(current__number=1) | Q(current__number__gt=1) & Q(Exists(first))
    plans = WorkflowPlan.objects.visible_to(user).filter(created_at__gte=since, current__isnull=False)
    month = TruncMonth("created_at")
    counted = (
        plans.order_by()
        .values("issue__department__name", "issue__category__name", month=month)
        .annotate(
            drafts=Count("pk"),
            accepted=Count("pk", filter=accepted),
            untouched=Count("pk", filter=accepted & untouched),
            rejected=Count("pk", filter=Q(status=PlanStatus.REJECTED)),
            edited=F("accepted") - F("untouched"),
            undecided=F("drafts") - F("accepted") - F("rejected"),
        )
    )
    return [_group(dict(row)) for row in counted]


def _group(row: dict[str, Any]) -> Group:
    counts = {name: row[name] for name in FIGURES}
    return Group(row["month"], row["issue__department__name"], row["issue__category__name"], counts)


def sections(user: Any, since: datetime) -> Iterable[Section]:
    groups = drafts(user, since)
    yield _section(
        _("By department"), _("Department"), groups, lambda group: group.department or _("No department yet")
    )
    months = sorted(groups, key=lambda group: group.month)
    yield _section(_("By month"), _("Month"), months, lambda group: month_in_words(group.month), ordered=True)
    yield _section(
        _("By category"), _("Category"), groups, lambda group: group.category or _("No category yet")
    )


def _section(
    title: str, head: str, groups: Sequence[Group], key: Callable[[Group], str], *, ordered: bool = False
) -> Section:
    found = together(groups, key)
    named = list(found.items()) if ordered else sorted(found.items())
    rows = [
        Row(
            label=name,
            amount=counts["edited"] / decided,
            value=share(counts["edited"], decided),
            target_words=of_all(counts["edited"], decided),
        )
        for name, counts in named
        if (decided := _decided(counts))
    ]
    chart = bars(
        title,
        rows,
        heads=(head, _("Edited")),
        summary=_(
            "The share of drafts that staff changed before they approved them, of those that are decided."
        ),
        empty=_("No draft of this time is decided yet. Approved and rejected ones are counted here."),
        longest=1.0,
    )
    heads = (head, _("Drafts"), _("Untouched"), _("Edited"), _("Rejected"), _("Undecided"), _("Share edited"))
    total = together(groups, lambda group: None).get(None)
    return Section(
        chart,
        Table(
            heads,
            tuple((name, *_figures(counts)) for name, counts in named),
            (_("Together"), *_figures(total)) if total else (),
        ),
    )


def _decided(counts: dict[str, int]) -> int:
    return counts["untouched"] + counts["edited"] + counts["rejected"]


def _figures(counts: dict[str, int]) -> tuple[str, ...]:
    return (*(f"{counts[name]:,}" for name in FIGURES), share(counts["edited"], _decided(counts)))


def figures(user: Any, since: datetime) -> Iterator[Sequence[object]]:
    """The rows of the table to be saved."""
    groups = drafts(user, since)
    for group in sorted(groups, key=lambda one: (one.month, one.department or "", one.category or "")):
        yield (f"{group.month:%Y-%m}", group.department, group.category, *(group.counts[f] for f in FIGURES))


register(
    Report(
        slug="drafts",
        title=gettext_lazy("Drafts and edits"),
        lead=gettext_lazy(
            "What staff make of the planner's drafts: approved untouched, edited, or rejected. Counted by the month of "
            "the draft."
        ),
        permission="workflows.view_workflowplan",
        sections=sections,
        downloads={
            "figures": Download(
                gettext_lazy("Figures as CSV"), ("month", "department", "category", *FIGURES), figures
            )
        },
    )
)
