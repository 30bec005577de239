"""How lists of issues, categories and departments can be narrowed."""

from django.contrib.postgres.search import SearchQuery
from django.db.models import QuerySet
from django_filters import CharFilter, ChoiceFilter, FilterSet

from issues.models import WORDS, Category, Department, Issue, IssueStatus, Urgency
from mudda.filters import MomentFilter, TruthFilter


class IssueFilter(FilterSet):
    status = ChoiceFilter(choices=IssueStatus.choices)
    category = CharFilter(field_name="category__code")
    department = CharFilter(field_name="department__code")
    urgency = ChoiceFilter(choices=Urgency.choices)
    reported_after = MomentFilter(field_name="reported_at", lookup_expr="gte")
    reported_before = MomentFilter(field_name="reported_at", lookup_expr="lt")
    q = CharFilter(
        method="with_words", label="Words of the statement or the address, as a web search has them."
    )

    class Meta:
        model = Issue
        fields: list[str] = []

    def with_words(self, issues: QuerySet[Issue], name: str, value: str) -> QuerySet[Issue]:
        wanted = SearchQuery(value, config="english", search_type="websearch")
        return issues.annotate(words=WORDS).filter(words=wanted)


class CategoryFilter(FilterSet):
    department = CharFilter(field_name="department__code")
    active = TruthFilter()

    class Meta:
        model = Category
        fields: list[str] = []


class DepartmentFilter(FilterSet):
    active = TruthFilter()

    class Meta:
        model = Department
        fields: list[str] = []
