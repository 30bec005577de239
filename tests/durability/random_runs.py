"""Random small plans, and a world in memory in which the real workflow carries them out.

The activities have the names and the messages of the worker's own, but write to a dictionary instead of PostgreSQL,
so that hundreds of runs take seconds. People answer by the same Temporal signals, each delivered twice.
"""

import asyncio
import contextlib
import itertools
import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from temporalio import activity, workflow
from temporalio.api.testservice.v1 import LockTimeSkippingRequest, UnlockTimeSkippingRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowHistory
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import Replayer, Worker

from executions.temporal.contracts import (
    ASK_APPROVAL,
    ESCALATE,
    FINISH_EXECUTION,
    INFRASTRUCTURE,
    NOTE_PROGRESS,
    PAUSE,
    PLAN_WORKFLOW,
    RESUME,
    STEER,
    TASK_DECIDED,
    WITHDRAWN,
    Carried,
    EscalateCall,
    FinishCall,
    ProgressCall,
    RunInput,
    Steer,
    StepAnswer,
    StepCall,
    TaskDecided,
)
from executions.temporal.workflow import PlanWorkflow
from workflows.plan.compiled import CompiledCompensation, CompiledPlan, CompiledStep
from workflows.plan.schema import Approval, Retry
from workflows.plan.states import ENDED

QUEUE = "random"
ENDED_WORDS = {status.value for status in ENDED}


@dataclass
class Fate:
    """What happens in one run: by step, and at which call of an activity a person steers.

    ``steps`` is ``ok``, ``fail``, ``flaky`` or ``away``; ``approve`` and ``undo`` say yes or no; ``escalated`` is what
    is decided about each failure, then ``stop``; ``cancel_at`` and ``pause_at`` count calls, None for never. A question
    that is ``asked_late`` reaches the worker only when something has been undone.
    """

    steps: dict[str, str]
    approve: dict[str, bool]
    undo: dict[str, bool]
    escalated: dict[str, list[str]]
    cancel_at: int | None
    pause_at: int | None
    asked_late: frozenset[str] = frozenset()


@dataclass
class World:
    """The read side of one run, and what happened in it, in order."""

    plan: CompiledPlan
    fate: Fate
    client: Client
    handle: WorkflowHandle[Any, Any]
    statuses: dict[str, str] = field(default_factory=dict)
    ends: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    tries: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    undone: list[str] = field(default_factory=list)
    has_undone: asyncio.Event = field(default_factory=asyncio.Event)
    finishes: list[FinishCall] = field(default_factory=list)
    needed: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    told: set[asyncio.Task[None]] = field(default_factory=set)
    calls: int = 0

    def apply(self, carried: list[Carried]) -> None:
        for item in carried:
            if self.statuses.get(item.step_id, "pending") not in ENDED_WORDS:
                self.set(item.step_id, item.status)

    def set(self, step_id: str, status: str) -> None:
        before = self.statuses.get(step_id)
        if before in {"completed", "skipped", "cancelled"} and status != "compensated":
            self.wrong.append(f"{step_id} was {before} and became {status}")
        self.statuses[step_id] = status
        if status in ENDED_WORDS:
            self.ends[step_id].append(status)

    def has_failed(self) -> bool:
        """Whether a step has failed that stops the run."""
        return any(
            self.statuses.get(s.step_id) == "failed" and s.on_failure == "fail" for s in self.plan.steps
        )

    def wait(self, step_id: str) -> None:
        """A person has been asked; for a step that was withdrawn meanwhile it changes nothing."""
        if self.statuses.get(step_id) not in {"completed", "skipped", "cancelled"}:
            self.statuses[step_id] = "waiting"

    async def tell(self, signal: str, message: Any, *, after: float = 0.0) -> None:
        """Tell the run, as the outbox does: after a while, and not only once. No time is skipped until then."""
        await self.client.test_service.lock_time_skipping(LockTimeSkippingRequest())

        async def deliver() -> None:
            await asyncio.sleep(after)
            with contextlib.suppress(RPCError):  # the run has ended meanwhile
                await self.handle.signal(signal, message)
                await self.handle.signal(signal, message)
            await self.client.test_service.unlock_time_skipping(UnlockTimeSkippingRequest())

        task = asyncio.get_running_loop().create_task(deliver())
        self.told.add(task)
        task.add_done_callback(self.told.discard)

    async def steer(self) -> None:
        """What people do to the run as a whole, at this call of an activity."""
        self.calls += 1
        if self.calls == self.fate.pause_at:
            await self.handle.signal(STEER, Steer("pause", PAUSE))
            await self.tell(STEER, Steer("resume", RESUME), after=0.02)
        if self.calls == self.fate.cancel_at:
            await self.handle.cancel()


WORLDS: dict[str, World] = {}
NUMBERS = itertools.count(1)


# --- the activities ---------------------------------------------------------------------------------


async def do(call: StepCall) -> StepAnswer:
    world = WORLDS[call.execution_id]
    world.apply(call.carried)
    if call.compensating:
        return undo(world, call)
    step = world.plan.by_id[call.step_id]
    # What the run itself has ended, such as a clock, may still be on its way here with another call: so of needs
    # that nothing is known of it only counts if they begin afterwards.
    for need in step.needs:
        if world.statuses.get(need) == "running":
            world.wrong.append(f"{call.step_id} began before {need} had ended")
        if world.statuses.get(need) == "cancelled":
            world.wrong.append(f"{call.step_id} began although {need} was withdrawn")
        world.needed.add(need)
    if call.step_id in world.needed:
        world.wrong.append(f"{call.step_id} began after what needs it")
    if world.statuses.get(call.step_id) in {"completed", "skipped", "cancelled"}:
        world.wrong.append(f"{call.step_id} began again")
    world.statuses[call.step_id] = "running"
    await world.steer()
    world.tries[call.step_id] += 1
    fate = world.fate.steps[call.step_id]
    if step.done_by == "person":
        then = "fail" if fate == "fail" else "answer"
        world.wait(call.step_id)
        return await ask(world, call.step_id, then, answer={"n": 2})
    if fate == "flaky" and world.has_failed() and step.compensate is None:
        # As ``withdraw_put_off``: perhaps before the run itself knows that it stops.
        world.set(call.step_id, "cancelled")
        raise ApplicationError("Withdrawn.", type=WITHDRAWN, non_retryable=True)
    if fate == "flaky" and world.tries[call.step_id] == 1:
        raise ApplicationError("Later.", type="busy")
    if fate == "away":  # whatever the attempt was, nothing of it could be written
        raise ApplicationError("The database is away.", type=INFRASTRUCTURE)
    if fate == "fail":
        world.set(call.step_id, "failed")
        raise ApplicationError("It broke.", type="broken", non_retryable=True)
    world.set(call.step_id, "completed")
    return StepAnswer(output={"n": 1})


def undo(world: World, call: StepCall) -> StepAnswer:
    world.undone.append(call.step_id)
    if not world.fate.undo[call.step_id]:
        raise ApplicationError("It stays.", type="broken", non_retryable=True)
    world.set(call.step_id, "compensated")
    world.has_undone.set()
    return StepAnswer()


async def ask(world: World, step_id: str, then: str, **more: Any) -> StepAnswer:
    """A person decides at once: the decision may be there before the run knows what was asked."""
    task_id = f"task-{next(NUMBERS)}"
    await world.tell(TASK_DECIDED, TaskDecided(f"message of {task_id}", task_id, step_id, then, **more))
    return StepAnswer(task_id=task_id)


@activity.defn(name="remote")
async def remote(call: StepCall) -> StepAnswer:
    return await do(call)


@activity.defn(name="local")
async def local(call: StepCall) -> StepAnswer:
    return await do(call)


@activity.defn(name=ASK_APPROVAL)
async def ask_approval(call: StepCall) -> StepAnswer:
    world = WORLDS[call.execution_id]
    if call.step_id in world.fate.asked_late:
        await world.has_undone.wait()
    world.apply(call.carried)
    await world.steer()
    world.wait(call.step_id)
    return await ask(world, call.step_id, "approved" if world.fate.approve[call.step_id] else "rejected")


@activity.defn(name=ESCALATE)
async def escalate(call: EscalateCall) -> StepAnswer:
    world = WORLDS[call.execution_id]
    world.apply(call.carried)
    await world.steer()
    world.wait(call.step_id)
    wanted = world.fate.escalated[call.step_id]
    return await ask(world, call.step_id, wanted.pop(0) if wanted else "stop", answer={"n": 3})


@activity.defn(name=NOTE_PROGRESS)
async def note_progress(call: ProgressCall) -> None:
    WORLDS[call.execution_id].apply(call.carried)


@activity.defn(name=FINISH_EXECUTION)
async def finish(call: FinishCall) -> None:
    world = WORLDS[call.execution_id]
    world.apply(call.carried)
    for step_id, status in world.statuses.items():  # as ``close_steps``
        if status not in ENDED_WORDS:
            world.set(step_id, "failed" if "failed" in world.ends[step_id] else "cancelled")
    world.finishes.append(call)


def worker(client: Client) -> Worker:
    return Worker(
        client,
        task_queue=QUEUE,
        workflows=[PlanWorkflow],
        activities=[remote, local, ask_approval, escalate, note_progress, finish],
    )


# --- one run ----------------------------------------------------------------------------------------

SEEN: list["Spy"] = []


@workflow.defn(name=PLAN_WORKFLOW, sandboxed=False)
class Spy(PlanWorkflow):
    """The workflow, for a look inside after a replay."""

    @workflow.init
    def __init__(self, run: RunInput) -> None:
        super().__init__(run)
        SEEN.append(self)

    @workflow.run
    async def run(self, run: RunInput) -> str:
        return await super().run(run)


async def carry_out(client: Client, plan: CompiledPlan, fate: Fate) -> tuple[World, Spy]:
    """Run a plan to its end and replay it. Raises TimeoutError for a run that doesn't end."""
    execution = f"run-{next(NUMBERS)}"
    world = WORLDS[execution] = World(plan, fate, client, client.get_workflow_handle(execution))
    given = RunInput(execution, plan.to_json(), {"address": "x"}, {"yes": True})
    started = await client.start_workflow(PLAN_WORKFLOW, given, id=execution, task_queue=QUEUE)
    try:
        await asyncio.wait_for(started.result(), 30)
    except WorkflowFailureError:
        pass  # it says so in FinishCall too
    except TimeoutError:
        history = await started.fetch_history()
        raise AssertionError(f"the run does not end: {world}\n{history.to_json()}") from None
    finally:
        await asyncio.gather(*world.told)
    SEEN.clear()
    await Replayer(workflows=[Spy]).replay_workflow(in_order(await started.fetch_history()))
    return world, SEEN[-1]


def in_order(history: WorkflowHistory) -> WorkflowHistory:
    """The history as Temporal itself would have written it: what arrived during a workflow task comes before the next
    one is scheduled. The time-skipping server has these two the other way round, and the SDK takes a task that is
    scheduled right after another for its heartbeat: it then replays both tasks as one, whose messages arrive together
    where the run had them one after the other.
    """
    events: list[dict[str, Any]] = []
    scheduled = None
    for event in json.loads(history.to_json())["events"]:
        kind = event["eventType"].removeprefix("EVENT_TYPE_")
        if kind == "WORKFLOW_TASK_SCHEDULED":
            scheduled = event
            continue
        if kind == "WORKFLOW_TASK_STARTED":
            events.append(scheduled)
        events.append(event)
    places = {event["eventId"]: str(place) for place, event in enumerate(events, 1)}
    return WorkflowHistory.from_json(history.workflow_id, {"events": [_placed(e, places) for e in events]})


def _placed(part: Any, places: dict[str, str]) -> Any:
    """A part of an event, with the places of the events that it names."""
    if not isinstance(part, dict):
        return part
    return {
        name: places.get(value, value) if name.endswith("ventId") else _placed(value, places)
        for name, value in part.items()
    }


# --- random plans -----------------------------------------------------------------------------------

KINDS = ["remote", "remote", "local", "local", "person", "wait_until"]
DONE_BY = {"person": "person", "wait_until": "clock"}


@st.composite
def plans(draw) -> CompiledPlan:
    """Up to seven steps, each needing some earlier ones, listed in any order."""
    steps: list[CompiledStep] = []
    for index in range(draw(st.integers(1, 7))):
        earlier = [step.step_id for step in steps]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=2)) if earlier else []
        steps.append(draw(_steps(f"s{index}", tuple(needs))))
    return CompiledPlan("d", "c", "Random", tuple(draw(st.permutations(steps))))


@st.composite
def _steps(draw, step_id: str, needs: tuple[str, ...]) -> CompiledStep:
    kind = draw(st.sampled_from(KINDS))
    inputs: dict[str, Any] = {"for": "P1D"} if kind == "wait_until" else {}
    if needs and kind != "wait_until":
        inputs = draw(st.sampled_from([{}, {"note": f"{{{{ steps.{needs[0]}.n }}}}"}]))
    undo = CompiledCompensation(draw(st.sampled_from(["remote", "local"])), {})
    return CompiledStep(
        step_id,
        "remote" if kind == "person" else kind,
        step_id,
        DONE_BY.get(kind, "program"),
        needs,
        inputs,
        draw(st.sampled_from([None, None, None, {"eq": [1, 2]}])),
        draw(st.sampled_from([None, None, Approval("supervisor")])),
        retry=Retry(max_attempts=3, initial_seconds=1),
        on_failure=draw(st.sampled_from(["fail", "continue", "escalate"])),
        escalate_to="supervisor",
        local_ok=kind == "local",
        compensate=draw(st.sampled_from([None, undo])),
    )


@st.composite
def fates(draw, plan: CompiledPlan) -> Fate:
    """What happens to the steps of a plan."""
    ids = [step.step_id for step in plan.steps]
    remote = {step.step_id for step in plan.steps if not step.local_ok}
    usual = st.sampled_from(["ok", "ok", "ok", "fail"])
    flaky = st.sampled_from(["ok", "ok", "fail", "flaky"])
    yes = st.sampled_from([True, True, True, False])
    said = st.lists(st.sampled_from(["retry", "skip", "answer", "stop"]), max_size=2)
    return Fate(
        {step_id: draw(flaky if step_id in remote else usual) for step_id in ids},
        {step_id: draw(yes) for step_id in ids},
        {step_id: draw(yes) for step_id in ids},
        {step_id: draw(said) for step_id in ids},
        draw(st.sampled_from([None, None, 1, 2, 3, 5])),
        draw(st.sampled_from([None, None, 1, 2, 4])),
    )
