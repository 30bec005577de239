"""What runs cost in Temporal, by the count of the server itself."""

import pytest

from tests.faults.city import letter, note, until, wait


def question(step_id="confirm", **fields):
    """A step that a supervisor has to answer."""
    return {
        "step_id": step_id,
        "activity_id": "confirm_completion",
        "title": "Is it done?",
        "inputs": {"question": "Is it done?", "group": "supervisor"},
        **fields,
    }


ANSWER = {"confirmed": True, "notes": "All dry."}


@pytest.mark.parametrize("steps", [1, 5, 12])
def test_automatic_steps_cost_one_action_each_with_one_for_the_start_and_one_for_the_end(city, meter, steps):
    plan = city.approved(*(letter(f"letter_{n}") for n in range(steps)))
    with meter.bill() as billed:
        city.ends(city.execute(plan))
    assert 0 < billed.total() <= steps + 2, billed


def test_five_steps_that_may_run_in_the_worker_cost_three_actions_in_all(city, meter):
    plan = city.approved(*(note(f"note_{n}") for n in range(5)))
    with meter.bill() as billed:
        city.ends(city.execute(plan))
    assert 0 < billed.total() <= 3, billed


def test_a_step_that_a_condition_leaves_out_costs_nothing(city, meter):
    plan = city.approved(letter("a"), letter("b", when={"eq": ["{{ data.x }}", 1]}), letter("c", needs=["a"]))
    with meter.bill() as billed:
        city.ends(city.execute(plan, x=2))
    assert 0 < billed.total() <= 2 + 2, billed


def test_a_persons_task_costs_two_actions_to_open_and_to_decide(city, meter):
    plan = city.approved(question(), letter())
    with meter.bill() as billed:
        execution = city.execute(plan)
        city.decide(city.task(execution), "done", answer=ANSWER)
        city.ends(execution)
    assert 0 < billed.total() <= 1 + 2 + 2, billed


def test_an_approval_costs_two_actions_beside_its_step(city, meter):
    plan = city.approved(letter(requires_approval=True))
    with meter.bill() as billed:
        execution = city.execute(plan)
        city.decide(city.task(execution), "approve")
        city.ends(execution)
    assert 0 < billed.total() <= 1 + 2 + 2, billed


def test_reminders_and_handing_over_to_another_group_cost_nothing(city, meter):
    late = question(due="PT1H", overdue={"remind": "PT1H", "escalate_to": "administrator"})
    execution = city.launch(late)
    task = city.task(execution)["id"]
    with meter.bill() as billed:
        clock_moved(city, task, "reminders = 1")
        clock_moved(city, task, "escalated_at IS NOT NULL")
        clock_moved(city, task, "reminders = 2")
    assert not billed, billed


def test_a_deadline_that_ends_a_task_costs_no_more_than_a_person_who_does(city, meter):
    plan = city.approved(question(due="PT1H", overdue={"then": "fail"}))
    with meter.bill() as billed:
        execution = city.execute(plan)
        clock_moved(city, city.task(execution)["id"], "status = 'expired'")
        city.ends(execution, "failed")
    assert 0 < billed.total() <= 2 + 2, billed


def test_a_short_wait_costs_its_timer(city, meter):
    plan = city.approved(letter("a"), wait(), letter("b"))
    with meter.bill() as billed:
        city.ends(city.execute(plan))
    assert 0 < billed.total() <= 2 + 1 + 2, billed


def test_holding_claiming_and_reading_cost_nothing(city, meter):
    task = city.task(city.launch(question()))
    path = f"/workflows/tasks/{task['id']}"
    with meter.bill() as billed:
        city.expect(200, "POST", f"{path}/claim", {}, by="supervisor")
        city.expect(200, "POST", f"{path}/hold", {"reason": "Rain."}, by="supervisor")
        city.expect(200, "POST", f"{path}/resume", {}, by="supervisor")
        city.expect(200, "GET", path)
        city.execution(task["execution_id"])
    assert not billed, billed


def test_looking_for_a_run_that_nothing_was_heard_of_costs_nothing_nor_does_noting_that_it_is_late(
    city, meter
):
    execution = city.task(city.launch(question()))["execution_id"]
    seen = "SELECT 1 FROM workflow_executions WHERE id = %s AND looked_for_at > now() - interval '1 hour'"
    long_ago = "created_at = now() - interval '2 days', looked_for_at = NULL, due_at = now()"
    with meter.bill() as billed:
        with city.database() as cursor:
            cursor.execute(f"UPDATE workflow_executions SET {long_ago} WHERE id = %s", (execution,))
            cursor.connection.commit()
        until(lambda: city.rows(seen, execution), 60)
        until(lambda: city.execution(execution)["overdue"], 60)
    assert not billed, billed


def clock_moved(city, task, what):
    """Move the task's clock and wait until the dispatcher has done what is due."""

    def done():
        return city.rows(f"SELECT 1 FROM human_tasks WHERE id = %s AND {what}", task)

    with city.database() as cursor:
        moved = (
            "next_look_at = now() - interval '1 minute', due_at = least(due_at, now() - interval '1 minute')"
        )
        cursor.execute(f"UPDATE human_tasks SET {moved} WHERE id = %s", (task,))
        cursor.connection.commit()
    until(done, 60)
