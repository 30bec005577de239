"""The plans of an issue in the one history that its page shows."""

from collections.abc import Iterable

from django.http import HttpRequest
from django.utils.translation import gettext as _

from issues.models import Issue
from mudda import console, timeline
from workflows.models import WorkflowPlan


@timeline.tells_of(Issue)
def plans_of_issue(request: HttpRequest, issue: Issue) -> Iterable[timeline.Chapter]:
    if request.user.has_perm("workflows.view_workflowplan"):
        for plan in WorkflowPlan.objects.filter(issue=issue).only("title"):
            yield timeline.Chapter(plan.stream, _("Plan"), console.page_of(plan))
