"""An app of a city that breaks the planner: what a defect of ours would do to it."""

from typing import Any

from django.apps import AppConfig

from tests.drafting.answers import STATEMENT


class BrokenConfig(AppConfig):
    name = "tests.drafting.broken"

    def ready(self) -> None:
        from workflows import drafting

        works = drafting.plan_for

        def plan_for(request: Any, *, settings: Any, **others: Any) -> Any:
            if settings.api_key or "break the playbooks" in request.statement:
                raise KeyError(f"The citizen wrote: {STATEMENT}")
            return works(request, settings=settings, **others)

        drafting.plan_for = plan_for
