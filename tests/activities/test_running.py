"""Lanes, orders and inputs that only the run knows, on a real worker."""

from tests.activities.attempts import lane, order, release


def test_a_lane_is_reserved_and_released_by_a_run(city):
    execution = city.launch(lane(), release())
    results = city.ends(execution)["execution_data"]["results"]
    (row,) = city.rows("SELECT * FROM lane_reservations WHERE execution_id = %s", execution)
    assert results["lane"] == {"reservation_id": str(row["id"])}
    assert row["released_at"].isoformat() == results["release_lane"]["released_at"]
    assert row["address"] == "123 Main St"


def test_a_contractor_is_ordered_once_a_supervisor_who_did_not_write_the_plan_agrees(city):
    execution = city.launch(order(), by="author")
    task = city.task(execution)
    assert (task["group"], city.rows("SELECT id FROM contractor_orders")) == ("supervisor", [])
    assert city.decide(task, "approve", by="author", status=403)["code"] == "forbidden"
    city.decide(task, "approve", by="supervisor")
    results = city.ends(execution)["execution_data"]["results"]
    (row,) = city.rows("SELECT * FROM contractor_orders WHERE execution_id = %s", execution)
    assert results["order"] == {"order_id": str(row["id"])}
    assert [mail.subject.split(": ")[-1] for mail in city.office.mails] == ["Order a digger"]


def test_inputs_that_only_the_run_knows_are_checked_before_anything_is_done(city):
    inputs = {"address": "{{ issue.address }}", "hours": "{{ data.hours }}"}
    execution = city.launch(lane(inputs=inputs), hours="six")
    failure = city.ends(execution, "failed")["failure"]
    assert (failure["code"], failure["step_id"]) == ("bad_input", "lane")
    assert failure["message"] == "/inputs/hours: This must be a number."
    assert city.rows("SELECT id FROM lane_reservations WHERE execution_id = %s", execution) == []
    assert city.step_row(execution, "lane")["attempts"] == 1


def test_a_lane_is_given_back_when_the_run_fails_after_it(city):
    undo = {
        "activity_id": "release_lane",
        "inputs": {"reservation_id": "{{ steps.lane.reservation_id }}"},
    }
    unreadable = {"address": "{{ issue.address }}", "hours": "{{ data.hours }}"}
    execution = city.launch(lane(compensate=undo), lane("second", inputs=unreadable), hours="six")
    assert city.ends(execution, "failed")["failure"]["step_id"] == "second"
    (row,) = city.rows("SELECT * FROM lane_reservations WHERE execution_id = %s", execution)
    assert row["released_at"] is not None
    assert city.step(execution, "lane")["status"] == "compensated"
