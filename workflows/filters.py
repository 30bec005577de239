"""How lists of plans and of policies can be narrowed."""

from django.db.models import QuerySet
from django_filters import CharFilter, ChoiceFilter, FilterSet

from issues.models import REFERENCE
from mudda.filters import MomentFilter
from workflows.models import PlanStatus, PolicyDocument, WorkflowPlan
from workflows.policies.models import PolicyLanguage, PolicyStatus


class PlanFilter(FilterSet):
    status = ChoiceFilter(choices=PlanStatus.choices)
    issue_id = CharFilter(method="of_issue", label="The issue's reference, `ISSUE-000123`.")
    category = CharFilter(field_name="issue__category__code")
    department = CharFilter(field_name="issue__department__code")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = WorkflowPlan
        fields: list[str] = []

    def of_issue(self, queryset: QuerySet[WorkflowPlan], name: str, value: str) -> QuerySet[WorkflowPlan]:
        match = REFERENCE.match(value)
        return queryset.filter(issue_id=int(match[1])) if match else queryset.none()


class PolicyFilter(FilterSet):
    status = ChoiceFilter(choices=PolicyStatus.choices)
    language = ChoiceFilter(choices=PolicyLanguage.choices)
    department = CharFilter(field_name="department__code")

    class Meta:
        model = PolicyDocument
        fields: list[str] = []
