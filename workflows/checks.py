"""The playbooks are checked at start-up: a city must not find out on the street that one is broken."""

from typing import Any

from django.core.checks import Error, register

from workflows.planning.playbooks import playbook_problems


@register()
def playbooks_are_sound(app_configs: Any, **kwargs: Any) -> list[Error]:
    return [
        Error(problem, hint="See docs/planner.md, «Writing a playbook».", id="workflows.E001")
        for problem in playbook_problems()
    ]
