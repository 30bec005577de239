"""What is shown, by name: docs/screenshots/README.md says what each is."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page


@dataclass(frozen=True)
class Screen:
    """``place`` is a path, with names of what ``tests.screenshots.city`` made in braces. ``follows``: the page goes on
    asking the server, so that it is never quiet."""

    name: str
    place: str
    signed_in: bool = True
    follows: bool = False
    before: Callable[[Page], None] | None = None

    def path(self, places: dict[str, str]) -> str:
        return self.place.format(**places)


SCREENS = (
    Screen("sign-in", "/admin/login/", signed_in=False),
    Screen("home", "/admin/"),
    Screen("issues", "/admin/issues/issue/"),
    Screen("issue", "/admin/issues/issue/{issue}/change/"),
    Screen("report-an-issue", "/admin/issues/issue/add/"),
    Screen("plans", "/admin/workflows/workflowplan/"),
    Screen("plan-review", "/admin/workflows/workflowplan/{draft}/change/"),
    Screen("approve", "/admin/workflows/workflowplan/{draft}/approve/?digest={digest}"),
    Screen("reject", "/admin/workflows/workflowplan/{draft}/reject/?digest={digest}"),
    Screen("plan-steps", "/admin/workflows/workflowplan/{draft}/steps/"),
    Screen("plan-edit", "/admin/workflows/workflowplan/{draft}/edit/"),
    Screen("simulate", "/admin/workflows/workflowplan/{draft}/simulate/"),
    Screen("runs", "/admin/executions/workflowexecution/"),
    Screen("run", "/admin/executions/workflowexecution/{run}/change/", follows=True),
    Screen("run-done", "/admin/executions/workflowexecution/{done}/change/", follows=True),
    Screen("my-tasks", "/admin/executions/humantask/mine/"),
    Screen("tasks", "/admin/executions/humantask/"),
    Screen("task", "/admin/executions/humantask/{task}/change/"),
    Screen("crew-link", "{link}", signed_in=False),
    Screen(
        "playbooks",
        "/admin/playbooks/?q=Water+is+leaking+from+a+pipe+and+runs+over+the+sidewalk+at+12+Elm+St",
    ),
    Screen("playbook", "/admin/playbooks/water_leak/"),
    Screen("wording", "/admin/playbooks/water_leak/say/tell_repaired/"),
    Screen("messages", "/admin/messages/"),
    Screen("message", "/admin/messages/RESOLVED/water_leak/"),
    Screen("holidays", "/admin/holidays/"),
    Screen("policies", "/admin/workflows/policydocument/"),
    Screen("policy", "/admin/workflows/policydocument/{policy}/change/"),
    Screen("departments", "/admin/issues/department/"),
    Screen("department", "/admin/issues/department/{department}/change/"),
    Screen("categories", "/admin/issues/category/"),
    Screen("api-keys", "/admin/mudda/apikey/"),
    Screen("make-api-key", "/admin/mudda/apikey/add/"),
    Screen("people", "/admin/auth/user/"),
    Screen("report-promises", "/admin/reports/promises/"),
    Screen("report-drafts", "/admin/reports/drafts/"),
    Screen("webhooks", "/admin/mudda/webhooksubscription/"),
    Screen("events", "/admin/mudda/event/"),
)
