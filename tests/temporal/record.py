"""Record the histories that are replayed: ``python -m pytest -o DJANGO_SETTINGS_MODULE= tests/temporal/record.py``.

Not collected by name: a history, once released, stays as it is, because runs like it are under way in cities.
After a change of the workflow, record further ones beside them; what exists is never recorded again.
"""

import asyncio
import json
import re
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from executions.temporal.calling import LOCAL_ATTEMPTS
from tests.durability.steps import chain, compensated, lane, visit
from tests.faults.city import letter, note, until, wait
from tests.faults.test_ended_outside import reset
from tests.faults.test_steering import is_put_off

pytest_plugins = ["tests.durability.conftest"]
HISTORIES = Path(__file__).with_name("histories")
ASK = {"requires_approval": {"group": "supervisor", "reason": "It costs money."}}


def simple(city):
    report = {
        "step_id": "report",
        "activity_id": "generate_report",
        "title": "Write it down",
        "inputs": {"title": "{{ issue.reference }}", "sections": ["{{ steps.b }}"]},
    }
    execution = city.launch(
        note("a", needs=[]), letter("b", needs=[]), {**report, "needs": ["a", "b"]}, priority="high"
    )
    city.ends(execution)
    return execution


def skipped(city):
    condition = {"eq": ["{{ data.priority }}", "high"]}
    execution = city.launch(note("a"), letter("b", when=condition), note("c"), priority="low")
    city.ends(execution)
    return execution


def approved(city):
    execution = city.launch(letter(**ASK), note("after"))
    city.decide(city.task(execution), "approve")
    city.ends(execution)
    return execution


def rejected(city):
    execution = city.launch(note("a", needs=[], on_failure="continue", **ASK), note("b", needs=[]))
    city.decide(city.task(execution), "reject", comment="Too dear.")
    city.ends(execution)
    return execution


def answered(city):
    question = {
        "step_id": "confirm",
        "activity_id": "confirm_completion",
        "title": "Is it done?",
        "inputs": {"question": "Is it done?", "group": "supervisor"},
    }
    execution = city.launch(question, note("after", inputs={"note": "{{ steps.confirm.notes }}"}))
    city.decide(city.task(execution), "done", answer={"confirmed": True, "notes": "All dry."})
    city.ends(execution)
    return execution


def retried(city):
    city.office.plan("451 Later")
    execution = city.launch(letter(retry={"initial": "PT1S", "max_attempts": 2}))
    city.ends(execution)
    return execution


def failed(city):
    city.office.plan("550 No such mailbox")
    execution = city.launch(
        letter(needs=[]), wait("long", needs=[], inputs={"for": "P30D"}), note("after", needs=["tell"])
    )
    city.ends(execution, "failed")
    return execution


def timer(city):
    execution = city.launch(note("a"), wait(), note("b"))
    city.ends(execution)
    return execution


def escalated(city, outcome, **more):
    """A run whose letter was refused, and somebody has said what to do."""
    city.office.plan("550 No such mailbox")
    failing = letter(needs=["lane"], on_failure={"escalate": "supervisor"})
    execution = city.launch(lane("lane"), failing, note("after", needs=["tell"]))
    city.decide(city.task(execution), outcome, comment="It is so.", **more)
    city.ends(execution, "failed" if outcome == "stop" else "completed")
    return execution


def escalation_retried(city):
    return escalated(city, "retry")


def escalation_skipped(city):
    return escalated(city, "skip")


def escalation_answered(city):
    answer = {"notification_id": "by-phone", "channel": "phone", "status": "told"}
    return escalated(city, "answer", answer=answer)


def escalation_stopped(city):
    return escalated(city, "stop")


def compensated_run(city):
    city.office.plan("550 No such mailbox")
    execution = city.launch(*chain([lane("first"), lane("second"), letter(), note("after")]))
    city.ends(execution, "failed")
    return execution


def compensation_failed(city):
    city.outside.say("/undo", fail="for good")
    city.office.plan("550 No such mailbox")
    execution = city.launch(*chain([lane("first"), visit("second", **compensated("undo")), letter()]))
    city.ends(execution, "failed")
    return execution


def steer(city, execution, action):
    path = f"/workflows/executions/{execution}/{action}"
    city.expect(202, "POST", path, {"reason": "Because."}, by="author")


def cancelled(city):
    execution = city.launch(
        lane("lane", needs=[]),
        wait("long", needs=["lane"], inputs={"for": "P1D"}),
        note("b", needs=["long"], **ASK),
    )
    until(lambda: city.step(execution, "long")["status"] == "waiting")
    steer(city, execution, "cancel")
    city.ends(execution, "cancelled")
    return execution


def paused(city):
    hold = city.outside.hold("/held")
    execution = city.launch(visit("held"), note("b"), wait(), note("c", **ASK))
    hold.wait()
    steer(city, execution, "pause")
    until(lambda: '"steer"' in city.history(execution).to_json())
    hold.released.set()
    until(lambda: city.step(execution, "held")["status"] == "completed")
    steer(city, execution, "resume")
    city.decide(city.task(execution), "approve")
    city.ends(execution)
    return execution


def uncertain(city):
    hold = city.outside.hold("/unknown")
    execution = city.launch(visit("unknown", "visit_at_most_once", timeout="PT2S"), note("b"))
    city.decide(city.task(execution), "it_happened")
    hold.released.set()
    city.ends(execution)
    return execution


def hung(city):
    hold = city.outside.hold("/hung", times=2)
    execution = city.launch(visit("hung", timeout="PT2S", on_failure="continue"), note("b"))
    city.ends(execution)
    hold.released.set()
    return execution


def large(city):
    question = {
        "step_id": "look",
        "activity_id": "inspect_site",
        "title": "Look",
        "inputs": {
            "department": "water",
            "address": "here",
            "questions": {"long": {"ask": "Tell all", "type": "text"}},
        },
    }
    execution = city.launch(
        question, note("b", inputs={"note": "{{ steps.look.long }}"}, on_failure="continue")
    )
    city.decide(city.task(execution), "done", answer={"long": "wet " * 20_000})
    city.ends(execution)
    return execution


def late(city, then):
    """A run whose question nobody has answered in time."""
    question = {
        "step_id": "confirm",
        "activity_id": "confirm_completion",
        "title": "Is it done?",
        "inputs": {"question": "Is it done?", "group": "supervisor"},
        "on_failure": "continue",
        "overdue": {"then": then},
        "due": "PT1M",
    }
    execution = city.launch(question, note("after"))
    task = city.task(execution)
    with city.database() as cursor:
        cursor.execute(
            "UPDATE human_tasks SET due_at = now() - interval '1 hour', next_look_at = now() WHERE id = %s",
            (task["id"],),
        )
        cursor.connection.commit()
    city.ends(execution, deadline=120)
    return execution


def overdue(city):
    return late(city, "fail")


def overdue_answered(city):
    return late(city, {"answer": {"confirmed": False, "notes": "Nobody looked."}})


def letter_answered(city):
    question = {
        "step_id": "ask",
        "activity_id": "ask_reporter",
        "title": "Ask the reporter",
        "inputs": {"question": "Is the water still running?", "type": "yes_no"},
    }
    after = note("after", when={"eq": ["{{ steps.ask.answer }}", True]})
    execution = city.launch(question, after)
    task = city.task(execution)
    [mail] = until(lambda: city.office.about(execution))
    assert "/t/" in mail.text
    city.decide(task, "done", answer={"answer": True})
    city.ends(execution)
    return execution


def approval_asked_again(city):
    execution = city.launch(letter(on_failure={"escalate": "supervisor"}, **ASK), note("after"))
    city.decide(city.task(execution), "reject", comment="Too dear.")
    for kind, outcome in (("escalation", "retry"), ("approval", "approve")):
        task = until(lambda kind=kind: waiting_of(city, execution, kind))
        city.decide(task, outcome, comment="It is cheaper now.")
    city.ends(execution)
    return execution


def waiting_of(city, execution, kind):
    """The task of this kind that a run waits for, if it does."""
    return next(
        (
            city.expect(200, "GET", f"/workflows/tasks/{task['task_id']}")
            for task in city.execution(execution)["waiting_on"]
            if task["kind"] == kind
        ),
        None,
    )


def cancelled_before_start(city):
    plan = city.approved(lane("lane"), note("after"))
    city.site.temporal.stop()
    execution = city.execute(plan)
    steer(city, execution, "cancel")
    city.site.temporal.start()
    city.ends(execution, "cancelled", deadline=120)
    return execution


async def cancel_in_temporal(city, execution):
    client = await Client.connect(city.site.temporal.address)
    await client.get_workflow_handle(f"mudda-workflow-{execution}").cancel()


def clock_cancelled(city):
    """Cancelled while what its clock tells is on its way: the run's row is held, so that it can't arrive."""
    plan = city.approved(wait("short"), wait("long", inputs={"for": "P1D"}), note("after"))
    city.site.worker.stop()
    execution = city.execute(plan)
    with city.database() as cursor:
        cursor.execute("SELECT 1 FROM workflow_executions WHERE id = %s FOR UPDATE", (execution,))
        city.site.worker.start()
        waiting = (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%workflow_exec%%'"
        )
        until(lambda: city.rows(waiting), 90)
        asyncio.run(cancel_in_temporal(city, execution))
        until(lambda: heard_of_cancel(city.history(execution)))
    city.ends(execution, "cancelled", deadline=90)
    return execution


def heard_of_cancel(history):
    """Whether the workflow has been told that it is cancelled, and has said what follows."""
    types = [event.event_type for event in history.events]
    cancel = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED
    told = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    return cancel in types and told in types[types.index(cancel) :]


def long_run(city):
    steps = [lane("lane"), *(visit(f"v{n}") for n in range(30)), note("asked", **ASK), letter()]
    execution = city.launch(*chain(steps), wait("clock", needs=["lane"], inputs={"for": "PT15S"}))
    task = city.task(execution, deadline=120)
    city.office.plan("550 No such mailbox")
    city.decide(task, "approve")
    city.ends(execution, "failed")
    return execution


def continued(city):
    return long_run(city)


def continued_last(city):
    return long_run(city)


def local_goes_remote(city):
    for _ in range(LOCAL_ATTEMPTS + 1):
        city.outside.say("/local", fail="for now")
    patient = {"initial": "PT1S", "backoff": 1, "max_attempts": LOCAL_ATTEMPTS + 2}
    execution = city.launch(visit("local", "visit_local", retry=patient), note("after"))
    city.ends(execution)
    assert len(city.outside.visits["/local"]) == LOCAL_ATTEMPTS + 2
    return execution


def reset_after_its_end(city):
    execution = city.launch(letter(), note("after"))
    city.ends(execution)
    until(lambda: city.temporal_runs(execution) == ["COMPLETED"])
    asyncio.run(reset(city, execution))
    return execution


def put_off_withdrawn(city):
    """A letter was put off for long when another step failed."""
    city.office.plan("451 Later")
    patient = letter(needs=["lane"], retry={"initial": "PT12H", "max_interval": "P1D"})
    execution = city.launch({**lane("lane"), "needs": []}, patient, note("dear", needs=["lane"], **ASK))
    until(lambda: asyncio.run(is_put_off(city, execution)))
    city.decide(city.task(execution), "reject", comment="Too dear.")
    city.ends(execution, "failed")
    return execution


ALL = [
    simple, skipped, approved, rejected, answered, retried, failed, timer, escalation_retried, escalation_skipped,
    escalation_answered, escalation_stopped, compensated_run, compensation_failed, cancelled, paused, uncertain,
    hung, large, overdue, continued, continued_last, overdue_answered, letter_answered, approval_asked_again,
    cancelled_before_start, clock_cancelled, local_goes_remote, reset_after_its_end, put_off_withdrawn,
]  # fmt: skip


async def first_run(city, execution):
    """The history of the first Temporal run of a run that has continued as new."""
    client = await Client.connect(city.site.temporal.address)
    query = f"WorkflowId = 'mudda-workflow-{execution}'"
    runs = [run async for run in client.list_workflows(query)]
    first = min(runs, key=lambda run: run.start_time)
    return await client.get_workflow_handle(first.id, run_id=first.run_id).fetch_history()


@pytest.mark.parametrize("run", ALL)
def test_record(city, outside, run):
    path = HISTORIES / f"{run.__name__.removesuffix('_run')}.json"
    if path.exists():
        pytest.skip(f"{path.name} is there already")
    city.outside = outside
    execution = run(city)
    until(lambda: "RUNNING" not in city.temporal_runs(execution))
    told = asyncio.run(first_run(city, execution)) if run is continued else city.history(execution)
    text = json.dumps(json.loads(told.to_json()), ensure_ascii=False, separators=(",", ":"))
    # What names the machine that recorded it; a replay looks at neither.
    text = re.sub(r'"identity":"[^"]*"', '"identity":"worker@example.org"', text)
    text = re.sub(r'"stackTrace":"(?:[^"\\]|\\.)*"', '"stackTrace":""', text)
    path.write_text(text + "\n")
