"""The admin's sidebar and look, for django-unfold: composes the site, like ``urls.py``."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _

from mudda.reports import reports_for

WORK = (
    ("Issues", "report", "issues_issue", "issues.view_issue"),
    ("Plans", "fact_check", "workflows_workflowplan", "workflows.view_workflowplan"),
    ("Runs", "play_circle", "executions_workflowexecution", "executions.view_workflowexecution"),
    ("My tasks", "task_alt", "executions_mytask", "executions.view_humantask"),
)
SETUP = (
    ("Policies", "policy", "workflows_policydocument", "workflows.view_policydocument"),
    ("Departments", "apartment", "issues_department", "issues.view_department"),
    ("Categories", "category", "issues_category", "issues.view_category"),
    ("API keys", "key", "mudda_apikey", "mudda.view_apikey"),
    ("Webhooks", "webhook", "mudda_webhooksubscription", "mudda.view_webhooksubscription"),
    ("People", "group", "auth_user", "auth.view_user"),
    ("Groups", "groups", "auth_group", "auth.view_group"),
    ("Events", "history", "mudda_event", "mudda.view_event"),
)


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """What this person may see, under two headings."""
    groups: tuple[tuple[str, Any, list[dict[str, Any]]], ...] = (
        ("Work", WORK, _reports(request)),
        ("Setup", SETUP, []),
    )
    return [
        {"title": title, "separator": True, "items": items}
        for title, rows, more in groups
        if (items := [_item(row) for row in rows if request.user.has_perm(row[3])] + more)
    ]


def _reports(request: HttpRequest) -> list[dict[str, Any]]:
    if not reports_for(request.user):
        return []
    here = request.path.startswith(reverse("reports"))
    return [{"title": _("Reports"), "icon": "bar_chart", "link": reverse("reports"), "active": here}]


def _item(row: tuple[str, str, str, str]) -> dict[str, Any]:
    title, icon, model, _permission = row
    return {"title": title, "icon": icon, "link": reverse(f"admin:{model}_changelist")}


def stylesheet(request: HttpRequest) -> str:
    return static("mudda/console.css")


def home_stylesheet(request: HttpRequest) -> str:
    return static("mudda/home.css")


def icon(request: HttpRequest) -> str:
    return static("mudda/icon.svg")
