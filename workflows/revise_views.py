"""The API's doors to changing a plan in words."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from mudda import etags, idempotency
from mudda.drf import Input, caller, parse
from mudda.etags import IF_MATCH
from mudda.views import Door
from workflows import asking
from workflows.answering import PREFER, UNDER_WAY, preference
from workflows.models import PlannerRun, PlanRevision, RunStatus
from workflows.revising import LONGEST_INSTRUCTION, ask_for_revision, ensure_not_failed, revision_run
from workflows.revision_serializers import (
    ChangeOutput,
    MadeOutput,
    NamedRevision,
    RunProblemOutput,
    changes_output,
)
from workflows.revisions import difference
from workflows.serializers import PlanOutput, plan_output


class ReviseInput(Input):
    instruction = serializers.CharField(
        max_length=LONGEST_INSTRUCTION, help_text="What should be different, in your own words."
    )


class RevisionRunOutput(serializers.Serializer[Any]):
    """How far a revision in words is, and what became of it."""

    run_id = serializers.UUIDField()
    status = serializers.ChoiceField(RunStatus.choices)
    instruction = serializers.CharField()
    base = NamedRevision(help_text="What the model was shown.")
    revision = NamedRevision(allow_null=True, help_text="What it made; null if it changed nothing.")
    problem = RunProblemOutput(allow_null=True, help_text="Why it failed.")
    model = serializers.CharField()
    seconds = serializers.FloatField()
    asked_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class RevisedOutput(PlanOutput):
    """The plan as it is now, with what the model changed and says it changed."""

    run = RevisionRunOutput()
    changes = ChangeOutput(many=True, help_text="What differs from the revision that the model was shown.")
    account = serializers.ListField(
        child=serializers.CharField(), help_text="What the model says it has changed. Believe `changes`."
    )


class RevisePlan(Door):
    scopes = {"POST": "plans:write"}
    tagged = ("POST",)
    also_answers = (502,)
    once = "own"

    @extend_schema(
        operation_id="revise_plan",
        summary="Change a plan in words: a new revision, back to DRAFT",
        request=ReviseInput,
        responses={200: RevisedOutput, 202: RevisedOutput},
        parameters=[IF_MATCH, PREFER],
    )
    def post(self, request: Request, workflow_id: UUID) -> Response:
        given = parse(ReviseInput, request)
        answered = idempotency.find(request)
        if answered is None:
            with idempotency.claim(request) as claim:
                answered = claim.answer or claim.keep(_asked(request, workflow_id, given["instruction"]))
        run = _ended(request, workflow_id, answered.data["run_id"])
        ensure_not_failed(run)
        response = _answer(run, status=200 if asking.is_over(run) else UNDER_WAY)
        if preference(request)[0] and response.status_code == UNDER_WAY:
            response["Preference-Applied"] = "respond-async"
        if "Idempotency-Replayed" in answered:
            response["Idempotency-Replayed"] = "true"
        return response


class RevisionRun(Door):
    """With the plan's ``ETag``, for what is done to the plan next: the answer itself changes without it."""

    scopes = {"GET": "plans:read"}
    tagged = ("GET",)
    conditional = False

    @extend_schema(
        operation_id="read_revision_run",
        summary="Read how far a revision in words is",
        responses=RevisedOutput,
    )
    def get(self, request: Request, workflow_id: UUID, run_id: UUID) -> Response:
        return _answer(revision_run(plan_id=workflow_id, run_id=run_id, by=request.user), status=200)


class RevisionRunMade(Door):
    scopes = {"GET": "plans:read"}

    @extend_schema(
        operation_id="read_revision_run_made",
        summary="Read what was said to and by the model for a revision in words, also for one that failed",
        responses=MadeOutput,
    )
    def get(self, request: Request, workflow_id: UUID, run_id: UUID) -> Response:
        return Response(MadeOutput(revision_run(plan_id=workflow_id, run_id=run_id, by=request.user)).data)


def _asked(request: Request, plan_id: UUID, instruction: str) -> Response:
    """What is kept for the key: the run, so that the same key tells how far that is, and asks nothing anew."""
    run = ask_for_revision(
        plan_id=plan_id, instruction=instruction, expected_digest=etags.if_match(request), by=caller(request)
    )
    return Response({"run_id": str(run.pk)}, status=UNDER_WAY)


def _ended(request: Request, plan_id: UUID, run_id: str) -> PlannerRun:
    """The run, once it is over or when the caller has waited for long enough."""
    run = revision_run(plan_id=plan_id, run_id=run_id, by=request.user)
    seconds = preference(request)[1]
    if seconds <= 0 or asking.is_over(run):
        return run
    asking.wait_until_over(run, seconds=seconds)
    return revision_run(plan_id=plan_id, run_id=run_id, by=request.user)


def _answer(run: PlannerRun, *, status: int) -> Response:
    response = Response(revised_output(run), status=status)
    if run.plan.tag:
        response["ETag"] = etags.quoted(run.plan.tag)
    if status == UNDER_WAY:
        response["Location"] = f"/workflows/{run.plan_id}/revise/{run.pk}"
        response["Retry-After"] = "2"
    return response


def revised_output(run: PlannerRun) -> dict[str, Any]:
    """A run as ``RevisedOutput`` describes it."""
    found = difference(run.base, run.revision) if run.base and run.revision else None
    return {
        **plan_output(run.plan),
        "run": {
            "run_id": str(run.pk),
            "status": run.status,
            "instruction": run.instruction,
            "base": _named(run.base),
            "revision": _named(run.revision),
            "problem": run.problem,
            "model": run.model,
            "seconds": run.seconds,
            "asked_at": run.created_at.isoformat(),
            "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        },
        "changes": changes_output(found) if found else [],
        "account": run.account.splitlines(),
    }


def _named(revision: PlanRevision | None) -> dict[str, Any] | None:
    return {"revision": revision.number, "digest": revision.digest} if revision else None
