"""A run in Temporal's own web interface, for those who run the city's servers."""

from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.models import User

from executions.models import WorkflowExecution
from mudda import console

SEES_ALL = "mudda.view_event"
"""Whoever may read every event of the whole city: Temporal's interface shows as much, and knows no departments."""


def temporal_link(execution: WorkflowExecution, by: User) -> str:
    """The run's page in Temporal's web interface; "" without one, and for those whom it would show too much."""
    entitled = by.has_perm(SEES_ALL) and not console.is_limited(by)
    if not settings.TEMPORAL_UI_URL or not entitled or not execution.temporal_run_id:
        return ""
    namespace = quote(settings.TEMPORAL_NAMESPACE, safe="")
    return f"{settings.TEMPORAL_UI_URL.rstrip('/')}/namespaces/{namespace}/workflows/{execution.temporal_workflow_id}"
