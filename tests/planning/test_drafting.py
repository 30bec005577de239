import json
from dataclasses import replace
from decimal import Decimal

import pytest
from model_answers import OTHER_RULES, REQUEST, RULES, answer, choice, step

from tests.openai_server import text_of
from workflows.plan.problems import has_errors
from workflows.plan.validation import validate
from workflows.planning.base import DraftRequest, PastCase
from workflows.planning.prices import Price
from workflows.planning.prompts import PROMPT_VERSION
from workflows.planning.service import CORRECTIONS, PlannerSettings, draft_plan

CREW = [
    {"name": "address", "value_json": '"{{ issue.address }}"'},
    {"name": "urgency", "value_json": '"high"'},
    {"name": "instructions", "value_json": '"Find it."'},
]
MOON = answer(step(activity_id="fly_to_moon"))


def to(recipient):
    return step(
        inputs=[{"name": "to", "value_json": json.dumps(recipient)}, {"name": "message", "value_json": '"x"'}]
    )


def test_without_a_key_the_playbooks_draft_nobody_is_asked_and_the_draft_says_so(
    openai_server, settings_for_peer
):
    draft = draft_plan(REQUEST, settings=replace(settings_for_peer, api_key=""))
    assert draft.planner == "playbooks"
    assert draft.detail["fallback"]["code"] == draft.record.fallback["code"] == "planner_no_key"
    assert (draft.record.model, draft.record.calls, draft.record.exchanges) == ("", 0, ())
    assert openai_server.requests == []


def test_with_a_key_the_model_chooses_and_then_writes(openai_server, settings_for_peer, offered_activities):
    openai_server.choose(choice("inspect_site", policies=[7]))
    openai_server.write(answer(step(cites=[7])))
    request = replace(REQUEST, passages=(RULES, OTHER_RULES))
    draft = draft_plan(request, settings=settings_for_peer)
    assert draft.planner == "openai"
    assert not has_errors(validate(draft.document, offered_activities))
    assert draft.detail["rounds"] == 1
    assert draft.detail["problems"] == []
    chosen = draft.detail["chosen"]
    assert (chosen["category"], chosen["passages"]) == ("water_leak", [7])
    assert "inspect_site" in chosen["activities"] and chosen["reason"] == "A leak wants a crew."
    assert [(cited.passage, cited.steps) for cited in draft.citations] == [(7, ("tell",)), (9, ())]
    json.dumps(draft.detail)


def test_all_that_was_said_and_what_it_cost_is_kept(openai_server, settings_for_peer):
    openai_server.choose(choice())
    openai_server.write(MOON, answer())
    priced = replace(settings_for_peer, prices={"test-model": Price(Decimal(2), Decimal(10))})
    record = draft_plan(REQUEST, settings=priced).record
    assert (record.model, record.prompt_version, record.calls) == ("test-model", PROMPT_VERSION, 3)
    assert (record.input_tokens, record.output_tokens) == (300, 150)
    assert record.cost == Decimal("0.0021")
    assert record.fallback is None
    assert [each["purpose"] for each in record.exchanges] == ["choose", "write", "correct"]
    for each, sent in zip(record.exchanges, openai_server.bodies(), strict=True):
        assert each["api"] == "responses"
        assert each["request"]["instructions"] == sent["instructions"]
        assert each["request"]["messages"] == sent["input"]
        assert (each["input_tokens"], each["output_tokens"]) == (100, 50)
    assert [each["response"]["text"] for each in record.exchanges] == [choice(), MOON, answer()]
    assert "sk-test-key" not in json.dumps(record.exchanges)


def test_a_model_without_a_price_has_no_cost(openai_server, settings_for_peer):
    openai_server.choose(choice())
    openai_server.write(answer())
    assert draft_plan(REQUEST, settings=settings_for_peer).record.cost is None


def test_how_far_a_draft_is_can_be_followed(openai_server, settings_for_peer):
    openai_server.choose(choice(policies=[7]))
    openai_server.write(MOON, answer())
    told = []
    request = replace(REQUEST, passages=(RULES,))
    draft_plan(request, settings=settings_for_peer, progress=lambda *stage: told.append(stage))
    assert told == [
        ("category_found", {"planner": "openai", "category": "water_leak", "confidence": 0.9}),
        ("policies_found", {"planner": "openai", "passages": [7]}),
        ("plan_written", {"planner": "openai", "steps": 1}),
        ("plan_written", {"planner": "openai", "steps": 1}),
        ("validated", {"planner": "openai", "errors": 0, "rounds": 2}),
    ]


def test_the_playbooks_tell_the_same_stages(settings_for_peer):
    told = []
    without = replace(settings_for_peer, api_key="")
    draft_plan(REQUEST, settings=without, progress=lambda *stage: told.append(stage))
    assert [stage for stage, _ in told] == ["category_found", "policies_found", "plan_written", "validated"]
    assert {data["planner"] for _, data in told} == {"playbooks"}
    assert told[-1][1]["errors"] == 0


def test_the_playbooks_cite_no_policy_and_name_those_that_were_offered(settings_for_peer):
    without = replace(settings_for_peer, api_key="")
    draft = draft_plan(replace(REQUEST, passages=(RULES,)), settings=without)
    assert [(cited.passage, cited.steps) for cited in draft.citations] == [(7, ())]


def test_earlier_cases_and_what_staff_changed_are_shown_in_both_steps(openai_server, settings_for_peer):
    openai_server.choose(choice())
    openai_server.write(answer())
    case = PastCase(
        "ISSUE-000001", "A hydrant runs", "water_leak", ("Close it",), ("Added: Warn the school.",)
    )
    draft_plan(replace(REQUEST, cases=(case,)), settings=settings_for_peer)
    for body in openai_server.bodies():
        for words in ("A hydrant runs", "Close it", "Added: Warn the school."):
            assert words in body["input"][0]["content"]


# --- corrections ------------------------------------------------------------------------------------


def test_problems_go_back_with_the_earlier_answer_by_pointer_and_code(openai_server, settings_for_peer):
    openai_server.choose(choice())
    openai_server.write(MOON, answer())
    draft = draft_plan(REQUEST, settings=settings_for_peer)
    assert draft.detail["rounds"] == 2
    assert draft.detail["problems"] == []
    assert draft.detail["tokens"] == {"input": 300, "output": 150}
    messages = openai_server.bodies("write")[1]["input"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[1]["content"] == MOON
    assert '"pointer": "/steps/0/activity_id", "code": "unknown_activity"' in messages[2]["content"]


def test_problems_are_handed_back_at_most_twice_and_then_kept_with_the_draft(
    openai_server, settings_for_peer, offered_activities
):
    openai_server.choose(choice())
    openai_server.write(MOON)
    draft = draft_plan(REQUEST, settings=settings_for_peer)
    assert len(openai_server.bodies("write")) == CORRECTIONS + 1 == 3
    assert draft.planner == "openai"
    assert draft.detail["problems"][0]["code"] == "unknown_activity"
    assert has_errors(validate(draft.document, offered_activities))


def test_a_long_answer_is_sent_back_only_in_part(openai_server, settings_for_peer):
    openai_server.choose(choice())
    openai_server.write(answer(*(step(f"s{number}", "fly_to_moon") for number in range(300))), answer())
    draft = draft_plan(REQUEST, settings=settings_for_peer)
    assert (draft.planner, draft.detail["rounds"]) == ("openai", 2)
    assert len(openai_server.bodies("write")[1]["input"][1]["content"]) < 41_000


# --- whatever goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (lambda server: server.reply_error(500, "x"), "planner_failed"),
        (lambda server: server.reply_error(429, "x"), "planner_rate_limited"),
        (lambda server: server.reply_error(429, "insufficient_quota"), "planner_quota_spent"),
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
@pytest.mark.parametrize("is_choice", [True, False])
def test_any_failure_of_the_model_falls_back_to_the_playbooks_and_says_why(
    model_server, settings_for_model, offered_activities, prepare, code, is_choice
):
    prepare(model_server)
    if is_choice:
        model_server.chosen = None
    draft = draft_plan(replace(REQUEST, passages=(RULES,)), settings=settings_for_model)
    assert draft.planner == "playbooks"
    assert draft.detail["playbook"] == "water_leak"
    assert draft.detail["fallback"]["code"] == draft.record.fallback["code"] == code
    assert draft.detail["fallback"]["message"]
    assert draft.record.exchanges[-1]["response"]["error"]["code"] == code
    assert not has_errors(validate(draft.document, offered_activities))


def test_what_an_answer_of_no_use_has_cost_is_counted(model_server, settings_for_model):
    model_server.reply_response('{"plan', status="incomplete")
    record = draft_plan(REQUEST, settings=settings_for_model).record
    assert (record.input_tokens, record.output_tokens) == (200, 100)
    assert record.exchanges[-1]["response"]["text"] == '{"plan'


def test_a_failure_during_correction_falls_back_too(openai_server, settings_for_peer):
    openai_server.choose(choice())
    openai_server.write(MOON, "junk")
    draft = draft_plan(REQUEST, settings=settings_for_peer)
    assert (draft.planner, draft.detail["fallback"]["code"]) == ("playbooks", "answer_junk")
    assert draft.record.calls == 3


@pytest.mark.parametrize("code", ["mafia", "department:mafia", ["department:water", "department:mafia"]])
def test_a_department_that_does_not_exist_is_handed_back_and_never_kept(
    openai_server, settings_for_peer, code
):
    if code == "mafia":
        crew = [{"name": "department", "value_json": '"mafia"'}, *CREW]
        written = answer(step("crew", "dispatch_crew", inputs=crew))
    else:
        written = answer(to(code))
    openai_server.choose(choice())
    openai_server.write(written)
    draft = draft_plan(REQUEST, settings=settings_for_peer)
    assert len(openai_server.bodies("write")) == 3
    assert draft.detail["fallback"]["code"] == "answer_unsafe"
    assert "mafia" not in json.dumps(draft.document)


@pytest.mark.parametrize(
    "recipient", ["mallory@example.net", "{{ issue.reporter }}, mallory@example.net", "+15550100"]
)
def test_an_address_from_the_model_is_never_a_plan_that_can_be_approved(
    openai_server, settings_for_peer, offered_activities, recipient
):
    openai_server.choose(choice())
    openai_server.write(answer(to(recipient)))
    draft = draft_plan(REQUEST, settings=settings_for_peer)
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
    openai_server, settings_for_peer, offered_activities, kind
):
    plan = {"workflow_name": "x", "description": "", "steps": bad_plans()[kind]}
    openai_server.choose(choice())
    openai_server.write({"plan": plan})
    draft = draft_plan(REQUEST, settings=settings_for_peer)
    assert draft.planner == "openai"
    assert draft.detail["problems"]
    assert has_errors(validate(draft.document, offered_activities))
    json.dumps(draft.detail)


def test_ten_thousand_steps_end_in_the_playbooks(openai_server, settings_for_peer):
    openai_server.choose(choice())
    openai_server.write(answer(*(step(f"s{number}") for number in range(10_000))))
    draft = draft_plan(REQUEST, settings=settings_for_peer)
    assert (draft.planner, draft.detail["fallback"]["code"]) == ("playbooks", "answer_junk")


# --- what never leaves ------------------------------------------------------------------------------

PRIVATE = ("Zebulon Canary", "zebulon@canary.example", "+1 202 555 0143")


def test_personal_data_is_masked_wherever_it_stands_and_put_back_into_the_plan(
    openai_server, settings_for_peer
):
    words = "I am Zebulon Canary, call (202) 555-0143 or write to zebulon@canary.example about plate 7ABC123."
    greeting = [
        {"name": "to", "value_json": '"{{ issue.reporter }}"'},
        {"name": "message", "value_json": '"Dear [NAME_1], we call you at [PHONE_1]."'},
    ]
    openai_server.choose(choice(place="near [NAME_1]", policies=[7]))
    openai_server.write(answer(step(title="Tell [NAME_1]", inputs=greeting, needs=["[NAME_1]"])))
    request = DraftRequest(
        words,
        address=words,
        passages=(replace(RULES, text=words, heading=words),),
        cases=(PastCase("ISSUE-000001", words, "noise", (words,), (words,)),),
        private=PRIVATE,
    )
    draft = draft_plan(request, settings=settings_for_peer)
    assert len(openai_server.requests) == 4, "two corrections quote the plan with its data"
    kept = json.dumps([draft.record.exchanges, draft.detail["chosen"]])
    for said in (*map(text_of, openai_server.bodies()), kept):
        for secret in ("Zebulon", "Canary", "canary", "555-0143", "5550143", "7ABC123"):
            assert secret not in said
    assert draft.document["steps"][0]["title"] == "Tell Zebulon Canary"
    assert "(202) 555-0143" in draft.document["steps"][0]["inputs"]["message"]


def test_what_is_not_to_be_masked_leaves_as_it_is(openai_server, settings_for_peer):
    openai_server.choose(choice())
    openai_server.write(answer())
    bare = replace(settings_for_peer, masked=("phones",))
    draft_plan(DraftRequest("Write to zebulon@canary.example", private=PRIVATE), settings=bare)
    assert "zebulon@canary.example" in text_of(openai_server.bodies()[0])


def test_the_key_is_not_shown_with_the_settings():
    assert "sk-secret" not in repr(PlannerSettings(api_key="sk-secret"))


def test_what_is_private_is_not_shown_with_the_request():
    assert "Canary" not in repr(DraftRequest("A leak", private=PRIVATE))


def test_the_statement_and_the_key_are_not_logged(openai_server, settings_for_peer, caplog):
    openai_server.choose("junk")
    with caplog.at_level("DEBUG", logger="workflows"):
        draft_plan(DraftRequest("Call me at 555-0100, Jane Canary"), settings=settings_for_peer)
    assert "planner fell back to the playbooks: answer_junk" in caplog.text
    assert "Canary" not in caplog.text and "sk-test-key" not in caplog.text
