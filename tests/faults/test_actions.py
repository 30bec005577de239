"""What a run costs in Temporal: counted in the history that the server kept."""

from collections import Counter

from tests.faults.city import letter, note

BILLED = (
    "activity_task_scheduled_event_attributes",
    "timer_started_event_attributes",
    "workflow_execution_signaled_event_attributes",
    "start_child_workflow_execution_initiated_event_attributes",
    "upsert_workflow_search_attributes_event_attributes",
    "marker_recorded_event_attributes",
)


def billed(city, execution):
    """How often each kind of billed event is in a run's history; retries are billed too and counted in it."""
    counted = Counter()
    for event in city.history(execution).events:
        counted.update(kind for kind in BILLED if event.HasField(kind))
        if event.HasField("activity_task_started_event_attributes"):
            counted["retries"] += event.activity_task_started_event_attributes.attempt - 1
    return {kind: count for kind, count in counted.items() if count}


def test_five_automatic_steps_cost_five_activities_the_finish_and_the_start(city):
    execution = city.launch(note("a"), letter("b"), note("c"), letter("d"), note("e"))
    city.ends(execution)
    assert billed(city, execution) == {"activity_task_scheduled_event_attributes": 6}


def test_a_step_that_is_left_out_costs_nothing(city):
    skipped = note("b", when={"eq": ["{{ data.x }}", 1]})
    execution = city.launch(note("a"), skipped, note("c", needs=["a", "b"]), x=2)
    city.ends(execution)
    assert billed(city, execution) == {"activity_task_scheduled_event_attributes": 3}


def test_an_approval_costs_its_question_and_its_answer(city):
    execution = city.launch(note("a", requires_approval=True))
    city.decide(city.task(execution), "approve")
    city.ends(execution)
    assert billed(city, execution) == {
        "activity_task_scheduled_event_attributes": 3,
        "workflow_execution_signaled_event_attributes": 1,
    }
