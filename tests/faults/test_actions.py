"""What a run costs in Temporal: counted in the history that the server kept."""

from collections import Counter

from tests.faults.city import letter, note

ACTIVITY = "activity_task_scheduled_event_attributes"
SIGNAL = "workflow_execution_signaled_event_attributes"
BILLED = (
    ACTIVITY,
    SIGNAL,
    "timer_started_event_attributes",
    "start_child_workflow_execution_initiated_event_attributes",
    "upsert_workflow_search_attributes_event_attributes",
)
LOCAL = "local activities"


def billed(city, execution):
    """How often each kind of billed thing is in a run's history.

    All local activities that one workflow task records are one action together; each retry of an activity is one.
    """
    counted, tasks_with_local = Counter(), set()
    for event in city.history(execution).events:
        counted.update(kind for kind in BILLED if event.HasField(kind))
        if event.HasField("activity_task_started_event_attributes"):
            counted["retries"] += event.activity_task_started_event_attributes.attempt - 1
        marker = event.marker_recorded_event_attributes
        if marker.marker_name == "core_local_activity":
            tasks_with_local.add(marker.workflow_task_completed_event_id)
    counted[LOCAL] = len(tasks_with_local)
    return {kind: count for kind, count in counted.items() if count}


def test_five_automatic_steps_cost_no_more_than_five_activities_and_the_finish(city):
    execution = city.launch(note("a"), letter("b"), note("c"), letter("d"), note("e"))
    city.ends(execution)
    found = billed(city, execution)
    assert set(found) <= {ACTIVITY, LOCAL}
    assert sum(found.values()) <= 6


def test_a_step_that_is_left_out_costs_nothing(city):
    skipped = letter("b", when={"eq": ["{{ data.x }}", 1]})
    execution = city.launch(letter("a"), skipped, letter("c", needs=["a", "b"]), x=2)
    city.ends(execution)
    assert billed(city, execution) == {ACTIVITY: 3}


def test_an_approval_costs_its_question_and_its_answer(city):
    execution = city.launch(letter("a", requires_approval=True))
    city.decide(city.task(execution), "approve")
    city.ends(execution)
    assert billed(city, execution) == {ACTIVITY: 3, SIGNAL: 1}
