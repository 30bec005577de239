"""The admin's sidebar and look, for django-unfold: composes the site, like ``urls.py``."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop

from mudda.reports import reports_for

WORK = (
    (gettext_noop("Issues"), "report", "issues_issue", "issues.view_issue"),
    (gettext_noop("Plans"), "fact_check", "workflows_workflowplan", "workflows.view_workflowplan"),
    (
        gettext_noop("Runs"),
        "play_circle",
        "executions_workflowexecution",
        "executions.view_workflowexecution",
    ),
    (gettext_noop("My tasks"), "task_alt", "executions_mytask", "executions.view_humantask"),
)
SETUP = (
    (gettext_noop("Policies"), "policy", "workflows_policydocument", "workflows.view_policydocument"),
    (gettext_noop("Playbooks"), "menu_book", "playbooks", "workflows.view_workflowplan"),
    (gettext_noop("Messages"), "mail", "messages", "workflows.view_workflowplan"),
    (gettext_noop("Departments"), "apartment", "issues_department", "issues.view_department"),
    (gettext_noop("Holidays"), "event_busy", "holidays", "issues.view_department"),
    (gettext_noop("Categories"), "category", "issues_category", "issues.view_category"),
    (gettext_noop("API keys"), "key", "mudda_apikey", "mudda.view_apikey"),
    (gettext_noop("Webhooks"), "webhook", "mudda_webhooksubscription", "mudda.view_webhooksubscription"),
    (gettext_noop("People"), "group", "auth_user", "auth.view_user"),
    (gettext_noop("Groups"), "groups", "auth_group", "auth.view_group"),
    (gettext_noop("Events"), "history", "mudda_event", "mudda.view_event"),
)

PAGES = {"playbooks", "messages", "holidays"}
"""Places that are no model's list."""


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """What this person may see, under two headings."""
    groups: tuple[tuple[str, Any, list[dict[str, Any]]], ...] = (
        (gettext("Work"), WORK, _reports(request)),
        (gettext("Setup"), SETUP, []),
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
    return [{"title": gettext("Reports"), "icon": "bar_chart", "link": reverse("reports"), "active": here}]


def _item(row: tuple[str, str, str, str]) -> dict[str, Any]:
    title, icon, place, _ = row
    name = place if place in PAGES else f"{place}_changelist"
    return {"title": gettext(title), "icon": icon, "link": reverse(f"admin:{name}")}


def stylesheet(request: HttpRequest) -> str:
    return static("mudda/console.css")


def home_stylesheet(request: HttpRequest) -> str:
    return static("mudda/home.css")


def naming(request: HttpRequest) -> str:
    return static("mudda/naming.js")


def icon(request: HttpRequest) -> str:
    return static("mudda/icon.svg")
