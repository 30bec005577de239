"""The playbooks and the planner's settings are checked at start-up: a city must not find out on the street."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from workflows.planning.config import DEFAULT_MODEL
from workflows.planning.dialects import API_CHOICES
from workflows.planning.masking import KINDS
from workflows.planning.playbooks import playbook_problems
from workflows.planning.prices import SHIPPED, price_of, read_prices


@register()
def playbooks_are_sound(app_configs: Any, **kwargs: Any) -> list[Error]:
    return [
        Error(problem, hint="See docs/planner.md, «Writing a playbook».", id="workflows.E001")
        for problem in playbook_problems()
    ]


@register()
def planner_settings_are_sound(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    unknown = set(settings.OPENAI_MASKED) - set(KINDS)
    if unknown:
        hint = f"Known: {', '.join(KINDS)}."
        found.append(Error(f"OPENAI_MASKED cannot mask {sorted(unknown)}.", hint=hint, id="workflows.E002"))
    if settings.OPENAI_API not in API_CHOICES:
        hint = f"Known: {', '.join(API_CHOICES)}."
        found.append(Error(f"OPENAI_API is {settings.OPENAI_API!r}.", hint=hint, id="workflows.E004"))
    try:
        prices = {**SHIPPED, **read_prices(settings.OPENAI_PRICES)}
    except ValueError as error:
        hint = 'Such as OPENAI_PRICES={"my-model": [0.4, 1.6]}.'
        return [*found, Error(f"OPENAI_PRICES: {error}.", hint=hint, id="workflows.E003")]
    model = settings.OPENAI_MODEL or DEFAULT_MODEL
    if settings.OPENAI_API_KEY and price_of(model, prices) is None:
        hint = f'Set OPENAI_PRICES={{"{model}": [<input>, <output>]}}, US dollars for a million tokens.'
        message = f"The model {model} has no price: drafts have no cost, and OPENAI_MAX_COST cannot be kept."
        found.append(Warning(message, hint=hint, id="workflows.W001"))
    return found
