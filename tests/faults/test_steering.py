"""People steer a run: pause, resume, cancel, and say what becomes of a failed step."""

import asyncio
import time

import pytest
from temporalio.client import Client

from executions.temporal.contracts import PAUSE, RESUME, STEER, Steer
from tests.faults.city import letter, note, until, wait

LANE = {
    "step_id": "lane",
    "activity_id": "reserve_lane",
    "title": "Reserve the lane",
    "inputs": {"address": "{{ issue.address }}", "hours": 6},
    "compensate": {
        "activity_id": "release_lane",
        "inputs": {"reservation_id": "{{ steps.lane.reservation_id }}"},
    },
}
ASK = {"requires_approval": {"group": "supervisor"}}


def steer(city, execution, action, *, status=202, **body):
    return city.expect(
        status,
        "POST",
        f"/workflows/executions/{execution}/{action}",
        {"reason": "Because.", **body},
        by="author",
    )


def lanes(city, execution):
    return city.rows("SELECT address, released_at FROM lane_reservations WHERE execution_id = %s", execution)


def events(city, execution):
    found = city.rows("SELECT type FROM mudda_event WHERE stream = %s ORDER BY seq", f"execution:{execution}")
    return [row["type"] for row in found]


def test_a_failing_run_undoes_what_it_did_newest_first(city):
    first = {**LANE, "step_id": "first", "compensate": undo("first"), "needs": []}
    second = {**LANE, "step_id": "second", "compensate": undo("second"), "needs": ["first"]}
    city.office.plan("550 No such mailbox")
    execution = city.launch(first, second, letter(needs=["second"]), note("after", needs=["tell"]))
    run = city.ends(execution, "failed")
    assert {step["step_id"]: step["status"] for step in run["steps"]} == {
        "first": "compensated",
        "second": "compensated",
        "tell": "failed",
        "after": "cancelled",
    }
    assert all(lane["released_at"] for lane in lanes(city, execution))
    undone = city.rows(
        "SELECT data FROM mudda_event WHERE stream = %s AND type = 'step.compensated' ORDER BY seq",
        f"execution:{execution}",
    )
    assert [event["data"]["step_id"] for event in undone] == ["second", "first"]
    assert run["failure"]["step_id"] == "tell"


def undo(step_id):
    return {
        "activity_id": "release_lane",
        "inputs": {"reservation_id": f"{{{{ steps.{step_id}.reservation_id }}}}"},
    }


def test_a_completed_run_undoes_nothing(city):
    execution = city.launch(LANE, note())
    city.ends(execution)
    assert [lane["released_at"] for lane in lanes(city, execution)] == [None]


def test_cancel_withdraws_what_waits_and_undoes_what_was_done(city):
    execution = city.launch(LANE, note("after", **ASK))
    task = city.task(execution)
    steer(city, execution, "cancel")
    run = city.ends(execution, "cancelled")
    assert [step["status"] for step in run["steps"]] == ["compensated", "cancelled"]
    assert all(lane["released_at"] for lane in lanes(city, execution))
    refused = city.decide(task, "approve", status=409)
    assert refused["code"] == "task_closed"
    assert city.temporal_runs(execution) == ["CANCELED"]
    who = city.rows("SELECT action, reason FROM steerings WHERE execution_id = %s", execution)
    assert who == [{"action": "cancel", "reason": "Because."}]
    assert "execution.cancel_requested" in events(city, execution)


async def is_put_off(city, execution):
    """Whether Temporal waits with the next attempt of an activity."""
    client = await Client.connect(city.site.temporal.address)
    found = await client.get_workflow_handle(f"mudda-workflow-{execution}").describe()
    return any(one.HasField("next_attempt_schedule_time") for one in found.raw_description.pending_activities)


def test_a_letter_that_was_put_off_for_long_does_not_hold_up_a_cancel(city):
    city.office.plan("451 Later", "451 Still later")
    execution = city.launch(LANE, letter(needs=["lane"], retry={"initial": "PT12H", "max_interval": "P1D"}))
    until(lambda: asyncio.run(is_put_off(city, execution)))
    steer(city, execution, "cancel")
    run = city.ends(execution, "cancelled")
    # What was begun is awaited, and done now instead of in twelve hours.
    assert [step["status"] for step in run["steps"]] == ["compensated", "completed"]
    assert set(city.office.counts(execution).values()) == {1}


def put_off(city, *steps, **fields):
    """A run whose letter waits twelve hours for its next attempt, and an approval that can be refused meanwhile."""
    city.office.plan("451 Later")
    patient = letter(needs=["lane"], retry={"initial": "PT12H", "max_interval": "P1D"}, **fields)
    execution = city.launch({**LANE, "needs": []}, patient, note("dear", needs=["lane"], **ASK), *steps)
    until(lambda: asyncio.run(is_put_off(city, execution)))
    return execution


def test_a_letter_that_was_put_off_is_withdrawn_when_another_step_fails(city):
    execution = put_off(city, note("after", needs=["tell"]))
    city.decide(city.task(execution), "reject", comment="Too dear.")
    run = city.ends(execution, "failed")
    assert [step["status"] for step in run["steps"]] == ["compensated", "cancelled", "failed", "cancelled"]
    assert run["failure"]["step_id"] == "dear"
    assert city.step(execution, "tell")["reason"] == "Withdrawn because the run stopped."
    assert not city.office.mails
    assert events(city, execution).count("step.cancelled") == 2


def test_what_was_put_off_and_would_have_to_be_undone_is_done_at_once_and_undone(city):
    execution = put_off(city, compensate=undo("lane"))
    city.decide(city.task(execution), "reject", comment="Too dear.")
    run = city.ends(execution, "failed")
    assert [step["status"] for step in run["steps"]] == ["compensated", "compensated", "failed"]
    assert set(city.office.counts(execution).values()) == {1}


def test_a_crews_letter_that_was_put_off_does_not_hold_up_a_run_that_fails(city):
    crew = {
        "step_id": "crew",
        "activity_id": "dispatch_crew",
        "title": "Call out the crew",
        "needs": [],
        "inputs": {"department": "water", "address": "here", "instructions": "Repair it.", "urgency": "high"},
    }
    city.office.plan("451 Later")
    execution = city.launch(crew, note("dear", needs=[], **ASK))
    until(lambda: asyncio.run(is_put_off(city, execution)))
    asked = next(one for one in city.execution(execution)["waiting_on"] if one["kind"] == "approval")
    city.decide({"id": asked["task_id"]}, "reject", comment="Too dear.")
    run = city.ends(execution, "failed")
    assert [step["status"] for step in run["steps"]] == ["cancelled", "failed"]
    assert not city.office.mails


def test_a_pause_that_arrives_after_the_later_resume_holds_nothing_up(city):
    execution = city.launch(note(**ASK))
    task = city.task(execution)

    async def tell(*wishes):
        client = await Client.connect(city.site.temporal.address)
        handle = client.get_workflow_handle(f"mudda-workflow-{execution}")
        for wish in wishes:
            await handle.signal(STEER, wish)

    # As two workers deliver them at the same moment.
    asyncio.run(tell(Steer("second", RESUME, 2), Steer("first", PAUSE, 1)))
    city.decide(task, "approve")
    city.ends(execution)


def test_cancel_of_a_run_that_temporal_has_not_got_yet_does_nothing_of_it(city):
    city.site.temporal.stop()
    execution = city.launch(letter())
    steer(city, execution, "cancel")
    city.site.temporal.start()
    run = city.ends(execution, "cancelled", deadline=90)
    assert [step["status"] for step in run["steps"]] == ["cancelled"]
    assert not city.office.mails


def test_a_paused_run_begins_nothing_until_it_is_resumed(city):
    execution = city.launch(wait("first", inputs={"for": "PT2S"}), letter())
    steer(city, execution, "pause")
    assert city.execution(execution)["paused_at"]
    until(lambda: "step.waiting" in events(city, execution) or time.sleep(3) or True)
    run = city.execution(execution)
    assert {s["step_id"]: s["status"] for s in run["steps"]}["tell"] == "pending"
    assert not city.office.mails
    assert steer(city, execution, "pause", status=409)["code"] == "already_paused"
    steer(city, execution, "resume")
    city.ends(execution)
    assert len(city.office.mails) == 1
    assert steer(city, execution, "cancel", status=409)["code"] == "execution_over"


def failing(**fields):
    return letter(on_failure={"escalate": "supervisor"}, retry={"max_attempts": 1}, **fields)


def test_a_failure_is_escalated_and_a_retry_has_new_attempts(city):
    city.office.plan("550 No such mailbox")
    execution = city.launch(failing(), note("after"))
    task = city.task(execution)
    assert task["kind"] == "escalation"
    assert task["group"] == "supervisor"
    path = f"/workflows/executions/{execution}/steps/tell/retry"
    city.expect(200, "POST", path, {"reason": "The mailbox is there now."}, by="author")
    run = city.ends(execution)
    assert [step["status"] for step in run["steps"]] == ["completed", "completed"]
    assert len(city.office.mails) == 1
    assert city.expect(409, "POST", path, {"reason": "Again."}, by="author")["code"] == "nothing_failed"


def test_a_failure_can_be_skipped_and_readers_are_skipped_with_the_reason(city):
    city.office.plan("550 No such mailbox")
    execution = city.launch(
        failing(), note("reader", inputs={"note": "{{ steps.tell.status }}"}), note("other", needs=["tell"])
    )
    city.decide(city.task(execution), "skip", comment="They moved away.")
    run = city.ends(execution)
    assert {step["step_id"]: step["status"] for step in run["steps"]} == {
        "tell": "skipped",
        "reader": "skipped",
        "other": "completed",
    }
    assert city.step(execution, "tell")["reason"] == "They moved away."


def test_a_failure_can_be_answered_by_hand_if_the_answer_is_what_the_activity_promises(city):
    city.office.plan("550 No such mailbox")
    execution = city.launch(failing(), note("reader", inputs={"note": "Status {{ steps.tell.status }}"}))
    task = city.task(execution)
    refused = city.decide(task, "answer", answer={"status": 7}, status=422)
    assert refused["code"] == "bad_answer"
    answer = {"notification_id": "by-phone", "channel": "phone", "status": "told"}
    unexplained = city.decide(task, "answer", answer=answer, status=400)
    assert [error["pointer"] for error in unexplained["errors"]] == ["/comment"]
    city.decide(task, "answer", answer=answer, comment="The office rang them up.")
    run = city.ends(execution)
    assert run["execution_data"]["results"]["tell"] == answer
    assert city.rows("SELECT 1 FROM issues_issuenote WHERE text = 'Status told'")


def test_a_failure_can_stop_the_run_as_under_fail(city):
    city.office.plan("550 No such mailbox")
    execution = city.launch({**LANE, "needs": []}, failing(needs=["lane"]), note("after"))
    city.decide(city.task(execution), "stop", comment="No use.")
    run = city.ends(execution, "failed")
    assert [step["status"] for step in run["steps"]] == ["compensated", "failed", "cancelled"]
    assert run["failure"]["code"] == "refused"


def test_a_compensation_that_fails_asks_the_supervisors_and_the_rest_is_undone(city):
    bad = {**undo("first"), "inputs": {"reservation_id": "no such reservation"}}
    first = {**LANE, "step_id": "first", "compensate": undo("first"), "needs": []}
    second = {**LANE, "step_id": "second", "compensate": bad, "needs": ["first"]}
    city.office.plan("550 No such mailbox")
    execution = city.launch(first, second, letter(needs=["second"]))
    run = city.ends(execution, "failed")
    assert [step["status"] for step in run["steps"]] == ["compensated", "completed", "failed"]
    assert run["failure"]["compensation_failed"] == ["second"]
    tasks = city.rows('SELECT kind, status, "group" FROM human_tasks WHERE execution_id = %s', execution)
    assert tasks == [{"kind": "compensation_failed", "status": "open", "group": "supervisor"}]


def test_only_who_may_change_runs_can_steer_one_and_outsiders_see_none(city):
    execution = city.launch(note("after", **ASK))
    city.task(execution)
    path = f"/workflows/executions/{execution}/cancel"
    assert city.call("POST", path, {"reason": "x"}, by="dispatcher").status_code == 403
    assert city.call("POST", path, {}, by="author").status_code == 400
    city.decide(city.task(execution), "approve")
    city.ends(execution)


def test_an_output_over_64_kib_stays_with_its_step_and_still_reaches_its_readers(city):
    question = {
        "step_id": "look",
        "activity_id": "inspect_site",
        "title": "Look",
        "inputs": {
            "department": "water",
            "address": "here",
            "questions": {
                "long": {"ask": "Tell all", "type": "text"},
                "short": {"ask": "In short", "type": "text"},
            },
        },
    }
    report = {
        "step_id": "report",
        "activity_id": "generate_report",
        "title": "Write",
        "inputs": {
            "title": "All of it",
            "sections": ["{{ steps.look.long }}", "In short: {{ steps.look.short }}"],
        },
    }
    execution = city.launch(question, report)
    text = "слово " * 15_000  # 165 kB of UTF-8
    city.decide(city.task(execution), "done", answer={"long": text, "short": "wet"})
    run = city.ends(execution)
    assert run["execution_data"]["results"]["look"]["long"] == text
    assert run["execution_data"]["results"]["report"]["pages"] > 10
    history = city.history(execution).to_json()
    assert len(history) < 200_000


@pytest.mark.parametrize("action", ["pause", "cancel"])
def test_a_message_that_is_delivered_twice_counts_once(city, action):
    execution = city.launch(wait("first", inputs={"for": "PT3S"}), note())
    steer(city, execution, action)
    until(
        lambda: city.rows(
            "SELECT 1 FROM mudda_outboxmessage WHERE delivered_at IS NOT NULL AND payload->>'execution_id' = %s",
            execution,
        )
    )
    with city.database() as cursor:
        cursor.execute(
            "UPDATE mudda_outboxmessage SET delivered_at = NULL, due_at = now() WHERE payload->>'execution_id' = %s",
            (execution,),
        )
        cursor.connection.commit()
    if action == "pause":
        steer(city, execution, "resume")
        city.ends(execution)
    else:
        city.ends(execution, "cancelled")
