"""The service that the planner asks: reached, and the key and the model known. A list of models costs nothing."""

from collections.abc import Iterator
from typing import Final

from django.conf import settings

from mudda.doctor.registry import Finding, error, fine, left_out, register, warning
from workflows.planning.config import DEFAULT_BASE_URL, DEFAULT_MODEL, PlannerSettings
from workflows.planning.failures import PlannerError

SECONDS: Final = 10.0

UNREACHABLE = error(
    "planner_unreachable",
    "Look at OPENAI_BASE_URL, the way out (443, a proxy) and the service's status page. The playbooks draft meanwhile. "
    "docs/runbooks/planner-failing.md.",
)
KEY_REFUSED = error(
    "planner_key_refused", "Replace OPENAI_API_KEY (or its file) and restart. The playbooks draft meanwhile."
)
FAILS = error(
    "planner_failed",
    "The service answers with an error: its status page, the account's budget and limits. "
    "docs/runbooks/planner-failing.md.",
)
NO_MODEL = warning(
    "planner_model_unlisted",
    "Compare OPENAI_MODEL with the models that this key may use; some servers list fewer.",
)

FAULTS: Final = {
    "planner_unreachable": UNREACHABLE,
    "planner_timeout": UNREACHABLE,
    "planner_key_refused": KEY_REFUSED,
}
"""By the planner's own code; everything else is ``planner_failed``."""


def look() -> Iterator[Finding]:
    """Ask for the list of models, as the planner would ask for a draft."""
    if not settings.OPENAI_API_KEY:
        yield left_out("OPENAI_API_KEY is not set: the playbooks draft.")
        return
    model, where = settings.OPENAI_MODEL or DEFAULT_MODEL, settings.OPENAI_BASE_URL or DEFAULT_BASE_URL
    try:
        known = _models(where)
    except PlannerError as problem:
        yield FAULTS.get(problem.code, FAILS).found(
            f"{where}: {problem.detail}", url=where, reason=problem.code
        )
        return
    facts = {"url": where, "model": model, "models": len(known)}
    if model in known:
        yield fine(f"{where} knows the key and {model}.", **facts)
    else:
        yield NO_MODEL.found(f"{where} knows the key, and does not list {model}.", **facts)


def _models(where: str) -> set[str]:
    """Raises:
    PlannerError: there is no list; its code says why.
    """
    # The SDK takes a second to import; only who has a key waits for it.
    from workflows.planning.refusals import Refused, ServiceDown, meaning
    from workflows.planning.transport import Transport

    transport = Transport(PlannerSettings(api_key=settings.OPENAI_API_KEY, base_url=where))
    try:
        return transport.within(SECONDS, lambda: {model.id for model in transport.sdk.models.list().data})
    except Exception as problem:
        meant = meaning(problem)
        if isinstance(meant, Refused | ServiceDown):
            raise meant.error from problem
        if isinstance(meant, PlannerError):
            raise meant from problem
        raise
    finally:
        transport.close()


register("planner", look, words="the planner's service: reach, key, model; the list of models costs nothing")
