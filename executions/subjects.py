"""What the streams of runs are about, for webhooks."""

from typing import Any

from executions.models import WorkflowExecution
from issues.subjects import subject_of_issue
from mudda.webhooks.subjects import Subject


def describe_execution(number: str, user: Any) -> Subject | None:
    runs = WorkflowExecution.objects.visible_to(user).defer("compiled", "execution_data", "issue_facts")
    run = runs.select_related("plan__issue__department", "plan__issue__category").filter(pk=number).first()
    if run is None:
        return None
    return subject_of_issue(run.plan.issue, plan=str(run.plan_id), execution=str(run.pk))
