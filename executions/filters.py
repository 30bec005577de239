"""How lists of runs and tasks can be narrowed."""

from django.db.models import Q, QuerySet
from django.utils import timezone
from django_filters import BooleanFilter, CharFilter, ChoiceFilter, FilterSet, IsoDateTimeFilter, UUIDFilter

from executions.models import ExecutionStatus, HumanTask, TaskStatus, WorkflowExecution


class ExecutionFilter(FilterSet):
    status = ChoiceFilter(choices=ExecutionStatus.choices)
    workflow_plan_id = UUIDFilter(field_name="plan_id")
    created_after = IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = WorkflowExecution
        fields: list[str] = []


class TaskFilter(FilterSet):
    status = ChoiceFilter(choices=TaskStatus.choices)
    execution_id = UUIDFilter(field_name="execution_id")
    kind = CharFilter()
    group = CharFilter()
    mine = BooleanFilter(method="only_mine", help_text="Those that you have claimed or were given.")
    overdue = BooleanFilter(method="only_overdue", help_text="Open ones whose due time is past.")
    due_before = IsoDateTimeFilter(field_name="due_at", lookup_expr="lt")

    class Meta:
        model = HumanTask
        fields: list[str] = []

    def only_mine(self, tasks: QuerySet[HumanTask], name: str, value: bool) -> QuerySet[HumanTask]:
        mine = Q(assignee=self.request.user.pk)
        return tasks.filter(mine if value else ~mine)

    def only_overdue(self, tasks: QuerySet[HumanTask], name: str, value: bool) -> QuerySet[HumanTask]:
        late = Q(status=TaskStatus.OPEN, due_at__isnull=False, due_at__lt=timezone.now())
        return tasks.filter(late if value else ~late)
