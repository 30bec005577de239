from django.apps import AppConfig

from mudda import scopes


class IssuesConfig(AppConfig):
    name = "issues"
    verbose_name = "Issues"

    def ready(self) -> None:
        scopes.register("issues:read", "issues.view_issue", description="Read issues.")
        scopes.register("issues:write", "issues.add_issue", "issues.change_issue", description="Write issues.")
