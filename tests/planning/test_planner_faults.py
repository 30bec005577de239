"""The model's service fails: how often it is tried, what a draft may use, and when it is left alone."""

import json
import socket
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import pytest
from model_answers import REQUEST, answer, choice, step

from workflows.planning.attempts import ATTEMPTS
from workflows.planning.breaker import FAILURES, forget_failures
from workflows.planning.ledger import MAX_OUTPUT_TOKENS
from workflows.planning.prices import Price
from workflows.planning.service import draft_plan

MOON = answer(step(activity_id="fly_to_moon"))


def fallback_of(settings):
    draft = draft_plan(REQUEST, settings=settings)
    assert draft.planner == "playbooks"
    return draft.detail["fallback"]["code"]


# --- with a real peer -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rates", "code"),
    [
        ({"rateLimitRate": 1}, "planner_rate_limited"),
        ({"dropRate": 1}, "planner_failed"),
        ({"disconnectRate": 1}, "planner_unreachable"),
        ({"malformedRate": 1}, "answer_junk"),
    ],
)
def test_a_service_with_faults_costs_its_attempts_and_then_the_playbooks_draft(
    openai_server, settings_for_peer, rates, code
):
    openai_server.choose(choice())
    openai_server.chaos(**rates)
    assert fallback_of(settings_for_peer) == code
    assert len(openai_server.requests) == (1 if code == "answer_junk" else ATTEMPTS)


def test_a_service_that_is_too_slow_is_given_up(openai_server, settings_for_peer):
    openai_server.choose(choice())
    openai_server.chaos(latencyMs=3_000)
    assert fallback_of(replace(settings_for_peer, timeout=0.1)) == "planner_timeout"
    assert len(openai_server.requests) == ATTEMPTS


def test_a_model_whose_answers_are_shorter_is_asked_for_what_it_can(openai_server, settings_for_peer):
    told = "max_tokens is too large: 16000. This model supports at most 4096 completion tokens"
    openai_server.choose(openai_server.error(400, "invalid_value", message=told), choice())
    openai_server.write(answer())
    draft = draft_plan(REQUEST, settings=settings_for_peer)
    assert draft.planner == "openai"
    assert [body["max_output_tokens"] for body in openai_server.bodies()] == [MAX_OUTPUT_TOKENS, 4096, 4096]


def test_an_answer_that_was_cut_off_is_named(openai_server, settings_for_peer):
    openai_server.choose(choice())
    openai_server.write('{"plan": {"workflow_name": "Re', finishReason="length")
    assert fallback_of(settings_for_peer) == "answer_cut_off"


def test_a_fault_that_passes_is_survived(openai_server, settings_for_peer):
    openai_server.choose(openai_server.error(503, "overloaded"), openai_server.error(408), choice())
    openai_server.write(openai_server.error(429, "rate_limit_exceeded", retry_after=0), answer())
    draft = draft_plan(REQUEST, settings=settings_for_peer)
    assert draft.planner == "openai"
    assert draft.record.calls == 5
    assert [each["purpose"] for each in draft.record.exchanges] == ["choose", "write"]


def test_a_server_with_chat_completions_only_drafts_as_well(openai_server, settings_for_peer):
    openai_server.speaks_responses = False
    openai_server.choose(choice())
    openai_server.write(MOON, answer())
    draft = draft_plan(REQUEST, settings=settings_for_peer)
    assert (draft.planner, draft.detail["api"]) == ("openai", "chat.completions")
    assert openai_server.paths() == ["/v1/responses", *["/v1/chat/completions"] * 3]
    assert draft.detail["tokens"] == {"input": 300, "output": 150}


# --- attempts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "tries"),
    [
        (400, "planner_request_refused", 1),
        (401, "planner_key_refused", 1),
        (403, "planner_key_refused", 1),
        (404, "planner_not_found", 1),
        (408, "planner_timeout", 3),
        (409, "planner_failed", 3),
        (429, "planner_rate_limited", 3),
        (500, "planner_failed", 3),
        (503, "planner_failed", 3),
    ],
)
def test_each_refusal_of_the_service_has_its_own_name_and_only_passing_ones_are_tried_again(
    model_server, settings_for_model, status, code, tries
):
    model_server.chosen = None
    model_server.reply_error(status, "x", message="Incorrect API key provided: sk-test-key")
    draft = draft_plan(REQUEST, settings=settings_for_model)
    assert draft.detail["fallback"]["code"] == code
    assert model_server.paths().count("/v1/responses") == tries
    assert "sk-test-key" not in json.dumps([draft.detail, draft.record.exchanges])


def test_a_service_that_says_that_trying_again_is_of_no_use_is_believed(model_server, settings_for_model):
    model_server.chosen = None
    model_server.reply_error(500, "x", **{"x-should-retry": "false"})
    assert fallback_of(settings_for_model) == "planner_failed"
    assert len(model_server.requests) == 1


@pytest.mark.parametrize(
    "asked",
    [
        {"retry-after-ms": "", "retry-after": "3600"},
        {"retry-after-ms": "", "retry-after": format_datetime(datetime.now(UTC) + timedelta(hours=1))},
        {"retry-after-ms": "", "retry-after": "inf"},
        {"retry-after-ms": "90000"},
    ],
)
def test_a_wait_that_the_draft_has_no_time_for_is_not_waited(model_server, settings_for_model, asked):
    model_server.chosen = None
    model_server.reply_error(429, "rate_limit_exceeded", **asked)
    assert fallback_of(settings_for_model) == "planner_rate_limited"
    assert len(model_server.requests) == 1


@pytest.mark.parametrize("asked", ["nonsense", "-5", "nan", "0", "Mon, 01 Jan 2001 00:00:00 GMT"])
def test_a_wait_that_makes_no_sense_is_replaced_by_one_of_our_own(model_server, settings_for_model, asked):
    model_server.reply_error(500, "x", **{"retry-after-ms": "", "retry-after": asked})
    model_server.reply_response(answer())
    assert draft_plan(REQUEST, settings=settings_for_model).planner == "openai"


def test_a_request_that_the_service_accepted_and_then_failed_is_named(model_server, settings_for_model):
    model_server.reply_response("", status="failed", error={"code": "server_error", "message": "sorry"})
    assert fallback_of(settings_for_model) == "planner_failed"


def test_a_service_that_is_not_there_is_named(model_server, settings_for_model):
    model_server.close()
    assert fallback_of(settings_for_model) == "planner_unreachable"


def test_an_answer_that_drips_is_given_up(model_server, settings_for_model):
    model_server.drip = 0.02
    assert fallback_of(replace(settings_for_model, timeout=0.2)) == "planner_timeout"


def test_headers_that_drip_are_given_up_in_time_and_the_connection_is_closed(
    model_server, settings_for_model
):
    model_server.drips_headers = True
    began = time.monotonic()
    assert fallback_of(replace(settings_for_model, timeout=0.3)) == "planner_timeout"
    assert len(model_server.requests) == ATTEMPTS
    assert time.monotonic() - began < 10
    while model_server.left < ATTEMPTS and time.monotonic() - began < 20:
        time.sleep(0.02)
    assert model_server.left == ATTEMPTS, "nobody listens to the answers any more"


def test_a_draft_ends_with_its_seconds_whatever_a_server_drips(model_server, settings_for_model):
    model_server.drips_headers = True
    began = time.monotonic()
    assert fallback_of(replace(settings_for_model, timeout=60.0, max_seconds=1.0)) == "planner_timeout"
    assert time.monotonic() - began < 10


def test_the_lookup_of_a_name_without_end_is_given_up_and_costs_nothing(settings_for_model, monkeypatch):
    over, looked_up = threading.Event(), []

    def hangs(host, *args, **kwargs):
        looked_up.append(host)
        assert over.wait(60)
        raise socket.gaierror("nobody answers")

    priced = {"test-model": Price(Decimal(10), Decimal(10))}
    away = replace(
        settings_for_model, base_url="http://models.invalid/v1", timeout=0.2, max_seconds=1.0, prices=priced
    )
    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    try:
        draft = draft_plan(REQUEST, settings=away)
        assert not over.is_set()
    finally:
        over.set()
    assert draft.detail["fallback"]["code"] == "planner_timeout"
    assert set(looked_up) == {"models.invalid"}
    assert draft.record.cost == 0


def test_an_answer_without_end_is_not_read_to_its_end(model_server, settings_for_model):
    model_server.chosen = None
    model_server.reply_response("x" * 5_000_000)
    assert fallback_of(settings_for_model) == "answer_junk"


# --- the budget -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "calls"),
    [
        ({"max_calls": 0}, 0),
        ({"max_calls": 1}, 1),
        ({"max_calls": 2}, 2),
        ({"max_seconds": 0.0}, 0),
        ({"max_tokens": 1_000}, 0),
        ({"prices": {"test-model": Price(Decimal(0), Decimal(1_000))}}, 0),
        ({"prices": {"test-model": Price(Decimal(1_000), Decimal(0))}}, 0),
    ],
)
def test_when_a_part_of_the_budget_is_spent_the_playbooks_draft(
    openai_server, settings_for_peer, limit, calls
):
    openai_server.choose(choice())
    openai_server.write(MOON)
    draft = draft_plan(REQUEST, settings=replace(settings_for_peer, **limit))
    assert (draft.planner, draft.detail["fallback"]["code"]) == ("playbooks", "planner_budget_spent")
    assert len(openai_server.requests) == draft.record.calls == calls


def test_attempts_count_as_calls(openai_server, settings_for_peer):
    openai_server.choose(openai_server.error(500, retry_after=0))
    assert fallback_of(replace(settings_for_peer, max_calls=2)) == "planner_budget_spent"
    assert len(openai_server.requests) == 2


def test_attempts_that_were_sent_and_never_answered_are_taken_from_the_budget(
    openai_server, settings_for_peer
):
    openai_server.choose(choice())
    openai_server.chaos(latencyMs=3_000)
    dear = {"test-model": Price(Decimal(0), Decimal(10))}
    slow = replace(settings_for_peer, timeout=0.1, prices=dear)
    draft = draft_plan(REQUEST, settings=slow)
    assert draft.detail["fallback"]["code"] == "planner_timeout"
    assert draft.record.cost == dear["test-model"].of(0, ATTEMPTS * MAX_OUTPUT_TOKENS)
    assert draft.record.output_tokens == 0, "nobody reported any"
    forget_failures()
    openai_server.requests.clear()
    assert fallback_of(replace(slow, max_cost=Decimal("0.161"))) == "planner_budget_spent"
    assert len(openai_server.requests) == 1


def test_attempts_that_reached_nobody_cost_nothing(model_server, settings_for_model):
    model_server.close()
    priced = replace(settings_for_model, prices={"test-model": Price(Decimal(10), Decimal(10))})
    record = draft_plan(REQUEST, settings=priced).record
    assert (record.calls, record.cost) == (ATTEMPTS, 0)


def test_an_answer_may_be_as_long_as_the_budget_leaves_room_for(openai_server, settings_for_peer):
    openai_server.choose(choice())
    openai_server.write(answer())
    draft_plan(REQUEST, settings=settings_for_peer)
    dear = replace(settings_for_peer, prices={"test-model": Price(Decimal(0), Decimal(100))})
    draft_plan(REQUEST, settings=dear)
    most = [body["max_output_tokens"] for body in openai_server.bodies()]
    assert most == [MAX_OUTPUT_TOKENS, MAX_OUTPUT_TOKENS, 5_000, 4_950]


def test_a_server_that_does_not_say_what_it_used_is_kept_within_the_budget_by_an_estimate(
    model_server, settings_for_model
):
    model_server.reply_response("x" * 300_000, usage=None)
    model_server.chosen = None
    draft = draft_plan(REQUEST, settings=settings_for_model)
    assert draft.detail["fallback"]["code"] == "answer_junk"
    assert (draft.record.input_tokens, draft.record.output_tokens) == (0, 0)
    unsaid = replace(settings_for_model, prices={"test-model": Price(Decimal(0), Decimal(1))})
    assert draft_plan(REQUEST, settings=unsaid).record.cost == Decimal("0.150001")


# --- a service that is down -------------------------------------------------------------------------


def test_a_service_that_is_down_is_left_alone_and_no_further_draft_waits_for_it(
    model_server, settings_for_model
):
    model_server.chosen = None
    model_server.reply_error(503, "x")
    assert fallback_of(settings_for_model) == "planner_failed"
    assert len(model_server.requests) == FAILURES
    for _ in range(5):
        assert fallback_of(settings_for_model) == "planner_resting"
    assert len(model_server.requests) == FAILURES, "nothing was asked"


def test_a_service_that_never_answers_is_waited_for_by_one_draft_only(openai_server, settings_for_peer):
    openai_server.choose(choice())
    openai_server.chaos(latencyMs=3_000)
    slow = replace(settings_for_peer, timeout=0.1)
    assert fallback_of(slow) == "planner_timeout"
    asked = len(openai_server.requests)
    assert fallback_of(slow) == "planner_resting"
    assert len(openai_server.requests) == asked


def test_bad_answers_and_refusals_do_not_count_as_being_down(openai_server, settings_for_peer):
    openai_server.choose(
        "junk", "junk", "junk", "junk", openai_server.error(401), openai_server.error(400), choice()
    )
    openai_server.write(answer())
    for _ in range(6):
        assert fallback_of(settings_for_peer) != "planner_resting"
    assert draft_plan(REQUEST, settings=settings_for_peer).planner == "openai"


def test_the_model_drafts_again_once_its_service_is_back(model_server, settings_for_model):
    model_server.chosen = None
    model_server.reply_error(503, "x")
    assert fallback_of(settings_for_model) == "planner_failed"
    model_server.replies["/v1/responses"].clear()
    model_server.chosen = choice()
    model_server.reply_response(answer())
    assert fallback_of(settings_for_model) == "planner_resting"
    forget_failures()  # as a start of the process does, or the end of the rest: see test_breaker.py
    assert draft_plan(REQUEST, settings=settings_for_model).planner == "openai"
