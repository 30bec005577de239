"""A simulated run: what would happen, with nothing done."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_samples import ISSUE, leak
from test_plan_scheduler_properties import CONTEXT as RANDOM_CONTEXT
from test_plan_scheduler_properties import plans

from workflows.plan.catalogue import CORE_CATALOGUE
from workflows.plan.checks import features
from workflows.plan.checks.inputs import schema_problems
from workflows.plan.compiler import compile_plan
from workflows.plan.core import CORE
from workflows.plan.examples import example
from workflows.plan.messages import crew_text, order_text
from workflows.plan.scheduler import ENDED, Context, Finish
from workflows.plan.simulation import ANSWER_SECONDS, Involved, Message, simulate

HOUR, DAY = 3600, 86_400
REFERENCE, URGENCY = ISSUE["reference"], ISSUE["urgency"]
CONTEXT = Context(ISSUE, {"priority": "high"})


@pytest.fixture(autouse=True)
def everything_is_carried_out(monkeypatch):
    monkeypatch.setattr(features, "NOT_CARRIED_OUT_YET", frozenset())


def of(document, **options):
    return simulate(compile_plan(document, CORE_CATALOGUE), CONTEXT, **options)


def lines(simulation):
    return [
        (e.step_id, e.start_seconds, e.end_seconds, e.status) for e in simulation.timeline if e.kind == "step"
    ]


def entry(simulation, step_id, kind="step"):
    (found,) = [e for e in simulation.timeline if (e.step_id, e.kind) == (step_id, kind)]
    return found


def contracted():
    """Lane, contractor and a message, each undone or asked about when something goes wrong."""
    step = {"needs": []}
    return {
        "schema_version": 1,
        "workflow_name": "Dig",
        "steps": [
            {**step, "step_id": "lane", "activity_id": "reserve_lane", "title": "Reserve the lane",
             "inputs": {"address": "{{ issue.address }}", "hours": 6},
             "compensate": {"activity_id": "release_lane",
                            "inputs": {"reservation_id": "{{ steps.lane.reservation_id }}"}}},
            {**step, "step_id": "order", "activity_id": "order_contractor", "needs": ["lane"], "title": "Order",
             "inputs": {"department": "roads", "scope": "Dig.", "cost_limit": 5000},
             "on_failure": {"escalate": "administrator"}},
            {**step, "step_id": "tell", "activity_id": "send_notification", "needs": ["order"], "title": "Tell",
             "inputs": {"to": ["{{ issue.reporter }}", "department:water"], "subject": "Works",
                        "message": "Order {{ steps.order.order_id }} at {{ issue.address }}."}},
        ],
    }  # fmt: skip


def test_the_timeline_follows_the_declared_durations_and_the_needs():
    simulation = of(leak())
    assert lines(simulation) == [
        ("assess", 0, 4 * HOUR, "completed"),
        ("warn", 4 * HOUR, 4 * HOUR + 5, "completed"),
        ("repair", 5 * HOUR, 5 * HOUR + DAY, "completed"),
        ("report", 5 * HOUR + DAY, 5 * HOUR + DAY + 5, "completed"),
    ]
    assert simulation.finish == Finish("completed")
    assert simulation.total_seconds == 5 * HOUR + DAY + 5
    assert simulation.total_cost == 60 + 250


def test_inputs_and_messages_are_rendered():
    simulation = of(leak(), answers={"assess": {"severity": "high", "lane_affected": True, "depth": 3}})
    assert entry(simulation, "repair").inputs["instructions"] == "Severity: high. Find the leak."
    asked = "How bad is it?\nMust a lane be closed?\nHow deep?"
    water = ("department:water",)
    assert simulation.messages == (
        Message("assess", water, "email", f"[{URGENCY}] {REFERENCE}: Look at the leak",
                crew_text("Look at the leak", REFERENCE, "123 Main St", URGENCY, asked)),
        Message("warn", ("issue.reporter",), "email", f"About your report {REFERENCE}", "Water is off at 123 Main St."),
        Message("repair", water, "email", f"[high] {REFERENCE}: Repair the main",
                crew_text("Repair the main", REFERENCE, "123 Main St", "high", "Severity: high. Find the leak.")),
    )  # fmt: skip


def test_questions_to_people_are_messages_too():
    steps = [
        {"step_id": "photos", "activity_id": "request_photos", "title": "Photos",
         "inputs": {"of": "the leak", "from": "{{ issue.reporter }}"}},
        {"step_id": "ask", "activity_id": "ask_reporter", "title": "Ask", "inputs": {"question": "Is it gone?"}},
    ]  # fmt: skip
    asking = f"A question about {REFERENCE}"
    assert of({"schema_version": 1, "workflow_name": "Ask", "steps": steps}).messages == (
        Message("photos", ("issue.reporter",), "email", asking, "Please send us a photo of: the leak"),
        Message("ask", ("issue.reporter",), "email", asking, "Is it gone?"),
    )


def test_a_text_message_is_shown_with_what_it_begins_with_and_has_no_subject():
    step = {"step_id": "tell", "activity_id": "send_notification", "title": "Tell",
            "inputs": {"to": "{{ issue.reporter }}", "message": "Water is off.", "channel": "sms"}}  # fmt: skip
    (message,) = of({"schema_version": 1, "workflow_name": "Tell", "steps": [step]}, city="Oakville").messages
    assert (message.channel, message.subject) == ("sms", "")
    assert message.text == f"Oakville, {REFERENCE}: Water is off."


def test_people_are_the_roles_and_groups_that_have_a_part():
    assert of(leak()).people == (
        Involved("department:water", ("assess", "repair")),
        Involved("group:supervisor", ("repair",)),
        Involved("issue.reporter", ("warn",)),
    )


def test_an_assumed_answer_decides_which_way_the_run_goes():
    simulation = of(leak(), answers={"assess": {"severity": "low", "lane_affected": False, "depth": 0}})
    warn = entry(simulation, "warn")
    assert (warn.status, warn.start_seconds, warn.end_seconds, warn.inputs) == (
        "skipped",
        14_400,
        14_400,
        None,
    )
    assert "is yes" in warn.reason
    assert [message.step_id for message in simulation.messages] == ["assess", "repair"]


def test_an_assumed_answer_that_is_not_as_promised_fails_the_step():
    simulation = of(leak(), answers={"assess": {"severity": "so-so"}})
    assert simulation.finish.failure.code == "bad_output"
    assert entry(simulation, "repair").status == "cancelled"


def test_approvals_are_told_with_when_they_are_asked_and_decided():
    (asked,) = of(leak()).approvals
    assert (asked.step_id, asked.group, asked.reason) == ("repair", "supervisor", "Excavation costs money.")
    assert (asked.asked_seconds, asked.decided_seconds) == (4 * HOUR, 4 * HOUR + ANSWER_SECONDS)
    assert asked.approved


def test_a_refused_approval_stops_the_run_and_undoes_what_was_done():
    document = contracted()
    document["steps"][1]["on_failure"] = "fail"
    simulation = of(document, approvals={"order": False})
    assert simulation.finish.failure.code == "approval_rejected"
    assert not simulation.approvals[0].approved
    assert entry(simulation, "lane").status == "compensated"
    undo = entry(simulation, "lane", "compensation")
    assert (undo.activity_id, undo.status, undo.inputs) == (
        "release_lane",
        "completed",
        {"reservation_id": "…"},
    )
    assert (undo.start_seconds, undo.end_seconds) == (5 + HOUR, 10 + HOUR)
    assert simulation.total_cost == 50
    assert simulation.messages == ()


@pytest.mark.parametrize(
    ("answer", "order", "tell", "outcome", "cost"),
    [
        ("stop", "failed", "cancelled", "failed", 1050),
        ("skip", "skipped", "skipped", "completed", 1050),
        ("answer", "completed", "completed", "completed", 1050),
        ("retry", "completed", "completed", "completed", 2050),
    ],
)
def test_an_escalation_is_played_with_the_answer_assumed(answer, order, tell, outcome, cost):
    simulation = of(contracted(), failing={"order"}, escalations={"order": answer})
    assert (entry(simulation, "order").status, entry(simulation, "tell").status) == (order, tell)
    assert (simulation.finish.outcome, simulation.total_cost) == (outcome, cost)
    (asked,) = simulation.escalations
    assert (asked.group, asked.code, asked.answer) == ("administrator", "assumed", answer)
    assert Involved("group:administrator", ("order",)) in simulation.people


def test_a_step_that_fails_again_after_a_retry_stops_the_run():
    document = contracted()
    document["steps"][1]["inputs"]["scope"] = "{{ data.gone }}"
    simulation = of(document, escalations={"order": "retry"})
    assert [asked.answer for asked in simulation.escalations] == ["retry", "stop"]
    assert simulation.finish.failure.code == "missing_value"


def test_a_compensation_that_could_not_be_begun_is_told():
    document = contracted()
    document["steps"][0]["compensate"]["inputs"]["reservation_id"] = "{{ data.gone }}"
    simulation = of(document, failing={"order"})
    assert simulation.finish.compensation_failed == ("lane",)
    undo = entry(simulation, "lane", "compensation")
    assert (undo.status, undo.reason) == ("failed", "data.gone has no value.")


@pytest.mark.parametrize(
    ("inputs", "seconds"),
    [
        ({"for": "PT90M"}, 5400),
        ({"at": "2026-05-01T12:00:00+01:00"}, 7200),
        ({"at": "2020-01-01T00:00:00Z"}, 0),
    ],
)
def test_waits_take_as_long_as_they_say_from_the_launch(inputs, seconds):
    wait = {"step_id": "w", "activity_id": "wait_until", "title": "Wait", "inputs": inputs}
    document = {"schema_version": 1, "workflow_name": "Wait", "steps": [wait]}
    assert of(document).total_seconds == seconds
    if "at" in inputs:
        assert of(document, started_at="2026-05-01T10:59:00Z").total_seconds == min(seconds, 60)


def test_a_wait_for_something_that_is_no_moment_fails_as_in_a_run():
    wait = {
        "step_id": "w",
        "activity_id": "wait_until",
        "title": "Wait",
        "inputs": {"at": "{{ data.priority }}"},
    }
    simulation = of({"schema_version": 1, "workflow_name": "Wait", "steps": [wait]})
    assert simulation.finish.failure.code == "bad_input"


def test_a_simulation_is_told_as_json_and_is_the_same_each_time():
    told = of(contracted()).to_json()
    assert json.loads(json.dumps(told)) == told
    assert of(contracted()).to_json() == told
    assert told["messages"] == [
        {"step_id": "order", "to": ["department:roads"], "channel": "email", "subject": f"Order: {REFERENCE}: Order",
         "text": order_text("Order", REFERENCE, "5,000.00", "Dig.")},
        {"step_id": "tell", "to": ["issue.reporter", "department:water"], "channel": "email", "subject": "Works",
         "text": "Order … at 123 Main St."},
    ]  # fmt: skip
    assert list(told) == [
        "timeline", "people", "messages", "approvals", "escalations", "total_cost", "total_seconds", "finish",
    ]  # fmt: skip


@pytest.mark.parametrize("spec", CORE.values(), ids=CORE)
def test_an_example_satisfies_the_output_schema_it_is_made_from(spec):
    assert list(schema_problems(example(spec.output), spec.output)) == []


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"enum": ["b", "a"]}, "b"),
        ({"type": "boolean"}, True),
        ({"type": "string"}, "…"),
        ({"type": ["null", "string"]}, "…"),
        ({"type": "string", "minLength": 3}, "………"),
        ({"type": "integer", "minimum": 7}, 7),
        ({"type": "number", "minimum": 0.5}, 0.5),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, 0.5),
        ({"type": "integer", "maximum": -3}, -4),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"const": 5}, 5),
        ({"type": "string", "default": "d"}, "d"),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
        ({}, None),
        (True, None),
    ],
)
def test_examples(schema, expected):
    assert example(schema) == expected


@settings(max_examples=60, deadline=None)
@given(plans(), st.data())
def test_any_plan_can_be_simulated_to_its_end(plan, data):
    ids = [step.step_id for step in plan.steps]
    some = st.sets(st.sampled_from(ids))
    answers = data.draw(st.dictionaries(st.sampled_from(ids), st.just({"n": 1})))
    options = {
        "answers": answers,
        "failing": data.draw(some),
        "approvals": dict.fromkeys(data.draw(some), False),
        "escalations": data.draw(
            st.dictionaries(st.sampled_from(ids), st.sampled_from(["retry", "skip", "answer", "stop"]))
        ),
    }
    plan = replace(plan, steps=tuple(replace(step, cost=1) for step in plan.steps))
    simulation = simulate(plan, RANDOM_CONTEXT, **options)
    entries = [e for e in simulation.timeline if e.kind == "step"]
    assert sorted(e.step_id for e in entries) == sorted(ids)
    assert {e.status for e in entries} <= {status.value for status in ENDED}
    assert all(0 <= e.start_seconds <= e.end_seconds <= simulation.total_seconds for e in simulation.timeline)
    assert simulation == simulate(plan, RANDOM_CONTEXT, **options)
