"""What must be true afterwards, looked up where it counts: in the database, in the mailbox, and at Temporal."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from temporalio.client import Client

from tests.chaos.people import Book
from tests.faults.city import OVER, City

LAST = {f"execution.{status}" for status in OVER}


def all_over(city: City, book: Book) -> bool:
    """Whether every accepted run has ended."""
    (row,) = city.rows("SELECT count(*) FROM workflow_executions WHERE status = ANY(%s)", list(OVER))
    return bool(row["count"] == len(book.accepted))


def faults(city: City, book: Book) -> Iterator[str]:
    """Every promise that was broken; none when all is well. The runs have ended."""
    yield from _accounted_for(city, book)
    yield from _ended(city)
    yield from _once(city)
    yield from _in_order(city)
    yield from _at_temporal(city, book)


def _accounted_for(city: City, book: Book) -> Iterator[str]:
    """Each accepted request is one run, and there are no others."""
    there = {str(row["id"]) for row in city.rows("SELECT id FROM workflow_executions")}
    accepted = set(book.accepted.values())
    if len(accepted) != len(book.accepted):
        yield "two requests were given the same run"
    for run in accepted - there:
        yield f"run {run} was accepted and is not there"
    for run in there - accepted:
        yield f"run {run} is there and was never accepted"


def _ended(city: City) -> Iterator[str]:
    """Every step and every run has ended; only who was told to cancel is cancelled, and nothing has failed."""
    query = "SELECT execution_id, step_id, status FROM step_runs WHERE status IN ('pending', 'waiting', 'running')"
    for row in city.rows(query):
        yield f"{row['execution_id']}: step {row['step_id']} is still {row['status']}"
    for row in city.rows("SELECT id, failure FROM workflow_executions WHERE status = 'failed'"):
        yield f"{row['id']} failed: {row['failure']}"
    for row in city.rows(
        "SELECT id FROM workflow_executions WHERE status = 'cancelled' AND id NOT IN "
        "(SELECT execution_id FROM steerings WHERE action = 'cancel')"
    ):
        yield f"{row['id']} was cancelled by nobody"
    for row in city.rows("SELECT kind, last_error FROM mudda_outboxmessage WHERE delivered_at IS NULL"):
        yield f"a message {row['kind']} was not delivered: {row['last_error']}"
    for row in city.rows("SELECT id, status FROM human_tasks WHERE status = 'open'"):
        yield f"task {row['id']} is still {row['status']}"


def _once(city: City) -> Iterator[str]:
    """Each letter and note of a completed step is there once, others at most once."""
    mails = Counter(".".join(mail.message_id.split(".")[:2]).lstrip("<") for mail in city.office.mails)
    query = "SELECT effect_key FROM issues_issuenote WHERE effect_key <> ''"
    notes = Counter(".".join(row["effect_key"].split(":")[:2]) for row in city.rows(query))
    for step in city.rows("SELECT execution_id, step_id, status, activity_id FROM step_runs"):
        done = {"send_notification": mails, "update_issue": notes}.get(step["activity_id"])
        if done is None:
            continue
        count, least = done[f"{step['execution_id']}.{step['step_id']}"], int(step["status"] == "completed")
        if not least <= count <= 1:
            what = f"{step['activity_id']} of {step['step_id']} ({step['status']})"
            yield f"{step['execution_id']}: {what} happened {count} times"


def _in_order(city: City) -> Iterator[str]:
    """The events of a run are numbered without a gap, tell of each end once, and agree with the rows."""
    events = defaultdict(list)
    for row in city.rows(
        "SELECT stream, seq, type, data FROM mudda_event WHERE stream LIKE 'execution:%%' ORDER BY stream, seq"
    ):
        events[row["stream"].removeprefix("execution:")].append(row)
    statuses = {
        str(row["id"]): row["status"] for row in city.rows("SELECT id, status FROM workflow_executions")
    }
    for run, status in statuses.items():
        told = events[run]
        if [row["seq"] for row in told] != list(range(1, len(told) + 1)):
            yield f"{run}: its events are numbered {[row['seq'] for row in told]}"
        ends = [row["type"] for row in told if row["type"] in LAST]
        if ends != [f"execution.{status}"]:
            yield f"{run} is {status}, and its events tell {ends}"
    for row in city.rows("SELECT execution_id, step_id, status FROM step_runs"):
        yield from _step_in_order(
            row, [e for e in events[str(row["execution_id"])] if e["data"].get("step_id") == row["step_id"]]
        )


def _step_in_order(step: dict[str, Any], told: list[dict[str, Any]]) -> Iterator[str]:
    name = f"{step['execution_id']}: {step['step_id']}"
    types = [row["type"] for row in told if row["type"].startswith("step.")]
    ends = [
        type for type in types if type in {"step.completed", "step.skipped", "step.cancelled", "step.failed"}
    ]
    if ends != [f"step.{step['status']}"]:
        yield f"{name} is {step['status']}, and its events tell {types}"
    if "step.completed" in types and types.index("step.completed") != len(types) - 1:
        yield f"{name} went on after its end: {types}"


def _at_temporal(city: City, book: Book) -> Iterator[str]:
    """Temporal has carried out each run by one workflow, and none is left running."""
    found = asyncio.run(_workflows(city))
    running = [workflow_id for workflow_id, status in found if status == "RUNNING"]
    yield from (f"{workflow_id} still runs at Temporal" for workflow_id in running)
    counts = Counter(workflow_id for workflow_id, _ in found)
    yield from (
        f"{workflow_id} was started {count} times" for workflow_id, count in counts.items() if count > 1
    )
    for run in book.accepted.values():
        if f"mudda-workflow-{run}" not in counts and run not in book.cancelled:
            yield f"{run} was never started at Temporal"


async def _workflows(city: City) -> list[tuple[str, str]]:
    client = await Client.connect(city.site.temporal.address)
    found = client.list_workflows("WorkflowId STARTS_WITH 'mudda-workflow-'")
    return [(run.id, run.status.name if run.status else "") async for run in found]
