"""The difference of two plans, by step and field."""

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import document, note_step
from workflows.plan.changes import Change, compare
from workflows.plan.changewords import render, titles_of
from workflows.plan.schema import digest, normalise


def told(before, after):
    return render(compare(before, after), titles_of(before, after))


def kinds(changes):
    return [(change.kind, change.step, change.field) for change in changes]


TELL = {
    "step_id": "tell",
    "activity_id": "send_notification",
    "title": "Tell the reporter",
    "needs": ["note"],
    "inputs": {"to": "{{ issue.reporter }}", "message": "We are at {{ issue.address }}."},
}


def test_equal_plans_have_no_changes():
    assert compare(document(), document()) == []


def test_an_added_step_is_told_with_where_it_stands_and_what_it_follows():
    before, after = document(note_step()), document(note_step(), TELL)
    [change] = compare(before, after)
    assert (change.kind, change.step, change.place, change.before) == ("added", "tell", 2, None)
    assert change.after["inputs"] == TELL["inputs"]
    assert told(before, after) == ['New step 2: "Tell the reporter" (send notification), after "Note note".']


def test_a_removed_step_is_kept_whole_in_the_change():
    before, after = document(note_step(), TELL), document(note_step())
    [change] = compare(before, after)
    assert (change.kind, change.step) == ("removed", "tell")
    assert change.before["title"] == "Tell the reporter"
    assert told(before, after) == ['The step "Tell the reporter" (send notification) is gone.']


def test_an_input_is_told_by_its_own_name_with_references_in_words():
    after = {**TELL, "inputs": {**TELL["inputs"], "message": "Done at {{ issue.address }}."}}
    before, after = document(note_step(), TELL), document(note_step(), after)
    assert kinds(compare(before, after)) == [("changed", "tell", "inputs/message")]
    assert told(before, after) == [
        '"Tell the reporter": the message is now "Done at <the issue\'s address>.", '
        'and was "We are at <the issue\'s address>.".'
    ]


def test_one_question_of_an_inspection_is_told_apart_from_the_others():
    def look(**questions):
        asked = {"bad": {"ask": "How bad?", "type": "number"}, **questions}
        return document(note_step("look", activity_id="inspect_site", inputs={"questions": asked}))

    new = {"ask": "Is a lane closed?", "type": "yes_no"}
    [change] = compare(look(), look(lane=new))
    assert (change.field, change.before, change.after) == ("inputs/questions/lane", None, new)


def test_the_plans_own_fields_come_first():
    before = document(note_step("a"), name="Old name")
    after = {**document(note_step("a", due="PT4H"), name="New name"), "due": "P2D"}
    assert kinds(compare(before, after)) == [
        ("changed", "", "workflow_name"),
        ("changed", "", "due"),
        ("changed", "a", "due"),
    ]
    assert told(before, after)[0] == 'The name is now "New name", and was "Old name".'


def test_times_are_told_in_words():
    before = document(note_step(due="PT4H", retry={"initial": "PT30S", "max_attempts": 3}))
    after = document(note_step(due="P2D", overdue={"remind": "PT1H", "then": "fail"}))
    assert told(before, after) == [
        '"Note note": the time it has is now "2 working days", and was "4 working hours".',
        '"Note note": what happens when it is late is new: remind 1 working hour, then fail.',
        '"Note note": how it is tried again is gone: it was initial 30 seconds, max attempts 3.',
    ]


def test_a_new_approval_and_a_dropped_one_are_told_with_who_is_asked():
    asked = {"group": "supervisor", "four_eyes": True, "reason": "It costs."}
    without, with_it = document(note_step()), document(note_step(requires_approval=asked))
    assert told(without, with_it) == [
        '"Note note": who is asked first is new: supervisor, four eyes ("It costs.").'
    ]
    assert told(with_it, without) == [
        '"Note note": who is asked first is gone: it was supervisor, four eyes ("It costs.").'
    ]


def test_a_part_of_an_approval_is_told_by_itself():
    before = document(note_step(requires_approval={"group": "supervisor"}))
    after = document(note_step(requires_approval={"group": "approver"}))
    assert kinds(compare(before, after)) == [("changed", "note", "requires_approval/group")]


def test_a_condition_is_compared_whole_and_told_as_a_sentence():
    before = document(note_step("a"), note_step("b", when={"eq": ["{{ data.x }}", True]}))
    after = document(note_step("a"), note_step("b", when={"eq": ["{{ data.x }}", False]}))
    assert kinds(compare(before, after)) == [("changed", "b", "when")]
    assert told(before, after) == [
        '"Note b": the condition is now "the given x is no", and was "the given x is yes".'
    ]


def test_only_the_step_that_changed_its_place_is_said_to_have_moved():
    a, b, c, d = (note_step(name, needs=[]) for name in "abcd")
    changes = compare(document(a, b, c, d), document(d, a, b, c))
    assert kinds(changes) == [("moved", "d", "")]
    assert (changes[0].before, changes[0].after) == (4, 1)
    assert render(changes) == ['"Note d" moved from place 4 to place 1.']


def test_steps_that_stand_elsewhere_only_because_of_a_new_one_have_not_moved():
    a, b, new = (note_step(name, needs=[]) for name in ("a", "b", "new"))
    assert kinds(compare(document(a, b), document(new, a, b))) == [("added", "new", "")]


def test_a_step_with_another_id_and_the_same_content_is_renamed_and_not_two_changes():
    before = document(note_step("a", title="Look", inputs={"note": "x"}))
    after = document(note_step("b", title="Look", inputs={"note": "x"}))
    [change] = compare(before, after)
    assert (change.kind, change.before, change.after) == ("renamed", "a", "b")


def test_needs_written_out_are_no_change():
    a, b = note_step("a"), note_step("b")
    assert compare(document(a, b), document({**a, "needs": []}, {**b, "needs": ["a"]})) == []


def test_needs_are_told_by_the_titles_of_the_steps():
    a, b = note_step("a"), note_step("b", needs=[])
    after = document(a, {**b, "needs": ["a"]})
    assert told(document(a, b), after) == ['"Note b": what it waits for is now "Note a", and was nothing.']


def test_true_and_one_are_different_and_one_and_one_point_nought_are_not():
    def plan(value):
        return document(note_step(inputs={"visible": value}))

    assert len(compare(plan(True), plan(1))) == 1
    assert compare(plan(1.0), plan(1)) == []


def test_an_input_that_is_null_is_not_one_that_is_missing():
    with_null = document(note_step(inputs={"note": "x", "status": None}))
    without = document(note_step(inputs={"note": "x"}))
    assert kinds(compare(without, with_null)) == [("changed", "note", "inputs/status")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, document()),
        (document(), []),
        ({"steps": 3}, {"steps": [1, 2]}),
        ({"steps": [1, "x", None]}, {"steps": [1, "y", None]}),
        (document(note_step("a"), note_step("a", title="Twin")), document(note_step("a"))),
        ({"steps": [{"step_id": 7}]}, {"steps": [{"step_id": 8}]}),
        ({"steps": [{"step_id": "a#2"}, {"step_id": "a"}, {"step_id": "a"}]}, {"steps": []}),
    ],
)
def test_broken_plans_are_compared_too(before, after):
    changes = compare(before, after)
    assert changes
    assert all(render(changes))


def test_a_list_of_very_many_broken_steps_is_compared_without_waiting():
    many = {"steps": [0] * 100_000}
    assert len(compare(many, {"steps": [0] * 99_999})) == 1


def test_a_change_survives_being_stored():
    changes = compare(document(note_step(), TELL), document(TELL, note_step("other")))
    stored = json.loads(json.dumps([change.as_dict() for change in changes]))
    assert [Change.from_dict(one) for one in stored] == changes


def test_comparing_needs_no_django():
    import subprocess

    code = "import workflows.plan.changewords, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.split(".")[0] for name in done.stdout.split()} & {"django", "rest_framework"}


texts = st.text("ab/~#é{} ", max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
steps = st.fixed_dictionaries(
    {
        "step_id": st.sampled_from("abcd"),
        "activity_id": st.just("update_issue"),
        "title": texts,
    },
    optional={
        "inputs": st.dictionaries(texts, values, max_size=3),
        "needs": st.lists(st.sampled_from("abcd"), max_size=2),
        "when": values,
        "due": values,
        "~/odd": values,
    },
)
plans = st.one_of(
    values,
    st.fixed_dictionaries(
        {"steps": st.lists(steps | values, max_size=5)}, optional={"workflow_name": values}
    ),
)


@settings(max_examples=400, deadline=None)
@given(plans, plans)
def test_two_texts_with_different_digests_always_have_changes_and_equal_ones_never(before, after):
    changes = compare(before, after)
    assert (digest(normalise(before)) != digest(normalise(after))) == bool(changes)
    assert len(render(changes, titles_of(before, after))) == len(changes)
    json.dumps([change.as_dict() for change in changes])
