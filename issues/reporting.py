"""What was promised and what was kept: the targets of categories, and when issues were over."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q
from django.db.models.functions import TruncMonth
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from issues.models import UNDER_WAY, Category, Department, Issue, IssueStatus, overdue
from mudda.charts import Row, bars
from mudda.reports import Download, Group, Report, Section, Table, register, share, together

DONE = (IssueStatus.RESOLVED, IssueStatus.CLOSED)
CHUNK = 1_000
FIGURES = ("reported", "promised", "kept", "late", "overdue", "under_way")


def promises(user: Any, since: datetime) -> list[Group]:
    """By month of the report, department and category, in one query besides their names: how many were reported, how
    many of these were promised something, and what became of the promise. A rejected issue is no promise."""
    now = timezone.now()
    promised = Q(due_at__isnull=False) & ~Q(status=IssueStatus.REJECTED)
    rows = Issue.objects.visible_to(user).filter(reported_at__gte=since).order_by()
    counted = rows.values("department", "category", month=TruncMonth("reported_at")).annotate(
        reported=Count("pk"),
        promised=Count("pk", filter=promised),
        kept=Count("pk", filter=Q(status__in=DONE, ended_at__lte=F("due_at"))),
        late=Count("pk", filter=Q(status__in=DONE, ended_at__gt=F("due_at"))),
        overdue=Count("pk", filter=overdue(now)),
        under_way=Count("pk", filter=Q(status__in=UNDER_WAY, due_at__gte=now)),
    )
    named = Names()
    return [named.group(dict(row), row["department"], row["category"], FIGURES) for row in counted]


class Names:
    """Departments and categories by their keys: to group by names takes longer than to look these up."""

    def __init__(self) -> None:
        self._departments: dict[int, str] = dict(Department.objects.values_list("pk", "name"))
        self._categories: dict[int, str] = dict(Category.objects.values_list("pk", "name"))

    def group(
        self, row: dict[str, Any], department: int | None, category: int | None, figures: Sequence[str]
    ) -> Group:
        """A row of counts, with the month and the names that it is of."""
        return Group(
            row["month"],
            self._departments.get(department or 0),
            self._categories.get(category or 0),
            {name: row.get(name, 0) for name in figures},
        )


def sections(user: Any, since: datetime) -> Iterable[Section]:
    return in_sections(promises(user, since), _section)


def in_sections(groups: Sequence[Group], section: Callable[..., Section]) -> Iterable[Section]:
    """The groups together by department, by month and by category: ``section`` makes one of a title, the head of its
    first column, the groups and what to call each; ``ordered`` where they are in order already."""
    yield section(
        _("By department"), _("Department"), groups, lambda group: group.department or _("No department yet")
    )
    months = sorted(groups, key=lambda group: group.month)
    yield section(_("By month"), _("Month"), months, lambda group: month_in_words(group.month), ordered=True)
    yield section(
        _("By category"), _("Category"), groups, lambda group: group.category or _("No category yet")
    )


def month_in_words(month: datetime) -> str:
    return date_format(month, "F Y")


def _section(
    title: str, head: str, groups: Sequence[Group], key: Callable[[Group], str], *, ordered: bool = False
) -> Section:
    found = together(groups, key)
    named = list(found.items()) if ordered else sorted(found.items())
    judged = [(name, counts, _decided(counts)) for name, counts in named]
    rows = [
        Row(
            label=name,
            amount=counts["kept"] / decided,
            value=share(counts["kept"], decided),
            target_words=of_all(counts["kept"], decided),
        )
        for name, counts, decided in judged
        if decided
    ]
    chart = bars(
        title,
        rows,
        heads=(head, _("Kept")),
        summary=_("The share of promises that were kept, of those that are due or done."),
        empty=_("No promise of this time is due or done yet. Issues count when their category has a target."),
        longest=1.0,
    )
    heads = (
        head,
        _("Reported"),
        _("Promised"),
        _("Kept"),
        _("Too late"),
        _("Overdue"),
        _("Under way"),
        _("Share kept"),
    )
    total = together(groups, lambda group: None).get(None)
    return Section(
        chart,
        Table(
            heads,
            tuple((name, *_figures(counts)) for name, counts, _decided_ in judged),
            (_("Together"), *_figures(total)) if total else (),
        ),
    )


def _decided(counts: dict[str, int]) -> int:
    """How many promises can be judged by now."""
    return counts["kept"] + counts["late"] + counts["overdue"]


def of_all(part: int, whole: int) -> str:
    words = ngettext("%(part)s of %(whole)s", "%(part)s of %(whole)s", whole)
    return words % {"part": f"{part:,}", "whole": f"{whole:,}"}


def _figures(counts: dict[str, int]) -> tuple[str, ...]:
    return (*(f"{counts[name]:,}" for name in FIGURES), share(counts["kept"], _decided(counts)))


# --- to be saved ------------------------------------------------------------------------------------


def figures(user: Any, since: datetime) -> Iterator[Sequence[object]]:
    for group in sorted(
        promises(user, since), key=lambda one: (one.month, one.department or "", one.category or "")
    ):
        yield (f"{group.month:%Y-%m}", group.department, group.category, *(group.counts[f] for f in FIGURES))


def each_issue(user: Any, since: datetime) -> Iterator[Sequence[object]]:
    """Every issue, oldest first, read a part at a time. No words of citizens, and nobody's name."""
    rows = Issue.objects.visible_to(user).order_by("reported_at", "pk")
    rows = rows.select_related("category", "department")
    after: tuple[datetime, int] = (since, 0)
    while True:
        at, pk = after
        later = rows.filter(Q(reported_at__gt=at) | Q(reported_at=at, pk__gt=pk), reported_at__gte=at)
        part = list(
            later.only(
                "status", "urgency", "reported_at", "due_at", "ended_at", "category__name", "department__name"
            )[:CHUNK]
        )
        for issue in part:
            yield _line(issue)
        if len(part) < CHUNK:
            return
        after = (part[-1].reported_at, part[-1].pk)


def _line(issue: Issue) -> Sequence[object]:
    kept = (
        ""
        if issue.due_at is None or issue.ended_at is None
        else "yes"
        if issue.ended_at <= issue.due_at
        else "no"
    )
    return (
        issue.reference,
        issue.status,
        issue.urgency,
        str(issue.category or ""),
        str(issue.department or ""),
        *(
            when and timezone.localtime(when).isoformat(timespec="seconds")
            for when in (issue.reported_at, issue.due_at, issue.ended_at)
        ),
        kept if issue.status in DONE else "",
    )


register(
    Report(
        slug="promises",
        title=gettext_lazy("Promised and kept"),
        lead=gettext_lazy(
            "Each category has a target: working time from the report to its end. Counted by the month of the report."
        ),
        permission="issues.view_issue",
        sections=sections,
        downloads={
            "figures": Download(
                gettext_lazy("Figures as CSV"), ("month", "department", "category", *FIGURES), figures
            ),
            "issues": Download(
                gettext_lazy("Every issue as CSV"),
                (
                    "issue",
                    "status",
                    "urgency",
                    "category",
                    "department",
                    "reported_at",
                    "due_at",
                    "ended_at",
                    "kept",
                ),
                each_issue,
            ),
        },
    )
)
