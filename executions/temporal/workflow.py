"""The Temporal workflow that carries out one compiled plan: a shell around the pure scheduler.

It knows names, not implementations. No Django, no I/O, no clock but Temporal's.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError

with workflow.unsafe.imports_passed_through():
    from executions.temporal.contracts import (
        ASK_APPROVAL,
        FINISH_EXECUTION,
        NOTE_PROGRESS,
        PLAN_WORKFLOW,
        TASK_DECIDED,
        Carried,
        FinishCall,
        ProgressCall,
        RunInput,
        StepAnswer,
        StepCall,
        TaskDecided,
    )
    from workflows.plan.compiled import CompiledPlan, CompiledStep
    from workflows.plan.durations import BadDuration, parse_seconds
    from workflows.plan.scheduler import (
        ENDED,
        AskApproval,
        Context,
        Decision,
        Failure,
        Finish,
        Move,
        StepState,
        StepStatus,
        decide,
    )

RECORD_TIMEOUT = timedelta(seconds=30)
RECORD_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
"""For what only writes to our database: tried until it is back, however long that takes."""

WORTH_TELLING = timedelta(seconds=10)
"""A timer at least this long is written to the read side when it begins."""


@workflow.defn(name=PLAN_WORKFLOW)
class PlanWorkflow:
    def __init__(self) -> None:
        self.states: dict[str, StepState] = {}
        self.unsaved: dict[str, Carried] = {}
        self.timers: dict[str, asyncio.Task[None]] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.asked: dict[str, str] = {}  # task id -> step id, for those that wait for a person
        self.inputs: dict[str, dict[str, Any]] = {}  # of steps that may be done again
        self.decisions: dict[str, TaskDecided] = {}  # by task id, until the step is known to wait for it
        self.heard: set[str] = set()
        self.changed = True
        self.cancelling = False

    @workflow.run
    async def run(self, run: RunInput) -> str:
        self.execution_id = run.execution_id
        self.plan = CompiledPlan.from_json(run.compiled)
        self.context = Context(issue=run.issue, data=run.data)
        while True:
            finish = await self._advance()
            if finish is not None:
                return await self._finish(finish)
            try:
                await workflow.wait_condition(lambda: self.changed)
            except asyncio.CancelledError:  # Temporal's own cancel, from its UI or command line
                self.cancelling = self.changed = True

    @workflow.signal(name=TASK_DECIDED)
    def task_decided(self, decided: TaskDecided) -> None:
        """A person's decision; one that was delivered twice counts once."""
        if decided.message_id in self.heard:
            return
        self.heard.add(decided.message_id)
        self.decisions[decided.task_id] = decided
        self.changed = True

    # --- deciding -------------------------------------------------------------------------------

    async def _advance(self) -> Finish | None:
        self.changed = False
        self._hear_decisions()
        decision = decide(self.plan, self.context, self.states, cancelling=self.cancelling)
        self._take_over(decision)
        if decision.finish is None:
            self._begin(decision.moves)
            if decision.withdraw:
                await self._note_progress()
        return decision.finish

    def _take_over(self, decision: Decision) -> None:
        """Adopt what the scheduler settled, and carry it to the read side with the next activity."""
        for step_id, state in decision.states.items():
            if state.status in ENDED and self._state(step_id).status not in ENDED:
                self._carry(step_id, state)
        self.states = dict(decision.states)
        for step_id in decision.withdraw:
            if step_id in self.timers:
                self.timers.pop(step_id).cancel()

    def _begin(self, moves: tuple[Move, ...]) -> None:
        for move in moves:
            step = self.plan.by_id[move.step_id]
            if isinstance(move, AskApproval):
                self._set(step.step_id, status=StepStatus.waiting)
                self._spawn(self._ask_approval(step))
            else:
                self._set(step.step_id, status=StepStatus.running)
                self.inputs[step.step_id] = move.inputs
                if step.done_by == "clock":
                    self.timers[step.step_id] = self._spawn(self._wait(step, move.inputs))
                else:
                    self._spawn(self._do(step, move.inputs))

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    # --- steps ----------------------------------------------------------------------------------

    async def _do(self, step: CompiledStep, inputs: dict[str, Any]) -> None:
        """Do a step by the activity of its name; it ends, or waits for a person who has been asked."""
        try:
            answer = await self._call(step, step.activity_id, inputs)
        except ActivityError as error:
            self._fail(step.step_id, _failure_of(error), recorded=isinstance(error.cause, ApplicationError))
            return
        if answer.task_id is not None:
            self.asked[answer.task_id] = step.step_id
        elif not self._has_ended(step.step_id):
            self._set(step.step_id, status=StepStatus.completed, output=answer.output)
        self.changed = True

    async def _ask_approval(self, step: CompiledStep) -> None:
        """Open the approval of a step. The group, its reason and the four eyes are in the compiled plan."""
        try:
            answer = await self._call(step, ASK_APPROVAL, {})
        except ActivityError as error:
            self._fail(step.step_id, _failure_of(error), recorded=isinstance(error.cause, ApplicationError))
            return
        if answer.task_id is not None:
            self.asked[answer.task_id] = step.step_id
        self.changed = True

    async def _wait(self, step: CompiledStep, inputs: dict[str, Any]) -> None:
        try:
            ends_at = _end_of_wait(inputs, workflow.now())
        except (BadDuration, ValueError, TypeError) as error:  # a value that came from a reference
            self._fail(step.step_id, Failure("bad_input", f"It cannot wait for that: {error}"))
            return
        if ends_at - workflow.now() >= WORTH_TELLING:
            self.unsaved[step.step_id] = Carried(step.step_id, StepStatus.waiting.value)
            await self._note_progress()
        await asyncio.sleep(max(0, (ends_at - workflow.now()).total_seconds()))
        self.timers.pop(step.step_id, None)
        self._set(step.step_id, status=StepStatus.completed, output={"ended_at": workflow.now().isoformat()})
        self._carry(step.step_id, self._state(step.step_id))
        self.changed = True

    async def _call(self, step: CompiledStep, activity: str, inputs: dict[str, Any]) -> StepAnswer:
        call = StepCall(
            execution_id=self.execution_id,
            step_id=step.step_id,
            activity_id=step.activity_id,
            inputs=inputs,
            timeout_seconds=step.timeout_seconds,
            max_attempts=step.retry.max_attempts,
            carried=self._take_unsaved(),
        )
        answer: StepAnswer = await workflow.execute_activity(
            activity,
            call,
            result_type=StepAnswer,
            summary=step.title[:200],
            start_to_close_timeout=timedelta(seconds=step.timeout_seconds),
            schedule_to_close_timeout=timedelta(seconds=step.give_up_after_seconds),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(seconds=step.retry.initial_seconds),
                backoff_coefficient=step.retry.backoff,
                maximum_interval=timedelta(seconds=step.retry.max_interval_seconds),
            ),
        )
        return answer

    # --- people ---------------------------------------------------------------------------------

    def _hear_decisions(self) -> None:
        for task_id in [task_id for task_id in self.decisions if task_id in self.asked]:
            decided, step_id = self.decisions.pop(task_id), self.asked.pop(task_id)
            if not self._has_ended(step_id):
                self._apply(decided, self.plan.by_id[step_id])

    def _apply(self, decided: TaskDecided, step: CompiledStep) -> None:
        match decided.then:
            case "approved":
                self._set(step.step_id, approved=True)
            case "answer":
                self._set(step.step_id, status=StepStatus.completed, output=decided.answer)
                self._carry(step.step_id, self._state(step.step_id))
            case "again":
                self._spawn(self._do(step, self.inputs[step.step_id]))
            case "rejected":
                self._fail(
                    step.step_id, Failure("approval_rejected", decided.reason or "The approval was refused.")
                )
            case _:
                self._fail(
                    step.step_id, Failure("stopped_by_person", decided.reason or "A person stopped it.")
                )

    # --- states ---------------------------------------------------------------------------------

    def _state(self, step_id: str) -> StepState:
        return self.states.get(step_id, StepState())

    def _has_ended(self, step_id: str) -> bool:
        """Whatever still comes from a step that was withdrawn changes nothing."""
        return self._state(step_id).status in ENDED

    def _set(self, step_id: str, **changes: Any) -> None:
        self.states[step_id] = replace(self._state(step_id), **changes)

    def _fail(self, step_id: str, failure: Failure, *, recorded: bool = False) -> None:
        if self._has_ended(step_id):
            return
        self._set(step_id, status=StepStatus.failed, failure=failure)
        if not recorded:
            self._carry(step_id, self._state(step_id))
        self.changed = True

    def _carry(self, step_id: str, state: StepState) -> None:
        error = state.failure.to_json() if state.failure else None
        self.unsaved[step_id] = Carried(step_id, state.status.value, state.output, error, state.reason)

    def _take_unsaved(self) -> list[Carried]:
        taken, self.unsaved = list(self.unsaved.values()), {}
        return taken

    # --- the read side --------------------------------------------------------------------------

    async def _note_progress(self) -> None:
        await self._record(NOTE_PROGRESS, ProgressCall(self.execution_id, self._take_unsaved()))

    async def _finish(self, finish: Finish) -> str:
        failure = finish.failure.to_json() if finish.failure else None
        call = FinishCall(self.execution_id, finish.outcome, failure, finish.step_id, self._take_unsaved())
        await self._record(FINISH_EXECUTION, call)
        if finish.failure is not None:
            raise ApplicationError(finish.failure.message, type=finish.failure.code, non_retryable=True)
        if finish.outcome == "cancelled":
            raise asyncio.CancelledError
        return finish.outcome

    async def _record(self, activity: str, call: Any) -> None:
        await workflow.execute_activity(
            activity, call, start_to_close_timeout=RECORD_TIMEOUT, retry_policy=RECORD_RETRY
        )


def _failure_of(error: ActivityError) -> Failure:
    cause = error.cause
    if isinstance(cause, ApplicationError):
        return Failure(cause.type or "failed", cause.message)
    if isinstance(cause, TimeoutError):
        return Failure("timed_out", "It did not end in the time that it has, however often it was tried.")
    return Failure("failed", str(cause or error))


def _end_of_wait(inputs: dict[str, Any], now: datetime) -> datetime:
    """Raises BadDuration, ValueError or TypeError for what is neither a duration nor a time with its zone."""
    if "for" in inputs:
        return now + timedelta(seconds=parse_seconds(inputs["for"]))
    at = datetime.fromisoformat(inputs["at"])
    if at.tzinfo is None:
        raise ValueError("the time has no zone")
    return at
