"""How lists of runs and tasks can be narrowed."""

from django_filters import CharFilter, ChoiceFilter, FilterSet, IsoDateTimeFilter, UUIDFilter

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

    class Meta:
        model = HumanTask
        fields: list[str] = []
