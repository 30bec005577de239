"""What drafting needs to know, handed in by the caller: no Django settings in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from workflows.plan.catalogue import Catalogue, offered
from workflows.planning.city import Category, Department, shipped_categories, shipped_departments
from workflows.planning.dialects import ApiChoice
from workflows.planning.masking import KINDS
from workflows.planning.prices import SHIPPED, Price

DEFAULT_BASE_URL = "https://api.openai.com/v1"
DEFAULT_MODEL = "gpt-5.4-mini"


@dataclass(frozen=True)
class PlannerSettings:
    """Where the model is, and what one draft may cost.

    Attributes:
        api_key: Empty means playbooks only.
        sandbox: Whether the plan is for a sandbox, for which no model is ever asked, whatever the key.
        api: Which API is asked: ``auto`` is the Responses API, or chat completions where a server lacks it.
        timeout: Seconds for one attempt of one request.
        max_calls: Requests of one draft, attempts included.
        max_tokens: Input and output of one draft together; kept before each request, by an estimate of the
            input (half of its bytes).
        max_seconds: For the whole draft, waits that the service asks for included.
        max_cost: US dollars for one draft. Cannot be kept for a model without a price; ``manage.py check`` says so.
        prices: By model, US dollars for a million tokens.
        masked: Kinds of personal data that are masked before anything leaves, of ``masking.KINDS``.
        region: The country (ISO 3166) in which telephone numbers without a country code are dialled.
        catalogue: None means the activities that this process offers.
        departments, categories: What the model may name, by default the lists as shipped.
    """

    api_key: str = field(default="", repr=False)
    sandbox: bool = False
    base_url: str = DEFAULT_BASE_URL
    model: str = DEFAULT_MODEL
    api: ApiChoice = "auto"
    timeout: float = 20.0
    max_calls: int = 10
    max_tokens: int = 100_000
    max_seconds: float = 50.0
    max_cost: Decimal = Decimal("0.50")
    prices: Mapping[str, Price] = field(default_factory=lambda: SHIPPED)
    masked: tuple[str, ...] = KINDS
    region: str = "US"
    catalogue: Catalogue | None = None
    departments: tuple[Department, ...] = field(default_factory=shipped_departments)
    categories: tuple[Category, ...] = field(default_factory=shipped_categories)

    @property
    def activities(self) -> Catalogue:
        return offered() if self.catalogue is None else self.catalogue
