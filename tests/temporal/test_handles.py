"""Handles for large outputs: only the run's own are taken for one."""

import uuid
from dataclasses import asdict

import pytest

from executions.activities.registry import StepFailed
from executions.models import StepRun
from executions.temporal.contracts import RunInput, RunState
from executions.temporal.handles import (
    LARGEST,
    LARGEST_COMPARED,
    fit,
    handle_of,
    has_handles,
    sent_size,
    shrink,
    size_of,
)
from executions.temporal.large import restore, shrunk
from tests.time.runs import confirm, launch
from workflows.plan.conditions import compared, evaluate
from workflows.plan.references import MissingValue, TooLong, Values, resolve

RUN, OTHER = uuid.UUID(int=7), uuid.UUID(int=8)  # always the same: the names of tests may not differ


def test_an_output_that_fits_is_carried_as_it_is():
    assert shrink(RUN, "look", {"notes": "short"}) == {"notes": "short"}


def test_of_an_output_that_is_too_large_the_largest_members_become_handles():
    carried = shrink(RUN, "look", {"long": "x" * LARGEST, "short": "wet"})
    assert carried == {"long": {"$stored": f"{RUN}/look/long"}, "short": "wet"}
    assert size_of(carried) < LARGEST
    assert has_handles(RUN, carried)


@pytest.mark.parametrize(
    "forged",
    [
        {"$stored": "look/notes"},
        {"$stored": f"{OTHER}/look/notes"},
        {"$stored": 7},
        '{"$stored":"look/notes"}',
        f'{{"$stored":"{OTHER}/look/notes"}}',
    ],
)
def test_what_somebody_wrote_to_look_like_a_handle_is_left_as_it_is(forged):
    """No query is made for it: this test has no database."""
    assert restore(RUN, {"note": forged}) == {"note": forged}
    assert not has_handles(RUN, {"note": forged})


# --- parts of what is stored ------------------------------------------------------------------------


def reading(output, **data):
    """What references are resolved against when the step ``look`` has given ``output``."""

    def output_of(step_id):
        assert step_id == "look"
        return output

    return Values({}, data, output_of)


def test_a_reference_to_a_part_of_what_is_stored_becomes_a_longer_handle():
    values = reading({"photos": handle_of(RUN, "look", "photos")})
    assert resolve("{{ steps.look.photos.0.name }}", values) == {"$stored": f"{RUN}/look/photos/0/name"}
    assert resolve("See {{ steps.look.photos.1 }}.", values) == f'See {{"$stored":"{RUN}/look/photos/1"}}.'


def test_what_a_caller_wrote_to_look_like_a_handle_has_no_parts():
    with pytest.raises(MissingValue):
        resolve("{{ data.look.photos }}", reading({}, look={"$stored": f"{RUN}/look"}))


@pytest.fixture
def stored(db):
    """A run whose first step has given a large output, and what its run carries of it."""
    run = launch(confirm(), confirm("after", when={"eq": ["{{ steps.confirm.notes }}", "wet"]}))
    output = {"photos": ["x" * LARGEST, {"a/b": "deep"}], "notes": "w" * LARGEST, "nothing": None}
    StepRun.objects.filter(execution=run, step_id="confirm").update(output=output)
    return run, output


def test_an_activity_gets_the_part_that_its_inputs_read(stored):
    run, output = stored
    values = {"photos": handle_of(run.pk, "confirm", "photos")}
    given = {"whole": values["photos"], "part": {"$stored": f"{run.pk}/confirm/photos/1"}}
    given["text"] = f'It is {{"$stored":"{run.pk}/confirm/photos/1/a~1b"}}.'
    assert restore(run.pk, given) == {
        "whole": output["photos"],
        "part": {"a/b": "deep"},
        "text": "It is deep.",
    }


@pytest.mark.parametrize("path", ["photos/2", "photos/x", "color", "photos/0/0"])
def test_a_part_that_is_not_there_fails_the_step_that_reads_it(stored, path):
    run, _ = stored
    with pytest.raises(StepFailed, match="has no value") as failed:
        restore(run.pk, {"note": {"$stored": f"{run.pk}/confirm/{path}"}})
    assert (failed.value.code, failed.value.permanent) == ("missing_value", True)


def test_null_inside_text_fails_the_step_as_it_does_when_it_is_not_stored(stored):
    run, _ = stored
    handle = f'{{"$stored":"{run.pk}/confirm/nothing"}}'
    with pytest.raises(StepFailed):
        restore(run.pk, f"It is {handle}.")
    assert restore(run.pk, {"$stored": f"{run.pk}/confirm/nothing"}) is None


# --- what conditions compare ------------------------------------------------------------------------


def test_what_a_condition_of_the_plan_compares_is_carried_whole(stored):
    run, output = stored
    carried = shrunk(run.pk, "confirm", output)
    assert carried == {**output, "photos": handle_of(run.pk, "confirm", "photos")}


def test_what_conditions_compare_is_known_from_the_plan():
    either = {"any": [{"eq": ["{{ steps.look.notes }}", "a"]}, {"exists": "{{ steps.look.photos.3 }}"}]}
    found = compared([None, either, {"not": {"in": ["x", "{{ steps.all }}"]}}, {"eq": ["{{ data.x }}", 1]}])
    assert found == {("look", "notes"), ("look", "photos"), ("all",)}


def test_a_compared_member_stays_while_others_can_make_room():
    output = {"long": "x" * LARGEST, "wanted": "y" * LARGEST, "short": "wet"}
    expected = {**output, "long": handle_of(RUN, "look", "long")}
    assert shrink(RUN, "look", output, {("look", "wanted")}) == expected


def test_a_compared_member_beyond_all_measure_is_stored_all_the_same():
    output = {"wanted": "y" * LARGEST_COMPARED}
    carried = shrink(RUN, "look", output, {("look",)})
    assert carried == {"wanted": handle_of(RUN, "look", "wanted")}


def test_members_smaller_than_a_handle_are_never_replaced_by_one():
    output = {f"n{number}": number for number in range(10_000)}
    assert shrink(RUN, "look", output) == output


@pytest.mark.parametrize(
    "condition",
    [
        {"eq": ["{{ steps.look.notes }}", "wet"]},
        {"in": ["wet", "{{ steps.look.notes }}"]},
        {"eq": ["{{ steps.look }}", {"notes": "wet"}]},
        {"exists": "{{ steps.look.notes.0 }}"},
    ],
)
def test_a_condition_on_what_is_too_large_says_so_instead_of_deciding_wrongly(condition):
    with pytest.raises(TooLong, match="too large"):
        evaluate(condition, reading({"notes": handle_of(RUN, "look", "notes")}))


def test_whether_a_stored_member_exists_is_known():
    assert evaluate({"exists": "{{ steps.look.notes }}"}, reading({"notes": handle_of(RUN, "look", "notes")}))


def run_with(**outputs):
    states = {step_id: {"status": "completed", "output": output} for step_id, output in outputs.items()}
    return RunInput(str(RUN), {}, {}, {}, RunState(states=states))


def test_a_run_that_continues_replaces_what_no_condition_reads_first():
    run = run_with(look={"notes": "n" * 3_000, "long": "x" * 2_000}, other={"text": "t" * 1_000})
    limit = sent_size(asdict(run)) - 2_500
    fitted = fit(run, in_rows={"look", "other"}, compared={("look", "notes")}, limit=limit)
    carried = {step_id: state["output"] for step_id, state in fitted.state.states.items()}
    assert carried["look"] == {"notes": "n" * 3_000, "long": handle_of(RUN, "look", "long")}
    assert carried["other"] == {"text": handle_of(RUN, "other", "text")}
    assert sent_size(asdict(fitted)) <= limit


def test_a_run_that_would_not_fit_otherwise_goes_on_without_what_conditions_read():
    run = run_with(look={"notes": "n" * 3_000})
    fitted = fit(run, in_rows={"look"}, compared={("look", "notes")}, limit=2_000)
    assert fitted.state.states["look"]["output"] == {"notes": handle_of(RUN, "look", "notes")}
