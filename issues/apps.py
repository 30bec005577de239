from django.apps import AppConfig


class IssuesConfig(AppConfig):
    name = "issues"
    verbose_name = "Issues"

    def ready(self) -> None:
        from mudda import scopes

        scopes.register("issues:read", "issues.view_issue", description="Read issues.")
        scopes.register(
            "issues:write", "issues.add_issue", "issues.change_issue", description="Write issues."
        )
