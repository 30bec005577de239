"""What it means that a service gave no answer: it may pass, or it will not, or it is the way of asking."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import openai

from workflows.planning.breaker import Down
from workflows.planning.calls import junk
from workflows.planning.dialects import NO_SUCH_API
from workflows.planning.failures import PlannerUnavailable
from workflows.planning.line import Late

_PASSING = (408, 409, 429)
_UNREACHED = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)


class ServiceDown(Down):
    """An attempt failed in a way that may pass. ``rest`` is what the service asks for, in seconds."""

    def __init__(
        self, error: PlannerUnavailable, rest: float | None = None, *, is_final: bool = False
    ) -> None:
        super().__init__(error.code)
        self.error, self.rest, self.is_final = error, rest, is_final


class Refused(Exception):
    """The service refuses the request for good: with ``status``, and in the words ``said``."""

    def __init__(self, error: PlannerUnavailable, status: int, said: str) -> None:
        super().__init__(error.code)
        self.error, self.status, self.said = error, status, said.lower()
        self.is_missing = status in NO_SUCH_API


def ensure_answer(answered: Any, content: object, *, secret: str) -> None:
    """Raises Refused for what some servers send with the status 200: an error in the place of an answer.

    Args:
        content: what the answer would be in.
        secret: the key, which such an error may quote.
    """
    error = getattr(answered, "error", None)
    if error and not content and getattr(answered, "status", None) is None:
        said = error if isinstance(error, str) else str(getattr(error, "message", None) or error)
        message = f"The service answered with an error: {said.replace(secret, '[KEY]')}"
        raise Refused(PlannerUnavailable("planner_failed", message), 200, said)


def meaning(error: Exception) -> Exception:
    """What a failed attempt means: ServiceDown, Refused, PlannerUnavailable, PlannerAnswerBad, or what it was."""
    match error:
        case Late():
            return ServiceDown(_timeout())
        case openai.APIStatusError() if error.status_code in _PASSING or _is_down(error.status_code):
            return ServiceDown(_unavailable(error), _asked_wait(error), is_final=_is_final(error))
        case openai.APIStatusError():
            return Refused(_unavailable(error), error.status_code, f"{error.message} {error.body}")
        case openai.APIConnectionError():
            return ServiceDown(_unavailable(error))
        case openai.OpenAIError():
            return _unavailable(error)
        case ValueError() | TypeError() | AttributeError() | KeyError():
            # The SDK does not check bodies: a proxy's own page or half an object surfaces as one of these.
            return junk("The service's answer is not of the protocol's form.")
    return error


def is_free(error: Exception) -> bool:
    """Whether a failed attempt cost nothing: refused, or it reached nobody who could have begun to answer."""
    return isinstance(error, Refused | openai.APIStatusError) or not _has_reached(error)


def _has_reached(error: Exception) -> bool:
    if isinstance(error, Late) and not error.is_sent:
        return False
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, _UNREACHED):
        cause = cause.__cause__
    return cause is None


def _is_down(status: int) -> bool:
    return status >= 500 and status != 501


def _asked_wait(error: openai.APIStatusError) -> float | None:
    """Seconds that the service asks to wait (``Retry-After`` as seconds or a date), None when it doesn't."""
    headers = error.response.headers
    for name, divisor in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            wait = float(headers.get(name, "")) / divisor
        except ValueError:
            continue
        return wait if wait > 0 else None
    try:
        until = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    moment = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) or None


def _is_final(error: openai.APIStatusError) -> bool:
    """Whether the service says that trying again is of no use: an account without money does not fill itself."""
    return error.code == "insufficient_quota" or error.response.headers.get("x-should-retry") == "false"


def _timeout() -> PlannerUnavailable:
    return PlannerUnavailable("planner_timeout", "The service did not answer in time.")


def _unavailable(error: openai.OpenAIError) -> PlannerUnavailable:
    """Name the failure without repeating a key: OpenAI's own 401 text quotes a part of it."""
    if isinstance(error, openai.APITimeoutError):
        return _timeout()
    if isinstance(error, openai.APIConnectionError):
        return PlannerUnavailable("planner_unreachable", "The service could not be reached.")
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return PlannerUnavailable(
            "planner_key_refused", f"The service refused the key ({error.status_code}): see OPENAI_API_KEY."
        )
    if isinstance(error, openai.RateLimitError):
        if error.code == "insufficient_quota":
            return PlannerUnavailable("planner_quota_spent", "The account's budget at the service is spent.")
        return PlannerUnavailable("planner_rate_limited", "The service asks to wait (429).")
    if isinstance(error, openai.NotFoundError):
        return PlannerUnavailable(
            "planner_not_found",
            "The service knows neither API or not this model (404): see OPENAI_BASE_URL and OPENAI_MODEL.",
        )
    if isinstance(error, openai.APIStatusError) and error.status_code == 408:
        return _timeout()
    is_conflict = isinstance(error, openai.ConflictError)  # with something else that goes on there: it passes
    if isinstance(error, openai.APIStatusError) and error.status_code < 500 and not is_conflict:
        return PlannerUnavailable(
            "planner_request_refused", f"The service refused the request ({error.status_code})."
        )
    if isinstance(error, openai.APIStatusError):
        return PlannerUnavailable("planner_failed", f"The service failed ({error.status_code}).")
    return PlannerUnavailable("planner_failed", type(error).__name__)
