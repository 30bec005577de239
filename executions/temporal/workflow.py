"""The Temporal workflow that carries out one compiled plan: a shell around the pure scheduler.

It knows names, not implementations. No Django, no I/O, no clock but Temporal's.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from executions.temporal.calling import (
        GOES_REMOTE,
        HURRIES,
        RECORD_OPTIONS,
        activity_options,
        end_of_wait,
        failure_of,
        is_over,
        is_withdrawn,
        local_options,
        was_recorded,
    )
    from executions.temporal.contracts import (
        ASK_APPROVAL,
        ESCALATE,
        FINISH_EXECUTION,
        NOTE_PROGRESS,
        PLAN_WORKFLOW,
        STEER,
        TASK_DECIDED,
        Carried,
        EscalateCall,
        FinishCall,
        ProgressCall,
        RunInput,
        RunState,
        Steer,
        StepAnswer,
        StepCall,
        TaskDecided,
    )
    from executions.temporal.handles import fit
    from executions.temporal.ledger import Ledger
    from executions.temporal.people import People, apply_decision
    from workflows.plan import outcomes
    from workflows.plan.compiled import CompiledCompensation, CompiledPlan, CompiledStep
    from workflows.plan.conditions import compared
    from workflows.plan.durations import BadDuration
    from workflows.plan.scheduler import (
        AskApproval,
        Compensate,
        Context,
        Decision,
        Escalate,
        Failure,
        Finish,
        Move,
        Start,
        StepState,
        StepStatus,
        decide,
    )

WORTH_TELLING = timedelta(seconds=10)
"""A timer at least this long is written to the read side when it begins."""

MOST_EVENTS, MOST_BYTES = 20_000, 20_000_000
"""A history up to this waits for a moment with nothing in flight to continue as new, while the run goes on; a longer
one begins nothing until there is one. Temporal ends a run at 51,200 events or 50 MB."""


@workflow.defn(name=PLAN_WORKFLOW)
class PlanWorkflow:
    @workflow.init
    def __init__(self, run: RunInput) -> None:
        self.given = run
        self.plan = CompiledPlan.from_json(run.compiled)
        self.context = Context(issue=run.issue, data=run.data)
        state = run.state
        states = {step_id: StepState.from_json(known) for step_id, known in state.states.items()}
        self.ledger = Ledger(states, state.unsaved)
        self.people = People(state)
        self.inputs = dict(state.inputs)  # of steps that may be done again
        self.cancelling = state.cancelling
        self.clocks = {step_id: datetime.fromisoformat(end) for step_id, end in state.timers.items()}
        self.timers: dict[str, asyncio.Task[None]] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.busy = 0  # activities in flight
        self.cancelled_by_temporal = False
        self.defect: BaseException | None = None
        self.failing = False
        self.changed = True

    @workflow.run
    async def run(self, run: RunInput) -> str:
        for step_id, ends_at in self.clocks.items():
            self.timers[step_id] = self._spawn(self._sleep(self.plan.by_id[step_id], ends_at))
        while True:
            self.changed = False
            if self.defect is not None:
                raise self.defect
            if self._may_renew() and not self.busy:
                workflow.continue_as_new(self._as_new())
            finish = None if self._must_renew() else self._advance()
            if finish is not None:
                return await self._finish(finish)
            await self._until(lambda: self.changed)

    def _may_renew(self) -> bool:
        """Not once it is cancelled: only this Temporal run can still end as cancelled, and little is left to do."""
        return workflow.info().is_continue_as_new_suggested() and not self.cancelled_by_temporal

    def _must_renew(self) -> bool:
        info = workflow.info()
        long = info.get_current_history_length() > MOST_EVENTS or info.get_current_history_size() > MOST_BYTES
        return long and self._may_renew()

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait, and take Temporal's own cancel (which our cancel asks for) as a wish to cancel the run."""
        while True:
            try:
                await workflow.wait_condition(condition)
                return
            except asyncio.CancelledError:
                self.cancelling = self.cancelled_by_temporal = self.changed = True

    @workflow.signal(name=TASK_DECIDED)
    def task_decided(self, decided: TaskDecided) -> None:
        self.people.hear_decision(decided)
        self.changed = True

    @workflow.signal(name=STEER)
    def steer(self, steer: Steer) -> None:
        self.people.hear_steer(steer)
        self.changed = True

    # --- deciding -------------------------------------------------------------------------------

    def _advance(self) -> Finish | None:
        for decided, step_id in self.people.take_decisions():
            if apply_decision(decided, step_id, self.ledger):
                self._spawn(self._do(self.plan.by_id[step_id], self.inputs[step_id]))
        # A run that fails already ends as failed, whoever wants to cancel it meanwhile.
        cancelling = self.cancelling and not self.failing
        decision = decide(
            self.plan, self.context, self.ledger.states, cancelling=cancelling, paused=self.people.paused
        )
        begins_to_fail = decision.stopping and not cancelling and not self.failing
        self.failing = decision.stopping and not cancelling
        self._take_over(decision)
        # Our cancel hurries them itself.
        hurry = begins_to_fail and self.busy > 0 and workflow.patched(HURRIES)
        if decision.finish is None:
            for move in decision.moves:
                self._begin(move)
        if hurry or (decision.finish is None and decision.withdraw and self.ledger.unsaved):
            self._spawn(self._note_progress(self.ledger.take_unsaved(), hurry=hurry))
        return decision.finish

    def _take_over(self, decision: Decision) -> None:
        self.ledger.take_over(decision.states)
        for step_id in decision.withdraw:
            if step_id in self.timers:
                self.timers.pop(step_id).cancel()
                del self.clocks[step_id]

    def _begin(self, move: Move) -> None:
        step = self.plan.by_id[move.step_id]
        match move:
            case AskApproval():
                self.ledger.change(step.step_id, status=StepStatus.waiting)
                self._spawn(self._ask(step, ASK_APPROVAL, self._step_call(step, {})))
            case Escalate():
                call = EscalateCall(
                    self.given.execution_id,
                    step.step_id,
                    move.group,
                    move.failure.to_json(),
                    self.ledger.take_unsaved(),
                    asking=str(workflow.uuid4()),
                )
                self._spawn(self._ask(step, ESCALATE, call))
            case Compensate() if step.compensate is not None:
                self._spawn(self._undo(step, step.compensate, move.inputs))
            case Start():
                self.ledger.change(step.step_id, status=StepStatus.running)
                if step.done_by == "clock":
                    self._start_clock(step, move.inputs)
                else:
                    self.inputs[step.step_id] = move.inputs
                    self._spawn(self._do(step, move.inputs))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        """Nobody waits for most of these: what breaks one has to break the run, or it would wait for ever."""
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.defect, self.changed = task.exception(), True

    # --- steps ----------------------------------------------------------------------------------

    async def _do(self, step: CompiledStep, inputs: dict[str, Any]) -> None:
        """Do a step by the activity of its name; it ends, or waits for a person who has been asked."""
        try:
            answer = await self._call(step, step.activity_id, self._step_call(step, inputs))
        except FailureError as error:
            if is_over(error):
                raise
            if is_withdrawn(error):
                await self._withdraw(step, failure_of(error).message)
                return
            self.ledger.fail(step.step_id, failure_of(error), recorded=was_recorded(error))
            return
        if answer.task_id is not None:
            self.people.asked[answer.task_id] = step.step_id
        else:
            self.ledger.complete(step.step_id, answer.output)
        self.changed = True

    async def _withdraw(self, step: CompiledStep, reason: str) -> None:
        """The read side knows already that the run stops; here that may be known a moment later, and until then
        nothing that needs the step may begin."""
        self.busy += 1
        try:
            # A history that is too long goes on anew before it decides anything, and waits for whoever is busy.
            await workflow.wait_condition(lambda: self.failing or self.cancelling or self._must_renew())
        finally:
            self.busy -= 1
        self.ledger.put(step.step_id, outcomes.withdrawn(self.ledger.of(step.step_id), reason))
        self.changed = True

    async def _ask(self, step: CompiledStep, activity: str, call: StepCall | EscalateCall) -> None:
        """Ask a person something about a step: may it start, or what to do about its failure."""
        self.busy += 1
        try:
            answer: StepAnswer = await workflow.execute_activity(
                activity, call, result_type=StepAnswer, summary=step.title[:200], **RECORD_OPTIONS
            )
        finally:
            self.busy -= 1
            self.changed = True
        if answer.task_id is not None:
            self.people.asked[answer.task_id] = step.step_id
        self.changed = True

    async def _undo(self, step: CompiledStep, undoing: CompiledCompensation, inputs: dict[str, Any]) -> None:
        self.ledger.send_again(step.step_id)
        call = replace(
            self._step_call(step, inputs),
            activity_id=undoing.activity_id,
            timeout_seconds=undoing.timeout_seconds,
            max_attempts=undoing.retry.max_attempts,
            compensating=True,
        )
        state = self.ledger.of(step.step_id)
        try:
            await self._call(undoing, undoing.activity_id, call)
        except FailureError as error:
            if is_over(error):
                raise
            self.ledger.put(step.step_id, outcomes.not_undone(state, failure_of(error)))
        else:
            self.ledger.put(step.step_id, outcomes.undone(state))
        self.changed = True

    def _step_call(self, step: CompiledStep, inputs: dict[str, Any]) -> StepCall:
        return StepCall(
            execution_id=self.given.execution_id,
            step_id=step.step_id,
            activity_id=step.activity_id,
            inputs=inputs,
            timeout_seconds=step.timeout_seconds,
            max_attempts=step.retry.max_attempts,
            carried=self.ledger.take_unsaved(),
        )

    async def _call(
        self, how: CompiledStep | CompiledCompensation, activity: str, call: StepCall
    ) -> StepAnswer:
        self.busy += 1
        try:
            answer = await self._call_locally(how, activity, call) if how.local_ok else None
            if answer is None:
                answer = await workflow.execute_activity(
                    activity, call, result_type=StepAnswer, **activity_options(how)
                )
            return answer
        finally:
            self.busy -= 1
            self.changed = True

    async def _call_locally(
        self, how: CompiledStep | CompiledCompensation, activity: str, call: StepCall
    ) -> StepAnswer | None:
        """None when trouble has kept it from ending, and it is to go on as a remote activity."""
        try:
            answer: StepAnswer = await workflow.execute_local_activity(
                activity, call, result_type=StepAnswer, **local_options(how)
            )
        except FailureError as error:
            if was_recorded(error) or not workflow.patched(GOES_REMOTE):
                raise
            return None
        return answer

    # --- clocks ---------------------------------------------------------------------------------

    def _start_clock(self, step: CompiledStep, inputs: dict[str, Any]) -> None:
        try:
            ends_at = end_of_wait(inputs, workflow.now())
        except (BadDuration, ValueError, TypeError) as error:  # a value that came from a reference
            self.ledger.fail(step.step_id, Failure("bad_input", f"It cannot wait for that: {error}"))
            self.changed = True
            return
        self.clocks[step.step_id] = ends_at
        self.timers[step.step_id] = self._spawn(self._wait(step, ends_at))

    async def _wait(self, step: CompiledStep, ends_at: datetime) -> None:
        if ends_at - workflow.now() >= WORTH_TELLING:
            self.ledger.unsaved[step.step_id] = Carried(step.step_id, StepStatus.waiting.value)
            # What is being told is no part of the clock: it arrives also when the clock is withdrawn meanwhile.
            await asyncio.shield(self._spawn(self._note_progress(self.ledger.take_unsaved())))
        await self._sleep(step, ends_at)

    async def _sleep(self, step: CompiledStep, ends_at: datetime) -> None:
        await asyncio.sleep(max(0, (ends_at - workflow.now()).total_seconds()))
        self.timers.pop(step.step_id, None)
        self.clocks.pop(step.step_id, None)
        self.ledger.complete(step.step_id, {"ended_at": workflow.now().isoformat()}, recorded=False)
        self.changed = True

    # --- the read side --------------------------------------------------------------------------

    async def _note_progress(self, carried: list[Carried], *, hurry: bool = False) -> None:
        await self._record(NOTE_PROGRESS, ProgressCall(self.given.execution_id, carried, hurry))

    async def _finish(self, finish: Finish) -> str:
        failure = finish.failure.to_json() if finish.failure else None
        call = FinishCall(
            self.given.execution_id,
            finish.outcome,
            failure,
            finish.step_id,
            self.ledger.take_unsaved(),
            list(finish.compensation_failed),
        )
        await self._until(lambda: not self.busy)  # what is on its way to the read side belongs there first
        recorded = self._spawn(self._record(FINISH_EXECUTION, call))
        await self._until(recorded.done)
        recorded.result()
        if finish.failure is not None:
            raise ApplicationError(finish.failure.message, type=finish.failure.code, non_retryable=True)
        if self.cancelled_by_temporal:
            raise asyncio.CancelledError  # Temporal then shows the run as cancelled
        if finish.outcome == "cancelled":  # before it began, or before it continued as new
            raise ApplicationError("The run was cancelled.", type="cancelled", non_retryable=True)
        return finish.outcome

    async def _record(self, activity: str, call: ProgressCall | FinishCall) -> None:
        self.busy += 1
        try:
            await workflow.execute_activity(activity, call, **RECORD_OPTIONS)
        finally:
            self.busy -= 1
            self.changed = True

    def _as_new(self) -> RunInput:
        """Everything but the history, for the next run of the same Temporal workflow."""
        ended, people = self.ledger.ended(), self.people
        state = RunState(
            states={step_id: state.to_json() for step_id, state in self.ledger.states.items()},
            asked=people.asked,
            inputs={step_id: given for step_id, given in self.inputs.items() if step_id not in ended},
            timers={step_id: end.isoformat() for step_id, end in self.clocks.items()},
            decisions=list(people.decisions.values()),
            unsaved=list(self.ledger.unsaved.values()),
            heard=sorted(people.heard),
            paused=people.paused,
            steered=people.steered,
            cancelling=self.cancelling and not self.failing,
        )
        return fit(
            replace(self.given, state=state),
            in_rows=ended - set(self.ledger.unsaved),
            compared=compared(step.when for step in self.plan.steps if step.step_id not in ended),
        )
