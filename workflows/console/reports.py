"""What staff make of drafts, by category, department and month: the console's report beside ``planner_report``."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q
from django.db.models.functions import TruncMonth
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issues.reporting import Names, in_sections, of_all
from mudda.charts import Row, bars
from mudda.reports import Download, Group, Report, Section, Table, register, share, together
from workflows.models import PlanStatus, WorkflowPlan

FIGURES = ("drafts", "untouched", "edited", "rejected", "undecided")


def drafts(user: Any, since: datetime) -> list[Group]:
    """By month of the draft, department and category: what became of drafts, as ``workflows.reporting.Fate`` has it.

    Two queries besides the names: most plans have one revision, so that only the texts of the others are compared."""
    plans = (
        WorkflowPlan.objects.visible_to(user).filter(created_at__gte=since, current__isnull=False).order_by()
    )
    put_away = WorkflowPlan.objects.filter(status=PlanStatus.ARCHIVED, current__approvals__isnull=False)
    accepted = Q(status=PlanStatus.APPROVED) | Q(pk__in=put_away.values("pk"))
    of = {
        "department": F("issue__department"),
        "category": F("issue__category"),
        "month": TruncMonth("created_at"),
    }
    counted = plans.values(**of).annotate(
        drafts=Count("pk"),
        accepted=Count("pk", filter=accepted),
        rejected=Count("pk", filter=Q(status=PlanStatus.REJECTED)),
    )
    differs = ~Q(current__digest=F("revisions__digest"))
    differing = plans.filter(accepted, differs, current__number__gt=1, revisions__number=1)
    edited: dict[Any, Any] = {
        _key(row): row["edited"] for row in map(dict, differing.values(**of).annotate(edited=Count("pk")))
    }
    named = Names()
    rows = (_fates(row, edited.get(_key(row), 0)) for row in map(dict, counted))
    return [named.group(row, row["department"], row["category"], FIGURES) for row in rows]


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["month"], row["department"], row["category"]


def _fates(row: dict[str, Any], edited: int) -> dict[str, Any]:
    """``edited``: how many were accepted with another text than the draft's."""
    undecided = row["drafts"] - row["accepted"] - row["rejected"]
    return {**row, "edited": edited, "untouched": row["accepted"] - edited, "undecided": undecided}


def sections(user: Any, since: datetime) -> Iterable[Section]:
    return in_sections(drafts(user, since), _section)


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
