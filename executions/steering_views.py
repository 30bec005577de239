"""The API's doors to steering a run: pause, resume, cancel, and what to do about a failed step."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from executions.deciding import decide_task
from executions.models import WorkflowExecution
from executions.serializers import ExecutionOutput, TaskOutput
from executions.steering import cancel_execution, open_escalation, pause_execution, resume_execution
from mudda.drf import Input, caller, parse


class ReasonInput(Input):
    reason = serializers.CharField(max_length=2_000, help_text="Why: kept with who did it and when.")


class AnswerInput(ReasonInput):
    answer = serializers.JSONField(help_text="The step's output, as its activity promises it.")


def _answer(execution: WorkflowExecution) -> Response:
    found = WorkflowExecution.objects.select_related("plan__issue", "revision").prefetch_related(
        "steps", "tasks"
    )
    return Response(ExecutionOutput(found.get(pk=execution.pk)).data, status=202)


class PauseExecution(APIView):
    scopes = {"POST": "executions:write"}

    @extend_schema(
        operation_id="pause_execution",
        summary="Pause a run: no new step starts",
        request=ReasonInput,
        responses={202: ExecutionOutput},
    )
    def post(self, request: Request, execution_id: UUID) -> Response:
        reason = parse(ReasonInput, request)["reason"]
        return _answer(pause_execution(execution_id=execution_id, reason=reason, by=caller(request)))


class ResumeExecution(APIView):
    scopes = {"POST": "executions:write"}

    @extend_schema(
        operation_id="resume_execution",
        summary="Let a paused run go on",
        request=ReasonInput,
        responses={202: ExecutionOutput},
    )
    def post(self, request: Request, execution_id: UUID) -> Response:
        reason = parse(ReasonInput, request)["reason"]
        return _answer(resume_execution(execution_id=execution_id, reason=reason, by=caller(request)))


class CancelExecution(APIView):
    scopes = {"POST": "executions:write"}

    @extend_schema(
        operation_id="cancel_execution",
        summary="Cancel a run: withdraw what waits, undo what can be undone",
        request=ReasonInput,
        responses={202: ExecutionOutput},
    )
    def post(self, request: Request, execution_id: UUID) -> Response:
        reason = parse(ReasonInput, request)["reason"]
        return _answer(cancel_execution(execution_id=execution_id, reason=reason, by=caller(request)))


def _decide(
    request: Request, execution_id: UUID, step_id: str, outcome: str, given: dict[str, Any]
) -> Response:
    task = open_escalation(execution_id=execution_id, step_id=step_id, by=caller(request))
    decided = decide_task(
        task_id=task.pk,
        outcome=outcome,
        answer=given.get("answer"),
        comment=given["reason"],
        by=caller(request),
    )
    return Response(TaskOutput(decided).data)


class RetryStep(APIView):
    scopes = {"POST": "tasks:write"}

    @extend_schema(
        operation_id="retry_step",
        summary="Try a failed step again",
        request=ReasonInput,
        responses=TaskOutput,
    )
    def post(self, request: Request, execution_id: UUID, step_id: str) -> Response:
        return _decide(request, execution_id, step_id, "retry", parse(ReasonInput, request))


class SkipStep(APIView):
    scopes = {"POST": "tasks:write"}

    @extend_schema(
        operation_id="skip_step",
        summary="Go on without a failed step",
        request=ReasonInput,
        responses=TaskOutput,
    )
    def post(self, request: Request, execution_id: UUID, step_id: str) -> Response:
        return _decide(request, execution_id, step_id, "skip", parse(ReasonInput, request))


class AnswerStep(APIView):
    scopes = {"POST": "tasks:write"}

    @extend_schema(
        operation_id="answer_step",
        summary="Give the result of a failed step by hand",
        request=AnswerInput,
        responses=TaskOutput,
    )
    def post(self, request: Request, execution_id: UUID, step_id: str) -> Response:
        return _decide(request, execution_id, step_id, "answer", parse(AnswerInput, request))
