"""How lists of runs and tasks can be narrowed."""

from django.db.models import Q, QuerySet
from django.utils import timezone
from django_filters import CharFilter, ChoiceFilter, FilterSet, UUIDFilter

from executions.models import (
    ExecutionStatus,
    HumanTask,
    StepRun,
    StepStatus,
    TaskStatus,
    WorkflowExecution,
)
from executions.targets import late
from mudda.filters import MomentFilter, TruthFilter


class ExecutionFilter(FilterSet):
    status = ChoiceFilter(choices=ExecutionStatus.choices)
    workflow_plan_id = UUIDFilter(field_name="plan_id")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")
    overdue = TruthFilter(method="only_overdue", help_text="Not over, and past their `due_at`.")

    class Meta:
        model = WorkflowExecution
        fields: list[str] = []

    def only_overdue(
        self, runs: QuerySet[WorkflowExecution], name: str, value: bool
    ) -> QuerySet[WorkflowExecution]:
        return runs.filter(late(timezone.now()) if value else ~late(timezone.now()))


class StepFilter(FilterSet):
    status = ChoiceFilter(choices=StepStatus.choices)

    class Meta:
        model = StepRun
        fields: list[str] = []


class TaskFilter(FilterSet):
    status = ChoiceFilter(choices=TaskStatus.choices)
    execution_id = UUIDFilter(field_name="execution_id")
    kind = CharFilter()
    group = CharFilter()
    mine = TruthFilter(method="only_mine", help_text="Those that you have claimed or were given.")
    overdue = TruthFilter(method="only_overdue", help_text="Open ones whose due time is past.")
    due_before = MomentFilter(field_name="due_at", lookup_expr="lt")

    class Meta:
        model = HumanTask
        fields: list[str] = []

    def only_mine(self, tasks: QuerySet[HumanTask], name: str, value: bool) -> QuerySet[HumanTask]:
        mine = Q(assignee=self.request.user.pk)
        return tasks.filter(mine if value else ~mine)

    def only_overdue(self, tasks: QuerySet[HumanTask], name: str, value: bool) -> QuerySet[HumanTask]:
        overdue = Q(status=TaskStatus.OPEN, due_at__isnull=False, due_at__lt=timezone.now())
        return tasks.filter(overdue if value else ~overdue)
