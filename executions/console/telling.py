"""The runs of an issue's plans in the one history that its page shows."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _

from executions.models import StepRun, WorkflowExecution
from issues.models import Issue
from mudda import console, timeline


@timeline.tells_of(Issue)
def runs_of_issue(request: HttpRequest, issue: Issue) -> Iterable[timeline.Chapter]:
    if not request.user.has_perm("executions.view_workflowexecution"):
        return
    runs = list(WorkflowExecution.objects.filter(plan__issue=issue).only("pk"))
    titles: dict[UUID, dict[str, str]] = defaultdict(dict)
    steps = StepRun.objects.filter(execution__in=[run.pk for run in runs])
    for key, step_id, title in steps.values_list("execution", "step_id", "title"):
        titles[key][step_id] = title
    for run in runs:
        yield timeline.Chapter(run.stream, _("Run"), console.page_of(run), titles[run.pk])
