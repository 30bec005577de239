"""What to do about a failed step: one button each, and a form only for whoever gives the result by hand."""

import re

import pytest

from executions.console.answers import AnswerForm
from executions.models import HumanTask, StepRun, TaskStatus
from executions.tasks import ask_about_failed_step
from mudda.models import OutboxMessage
from tests.admin.looking import HOSTILE, assert_tame, assert_undecided, decision_on, page_of_task, said

RESULT = {
    "type": "object",
    "properties": {
        "document_id": {"type": "string", "minLength": 1, "maxLength": 500},
        "pages": {"type": "integer"},
    },
    "required": ["document_id", "pages"],
    "additionalProperties": False,
}
GIVEN = {"answer-document_id": "by hand", "answer-pages": "3", "comment": "From the archive."}


@pytest.fixture
def asked(step):
    return ask_about_failed_step(step, "supervisor", {"code": "away", "message": "It is away."}, RESULT)


def buttons(text):
    return dict(re.findall(r'<button type="submit" name="outcome" value="(\w+)"([^>]*)>', text))


def told(task):
    return OutboxMessage.objects.get(payload__task_id=str(task.pk)).payload


def test_every_way_on_has_its_words_and_only_the_answer_needs_the_form(owner, asked):
    text = owner.get(page_of_task(asked)).content.decode()
    for words in ("Try it again", "Go on without it", "Give this result", "Stop the run", "It is away."):
        assert words in text
    found = buttons(text)
    assert list(found) == ["answer", "retry", "skip", "stop"]  # Enter in a field presses the first
    assert {name for name, attributes in found.items() if "formnovalidate" in attributes} == {
        "retry",
        "skip",
        "stop",
    }


@pytest.mark.parametrize("outcome", ["retry", "skip", "stop"])
def test_deciding_without_a_result_asks_for_no_field(owner, asked, outcome):
    response = owner.post(
        decision_on(asked), {"outcome": outcome, "comment": "So be it.", "answer-pages": "x"}
    )
    assert "The run has been told" in said(response)
    asked.refresh_from_db()
    assert (asked.status, asked.outcome, asked.answer) == (TaskStatus.DECIDED, outcome, None)
    assert (told(asked)["then"], told(asked)["reason"]) == (outcome, "So be it.")


@pytest.mark.parametrize("outcome", ["retry", "skip", "stop"])
@pytest.mark.parametrize("comment", ["", "  "])
def test_what_becomes_of_a_failed_step_is_not_decided_without_a_reason(owner, asked, outcome, comment):
    assert (
        "required" in owner.get(page_of_task(asked)).content.decode().split('name="comment"')[1].split(">")[0]
    )
    assert "Say why" in said(owner.post(decision_on(asked), {"outcome": outcome, "comment": comment}))
    assert_undecided(asked)


def test_a_result_without_a_reason_is_shown_again_with_what_was_typed(owner, asked):
    response = owner.post(decision_on(asked), {**GIVEN, "comment": "", "outcome": "answer"})
    text = response.content.decode()
    assert response.status_code == 422
    assert "Say why" in text and "by hand" in text
    assert_undecided(asked)


def test_a_result_given_by_hand_becomes_the_steps_output(owner, asked):
    assert "The run has been told" in said(owner.post(decision_on(asked), {**GIVEN, "outcome": "answer"}))
    assert told(asked)["then"] == "answer"
    assert told(asked)["answer"] == {"document_id": "by hand", "pages": 3}
    step = StepRun.objects.get(execution=asked.execution_id, step_id=asked.step_id)
    assert step.output == {"document_id": "by hand", "pages": 3}


def test_a_result_that_lacks_something_is_shown_again_with_what_was_typed(owner, asked):
    response = owner.post(decision_on(asked), {**GIVEN, "answer-pages": "", "outcome": "answer"})
    text = response.content.decode()
    assert response.status_code == 422
    assert "by hand" in text and "From the archive." in text
    assert '<details class="md-by-hand" open>' in text
    assert_undecided(asked)


def test_a_result_may_be_given_without_any_photo(owner, step):
    photos = {"type": "array", "items": {"type": "string"}, "x-uploads": True}
    schema = {"type": "object", "properties": {"photos": photos}, "required": ["photos"]}
    task = ask_about_failed_step(step, "supervisor", {"code": "away", "message": "Away."}, schema)
    owner.post(decision_on(task), {"outcome": "answer", "comment": "There was nothing to see."})
    assert told(task)["answer"] == {"photos": []}


def test_objects_are_written_as_json_and_what_is_wrong_with_it_is_said():
    schema = {
        "type": "object",
        "properties": {
            "place": {"type": "object"},
            "sizes": {"type": "array", "items": {"type": "number"}},
        },
        "required": ["place"],
    }
    good = AnswerForm(schema, {}, {"answer-place": '{"lat": 1.5}', "answer-sizes": "[1, 2]"})
    assert good.is_valid(), good.errors
    assert good.answer() == {"place": {"lat": 1.5}, "sizes": [1, 2]}
    for wrong in ("{", "NaN", '{"a": 1, "a": 2}', '"\\u0000"', "[" * 5_000, "1e999"):
        assert "place" in AnswerForm(schema, {}, {"answer-place": wrong}).errors


def test_only_the_group_may_say_what_is_done(colleague, outsider, nobody, asked, client):
    from tests import factories

    client.force_login(factories.make_user("dispatcher", departments=("water",)))
    assert not buttons(client.get(page_of_task(asked)).content.decode())
    assert "for the group supervisor" in said(client.post(decision_on(asked), {"outcome": "stop"}))
    assert colleague.post(decision_on(asked), {"outcome": "stop"}).status_code == 403
    for stranger in (outsider, nobody):
        assert stranger.post(decision_on(asked), {"outcome": "stop"}).status_code == 302
    assert_undecided(asked)


def test_hostile_names_and_messages_of_a_failed_step_stay_text(owner, step):
    for text in HOSTILE:
        schema = {
            "type": "object",
            "properties": {text: {"type": "object", "title": text, "description": text}},
        }
        task = ask_about_failed_step(step, "supervisor", {"code": text, "message": text}, schema)
        assert_tame(owner.get(page_of_task(task)), text)
        answer = {"outcome": "answer", f"answer-{text}": text, "comment": text}
        response = owner.post(decision_on(task), answer)
        assert_tame(response, text)
        HumanTask.objects.filter(pk=task.pk).update(status="withdrawn")
