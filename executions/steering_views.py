"""The API's doors to steering a run: pause, resume, cancel, and what to do about a failed step."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from executions.answering import execution_answer, task_answer, unchanged
from executions.deciding import decide_task
from executions.models import WorkflowExecution
from executions.serializers import ExecutionOutput, TaskOutput
from executions.steering import cancel_execution, open_escalation, pause_execution, resume_execution
from mudda import etags
from mudda.drf import Input, caller, parse
from mudda.etags import IF_MATCH
from mudda.openapi import Link
from mudda.views import Door


class ReasonInput(Input):
    reason = serializers.CharField(max_length=2_000, help_text="Why: kept with who did it and when.")


class AnswerInput(ReasonInput):
    answer = serializers.JSONField(help_text="The step's output, as its activity promises it.")


STEERING = ("read_execution", "pause_execution", "resume_execution", "cancel_execution")


class SteerExecution(Door):
    """Tell a run something; the run hears of it after the answer."""

    scopes: ClassVar = {"POST": "executions:write"}
    tagged = ("POST",)
    links = {"POST": [Link(name, {"execution_id": "id"}) for name in STEERING]}
    steer: ClassVar[Callable[..., WorkflowExecution]]

    def post(self, request: Request, execution_id: UUID) -> Response:
        reason = parse(ReasonInput, request)["reason"]
        execution = type(self).steer(
            execution_id=execution_id,
            reason=reason,
            by=caller(request),
            expected=etags.if_match(request),
        )
        shown = WorkflowExecution.objects.select_related("plan__issue", "revision")
        return execution_answer(shown.get(pk=execution.pk), status=202)


class DecideFailure(Door):
    """Decide the open question what to do about a step's failure."""

    scopes: ClassVar = {"POST": "tasks:write"}
    tagged = ("POST",)
    outcome: ClassVar[str]
    takes: ClassVar[type[Input]] = ReasonInput

    def post(self, request: Request, execution_id: UUID, step_id: str) -> Response:
        given = parse(self.takes, request)
        task = open_escalation(execution_id=execution_id, step_id=step_id, by=caller(request))
        with unchanged(request, task.pk, by_execution=True):
            return task_answer(
                decide_task(
                    task_id=task.pk,
                    outcome=self.outcome,
                    answer=given.get("answer"),
                    comment=given["reason"],
                    by=caller(request),
                )
            )


def _steering(name: str, summary: str) -> Any:
    return extend_schema_view(
        post=extend_schema(
            operation_id=name,
            summary=summary,
            request=ReasonInput,
            responses={202: ExecutionOutput},
            parameters=[IF_MATCH],
        )
    )


def _deciding(name: str, summary: str, takes: type[Input] = ReasonInput) -> Any:
    return extend_schema_view(
        post=extend_schema(
            operation_id=name, summary=summary, request=takes, responses=TaskOutput, parameters=[IF_MATCH]
        )
    )


@_steering("pause_execution", "Pause a run: no new step starts")
class PauseExecution(SteerExecution):
    steer = staticmethod(pause_execution)


@_steering("resume_execution", "Let a paused run go on")
class ResumeExecution(SteerExecution):
    steer = staticmethod(resume_execution)


@_steering("cancel_execution", "Cancel a run: withdraw what waits, undo what can be undone")
class CancelExecution(SteerExecution):
    steer = staticmethod(cancel_execution)


@_deciding("retry_step", "Try a failed step again")
class RetryStep(DecideFailure):
    outcome = "retry"


@_deciding("skip_step", "Go on without a failed step")
class SkipStep(DecideFailure):
    outcome = "skip"


@_deciding("answer_step", "Give the result of a failed step by hand", AnswerInput)
class AnswerStep(DecideFailure):
    outcome = "answer"
    takes = AnswerInput
