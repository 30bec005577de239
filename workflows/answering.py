"""How the API answers what a planner does: with what it has made, or with where that goes on."""

import re

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from mudda import etags, idempotency
from workflows import asking
from workflows.models import PlannerRun, WorkflowPlan
from workflows.serializers import plan_output

PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description="`respond-async`: don't wait for a model (RFC 7240). `wait=<seconds>`: wait that long, 60 s at most.",
)
WAIT = re.compile(r'wait\s*=\s*"?(\d{1,4})"?')
UNDER_WAY = 202


def answer_now(run: PlannerRun, *, done: int) -> Response:
    """The plan of a run, with the status ``done`` if the run is over and 202 while it goes on."""
    data = {**plan_output(run.plan), "duplicates": run.duplicates}
    return dressed(Response(data, status=done if asking.is_over(run) else UNDER_WAY), run.plan)


def answer_later(request: Request, run: PlannerRun, now: Response, *, done: int) -> Response:
    """Wait for a run as long as the caller likes to, and answer; after the commit of what asked for it.

    The final answer is kept for the request's ``Idempotency-Key`` instead of ``now``.
    """
    if now.status_code != UNDER_WAY:
        return now
    is_async, seconds = preference(request)
    ended = asking.wait_until_over(run, seconds=seconds) if seconds > 0 else None
    if ended is not None:
        return idempotency.keep_instead(request, answer_now(ended, done=done))
    if is_async:
        now["Preference-Applied"] = "respond-async"
    return now


def preference(request: Request) -> tuple[bool, float]:
    """Whether the caller would rather not wait, and for how many seconds they would at most."""
    given = [part.strip().lower() for part in request.headers.get("Prefer", "").split(",")]
    is_async = "respond-async" in given
    asked = next((float(match[1]) for part in given if (match := WAIT.fullmatch(part))), None)
    if asked is None:
        return is_async, 0.0 if is_async else settings.GENERATE_WAIT
    return is_async, min(asked, settings.GENERATE_WAIT)


def dressed(response: Response, plan: WorkflowPlan) -> Response:
    """An answer that is a plan, with the headers that go with it."""
    if plan.tag:
        response["ETag"] = etags.quoted(plan.tag)
    if response.status_code in {201, UNDER_WAY}:
        response["Location"] = f"/workflows/{plan.pk}"
    return response
