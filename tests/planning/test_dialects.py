"""Servers that speak the protocol in part: each is asked in a way that it understands, and only the first draft pays.

Each refuses in the words of a real one (LM Studio, vLLM, DeepSeek, older proxies) what it does not know, and answers
only what it does.
"""

import json
from dataclasses import replace

import pytest
from model_answers import REQUEST, answer, choice

from workflows.planning.answers import answer_schema
from workflows.planning.dialects import SHORT_ANSWER, Longest, forget_dialects, longest_answer
from workflows.planning.ledger import MAX_OUTPUT_TOKENS
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


# --- answers that are longer than the model's --------------------------------------------------------

LENGTHS = [
    (
        "max_tokens is too large: 16000. This model supports at most 4096 completion tokens, whereas you "
        "provided 16000.",
        Longest(4096),
    ),
    ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", Longest(8192)),
    ("Invalid max_tokens value, the valid range of max_tokens is [1,8,192]", Longest(8192)),
    (
        "`max_completion_tokens` must be less than or equal to `8192`, the maximum value for "
        "`max_completion_tokens` is less than the `context_window` for this model",
        Longest(8192),
    ),
    (
        "max_tokens: 16000 > 4,096, which is the maximum allowed number of output tokens for gpt-x-1106",
        Longest(4096),
    ),
    (
        "'max_tokens' or 'max_completion_tokens' is too large: 16000. This model's maximum context length is "
        "8192 tokens and your request has 3000 input tokens (16000 > 8192 - 3000).",
        Longest(5192, of_context=True),
    ),
    (
        "This model's maximum context length is 8192 tokens. However, you requested 19000 tokens (3000 in the "
        "messages, 16000 in the completion). Please reduce the length of the messages or completion.",
        Longest(5192, of_context=True),
    ),
    ("max_output_tokens exceeds what this model can", Longest(SHORT_ANSWER, is_guess=True)),
    (
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
        None,
    ),
    ("This model's maximum context length is 4096 tokens, your request has 4000 input tokens", None),
    ("Unsupported parameter: 'max_completion_tokens'.", None),
    ("Your input exceeds the context window", None),
    ("You may ask at most 5 times a minute", None),
]


@pytest.mark.parametrize(("told", "longest"), LENGTHS)
def test_how_long_an_answer_may_be_is_read_from_the_refusal_of_a_longer_one(told, longest):
    assert longest_answer(400, told.lower(), MAX_OUTPUT_TOKENS) == longest
    assert longest_answer(500, told.lower(), MAX_OUTPUT_TOKENS) is None


def allows(most, told):
    def refuses(path, body):
        asked = body.get("max_output_tokens") or body.get("max_completion_tokens") or body["max_tokens"]
        return error(400, told) if asked > most else None

    return refuses


@pytest.mark.parametrize(
    ("most", "told"),
    [
        (4096, "max_tokens is too large: 16000. This model supports at most 4096 completion tokens"),
        (SHORT_ANSWER, "max_output_tokens is too large"),
    ],
)
@pytest.mark.parametrize("api", ["auto", "responses", "chat"])
def test_a_model_with_short_answers_is_asked_for_short_ones_from_then_on(
    model_server, settings_for_model, api, most, told
):
    model_server.reply_chat(answer())
    model_server.reply_response(answer())
    model_server.refuses = allows(most, told)
    settings = replace(settings_for_model, api=api)
    draft = draft_plan(REQUEST, settings=settings)
    assert draft.planner == "openai"
    assert draft.record.calls == len(model_server.requests) == 3
    assert [each["request"]["max_output_tokens"] for each in draft.record.exchanges] == [most, most]
    model_server.requests.clear()
    assert draft_plan(REQUEST, settings=settings).record.calls == 2


def test_a_refusal_of_any_length_is_believed_once(model_server, settings_for_model):
    model_server.refuses = lambda path, body: error(400, "max_output_tokens is too large")
    draft = draft_plan(REQUEST, settings=replace(settings_for_model, api="responses"))
    assert draft.detail["fallback"]["code"] == "planner_request_refused"
    assert len(model_server.requests) == 2


def test_a_server_that_haggles_costs_no_more_calls_than_a_draft_may_make(model_server, settings_for_model):
    def haggles(path, body):
        return error(400, f"max_output_tokens: at most {body['max_output_tokens'] - 1}")

    model_server.refuses = haggles
    draft = draft_plan(REQUEST, settings=replace(settings_for_model, api="responses"))
    assert draft.detail["fallback"]["code"] == "planner_budget_spent"
    assert len(model_server.requests) == settings_for_model.max_calls


def test_a_long_prompt_shortens_its_own_answer_only(model_server, settings_for_model):
    told = "maximum context length is 8192 tokens and your request has 3000 input tokens"

    def refuses(path, body):
        is_first = len(model_server.requests) == 1
        return error(400, told) if is_first else None

    model_server.reply_response(answer())
    model_server.refuses = refuses
    draft = draft_plan(REQUEST, settings=settings_for_model)
    lengths = [body["max_output_tokens"] for body in model_server.bodies()]
    assert draft.planner == "openai"
    assert lengths == [MAX_OUTPUT_TOKENS, 5192, MAX_OUTPUT_TOKENS]
