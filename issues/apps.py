from typing import Any

from django.apps import AppConfig


class IssuesConfig(AppConfig):
    name = "issues"
    verbose_name = "Issues"

    def ready(self) -> None:
        from mudda import languages

        languages.name_in_any_language(self)
        from issues import event_types  # noqa: F401 (registers them)
        from issues.retention import KINDS
        from issues.sandboxes import CONTENTS
        from issues.subjects import describe_issue
        from mudda import reach, retention, sandboxes, scopes
        from mudda.webhooks import subjects

        reach.departments_from(_codes_of)
        scopes.register("issues:read", "issues.view_issue", description="Read issues.")
        scopes.register(
            "issues:write", "issues.add_issue", "issues.change_issue", description="Write issues."
        )
        sandboxes.register(CONTENTS)
        for kind in KINDS:
            retention.register(kind)
        subjects.register("issue", describe_issue, scope="issues:read", families=["issue"])


def _codes_of(user: Any) -> frozenset[str]:
    """The departments that ``user`` may see, for ``mudda.reach``."""
    from issues.models import Department, within_departments

    mine = Department.objects.filter(within_departments(user, "pk"))
    return frozenset(mine.values_list("code", flat=True))
