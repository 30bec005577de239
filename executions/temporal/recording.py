"""Where an activity meets the database: what a step does, and that it did it, are written in one go.

Runs in the activity's own thread. Trouble with the database is infrastructure: the attempt is repeated and
never counts against the step.
"""

import json
import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import (
    DataError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    transaction,
)
from django.utils import timezone
from temporalio.exceptions import ApplicationError

from executions.activities.registry import Implementation, StepContext, StepFailed, Waiting, effect_of
from executions.effects import Effects, LeaseHeld, UncertainEffect
from executions.models import (
    OVER,
    Effect,
    EffectStatus,
    ExecutionStatus,
    HumanTask,
    StepRun,
    StepStatus,
    WorkflowExecution,
)
from executions.tasks import answered_task, ask_about_uncertain_effect, ask_approval, withdraw_tasks
from executions.temporal.contracts import (
    EXECUTION_OVER,
    INFRASTRUCTURE,
    WITHDRAWN,
    Carried,
    StepAnswer,
    StepCall,
)
from executions.temporal.handles import has_handles
from executions.temporal.large import restore, shrunk
from executions.temporal.putoff import TIMED_OUT, WHY, wait_while_stopping, withdraw_put_off
from executions.temporal.watching import watchdog
from mudda import events, prepared, strictjson
from mudda.errors import MuddaError
from workflows.models import WorkflowPlan
from workflows.plan.checks.inputs import schema_problems

logger = logging.getLogger(__name__)

ENDED = (
    StepStatus.COMPLETED,
    StepStatus.FAILED,
    StepStatus.SKIPPED,
    StepStatus.COMPENSATED,
    StepStatus.CANCELLED,
)
LONGEST_ERROR = 2_000
DEEPEST = 200
"""Levels of an output inside each other."""

RUN_STOPPED, RUN_OVER = "The run was stopped.", "The run is over."
STEP_FAILED = "The step has failed."
WHY_WITHDRAWN = {
    StepStatus.COMPLETED: "The step has been done.",
    StepStatus.FAILED: STEP_FAILED,
    StepStatus.SKIPPED: "The step is left out.",
}
"""Why the tasks of a step that has ended are withdrawn; that of a cancelled one, because the run was stopped."""

RUN = {"run": WorkflowExecution, "plan": WorkflowPlan}
LEFT_BEHIND = {"run": ("compiled", "execution_data")}
FIND_RUN = """
    FROM workflow_executions run JOIN workflow_plans plan ON plan.id = run.plan_id
    WHERE run.id = %(run)s::uuid FOR UPDATE OF run
"""
# Both are locked, so that of both the newest is read once whoever held them has committed.
FIND_STEP = """
    FROM workflow_executions run JOIN workflow_plans plan ON plan.id = run.plan_id
    JOIN step_runs step ON step.execution_id = run.id AND step.step_id = %(step)s::text
    WHERE run.id = %(run)s::uuid FOR UPDATE OF run, step
"""
# Cut out by the database: reading the whole text of a long plan takes longer than doing a step of it.
COMPILED_STEP = "jsonb_extract_path(run.compiled, 'steps', step.position::text)"
COMPLETE = """
    UPDATE step_runs
    SET status = 'completed', output = %(output)s::jsonb, error = NULL, ended_at = %(now)s::timestamptz
    WHERE id = %(step)s::bigint AND attempts = %(attempts)s::int AND status = 'running'
"""

SUPERSEDED = "A later attempt of {} has begun, or it goes on without this one."

T = TypeVar("T")


class OrphanedExecution(MuddaError):
    code = "orphaned_execution"
    status = 404
    title = "The execution is not in this database."


class ExecutionOver(MuddaError):
    code = EXECUTION_OVER
    status = 409
    title = "The run has ended; a Temporal workflow that was reset after that does nothing any more."


class Superseded(Exception):
    """A later attempt of the same step has begun: what becomes of the step is its to say."""


class Withdrawn(Exception):
    """The run has stopped, and doesn't want the step any more."""


def run_step(call: StepCall, implementation: Implementation) -> StepAnswer:
    """Do one step of a run, with everything that has to be written around it.

    Raises:
        ApplicationError: retryable for trouble that may pass, non-retryable with the failure's code as its type.
    """
    return with_database(lambda: _run_step(call, implementation))


def with_database(work: Callable[[], T]) -> T:
    """Run ``work`` with clean connections; say of trouble with the database that it isn't the step's fault."""
    close_old_connections()
    try:
        return work()
    except (OperationalError, InterfaceError) as error:
        raise ApplicationError("The database is away.", type=INFRASTRUCTURE) from error
    except (LeaseHeld, Superseded) as error:
        raise ApplicationError(str(error), type=INFRASTRUCTURE) from error
    except Withdrawn as error:
        raise ApplicationError(str(error), type=WITHDRAWN, non_retryable=True) from error
    except (OrphanedExecution, ExecutionOver) as error:
        raise ApplicationError(error.detail, type=error.code, non_retryable=True) from error
    except WorkflowExecution.DoesNotExist as error:  # its sandbox was wiped in the middle of it
        orphaned = OrphanedExecution()
        raise ApplicationError(orphaned.detail, type=orphaned.code, non_retryable=True) from error
    finally:
        close_old_connections()


def _run_step(call: StepCall, implementation: Implementation) -> StepAnswer:
    ends_at = time.monotonic() + call.timeout_seconds
    step = begin(call)
    if step.status == StepStatus.COMPLETED:
        answer = shrunk(step.execution_id, step.step_id, step.output)
        return StepAnswer(output=answer)  # it was lost on its way
    ensure_wanted(step)
    effects = Effects(step, lease_seconds=call.timeout_seconds, declared=effect_of(call.activity_id))
    watched = watchdog.watching(
        ends_at - time.monotonic(),
        partial(record_overrun, call, step.pk, step.attempts, step.own_failures),
        heartbeat_seconds=step.compiled.get("heartbeat_seconds"),
    )
    try:
        inputs = restore(call.execution_id, call.inputs)
        ensure_inputs(step, inputs)
        with watched as attempt:
            result = implementation(StepContext(step.execution, step, inputs, effects, attempt.beat))
        if isinstance(result, Waiting):
            return wait_for_person(step, result.task)
        ensure_output(step, result)
    except UncertainEffect as error:
        return wait_for_person(step, answered_task(step) or ask_about_uncertain_effect(step, error.effect))
    except (OperationalError, InterfaceError, LeaseHeld, Superseded):
        raise
    except MuddaError as error:
        return fail(call, step, error)
    except Exception as error:
        logger.exception("step %s of execution %s: a defect", call.step_id, call.execution_id)
        return fail(call, step, defect(error))
    try:
        complete(step, result)
    except DataError:  # its words may quote the output
        return fail(call, step, bad_output("PostgreSQL cannot keep its output."))
    return StepAnswer(output=shrunk(step.execution_id, step.step_id, result))


def defect(error: Exception) -> StepFailed:
    """What nobody expected, in words that give nothing away; the log has the rest."""
    return StepFailed("internal_error", f"A defect in mudda ({type(error).__name__}).", permanent=False)


@transaction.atomic
@events.together()
def begin(call: StepCall) -> StepRun:
    """Write that an attempt begins; a step that has ended is left alone."""
    step = live_step(call)
    execution = step.execution
    mark_running(execution)
    if call.carried:
        apply_carried(execution, call.carried)
        step.refresh_from_db(fields=["status", "output", "error", "reason", "started_at", "ended_at"])
    if step.status in ENDED or (step.error is not None and withdraw_put_off(step)):
        return step
    step.status, step.inputs = StepStatus.RUNNING, call.inputs
    step.attempts += 1
    step.started_at = step.started_at or timezone.now()
    prepared.update(step, "status", "inputs", "attempts", "started_at")
    events.append(execution, "step.started", {"step_id": step.step_id, "attempt": step.attempts})
    return step


def ensure_wanted(step: StepRun) -> None:
    """Raises:
    ApplicationError: an attempt before has failed for good, and the run was not told, or doesn't know yet; or the
        step is over in another way.
    Withdrawn: the run has stopped.
    """
    if step.status == StepStatus.FAILED:
        error = step.error or {"code": "failed", "message": "It failed."}
        raise ApplicationError(error["message"], type=error["code"], non_retryable=True)
    if step.status == StepStatus.CANCELLED:
        raise Withdrawn(step.reason or WHY)
    if step.status in ENDED:  # a Temporal workflow that was reset in the middle of its run
        raise ApplicationError(f"{step.step_id} is over already.", type="step_over", non_retryable=True)


def ask_for_approval(call: StepCall) -> StepAnswer:
    """Ask whether a step may start. Not an attempt of the step: nothing of it has begun."""
    return with_database(lambda: _ask_for_approval(call))


@transaction.atomic
def _ask_for_approval(call: StepCall) -> StepAnswer:
    execution = live_execution(call.execution_id)
    mark_running(execution)
    apply_carried(execution, call.carried)
    step = StepRun.objects.get(execution=execution, step_id=call.step_id)
    step.execution = execution
    return _wait(step, ask_approval(step, step.compiled))


def ensure_latest(step: StepRun, *, or_cancelled: bool = False) -> StepRun:
    """Lock the run, and let only the latest attempt go on: one that timed out may still be alive on its thread.

    Returns:
        The step as it is now.

    Raises:
        Superseded: a later attempt has begun, or the step goes on or has ended without this one, such as by its
            failure, about which a person may be asked.
    """
    WorkflowExecution.objects.select_for_update().values_list("pk").get(pk=step.execution_id)
    now = StepRun.objects.get(pk=step.pk)
    ours = now.status == StepStatus.RUNNING or (or_cancelled and now.status == StepStatus.CANCELLED)
    if now.attempts != step.attempts or not ours:
        raise Superseded(SUPERSEDED.format(step.step_id))
    return now


@transaction.atomic
def complete(step: StepRun, output: Any) -> None:
    """Write the output and that the step is done, as ``ensure_latest`` would let it.

    Raises:
        Superseded: as ``ensure_latest``.
    """
    events.append(step.execution, "step.completed", {"step_id": step.step_id})  # first: it locks the run
    text = None if output is None else json.dumps(output, cls=DjangoJSONEncoder)
    values = {"step": step.pk, "attempts": step.attempts, "output": text, "now": timezone.now()}
    if not prepared.execute(COMPLETE, values):
        raise Superseded(SUPERSEDED.format(step.step_id))


@transaction.atomic
def wait_for_person(step: StepRun, task: HumanTask) -> StepAnswer:
    """Write that the step waits for ``task``.

    Raises:
        Superseded: as ``ensure_latest``.
    """
    step.status = ensure_latest(step, or_cancelled=True).status
    return _wait(step, task)


def _wait(step: StepRun, task: HumanTask) -> StepAnswer:
    if step.status in ENDED:
        # The run has stopped while the task was being opened.
        withdraw_tasks(step.execution, RUN_STOPPED, step_id=step.step_id)
    else:
        step.status = StepStatus.WAITING
        step.save(update_fields=["status"])
    return StepAnswer(task_id=str(task.pk))


def fail(call: StepCall, step: StepRun, error: MuddaError) -> StepAnswer:
    """End an attempt that has failed. What a person has decided meanwhile is the step's result all the same.

    Raises:
        ApplicationError: as ``record_failure``.
    """
    failed = record_failure(call, step, error)
    if isinstance(failed, StepAnswer):
        return failed
    # Without its cause: an outside service's own words may name people, and Temporal keeps and logs them.
    raise failed from None


@transaction.atomic
def record_failure(call: StepCall, step: StepRun, error: MuddaError) -> ApplicationError | StepAnswer:
    """Count a step's own failure; the error to raise says whether Temporal may try again.

    Nothing failed where a person has decided the step's task already, and only the letter about it could not be sent.
    """
    now = ensure_latest(step)
    answered = answered_task(step)
    if answered is not None:
        return _wait(step, answered)
    if now.own_failures == step.own_failures:
        step.own_failures += 1
    else:
        step.own_failures = now.own_failures  # it has run out of time before, which was counted
    message = error.detail[:LONGEST_ERROR]
    final = is_permanent(error) or step.own_failures >= call.max_attempts
    _write_failure(step, error.code, message, final=final)
    if final:
        return ApplicationError(message, type=error.code, non_retryable=True)
    if withdraw_put_off(step):
        return ApplicationError(WHY, type=WITHDRAWN, non_retryable=True)
    return ApplicationError(message, type=error.code, next_retry_delay=wait_while_stopping(step))


def record_overrun(call: StepCall, step_pk: int, attempt: int, failures: int) -> None:
    """Count that an attempt has run out of time: called while it hangs, by the process that carries it out.

    A later attempt learns from the row that it was the last. Whether an ``at_most_once`` effect that it hangs in
    has happened nobody knows, so a later attempt has to find that, and ask.

    Args:
        attempt, failures: of the step when the attempt began; when they have changed it has been counted already,
            or is not the latest any more.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")  # it may hang because it holds this very lock
        execution = locked_execution(call.execution_id)
        step = StepRun.objects.get(pk=step_pk)
        step.execution = execution
        if (step.attempts, step.own_failures, step.status) != (attempt, failures, StepStatus.RUNNING):
            return
        step.own_failures += 1
        last = step.own_failures >= call.max_attempts
        final = last and not _may_have_happened(step) and answered_task(step) is None
        _write_failure(step, TIMED_OUT, overrun_message(call), final=final)
    logger.warning("step %s of execution %s hangs: it is counted as failed", call.step_id, call.execution_id)


def overrun_message(call: StepCall) -> str:
    return f"It did not end, or showed no sign of life, in the {call.timeout_seconds} s that it has."


def _may_have_happened(step: StepRun) -> bool:
    unknown = {"effect_class": "at_most_once", "status": EffectStatus.STARTED}
    return Effect.objects.filter(execution=step.execution_id, step_id=step.step_id, **unknown).exists()


def _write_failure(step: StepRun, code: str, message: str, *, final: bool) -> None:
    step.error = {"code": code, "message": message}
    if final:
        step.status, step.ended_at = StepStatus.FAILED, timezone.now()
    step.save(update_fields=["own_failures", "error", "status", "ended_at"])
    kind = "step.failed" if final else "step.attempt_failed"
    events.append(step.execution, kind, {"step_id": step.step_id, "code": code})
    if final:
        withdraw_tasks(step.execution, STEP_FAILED, step_id=step.step_id)


def is_permanent(error: MuddaError) -> bool:
    """Whether trying again cannot help."""
    return bool(getattr(error, "permanent", not error.retryable))


def ensure_inputs(step: StepRun, inputs: dict[str, Any]) -> None:
    """What references gave is known only now. Plans compiled before schemas were frozen have none to check by."""
    schema = step.compiled.get("input_schema")
    for pointer, _, message in schema_problems(inputs, schema or {}, "/inputs"):
        raise StepFailed("bad_input", f"{pointer}: {message}"[:LONGEST_ERROR], permanent=True)


def ensure_output(step: StepRun, output: Any) -> None:
    """A step whose output isn't what the catalogue promised has failed: later steps rely on it."""
    ensure_keepable(output)
    for pointer, _, message in schema_problems(output, step.compiled["output_schema"]):
        raise bad_output(f"Its output isn't as promised: {pointer} {message}"[:LONGEST_ERROR])


def ensure_keepable(output: Any) -> None:
    """An output becomes JSON in PostgreSQL, in Temporal and for whoever reads it: by the rules of what comes in."""
    try:
        text = json.dumps(output, cls=DjangoJSONEncoder)
    except (TypeError, ValueError, RecursionError) as error:
        raise bad_output(f"Its output is no JSON ({type(error).__name__}).") from None
    for problem in strictjson.loads(text, max_depth=DEEPEST)[1]:
        raise bad_output(f"Its output cannot be kept: {problem.pointer} {problem.message}"[:LONGEST_ERROR])


def bad_output(message: str) -> StepFailed:
    return StepFailed("bad_output", message, permanent=True)


def locked_execution(execution_id: str) -> WorkflowExecution:
    """The run, locked until commit, with its plan; the compiled plan is left behind until somebody reads it.

    Raises:
        OrphanedExecution: it isn't there.
    """
    found = prepared.fetch_models(RUN, FIND_RUN, {"run": execution_id}, without=LEFT_BEHIND)
    if not found:
        raise OrphanedExecution
    execution: WorkflowExecution = found[0]["run"]
    execution.plan = found[0]["plan"]
    return execution


def live_step(call: StepCall) -> StepRun:
    """A step with its run, both locked until commit, in one round trip; as ``live_execution``."""
    values = {"run": call.execution_id, "step": call.step_id}
    found = prepared.fetch_models(
        {**RUN, "step": StepRun}, FIND_STEP, values, without=LEFT_BEHIND, also={"compiled": COMPILED_STEP}
    )
    if not found:
        raise OrphanedExecution
    step: StepRun = found[0]["step"]
    step.execution, step.execution.plan = found[0]["run"], found[0]["plan"]
    step.compiled = json.loads(found[0]["compiled"])
    if step.execution.status in OVER:
        raise ExecutionOver
    return step


def live_execution(execution_id: str) -> WorkflowExecution:
    """The run, as ``locked_execution``, for whoever wants to begin something.

    Raises:
        ExecutionOver: it has ended.
    """
    execution = locked_execution(execution_id)
    if execution.status in OVER:
        raise ExecutionOver
    return execution


def mark_running(execution: WorkflowExecution) -> None:
    """The first sign of life from the worker makes a pending execution a running one."""
    if execution.status != ExecutionStatus.PENDING:
        return
    execution.status, execution.started_at = ExecutionStatus.RUNNING, timezone.now()
    prepared.update(execution, "status", "started_at")
    events.append(execution, "execution.started")


def apply_carried(execution: WorkflowExecution, carried: Iterable[Carried]) -> None:
    """Write what the workflow itself decided. A step that has ended stays as it is: messages may come late."""
    by_id = {item.step_id: item for item in carried}
    if not by_id:
        return
    for step in StepRun.objects.filter(execution=execution, step_id__in=by_id).exclude(status__in=ENDED):
        item = by_id[step.step_id]
        step.status, step.error, step.reason = item.status, item.error, item.reason
        if not has_handles(execution.pk, item.output):  # else the row has it whole already
            step.output = item.output
        if item.status in ENDED:
            step.ended_at = timezone.now()
            withdraw_tasks(
                execution, WHY_WITHDRAWN.get(StepStatus(item.status), RUN_STOPPED), step_id=step.step_id
            )
        else:
            step.started_at = step.started_at or timezone.now()
        step.save(update_fields=["status", "output", "error", "reason", "started_at", "ended_at"])
        events.append(execution, f"step.{item.status}", {"step_id": step.step_id})
