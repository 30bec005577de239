import json
from dataclasses import replace

import pytest
from model_answers import REQUEST, answer, step

from workflows.plan.problems import has_errors
from workflows.plan.validation import validate
from workflows.planning.base import DraftRequest
from workflows.planning.service import CORRECTIONS, PlannerSettings, draft_plan

CREW = [
    {"name": "address", "value_json": '"{{ issue.address }}"'},
    {"name": "urgency", "value_json": '"high"'},
    {"name": "instructions", "value_json": '"Find it."'},
]


def to(recipient):
    return step(
        inputs=[{"name": "to", "value_json": json.dumps(recipient)}, {"name": "message", "value_json": '"x"'}]
    )


def test_without_a_key_the_playbooks_draft_and_nobody_is_asked(model_server, settings_for_model):
    draft = draft_plan(REQUEST, settings=replace(settings_for_model, api_key=""))
    assert draft.planner == "playbooks"
    assert "fallback" not in draft.detail
    assert model_server.requests == []


def test_with_a_key_the_model_drafts(model_server, settings_for_model):
    model_server.reply_response(answer())
    draft = draft_plan(REQUEST, settings=settings_for_model)
    assert draft.planner == "openai"
    assert draft.detail["rounds"] == 1
    assert draft.detail["problems"] == []


def test_problems_are_handed_back_and_the_corrected_plan_is_used(model_server, settings_for_model):
    model_server.reply_response(answer(step(activity_id="fly_to_moon")))
    model_server.reply_response(answer())
    draft = draft_plan(REQUEST, settings=settings_for_model)
    assert draft.detail["rounds"] == 2
    assert draft.detail["problems"] == []
    assert draft.detail["tokens"] == {"input": 200, "output": 100}
    assert '"code": "unknown_activity"' in model_server.bodies()[1]["input"][-1]["content"]


def test_problems_are_handed_back_at_most_twice_and_then_kept_with_the_draft(
    model_server, settings_for_model, offered_activities
):
    model_server.reply_response(answer(step(activity_id="fly_to_moon")))
    draft = draft_plan(REQUEST, settings=settings_for_model)
    assert len(model_server.requests) == CORRECTIONS + 1 == 3
    assert draft.planner == "openai"
    assert draft.detail["problems"][0]["code"] == "unknown_activity"
    assert has_errors(validate(draft.document, offered_activities))


def test_no_correction_is_asked_for_once_the_time_is_spent(model_server, settings_for_model):
    model_server.reply_response(answer(step(activity_id="fly_to_moon")))
    draft_plan(REQUEST, settings=replace(settings_for_model, budget=0.0))
    assert len(model_server.requests) == 1


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (lambda server: server.reply_error(500, "x"), "planner_failed"),
        (lambda server: server.reply_error(429, "x"), "planner_rate_limited"),
        (lambda server: server.reply_error(404, "x"), "planner_not_found"),
        (
            lambda server: server.reply_response(content=[{"type": "refusal", "refusal": "No."}]),
            "answer_refused",
        ),
        (lambda server: server.reply_response("{", status="incomplete"), "answer_cut_off"),
        (lambda server: server.reply_response(""), "answer_empty"),
        (lambda server: server.reply_response("junk"), "answer_junk"),
    ],
)
def test_any_failure_of_the_model_falls_back_to_the_playbooks_and_says_why(
    model_server, settings_for_model, offered_activities, prepare, code
):
    prepare(model_server)
    draft = draft_plan(REQUEST, settings=settings_for_model)
    assert draft.planner == "playbooks"
    assert draft.detail["playbook"] == "water_leak"
    assert draft.detail["fallback"]["code"] == code
    assert draft.detail["fallback"]["message"]
    assert not has_errors(validate(draft.document, offered_activities))


def test_a_model_that_is_too_slow_falls_back_to_the_playbooks(model_server, settings_for_model):
    model_server.delay = 0.3
    model_server.reply_response(answer())
    draft = draft_plan(REQUEST, settings=replace(settings_for_model, timeout=0.05))
    assert draft.detail["fallback"]["code"] == "planner_timeout"


def test_a_failure_during_correction_falls_back_too(model_server, settings_for_model):
    model_server.reply_response(answer(step(activity_id="fly_to_moon")))
    model_server.reply_response("junk")
    assert draft_plan(REQUEST, settings=settings_for_model).detail["fallback"]["code"] == "answer_junk"


@pytest.mark.parametrize("code", ["mafia", "department:mafia", ["department:water", "department:mafia"]])
def test_a_department_that_does_not_exist_is_handed_back_and_never_kept(
    model_server, settings_for_model, code
):
    if code == "mafia":
        crew = [{"name": "department", "value_json": '"mafia"'}, *CREW]
        model_server.reply_response(answer(step("crew", "dispatch_crew", inputs=crew)))
    else:
        model_server.reply_response(answer(to(code)))
    draft = draft_plan(REQUEST, settings=settings_for_model)
    assert len(model_server.requests) == 3
    assert draft.detail["fallback"]["code"] == "answer_unsafe"
    assert "mafia" not in json.dumps(draft.document)


@pytest.mark.parametrize(
    "recipient", ["mallory@example.net", "{{ issue.reporter }}, mallory@example.net", "+15550100"]
)
def test_an_address_from_the_model_is_never_a_plan_that_can_be_approved(
    model_server, settings_for_model, offered_activities, recipient
):
    model_server.reply_response(answer(to(recipient)))
    draft = draft_plan(REQUEST, settings=settings_for_model)
    assert draft.detail["problems"]
    assert has_errors(validate(draft.document, offered_activities))


def bad_plans():
    nested = '{"not": ' * 60 + '{"exists": "{{ issue.address }}"}' + "}" * 60
    return {
        "a cycle": [step("a", needs=["b"]), step("b", needs=["a"])],
        "a read before its need": [step("a", inputs=[
            {"name": "to", "value_json": '"{{ issue.reporter }}"'},
            {"name": "message", "value_json": '"{{ steps.b.status }}"'},
        ]), step("b")],
        "too many steps": [step(f"s{number}") for number in range(500)],
        "deep nesting": [step(when_json=nested)],
        "wrong types": [step(needs="x", title=7, due=3)],
        "a group that does not exist": [
            step(requires_approval={"group": "mayor", "reason": "", "due": None, "four_eyes": False})
        ],
        "a forged approval": [step(approved=True)],
        "no steps": [],
    }  # fmt: skip


@pytest.mark.parametrize("kind", bad_plans())
def test_each_kind_of_bad_plan_ends_in_a_draft_with_its_problems(
    model_server, settings_for_model, offered_activities, kind
):
    facts = {"category": "water_leak", "confidence": 1, "place": "", "urgency": "high"}
    plan = {"workflow_name": "x", "description": "", "steps": bad_plans()[kind]}
    model_server.reply_response(json.dumps({"facts": facts, "plan": plan}))
    draft = draft_plan(REQUEST, settings=settings_for_model)
    assert draft.planner == "openai"
    assert draft.detail["problems"]
    assert has_errors(validate(draft.document, offered_activities))
    json.dumps(draft.detail)


def test_the_key_is_not_shown_with_the_settings():
    assert "sk-secret" not in repr(PlannerSettings(api_key="sk-secret"))


def test_the_statement_and_the_key_are_not_logged(model_server, settings_for_model, caplog):
    model_server.reply_response("junk")
    with caplog.at_level("DEBUG", logger="workflows"):
        draft_plan(DraftRequest("Call me at 555-0100, Jane Canary"), settings=settings_for_model)
    assert "planner fell back to the playbooks: answer_junk" in caplog.text
    assert "Canary" not in caplog.text and "sk-test-key" not in caplog.text
