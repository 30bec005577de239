"""Why a model gave no plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mudda.errors import MuddaError
from workflows.planning.text import clean

if TYPE_CHECKING:
    from workflows.planning.base import PlannerRecord

_SHOWN = 300  # characters of a server's error message that are kept


class PlannerError(MuddaError):
    """The model gave no plan. ``code`` says why; the playbooks can take over.

    ``record`` is what had been asked and answered by then, where anything had.
    """

    status = 502
    title = "The planner gave no plan."

    def __init__(self, code: str, message: str) -> None:
        super().__init__(clean(message, _SHOWN))
        self.code = code
        self.message = self.detail
        self.record: PlannerRecord | None = None


class PlannerUnavailable(PlannerError):
    """The service could not be asked.

    Codes: ``planner_no_key``, ``planner_in_sandbox`` (neither is a failure), ``planner_budget_spent``,
    ``planner_resting`` (the circuit breaker is open), ``planner_timeout``, ``planner_unreachable``,
    ``planner_rate_limited``, ``planner_quota_spent``,
    ``planner_key_refused``, ``planner_not_found`` (model or address), ``planner_request_refused``,
    ``planner_failed``.
    """

    status = 503
    retryable = True


class PlannerAnswerBad(PlannerError):
    """The service answered, but not with a plan.

    Codes: ``answer_refused``, ``answer_cut_off``, ``answer_empty``, ``answer_junk``, ``answer_unsafe``.
    """
