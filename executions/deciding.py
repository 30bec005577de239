"""Deciding people's tasks. The task's row is the only arbiter: whoever comes second is told who was first."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from executions.crews import finished_answer, photo_fields
from executions.links import ensure_usable
from executions.models import (
    Effect,
    EffectStatus,
    HumanTask,
    StepRun,
    TaskLink,
    TaskStatus,
    WorkflowExecution,
)
from executions.tasks import APPROVAL, DONE, ESCALATION, UNCERTAIN_EFFECT, is_closed, withdraw_tasks
from executions.temporal.contracts import TASK_DECIDED, TaskDecided
from executions.temporal.large import shrunk
from mudda import events, outbox, temporal
from mudda.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unprocessable
from mudda.models import OutboxMessage
from workflows.models import PlanApproval
from workflows.plan.checks.inputs import schema_problems


class TaskClosed(Conflict):
    code = "task_closed"
    title = "This task has been decided, or is not open any more."


class TaskTaken(Conflict):
    code = "task_taken"
    title = "Somebody else has this task."


class BadAnswer(Unprocessable):
    code = "bad_answer"
    title = "The answer isn't what the task asks for."


THEN = {
    APPROVAL: {"approve": "approved", "reject": "rejected"},
    ESCALATION: {"retry": "retry", "skip": "skip", "answer": "answer", "stop": "stop"},
    UNCERTAIN_EFFECT: {"it_happened": "again", "do_it_again": "again", "stop": "fail"},
}
"""What the run does after each outcome of the tasks that aren't an activity's own."""

GIVES_ANSWER = frozenset({DONE, "answer"})
"""The outcomes that come with an answer to the task's form."""


@transaction.atomic
def decide_task(
    *, task_id: UUID, outcome: str, by: User | TaskLink, answer: Any = None, comment: str = ""
) -> HumanTask:
    """Decide a task; whoever comes second is told who was first. The run hears of it after commit.

    Args:
        outcome: one of the task's ``outcomes``.
        answer: for an activity's task, the answer that its form asks for.
        comment: why; what becomes of a failed step is never decided without.
        by: who decides: a user, or whoever has a signed link to this task.

    Raises:
        NotFound: there is no such task, or ``by`` may not see it.
        TaskClosed: carries who decided, when and how.
        TaskTaken: somebody else has claimed it, or was given it; carries who and since when.
        Forbidden: ``by`` isn't in the group that may decide, or wrote or approved a plan that asks for four eyes.
        BadAnswer: the answer doesn't satisfy the form; names every field.
        InvalidRequest: there is no such outcome, or it needs a comment.
        LinkExpired, LinkRevoked: the link is no longer good.
    """
    task = locked_task(task_id, by)
    ensure_may_decide(task, by)
    ensure_not_taken(task, by)
    ensure_answer(task, outcome, answer)
    ensure_reason(task, comment)
    now = timezone.now()
    if outcome == DONE:
        answer = finished_answer(task, answer, now)
    task.status, task.outcome, task.answer, task.comment = TaskStatus.DECIDED, outcome, answer, comment
    task.decided_by, task.decided_role, task.decided_at = actor_of(by), role_of(by), now
    task.save(
        update_fields=[
            "status", "outcome", "answer", "comment", "decided_by", "decided_role", "decided_at",
        ]
    )  # fmt: skip
    if isinstance(by, TaskLink):
        TaskLink.objects.filter(pk=by.pk).update(used_at=now)
    if task.kind == UNCERTAIN_EFFECT:
        _settle_effects(task, outcome)
    if outcome in GIVES_ANSWER and task.awaited:
        keep_output(task)
    if outcome == "retry":
        _step_of(task).update(own_failures=0)  # new attempts
    events.append(
        task.execution,
        "task.decided",
        {"task": str(task.pk), "step_id": task.step_id, "outcome": outcome, **origin_of(by)},
        actor=actor_of(by),
    )
    if task.awaited:
        _tell_run(task)
    return task


def locked_task(task_id: UUID, by: User | TaskLink) -> HumanTask:
    """The task, open and locked until commit, for somebody who may see it.

    Raises:
        NotFound, TaskClosed, LinkExpired, LinkRevoked: as for ``decide_task``.
    """
    every = HumanTask.objects
    visible = every.filter(pk=by.task_id) if isinstance(by, TaskLink) else every.visible_to(by)
    # The run's row first, then the task's: as the worker does that withdraws tasks, so that nobody waits in a circle.
    seen = visible.filter(pk=task_id).values("execution_id")
    WorkflowExecution.objects.select_for_update().filter(pk__in=seen).values_list("pk").first()
    tasks = HumanTask.objects.select_for_update(of=("self",))
    task = tasks.filter(pk=task_id, pk__in=visible.values("pk")).first()
    if task is None:
        raise NotFound("There is no such task.")
    if isinstance(by, TaskLink):
        by.refresh_from_db()  # revoking takes the same lock
        ensure_usable(by)
    ensure_open(task)
    return task


def actor_of(by: User | TaskLink) -> User | None:
    """The user, where there is one: nobody knows who opens a link."""
    return None if isinstance(by, TaskLink) else by


def role_of(by: User | TaskLink) -> str:
    return by.role if isinstance(by, TaskLink) else ""


def origin_of(by: User | TaskLink) -> dict[str, str]:
    """What an event says of a link instead of an actor."""
    return {"link": str(by.pk), "role": by.role} if isinstance(by, TaskLink) else {}


def decided_by_name(task: HumanTask) -> str | None:
    """The user's name, or the role whose link it was decided through."""
    return task.decided_by.get_username() if task.decided_by else task.decided_role or None


def ensure_open(task: HumanTask) -> None:
    if is_closed(task):
        why = task.comment if task.status == TaskStatus.WITHDRAWN else ""
        raise TaskClosed(
            f"The task is {task.status}. {why}".strip(),
            extra={
                "task_status": task.status,
                "decided_by": decided_by_name(task),
                "decided_at": task.decided_at.isoformat() if task.decided_at else None,
                "outcome": task.outcome or None,
                "reason": why or None,
            },
        )


def ensure_may_decide(task: HumanTask, by: User | TaskLink) -> None:
    """Raises:
    Forbidden: ``by`` isn't in the task's group, or wrote or approved a plan that asks for four eyes.
    """
    if isinstance(by, TaskLink):
        return  # a link is the right to answer: it is only issued where no group and no four eyes are asked for
    if task.group and not by.is_superuser and not by.groups.filter(name=task.group).exists():
        raise Forbidden(f"This is for the group {task.group}.")
    if task.four_eyes and by.pk in plan_authors(task.execution):
        raise Forbidden("Four eyes: whoever wrote or approved the plan cannot decide this.")


def ensure_not_taken(task: HumanTask, by: User | TaskLink) -> None:
    """Two people shouldn't do the same work: whoever else wants it has it reassigned first, which leaves a trace.

    A signed link isn't kept from answering: who is on the spot knows, whoever follows it up in the office.

    Raises:
        TaskTaken: it is somebody else's.
    """
    if isinstance(by, TaskLink) or task.assignee is None or task.assignee_id == by.pk:
        return
    since = task.assigned_at.isoformat() if task.assigned_at else None
    name = task.assignee.get_username()
    raise TaskTaken(f"It is {name}'s.", extra={"assignee": name, "assigned_at": since})


def plan_authors(execution: WorkflowExecution) -> set[int]:
    """The users who generated, edited or approved the plan of this run."""
    plan = execution.plan
    authors = plan.revisions.values_list("author_id", flat=True)
    approvers = PlanApproval.objects.filter(revision__plan=plan).values_list("approver_id", flat=True)
    return {user for user in (*authors, *approvers, plan.created_by_id) if user is not None}


def ensure_answer(task: HumanTask, outcome: str, answer: Any) -> None:
    if outcome not in task.outcomes:
        error = {
            "pointer": "/outcome",
            "code": "bad_value",
            "message": f"One of: {', '.join(task.outcomes)}.",
        }
        raise InvalidRequest("No such outcome.", errors=[error])
    if outcome not in GIVES_ANSWER:
        return
    given = answer if answer is not None else {}
    errors = [
        {"pointer": pointer, "code": code, "message": message}
        for pointer, code, message in schema_problems(given, task.form, "/answer")
    ]
    errors += unknown_uploads(task, answer)
    if errors:
        raise BadAnswer(errors=errors)


def ensure_reason(task: HumanTask, comment: str) -> None:
    """Steering a run is kept with who and why, whichever door it comes through."""
    if task.kind == ESCALATION and not comment.strip():
        why = "Say why: it is kept with who decided it and when."
        raise InvalidRequest(why, errors=[{"pointer": "/comment", "code": "bad_value", "message": why}])


def unknown_uploads(task: HumanTask, answer: Any) -> list[dict[str, str]]:
    """Problems of an answer that names files which nobody has uploaded to this very task."""
    named = {
        f"/answer/{name}/{at}": item
        for name in photo_fields(task.form)
        if isinstance(answer, dict) and isinstance(answer.get(name), list)
        for at, item in enumerate(answer[name])
    }
    if not named:
        return []
    known = {str(pk) for pk in task.uploads.values_list("pk", flat=True)}
    message = "There is no such upload to this task: POST the file to its /uploads first."
    return [
        {"pointer": pointer, "code": "unknown_upload", "message": message}
        for pointer, item in named.items()
        if item not in known
    ]


def _settle_effects(task: HumanTask, outcome: str) -> None:
    """Write a person's word on an uncertain effect into its row, before the step is done again.

    Who stops the run has not said whether it happened: the effect stays uncertain, and is asked about anew if the
    step is tried again after all.
    """
    if outcome == "stop":
        return
    uncertain = Effect.objects.filter(
        execution=task.execution, step_id=task.step_id, status=EffectStatus.UNCERTAIN
    )
    now = timezone.now()
    if outcome == "it_happened":
        uncertain.update(status=EffectStatus.DONE, receipt={"confirmed_by_task": str(task.pk)}, ended_at=now)
    else:
        uncertain.update(
            status=EffectStatus.FAILED, error="A person said that it did not happen.", ended_at=now
        )


def _step_of(task: HumanTask) -> QuerySet[StepRun]:
    return StepRun.objects.filter(execution=task.execution_id, step_id=task.step_id)


def keep_output(task: HumanTask) -> None:
    """The answer is the step's output. It is kept whole here; the run may carry only handles to it."""
    _step_of(task).update(output=task.answer)


def _tell_run(task: HumanTask) -> None:
    then = THEN.get(task.kind, {DONE: "answer"}).get(task.outcome, "fail")
    tell_run(task, then=then, reason=task.comment)


def tell_run(task: HumanTask, *, then: str, reason: str = "", code: str = "") -> None:
    """Tell the run what became of a task that it waits for, after commit; ``then`` and ``code`` as in TaskDecided.

    A run may not know the task yet, because it was asked first whether the letter about it arrived. That doesn't matter
    any more: the step is done again, and finds the task decided.
    """
    _put(task, then=then, reason=reason, code=code)
    if task.kind not in THEN:
        about = {"step_id": task.step_id, "kind": UNCERTAIN_EFFECT}
        for question in withdraw_tasks(task.execution, "What it is about has been answered.", **about):
            _put(question, then="again")


def _put(task: HumanTask, *, then: str, reason: str = "", code: str = "") -> None:
    outbox.put(
        TASK_DECIDED,
        {
            "execution_id": str(task.execution_id),
            "task_id": str(task.pk),
            "step_id": task.step_id,
            "then": then,
            "answer": shrunk(task.execution_id, task.step_id, task.answer),
            "reason": reason,
            "code": code,
        },
    )


def deliver_decision(message: OutboxMessage) -> None:
    """The outbox's handler: tell the run as a Temporal signal, told apart by the message's id.

    Raises:
        TemporalUnavailable: to be tried again.
        WorkflowGone: the run has ended; nobody is there to hear it.
    """
    payload = message.payload
    decided = TaskDecided(
        message_id=str(message.pk),
        task_id=payload["task_id"],
        step_id=payload["step_id"],
        then=payload["then"],
        answer=payload["answer"],
        reason=payload["reason"],
        code=payload.get("code", ""),
    )
    temporal.signal_workflow(f"mudda-workflow-{payload['execution_id']}", TASK_DECIDED, decided)
