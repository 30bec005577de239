"""What can be done with a run: launch it, decide its tasks."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from jsonschema import Draft202012Validator

from executions.models import (
    LIVE,
    Effect,
    EffectStatus,
    HumanTask,
    StepRun,
    TaskStatus,
    WorkflowExecution,
)
from executions.starting import ensure_fits, start_or_leave
from executions.tasks import APPROVAL, DONE, UNCERTAIN_EFFECT
from executions.temporal.contracts import TASK_DECIDED, TaskDecided
from issues.models import UNKNOWN_ADDRESS, Issue
from mudda import events, outbox, temporal
from mudda.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unprocessable
from mudda.models import OutboxMessage
from workflows.models import PlanApproval, PlanRevision, PlanStatus, WorkflowPlan
from workflows.plan.catalogue import offered
from workflows.plan.compiler import compile_plan
from workflows.plan.validation import required_data
from workflows.services import approve_plan, current_approval, current_revision, locked_plan

RESULTS = "results"


class PlanNotApproved(Conflict):
    code = "plan_not_approved"
    title = "The plan is not approved."


class AlreadyExecuted(Conflict):
    code = "already_executed"
    title = "This plan runs, or has run, already."


class CatalogueChanged(Conflict):
    code = "catalogue_changed"
    title = "The activities have changed since the approval: the plan needs to be approved again."


class IssueMismatch(Conflict):
    code = "issue_mismatch"
    title = "execution_data.issue_id names another issue than the plan's."


class MissingData(Unprocessable):
    code = "missing_data"
    title = "The plan reads data that the call doesn't give."


class ReservedKey(Unprocessable):
    code = "reserved_key"
    title = "execution_data may not have a key `results`: that is where mudda puts them."


class TaskClosed(Conflict):
    code = "task_closed"
    title = "This task has been decided, or is not open any more."


class BadAnswer(Unprocessable):
    code = "bad_answer"
    title = "The answer isn't what the task asks for."


# --- launching --------------------------------------------------------------------------------------


@transaction.atomic
def launch_execution(
    *,
    plan_id: UUID,
    execution_data: Mapping[str, Any],
    by: User,
    approve: bool = False,
    digest: str | None = None,
) -> WorkflowExecution:
    """Launch an approved plan, once. Temporal is called after commit; if it is away, the dispatcher starts it later.

    Args:
        execution_data: the caller's own keys, which plans read as ``data``.
        approve: approve the revision with ``digest`` in the same breath; the door has checked that ``by`` may.

    Raises:
        NotFound: there is no such plan, or ``by`` may not see it.
        AlreadyExecuted: carries the execution's id.
        PlanNotApproved, CatalogueChanged: the plan needs an approval; also all that ``approve_plan`` raises.
        IssueMismatch, MissingData, ReservedKey: about ``execution_data``; names every key.
        DataTooLarge: it doesn't fit into the start of a run.
    """
    plan = locked_plan(plan_id, by)
    ensure_not_live(plan)
    if approve:
        plan = approve_plan(plan_id=plan_id, digest=digest, by=by)
    approval = valid_approval(plan)
    revision = current_revision(plan)
    ensure_data(revision, plan.issue, execution_data)
    execution = _create_execution(plan, revision, approval, execution_data, by)
    ensure_fits(execution)
    # Robust: what is committed is promised, whatever happens to us now; the dispatcher starts it then.
    transaction.on_commit(lambda: start_or_leave(execution), robust=True)
    return execution


def ensure_not_live(plan: WorkflowPlan) -> None:
    found = live_execution(plan)
    if found is not None:
        raise AlreadyExecuted(extra={"execution_id": str(found)})


def live_execution(plan: WorkflowPlan) -> UUID | None:
    """The id of the plan's pending, running or completed execution, if it has one."""
    return plan.executions.filter(status__in=LIVE).values_list("pk", flat=True).first()


def valid_approval(plan: WorkflowPlan) -> PlanApproval:
    """The approval that lets this plan run now."""
    if plan.status != PlanStatus.APPROVED:
        raise PlanNotApproved(f"The plan is {plan.status}.", extra={"digest": current_revision(plan).digest})
    approval = current_approval(plan)
    if approval.catalogue_digest != offered().digest:
        raise CatalogueChanged
    return approval


def ensure_data(revision: PlanRevision, issue: Issue, execution_data: Mapping[str, Any]) -> None:
    if RESULTS in execution_data:
        error = {"pointer": "/execution_data/results", "code": "reserved_key", "message": "This key is ours."}
        raise ReservedKey(errors=[error])
    missing = [key for key in required_data(revision.document) if key not in execution_data]
    if missing:
        errors = [
            {"pointer": f"/execution_data/{key}", "code": "missing_data", "message": "The plan reads this."}
            for key in missing
        ]
        raise MissingData(f"Missing: {', '.join(missing)}.", errors=errors)
    named = execution_data.get("issue_id")
    ours = Issue.objects.named(named) if isinstance(named, str) else None
    if ours is not None and ours.pk != issue.pk:
        raise IssueMismatch(extra={"issue_id": issue.reference})


def _create_execution(
    plan: WorkflowPlan,
    revision: PlanRevision,
    approval: PlanApproval,
    execution_data: Mapping[str, Any],
    by: User,
) -> WorkflowExecution:
    compiled = compile_plan(revision.document, offered())
    execution = WorkflowExecution.objects.create(
        plan=plan,
        revision=revision,
        approval=approval,
        execution_data=dict(execution_data),
        compiled=compiled.to_json(),
        issue_facts=issue_facts(plan.issue),
        started_by=by,
    )
    StepRun.objects.bulk_create(
        StepRun(
            execution=execution,
            step_id=step.step_id,
            position=at,
            activity_id=step.activity_id,
            title=step.title,
        )
        for at, step in enumerate(compiled.steps)
    )
    data = {"execution": str(execution.pk), "digest": revision.digest}
    events.append(execution, "execution.launched", data, actor=by)
    events.append(plan, "plan.launched", data, actor=by)
    return execution


def issue_facts(issue: Issue) -> dict[str, Any]:
    """What plans may read as ``issue``. People and departments are roles, resolved where they are used."""
    return {
        "reference": issue.reference,
        "statement": issue.statement,
        "address": issue.address or UNKNOWN_ADDRESS,
        "urgency": issue.urgency,
        "category": issue.category.code if issue.category else "other",
        "department": f"department:{issue.department.code}" if issue.department else "department:unassigned",
        "reporter": "issue.reporter",
        "latitude": float(issue.latitude) if issue.latitude is not None else None,
        "longitude": float(issue.longitude) if issue.longitude is not None else None,
        "reported_at": issue.reported_at.isoformat(timespec="seconds"),
    }


# --- tasks for people -------------------------------------------------------------------------------

THEN = {
    APPROVAL: {"approve": "approved", "reject": "rejected"},
    UNCERTAIN_EFFECT: {"it_happened": "again", "do_it_again": "again", "stop": "fail"},
}
"""What the run does after each outcome of the tasks that aren't an activity's own."""


@transaction.atomic
def decide_task(*, task_id: UUID, outcome: str, by: User, answer: Any = None, comment: str = "") -> HumanTask:
    """Decide a task; whoever comes second is told who was first. The run hears of it after commit.

    Args:
        outcome: one of the task's ``outcomes``.
        answer: for an activity's task, the answer that its form asks for.

    Raises:
        NotFound: there is no such task, or ``by`` may not see it.
        TaskClosed: carries who decided, when and how.
        Forbidden: ``by`` isn't in the group that may decide, or wrote or approved a plan that asks for four eyes.
        BadAnswer: the answer doesn't satisfy the form; names every field.
    """
    visible = HumanTask.objects.visible_to(by).filter(pk=task_id)
    task = HumanTask.objects.select_for_update(of=("self",)).filter(pk__in=visible.values("pk")).first()
    if task is None:
        raise NotFound("There is no such task.")
    ensure_open(task)
    ensure_may_decide(task, by)
    ensure_answer(task, outcome, answer)
    task.status, task.outcome, task.answer, task.comment = TaskStatus.DECIDED, outcome, answer, comment
    task.decided_by, task.decided_at = by, timezone.now()
    task.save(update_fields=["status", "outcome", "answer", "comment", "decided_by", "decided_at"])
    if task.kind == UNCERTAIN_EFFECT:
        _settle_effects(task, outcome)
    events.append(
        task.execution,
        "task.decided",
        {"task": str(task.pk), "step_id": task.step_id, "outcome": outcome},
        actor=by,
    )
    if task.awaited:
        _tell_run(task)
    return task


def ensure_open(task: HumanTask) -> None:
    if task.status not in {TaskStatus.OPEN, TaskStatus.ON_HOLD}:
        raise TaskClosed(
            f"The task is {task.status}.",
            extra={
                "task_status": task.status,
                "decided_by": task.decided_by.get_username() if task.decided_by else None,
                "decided_at": task.decided_at.isoformat() if task.decided_at else None,
                "outcome": task.outcome or None,
            },
        )


def ensure_may_decide(task: HumanTask, by: User) -> None:
    if task.group and not by.is_superuser and not by.groups.filter(name=task.group).exists():
        raise Forbidden(f"This is for the group {task.group}.")
    if task.four_eyes and by.pk in plan_authors(task.execution):
        raise Forbidden("Four eyes: whoever wrote or approved the plan cannot decide this.")


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
    if outcome != DONE:
        return
    errors = [
        {
            "pointer": "/answer" + "".join(f"/{part}" for part in e.absolute_path),
            "code": "bad_input",
            "message": e.message,
        }
        for e in Draft202012Validator(task.form).iter_errors(answer if answer is not None else {})
    ]
    if errors:
        raise BadAnswer(errors=errors)


def _settle_effects(task: HumanTask, outcome: str) -> None:
    """Write a person's word on an uncertain effect into its row, before the step is done again."""
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


def _tell_run(task: HumanTask) -> None:
    then = THEN.get(task.kind, {DONE: "answer"}).get(task.outcome, "fail")
    outbox.put(
        TASK_DECIDED,
        {
            "execution_id": str(task.execution_id),
            "task_id": str(task.pk),
            "step_id": task.step_id,
            "then": then,
            "answer": task.answer,
            "reason": task.comment,
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
    )
    temporal.signal_workflow(f"mudda-workflow-{payload['execution_id']}", TASK_DECIDED, decided)
