"""Outputs that are too large for a run to carry are read by later steps as others are: on a real server."""

from executions.temporal.handles import size_of
from tests.durability.steps import visit
from tests.faults.city import note

LARGE = 100_000
PHOTOS = [f"photo {number} " + "x" * 1_000 for number in range(LARGE // 1_000)]
TAGS = [f"tag {number}" for number in range(LARGE // 10)]
GALLERY = {"photos": PHOTOS, "tags": TAGS, "log": "l" * LARGE}


def reads(step_id, text, **fields):
    return note(step_id, needs=["look"], inputs={"note": text}, **fields)


def test_parts_of_a_large_output_are_read_by_inputs_and_compared_by_conditions(city, outside):
    outside.say("/look", output=GALLERY)
    execution = city.launch(
        visit("look", "visit_gallery"),
        reads("whole", "{{ steps.look.photos.3 }}"),
        reads("inside", "It is {{ steps.look.photos.4 }}."),
        reads("tagged", "Tagged.", when={"in": ["tag 9999", "{{ steps.look.tags }}"]}),
        reads("first", "One.", when={"eq": ["{{ steps.look.photos.0 }}", PHOTOS[0]]}),
        reads("none", "None.", when={"exists": "{{ steps.look.photos.1000 }}"}),
        reads("missing", "{{ steps.look.photos.5000 }}", on_failure="continue"),
    )
    run = city.ends(execution)
    ended = {step["step_id"]: step["status"] for step in run["steps"]}
    assert ended == {
        "look": "completed",
        "whole": "completed",
        "inside": "completed",
        "tagged": "completed",
        "first": "completed",
        "none": "skipped",
        "missing": "failed",
    }
    assert city.step(execution, "missing")["error"]["code"] == "missing_value"
    notes = {row["text"] for row in city.rows("SELECT text FROM issues_issuenote")}
    assert {PHOTOS[3], f"It is {PHOTOS[4]}."} <= notes
    assert run["execution_data"]["results"]["look"] == GALLERY
    carried = max(event.ByteSize() for event in city.history(execution).events)
    assert size_of(TAGS) < carried < size_of(GALLERY) - LARGE // 2  # without the log, which nothing compares


def test_a_stored_value_is_read_after_the_run_has_continued_as_new(city, outside):
    outside.say("/look", output=GALLERY)
    chain = [visit(f"v{number}", needs=["look" if number == 0 else f"v{number - 1}"]) for number in range(30)]
    last = note("last", needs=["v29"], inputs={"note": "{{ steps.look.photos.7 }}"})
    last["when"] = {"in": ["tag 9999", "{{ steps.look.tags }}"]}
    execution = city.launch(visit("look", "visit_gallery"), *chain, last)
    run = city.ends(execution, deadline=120)
    assert "CONTINUED_AS_NEW" in city.temporal_runs(execution)
    assert run["steps"][-1]["status"] == "completed"
    assert city.rows("SELECT 1 FROM issues_issuenote WHERE text = %s", PHOTOS[7])
