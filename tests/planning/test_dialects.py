"""Servers that speak the protocol in part: each is asked in a way that it understands, and only the first draft pays.

Each refuses in the words of a real one (LM Studio, vLLM, DeepSeek, older proxies) what it does not know, and answers
only what it does.
"""

import json
from dataclasses import replace

import pytest
from model_answers import REQUEST, answer, choice

from workflows.planning.answers import answer_schema
from workflows.planning.dialects import forget_dialects
from workflows.planning.service import draft_plan

RESPONSES, CHAT = "/v1/responses", "/v1/chat/completions"


def error(status, message, param=None):
    body = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}
    return status, {}, json.dumps(body)


def no_responses(path, body):
    return error(404, "Not found") if path == RESPONSES else None


def says_so_with_200(path, body):
    told = {"error": "Unexpected endpoint or method. (POST /v1/responses)"}
    return (200, {}, json.dumps(told)) if path == RESPONSES else None


def takes_it_for_chat(path, body):
    detail = [{"type": "missing", "loc": ["body", "messages"], "msg": "Field required"}]
    return (422, {}, json.dumps({"detail": detail})) if path == RESPONSES else None


def knows_max_tokens_only(path, body):
    refused = no_responses(path, body)
    if refused or "max_tokens" in body:
        return refused
    return error(400, "Unsupported parameter: 'max_completion_tokens'.", "max_completion_tokens")


def forbids_what_it_does_not_know(path, body):
    refused = no_responses(path, body)
    if refused or "max_completion_tokens" not in body:
        return refused
    detail = [{"type": "extra_forbidden", "loc": ["body", "max_completion_tokens"], "msg": "Not permitted"}]
    return 422, {}, json.dumps({"detail": detail})


def knows_json_objects_only(path, body):
    refused = no_responses(path, body)
    if refused or body["response_format"]["type"] == "json_object":
        return refused
    return error(400, "This response_format type is unavailable now")


def knows_neither(path, body):
    return knows_max_tokens_only(path, body) or knows_json_objects_only(path, body)


@pytest.fixture
def partial(model_server):
    """A server that answers chat completions with a choice and a plan, and refuses as a function says."""

    def make(refuses):
        model_server.refuses, model_server.chosen = refuses, choice()
        model_server.reply_chat(answer())
        return model_server

    return make


@pytest.mark.parametrize(
    ("refuses", "found_out"),
    [
        (no_responses, 1),
        (says_so_with_200, 1),
        (takes_it_for_chat, 1),
        (knows_max_tokens_only, 2),
        (forbids_what_it_does_not_know, 2),
        (knows_json_objects_only, 2),
        (knows_neither, 3),
    ],
)
def test_a_server_that_knows_a_part_of_the_protocol_drafts_and_is_asked_rightly_from_then_on(
    partial, settings_for_model, refuses, found_out
):
    server = partial(refuses)
    draft = draft_plan(REQUEST, settings=settings_for_model)
    assert (draft.planner, draft.detail["api"]) == ("openai", "chat.completions")
    assert draft.record.calls == len(server.requests) == found_out + 2
    server.requests.clear()
    assert draft_plan(REQUEST, settings=settings_for_model).planner == "openai"
    assert server.paths() == [CHAT, CHAT]
    assert [refuses(path, body) for path, _, body in server.requests] == [None, None]


def test_a_server_without_structured_output_is_told_the_schema_in_words(
    partial, settings_for_model, offered_activities
):
    server = partial(knows_json_objects_only)
    draft_plan(REQUEST, settings=settings_for_model)
    told = server.bodies()[-1]
    chosen = offered_activities.subset(
        ["inspect_site", "dispatch_crew", "confirm_completion", "send_notification", "update_issue"]
    )
    assert told["messages"][0]["role"] == "system"
    assert told["messages"][0]["content"].endswith(json.dumps(answer_schema(chosen)))


def test_another_model_of_the_same_server_is_found_out_anew(partial, settings_for_model):
    server = partial(no_responses)
    draft_plan(REQUEST, settings=settings_for_model)
    server.requests.clear()
    draft_plan(REQUEST, settings=replace(settings_for_model, model="another"))
    assert server.paths() == [RESPONSES, CHAT, CHAT]


def test_a_process_that_starts_knows_nothing_of_any_server(partial, settings_for_model):
    server = partial(no_responses)
    draft_plan(REQUEST, settings=settings_for_model)
    server.requests.clear()
    forget_dialects()
    draft_plan(REQUEST, settings=settings_for_model)
    assert server.paths() == [RESPONSES, CHAT, CHAT]


def test_a_server_that_has_learnt_the_responses_api_is_found_out_when_it_drops_the_other(
    partial, settings_for_model
):
    server = partial(no_responses)
    draft_plan(REQUEST, settings=settings_for_model)
    server.refuses = lambda path, body: error(404, "Not found") if path == CHAT else None
    server.reply_response(answer())
    assert draft_plan(REQUEST, settings=settings_for_model).detail["fallback"]["code"] == "planner_not_found"
    draft = draft_plan(REQUEST, settings=settings_for_model)
    assert (draft.planner, draft.detail["api"]) == ("openai", "responses")


def test_the_setting_has_only_one_api_asked(partial, settings_for_model):
    server = partial(no_responses)
    only = replace(settings_for_model, api="responses")
    assert draft_plan(REQUEST, settings=only).detail["fallback"]["code"] == "planner_not_found"
    assert server.paths() == [RESPONSES]
    server.requests.clear()
    assert draft_plan(REQUEST, settings=replace(settings_for_model, api="chat")).planner == "openai"
    assert server.paths() == [CHAT, CHAT]


def test_a_request_that_both_apis_refuse_is_told_as_the_first_refused_it(partial, settings_for_model):
    server = partial(
        lambda path, body: error(400, "Your input exceeds the context window") if path == RESPONSES else None
    )
    server.replies[CHAT].clear()
    assert (
        draft_plan(REQUEST, settings=settings_for_model).detail["fallback"]["code"]
        == "planner_request_refused"
    )
    assert server.paths() == [RESPONSES, CHAT]


def test_what_an_api_that_has_answered_refuses_is_not_asked_in_another_way(model_server, settings_for_model):
    model_server.reply_response(answer())
    draft_plan(REQUEST, settings=settings_for_model)
    model_server.requests.clear()
    model_server.refuses = lambda path, body: error(400, "Your input exceeds the context window")
    assert (
        draft_plan(REQUEST, settings=settings_for_model).detail["fallback"]["code"]
        == "planner_request_refused"
    )
    assert model_server.paths() == [RESPONSES]


@pytest.mark.parametrize(
    "told", ["busy sk-test-key", {"message": "busy sk-test-key", "code": 429}, ["busy"], 7]
)
@pytest.mark.parametrize("api", ["responses", "chat"])
def test_an_error_in_the_place_of_an_answer_is_named_without_the_key(
    model_server, settings_for_model, api, told
):
    model_server.refuses = lambda path, body: (200, {}, json.dumps({"error": told}))
    draft = draft_plan(REQUEST, settings=replace(settings_for_model, api=api))
    assert draft.detail["fallback"]["code"] == "planner_failed"
    assert "sk-test-key" not in json.dumps([draft.detail, draft.record.exchanges])
    assert len(model_server.requests) == 1
