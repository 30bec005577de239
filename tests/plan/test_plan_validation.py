"""Every problem code, with the exact pointer, and that good plans have none."""

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_samples import LEAK, NINE, hostile_strings, leak, message_step, plan_of

from workflows.plan.catalogue import CORE_CATALOGUE
from workflows.plan.checks import features
from workflows.plan.compiler import compile_plan
from workflows.plan.problems import has_errors
from workflows.plan.schema import normalise
from workflows.plan.validation import required_data, validate


@pytest.fixture(autouse=True)
def everything_is_carried_out(monkeypatch):
    """The language's own rules are tested; the switches that hold features back have tests of their own."""
    monkeypatch.setattr(features, "NOT_CARRIED_OUT_YET", frozenset())


def errors(document, catalogue=CORE_CATALOGUE):
    return [(p.pointer, p.code) for p in validate(document, catalogue) if p.severity == "error"]


def warnings(document, catalogue=CORE_CATALOGUE, **options):
    return [(p.pointer, p.code) for p in validate(document, catalogue, **options) if p.severity == "warning"]


def changed(path, value):
    """The good plan with one place changed; ``...`` takes it out."""
    document = leak()
    *way, last = path
    here = document
    for key in way:
        here = here[key]
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return document


def test_a_good_plan_has_no_problems():
    assert validate(LEAK, CORE_CATALOGUE) == []
    assert validate(LEAK, NINE) == []
    assert validate(normalise(LEAK), NINE) == []


@pytest.mark.parametrize("document", [None, True, 3, "plan", [], [LEAK]])
def test_a_plan_is_an_object(document):
    assert errors(document) == [("", "not_an_object")]


@pytest.mark.parametrize("version", [0, 2, 1.5 * 2, -1])
def test_a_plan_of_another_version_is_refused_and_not_judged(version):
    assert errors({"schema_version": version, "steps": 5, "x": 1}) == [
        ("/schema_version", "unknown_schema_version")
    ]


PLAN_CASES = [
    (("schema_version",), ..., "missing_field"),
    (("schema_version",), "1", "wrong_type"),
    (("schema_version",), True, "wrong_type"),
    (("schema_version",), 1.5, "wrong_type"),
    (("workflow_name",), ..., "missing_field"),
    (("workflow_name",), 5, "wrong_type"),
    (("workflow_name",), None, "wrong_type"),
    (("workflow_name",), "", "bad_value"),
    (("workflow_name",), " \t", "bad_value"),
    (("workflow_name",), "x" * 121, "bad_value"),
    (("workflow_name",), "two\nlines", "bad_value"),
    (("description",), 5, "wrong_type"),
    (("due",), "P2W", "bad_duration"),
    (("due",), "PT30S", "bad_duration"),
    (("due",), 48, "wrong_type"),
    (("steps",), ..., "missing_field"),
    (("steps",), {}, "wrong_type"),
    (("steps",), [], "bad_value"),
    (("steps",), [message_step(f"s{i}", title="T") for i in range(201)], "over_limit"),
    (("owner",), "me", "unknown_field"),
]

STEP_CASES = [
    ("step_id", ..., "missing_field"),
    ("step_id", 5, "wrong_type"),
    ("step_id", "Report", "bad_step_id"),
    ("step_id", "", "bad_step_id"),
    ("step_id", "a" * 64, "bad_step_id"),
    ("step_id", "ab\n", "bad_step_id"),
    ("step_id", "warn", "duplicate_step_id"),
    ("activity_id", ..., "missing_field"),
    ("activity_id", ["x"], "wrong_type"),
    ("activity_id", "generate_reports", "unknown_activity"),
    ("title", ..., "missing_field"),
    ("title", None, "wrong_type"),
    ("title", "", "bad_value"),
    ("title", "two\r\nlines", "bad_value"),
    ("reason", "two\u2028lines", "bad_value"),
    ("reason", [], "wrong_type"),
    ("policies", "water-safety@3", "wrong_type"),
    ("inputs", [], "wrong_type"),
    ("needs", "warn", "wrong_type"),
    ("when", True, "bad_condition"),
    ("requires_approval", "supervisor", "wrong_type"),
    ("requires_approval", False, "bad_value"),
    ("timeout", "1 hour", "bad_duration"),
    ("timeout", "PT11M", "over_limit"),
    ("timeout", 60, "wrong_type"),
    ("retry", 3, "wrong_type"),
    ("due", "P1D", "not_for_this_activity"),
    ("overdue", {"then": "wait"}, "not_for_this_activity"),
    ("on_failure", "ignore", "bad_value"),
    ("on_failure", "escalate", "bad_value"),
    ("compensate", "update_issue", "wrong_type"),
    ("next", "x", "unknown_field"),
]


@pytest.mark.parametrize(("path", "value", "code"), PLAN_CASES)
def test_each_problem_of_the_plan_is_named_at_its_place(path, value, code):
    assert ("/" + "/".join(path), code) in errors(changed(path, value))


@pytest.mark.parametrize(("field", "value", "code"), STEP_CASES)
def test_each_problem_of_a_step_is_named_at_its_place(field, value, code):
    assert (f"/steps/3/{field}", code) in errors(changed(("steps", 3, field), value))


DEEP_CASES = [
    ("/steps/3", "x", "wrong_type"),
    ("/steps/3/policies", ["ok", "", 5], "bad_value", "/1"),
    ("/steps/3/policies", ["ok", "", 5], "wrong_type", "/2"),
    # needs
    ("/steps/3/needs", ["repair", "repiar"], "unknown_step", "/1"),
    ("/steps/3/needs", ["repair", 5], "wrong_type", "/1"),
    ("/steps/3/needs", ["warn", "repair", "warn"], "bad_value", "/2"),
    ("/steps/3/needs", ["repair", "warn", "report"], "cycle"),
    ("/steps/0/needs", ["report"], "cycle"),
    # inputs
    ("/steps/2/inputs", ..., "missing_input", "/to"),
    ("/steps/2/inputs/message", ..., "missing_input"),
    ("/steps/2/inputs/cc", "x", "unknown_input"),
    ("/steps/2/inputs/message", 5, "bad_input"),
    ("/steps/2/inputs/message", "", "bad_input"),
    ("/steps/2/inputs/channel", "fax", "bad_input"),
    ("/steps/2/inputs/to", "someone@example.org", "bad_input"),
    ("/steps/2/inputs/to", "{{ data.email }}", "bad_input"),
    ("/steps/2/inputs/to", "{{ issue.address }}", "bad_input"),
    ("/steps/2/inputs/to", "{{ issue.reporter }} x", "bad_input"),
    ("/steps/2/inputs/to", [], "bad_input"),
    ("/steps/2/inputs/to", ["{{ issue.reporter }}", "a@b.example"], "bad_input", "/1"),
    ("/steps/2/inputs/to", {"role": "x"}, "bad_input"),
    ("/steps/1/inputs/department", "{{ issue.reporter }}", "bad_input"),
    ("/steps/1/inputs/department", "Water Works", "bad_input"),
    ("/steps/1/inputs/department", 5, "bad_input"),
    ("/steps/1/inputs/urgency", "{{ steps.assess.lane_affected }}", "bad_input"),
    ("/steps/1/inputs/instructions", "{{ steps.assess }}", "bad_input"),
    ("/steps/1/inputs/address", "{{ issue.latitude }}", "bad_input"),
    ("/steps/3/inputs/sections", "{{ issue.address }}", "bad_input"),
    ("/steps/3/inputs/sections", "all of {{ steps.assess }}", "bad_input"),
    ("/steps/3/inputs/language", "english please", "bad_input"),
    # questions
    ("/steps/0/inputs/questions", {}, "bad_input"),
    ("/steps/0/inputs/questions", "{{ data.q }}", "bad_reference"),
    ("/steps/0/inputs/questions/severity/type", "colour", "bad_input"),
    ("/steps/0/inputs/questions/severity/options", ..., "bad_input"),
    ("/steps/0/inputs/questions/lane_affected/options", ["a"], "bad_input"),
    ("/steps/0/inputs/questions/severity/ask", "At {{ issue.address }}?", "bad_reference"),
    ("/steps/0/inputs/questions/Big One", {"ask": "?", "type": "text"}, "bad_input"),
    ("/steps/0/inputs/questions/photos", {"ask": "?", "type": "photos"}, "bad_input"),
    ("/steps/0/inputs/questions/severity/hint", "x", "bad_input"),
    # references
    ("/steps/2/inputs/message", "{{ issue.adress }}", "bad_reference"),
    ("/steps/2/inputs/message", "{{ issue }}", "bad_reference"),
    ("/steps/2/inputs/message", "{{ issue.address.street }}", "bad_reference"),
    ("/steps/2/inputs/message", "Dear {{ issue.reporter }}", "bad_reference"),
    ("/steps/2/inputs/message", "{{ issue.reporter }}", "bad_reference"),
    ("/steps/3/inputs/sections/0", "{{ issue.department }}", "bad_reference"),
    ("/steps/2/inputs/message", "{{ data }}", "bad_reference"),
    ("/steps/2/inputs/message", "{{ data.results.x }}", "bad_reference"),
    ("/steps/2/inputs/message", "{{ step.assess }}", "bad_reference"),
    ("/steps/2/inputs/message", "{{ steps }}", "bad_reference"),
    ("/steps/2/inputs/message", "{{ now() }}", "bad_reference"),
    ("/steps/2/inputs/message", "{{ unclosed", "bad_reference"),
    ("/steps/2/inputs/message", "{{ steps.asess.severity }}", "unknown_step"),
    ("/steps/2/inputs/message", "{{ steps.assess.color }}", "unknown_output"),
    ("/steps/2/inputs/message", "{{ steps.assess.severity.x }}", "unknown_output"),
    ("/steps/2/inputs/message", "{{ steps.assess.photos.first }}", "unknown_output"),
    ("/steps/2/inputs/message", "{{ steps.repair.crew }}", "reads_before_needs"),
    ("/steps/2/inputs/message", "{{ steps.report.url }}", "reads_before_needs"),
    ("/steps/2/inputs/message", "{{ steps.warn.status }}", "reads_before_needs"),
    ("/steps/2/when", {"eq": ["{{ steps.repair.crew }}", "A"]}, "reads_before_needs", "/eq/0"),
    ("/steps/2/when", {"exists": "{{ steps.nobody }}"}, "unknown_step", "/exists"),
    # conditions
    ("/steps/2/when", {"eq": ["{{ steps.assess.lane_affected }}", 1]}, "bad_condition", "/eq"),
    ("/steps/2/when", {"all": [{"gt": ["{{ steps.assess.depth }}", "deep"]}]}, "bad_condition", "/all/0/gt"),
    ("/steps/2/when", {"eq": ["{{ issue.urgency }}", "urgent"]}, "bad_condition", "/eq"),
    # approval
    ("/steps/1/requires_approval/group", "boss", "unknown_group"),
    ("/steps/1/requires_approval/group", 5, "wrong_type"),
    ("/steps/1/requires_approval/four_eyes", "yes", "wrong_type"),
    ("/steps/1/requires_approval/due", "soon", "bad_duration"),
    ("/steps/1/requires_approval/by", "x", "unknown_field"),
    ("/steps/1/requires_approval/overdue", [], "wrong_type"),
    ("/steps/1/requires_approval/overdue", {"then": "approve"}, "bad_value", "/then"),
    ("/steps/1/requires_approval/overdue", {"then": {"answer": {"approved": True}}}, "weakens_approval", "/then"),
    # time
    ("/steps/0/due", "PT30S", "bad_duration"),
    ("/steps/0/timeout", "PT1H", "not_for_this_activity"),
    ("/steps/0/retry", {"max_attempts": 2}, "not_for_this_activity"),
    ("/steps/0/overdue", {"escalate_to": "boss"}, "unknown_group", "/escalate_to"),
    ("/steps/0/overdue", {"remind": "hourly"}, "bad_duration", "/remind"),
    ("/steps/0/overdue", {"then": "shrug"}, "bad_value", "/then"),
    ("/steps/0/overdue", {"then": {"answer": {"severity": "so-so"}}}, "bad_value", "/then/answer/severity"),
    ("/steps/0/overdue", {"then": {"answer": "low"}}, "bad_value", "/then"),
    ("/steps/0/overdue", {"then": {"answer": {"notes": "At {{ issue.address }}"}}}, "bad_reference", "/then/answer"),
    ("/steps/0/overdue", {"when": 1}, "unknown_field", "/when"),
    ("/steps/3/retry", {"max_attempts": 0}, "bad_value", "/max_attempts"),
    ("/steps/3/retry", {"max_attempts": 2.5}, "wrong_type", "/max_attempts"),
    ("/steps/3/retry", {"max_attempts": 11}, "over_limit", "/max_attempts"),
    ("/steps/3/retry", {"initial": "P1Y"}, "bad_duration", "/initial"),
    ("/steps/3/retry", {"initial": "P1DT1S"}, "over_limit", "/initial"),
    ("/steps/3/retry", {"max_interval": "P7DT1S"}, "over_limit", "/max_interval"),
    ("/steps/3/retry", {"initial": "P1D", "backoff": 7, "max_interval": "P7D", "max_attempts": 7}, "over_limit", ""),
    ("/steps/3/retry", {"backoff": 0.5}, "bad_value", "/backoff"),
    ("/steps/3/retry", {"backoff": True}, "wrong_type", "/backoff"),
    ("/steps/3/retry", {"max_interval": 60}, "wrong_type", "/max_interval"),
    ("/steps/3/retry", {"jitter": 1}, "unknown_field", "/jitter"),
    # failure
    ("/steps/3/on_failure", {"escalate": "boss"}, "unknown_group", "/escalate"),
    ("/steps/3/compensate", {"activity_id": "ask_reporter"}, "human_compensation", "/activity_id"),
    ("/steps/3/compensate", {"activity_id": "wait_until", "inputs": {"for": "PT1H"}},
     "not_for_this_activity", "/activity_id"),
    ("/steps/3/compensate", {"activity_id": "order_contractor"}, "weakens_approval", "/activity_id"),
    ("/steps/3/compensate", {"activity_id": "undo"}, "unknown_activity", "/activity_id"),
    ("/steps/3/compensate", {"inputs": {}}, "missing_field", "/activity_id"),
    ("/steps/3/compensate", {"activity_id": "update_issue", "inputs": {"note": 5}}, "bad_input", "/inputs/note"),
    ("/steps/3/compensate", {"activity_id": "update_issue", "inputs": []}, "wrong_type", "/inputs"),
    ("/steps/0/compensate", {"activity_id": "update_issue", "inputs": {"note": "{{ steps.report.url }}"}},
     "reads_before_needs", "/inputs/note"),
    # text, numbers, limits
    ("/description", "a\x00b", "bad_text"),
    ("/steps/3/title", "a\ud800", "bad_text"),
    ("/steps/3/inputs/sections/0", float("nan"), "bad_number"),
    ("/steps/3/inputs/sections/0", 2**60, "bad_number"),
    ("/description", "x" * 10_001, "over_limit"),
]  # fmt: skip


@pytest.mark.parametrize("case", DEEP_CASES, ids=lambda case: f"{case[0]}-{case[2]}")
def test_each_problem_inside_a_field_is_named_at_its_place(case):
    """A case is where to change the plan, to what, the code expected, and where below that (if not there)."""
    place, value, code, *below = case
    path = [int(key) if key.isdigit() else key for key in place.split("/")[1:]]
    assert (place + "".join(below), code) in errors(changed(path, value))


def test_keys_are_escaped_in_pointers():
    document = changed(("steps", 3, "inputs", "a/b~c"), 1)
    assert errors(document) == [("/steps/3/inputs/a~1b~0c", "unknown_input")]
    document = changed(("steps", 3, "inputs", "a\ud800"), 1)
    assert ("/steps/3/inputs/a\\ud800", "bad_text") in errors(document)


ALONE = [
    (
        ("steps", 2, "inputs", "message"),
        "{{ steps.assess.color }}",
        ("/steps/2/inputs/message", "unknown_output"),
    ),
    (("steps", 2, "inputs", "to"), "a@b.example", ("/steps/2/inputs/to", "bad_input")),
    (("steps", 2, "inputs", "cc"), "x", ("/steps/2/inputs/cc", "unknown_input")),
    (("steps", 1, "inputs", "urgency"), "now", ("/steps/1/inputs/urgency", "bad_input")),
    (("steps", 0, "inputs", "questions"), "x", ("/steps/0/inputs/questions", "bad_input")),
    (("steps", 0, "inputs", "questions", "severity"), 5, ("/steps/0/inputs/questions/severity", "bad_input")),
    (("steps", 2, "when"), {"eq": [1]}, ("/steps/2/when/eq", "bad_condition")),
    (("steps", 0, "needs"), ["warn"], ("/steps/0/needs", "cycle")),
]


@pytest.mark.parametrize(("path", "value", "only"), ALONE)
def test_one_fault_is_told_once(path, value, only):
    assert errors(changed(path, value)) == [only]


def test_what_the_catalogue_asks_for_can_be_strengthened_but_never_weakened():
    def order(approval):
        inputs = {"department": "water", "scope": "Dig", "cost_limit": 100}
        step = {"step_id": "a", "activity_id": "order_contractor", "inputs": inputs}
        return errors(plan_of(step if approval is ... else {**step, "requires_approval": approval}))

    at = "/steps/0/requires_approval"
    assert (
        order(...) == order(True) == order({"group": "supervisor"}) == order({"group": "administrator"}) == []
    )
    assert order({"four_eyes": True, "due": "PT2H", "reason": "x"}) == []
    assert order(False) == [(at, "weakens_approval")]
    assert order({"group": "approver"}) == [(f"{at}/group", "weakens_approval")]
    assert order({"four_eyes": False}) == [(f"{at}/four_eyes", "weakens_approval")]


def test_an_approval_that_is_late_goes_to_nobody_with_less_say():
    def late(to, group=None, activity_id="order_contractor"):
        inputs = {"department": "water", "scope": "Dig", "cost_limit": 100}
        if activity_id == "update_issue":
            inputs = {"note": "Done."}
        approval = {"overdue": {"escalate_to": to}, **({"group": group} if group else {})}
        step = {"step_id": "a", "activity_id": activity_id, "inputs": inputs, "requires_approval": approval}
        return errors(plan_of(step))

    weaker = [("/steps/0/requires_approval/overdue/escalate_to", "weakens_approval")]
    assert late("supervisor") == late("administrator") == []
    assert late("dispatcher") == weaker  # the catalogue asks for supervisors
    assert late("supervisor", group="administrator") == weaker
    assert late("approver", activity_id="update_issue") == weaker  # supervisors where nobody else is named
    assert late("approver", "approver", "update_issue") == []
    assert late("planner", "approver", "update_issue") == weaker
    unknown = [("/steps/0/requires_approval/group", "unknown_group")]
    assert late("administrator", "boss", "update_issue") == unknown


def test_what_is_asked_of_a_group_goes_to_nobody_with_less_say_when_it_is_late():
    def late(to, group):
        inputs = {"question": "Is it done?", "group": group}
        step = {"step_id": "a", "activity_id": "confirm_completion", "inputs": inputs}
        return errors(plan_of(step | {"overdue": {"escalate_to": to}}))

    weaker = [("/steps/0/overdue/escalate_to", "weakens_approval")]
    assert late("supervisor", "supervisor") == late("administrator", "supervisor") == []
    assert late("dispatcher", "supervisor") == late("supervisor", "administrator") == weaker
    assert late("dispatcher", "{{ data.group }}") == []  # known only when it runs
    assert late("dispatcher", ["supervisor"]) == [("/steps/0/inputs/group", "bad_input")]


def test_every_problem_is_found_in_one_pass_in_the_order_of_the_document():
    document = leak()
    document["steps"][3]["inputs"]["sections"] = [1, "{{ steps.gone }}"]
    document["steps"][0]["inputs"]["department"] = "?"
    document["steps"][1] = {"activity_id": "dispatch", "inputs": 5, "step_id": "repair", "title": ""}
    document["zzz"] = 1
    del document["workflow_name"]
    assert errors(document) == [
        ("/steps/0/inputs/department", "bad_input"),
        ("/steps/1/activity_id", "unknown_activity"),
        ("/steps/1/inputs", "wrong_type"),
        ("/steps/1/title", "bad_value"),
        ("/steps/3/inputs/sections/1", "unknown_step"),
        ("/zzz", "unknown_field"),
        ("/workflow_name", "missing_field"),
    ]


def test_a_circle_is_told_once_with_the_way_round():
    document = plan_of(
        message_step("a", needs=["c"]), message_step("b", needs=["a"]), message_step("c", needs=["b"]),
        message_step("d", needs=["c"]), message_step("e", needs=["f"]), message_step("f", needs=["e"]),
    )  # fmt: skip
    found = [problem for problem in validate(document, NINE) if problem.code == "cycle"]
    assert [problem.pointer for problem in found] == ["/steps/0/needs", "/steps/4/needs"]
    assert "a → c → b → a" in found[0].message or "a → b → c → a" in found[0].message


def test_a_step_without_needs_comes_after_the_one_listed_before_it():
    assert errors(plan_of(message_step("a"), message_step("b", "{{ steps.a.status }}"))) == []
    assert errors(plan_of(message_step("a", "{{ steps.b.status }}"), message_step("b"))) == [
        ("/steps/0/inputs/message", "reads_before_needs")
    ]


def test_a_step_may_read_what_it_needs_through_others():
    document = plan_of(
        message_step("a"), message_step("b"), message_step("c", "{{ steps.a.status }}", needs=["b"])
    )
    assert errors(document) == []


def test_a_compensation_may_read_its_own_step():
    step = {
        "step_id": "lane", "activity_id": "reserve_lane", "inputs": {"address": "x", "hours": 6},
        "compensate": {"activity_id": "release_lane", "inputs": {"reservation_id": "{{ steps.lane.reservation_id }}"}},
    }  # fmt: skip
    assert errors(plan_of(step)) == []


FEATURES = [
    ("compensate", ("steps", 3, "compensate"), {"activity_id": "update_issue", "inputs": {"note": "x"}}),
    ("escalate", ("steps", 3, "on_failure"), {"escalate": "supervisor"}),
    ("overdue", ("steps", 0, "overdue"), {"remind": "PT1H", "escalate_to": "supervisor", "then": "fail"}),
    ("overdue", ("steps", 0, "overdue"), {"then": {"answer": {"severity": "low", "lane_affected": True, "depth": 1}}}),
    ("overdue", ("steps", 1, "requires_approval", "overdue"), {"escalate_to": "administrator", "then": "wait"}),
]  # fmt: skip


@pytest.mark.parametrize(("feature", "path", "value"), FEATURES)
def test_a_good_use_of_a_feature_is_allowed_once_runs_carry_it_out(feature, path, value, monkeypatch):
    document, pointer = changed(path, value), "/" + "/".join(map(str, path))
    assert errors(document) == []
    for gate in (frozenset({feature}), frozenset({"compensate", "escalate", "overdue"})):
        monkeypatch.setattr(features, "NOT_CARRIED_OUT_YET", gate)
        assert errors(document) == [(pointer, "not_yet_supported")]


@pytest.mark.parametrize("gate", [(), ("compensate", "escalate", "overdue")])
def test_what_is_wrong_inside_a_feature_is_told_whether_or_not_runs_carry_it_out(gate, monkeypatch):
    monkeypatch.setattr(features, "NOT_CARRIED_OUT_YET", frozenset(gate))
    for path, value, code in (
        (("steps", 3, "compensate"), "update_issue", "wrong_type"),
        (("steps", 0, "overdue"), "tomorrow", "wrong_type"),
        (("steps", 3, "on_failure"), {"escalate": 5}, "wrong_type"),
    ):
        assert code in [found for _, found in errors(changed(path, value))]


def test_activities_that_are_specified_but_not_offered_are_unknown():
    step = {"step_id": "lane", "activity_id": "reserve_lane", "inputs": {"address": "x", "hours": 6}}
    assert errors(plan_of(step)) == []
    assert errors(plan_of(step), NINE) == [("/steps/0/activity_id", "unknown_activity")]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"at": "2026-05-01T09:00:00Z"}, []),
        ({"for": "PT90S"}, []),
        ({"for": "{{ data.wait }}"}, []),
        ({}, [("/steps/0/inputs/at", "missing_input")]),
        ({"at": "2026-05-01T09:00:00Z", "for": "PT1H"}, [("/steps/0/inputs", "bad_input")]),
        ({"for": "an hour"}, [("/steps/0/inputs/for", "bad_duration")]),
        ({"at": "tomorrow"}, [("/steps/0/inputs/at", "bad_input")]),
        ({"at": 5}, [("/steps/0/inputs/at", "bad_input")]),
        (
            {"until": "x"},
            [("/steps/0/inputs/until", "unknown_input"), ("/steps/0/inputs/at", "missing_input")],
        ),
    ],
)
def test_a_wait_has_one_end(inputs, expected):
    assert errors(plan_of({"step_id": "a", "activity_id": "wait_until", "inputs": inputs})) == expected


def test_an_update_changes_something():
    step = {"step_id": "a", "activity_id": "update_issue"}
    assert errors(plan_of(step)) == [("/steps/0/inputs", "missing_input")]
    assert errors(plan_of({**step, "inputs": {"status": "DONE"}})) == [
        ("/steps/0/inputs/status", "bad_input")
    ]


def test_the_group_that_confirms_must_exist():
    step = {
        "step_id": "a",
        "activity_id": "confirm_completion",
        "inputs": {"question": "Done?", "group": "boss"},
    }
    assert errors(plan_of(step)) == [("/steps/0/inputs/group", "unknown_group")]


def test_the_answer_of_the_reporter_has_a_type_for_later_steps():
    def ask(kind, when):
        inputs = {"question": "Gone?"} | ({"type": kind} if kind else {})
        step = {"step_id": "ask", "activity_id": "ask_reporter", "inputs": inputs}
        return errors(plan_of(step, message_step("b", when=when)))

    assert ask("yes_no", {"eq": ["{{ steps.ask.answer }}", True]}) == []
    assert ask("yes_no", {"eq": ["{{ steps.ask.answer }}", "yes"]}) == [("/steps/1/when/eq", "bad_condition")]
    assert ask(None, {"eq": ["{{ steps.ask.answer }}", "yes"]}) == []


def test_an_option_that_the_next_step_does_not_take_is_found():
    document = leak()
    document["steps"][1]["inputs"]["urgency"] = "{{ steps.assess.severity }}"
    assert errors(document) == []
    document["steps"][0]["inputs"]["questions"]["severity"]["options"] = ["low", "very high"]
    assert errors(document) == [("/steps/1/inputs/urgency", "bad_input")]


def test_null_in_an_optional_field_counts_as_left_out():
    document = leak()
    document["due"] = document["description"] = None
    for step in document["steps"]:
        for field in (
            "when",
            "due",
            "retry",
            "timeout",
            "compensate",
            "overdue",
            "on_failure",
            "reason",
            "policies",
        ):
            step.setdefault(field, None)
    assert errors(document) == []


def test_literal_braces_are_no_reference():
    assert errors(plan_of(message_step("a", "{{{{ issue.nothing }}"))) == []


# --- limits ---


def test_a_plan_of_200_steps_is_allowed_and_one_of_201_is_not():
    steps = [message_step(f"s{i}") for i in range(201)]
    assert errors(plan_of(*steps[:200])) == []
    assert errors(plan_of(*steps)) == [("/steps", "over_limit")]


def test_a_plan_of_more_than_256_kib_is_refused():
    assert errors(plan_of(*[message_step(f"s{i}", "x" * 9000) for i in range(30)])) == [("", "over_limit")]


def test_the_limit_of_a_text_counts_characters():
    assert errors(plan_of(message_step("a", "é" * 10_000))) == []
    found = errors(plan_of(message_step("a", "é" * 10_001)))
    assert ("/steps/0/inputs/message", "over_limit") in found


def test_too_many_levels_are_named_where_they_begin():
    document = leak()
    value = document["steps"][3]["inputs"]["sections"]
    for _ in range(27):
        value.append([])
        value = value[-1]
    assert errors(document) == []
    value.append([])
    pointer = "/steps/3/inputs/sections/2" + "/0" * 27
    assert errors(document) == [(pointer, "over_limit")]


def test_a_hundred_thousand_levels_do_no_harm():
    value = []
    for _ in range(100_000):
        value = [value]
    assert [code for _, code in errors({**leak(), "description": value})] == ["over_limit"]


def test_an_integer_of_ten_thousand_digits_does_no_harm():
    huge = 10**10_000
    for path in (
        ("schema_version",),
        ("steps", 2, "inputs", "message"),
        ("steps", 2, "when"),
        ("description",),
    ):
        value = {"eq": [huge, 1]} if path[-1] == "when" else huge
        assert "bad_number" in [code for _, code in errors(changed(path, value))]


def test_ten_thousand_steps_are_refused_without_a_look_at_any_of_them():
    looked_at, few, many = (
        calls_of(plan_of(*[message_step(f"s{n}") for n in range(count)])) for count in (100, 5_000, 10_000)
    )
    assert many < 2.2 * few
    assert many / 10_000 < looked_at / 100


def calls_of(document):
    """How many functions, C's included, are called to validate a plan."""
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        found = validate(document, CORE_CATALOGUE)
    finally:
        sys.setprofile(before)
    wrong = [p.code for p in found if p.severity == "error"]
    assert wrong == (["over_limit"] if len(document["steps"]) > 200 else [])
    return calls


# --- warnings ---


def test_a_condition_that_can_never_hold_and_what_depends_on_it_is_pointed_out():
    document = plan_of(
        message_step("a", when={"eq": [1, 2]}),
        message_step("b", "{{ steps.a.status }}"),
        message_step("c", when={"all": [{"exists": "{{ steps.a }}"}, {"gt": [1, 2]}]}),
        message_step("d", when={"any": [{"exists": "{{ steps.a }}"}, {"not": {"eq": [1, 1]}}]}),
        message_step("e", when={"not": {"eq": [1, 2]}}),
        message_step("f", when={"eq": ["{{ data.x }}", 1]}),
    )
    found = [place for place, code in warnings(document) if code == "never_runs"]
    assert found == ["/steps/0/when", "/steps/1", "/steps/2/when"]


def test_a_plan_that_tells_nobody_or_asks_nobody_is_pointed_out():
    assert ("/steps", "no_notification") in warnings(plan_of({"step_id": "a", "activity_id": "wait_until"}))
    assert ("/steps", "no_human_step") in warnings(plan_of(message_step("a")))
    assert warnings(plan_of(message_step("a", requires_approval=True))) == []


def test_a_costly_step_whose_output_nobody_reads_is_pointed_out():
    document = leak()
    document["steps"][3]["inputs"]["sections"] = ["{{ steps.repair }}"]
    document["steps"][1]["inputs"]["instructions"] = "Go."
    assert warnings(document) == []  # the condition of `warn` reads it
    del document["steps"][2]["when"]
    assert warnings(document) == [("/steps/0", "unused_output_of_costly_step")]


def test_a_value_that_may_be_null_is_pointed_out_inside_text_where_it_would_fail_the_step():
    document = plan_of(
        message_step("a", "At {{ issue.latitude }}, {{ issue.address }}", requires_approval=True)
    )
    assert warnings(document) == [("/steps/0/inputs/message", "may_be_missing")]
    assert warnings(plan_of(message_step("a", "At {{ issue.address }}", requires_approval=True))) == []


def test_a_due_time_beyond_the_target_of_the_category_is_pointed_out():
    document = leak()
    document["due"] = "P6D"
    document["steps"][0]["due"] = "P5DT1H"
    document["steps"][1]["due"] = "P4D"
    assert warnings(document, category_target="P5D") == [
        ("/steps/0/due", "due_beyond_target"),
        ("/due", "due_beyond_target"),
    ]
    assert warnings(document) == []
    assert warnings(document, category_target="nonsense") == []


def test_warnings_do_not_keep_a_plan_from_being_approved():
    problems = validate(plan_of(message_step("a")), NINE)
    assert problems
    assert not has_errors(problems)


# --- what a problem says ---


def test_a_problem_says_what_is_wrong_and_what_to_do():
    (problem,) = validate(changed(("steps", 3, "needs"), ["repair", "wran"]), NINE)
    assert problem.as_dict() == {
        "pointer": "/steps/3/needs/1",
        "code": "unknown_step",
        "message": 'There is no step "wran".',
        "hint": "Did you mean warn?",
        "severity": "error",
    }


# --- hostile and random documents ---


@pytest.mark.parametrize(
    "place", ["title", "message", "when", "step_id", "activity_id", "needs", "key", "to", "due"]
)
def test_hostile_strings_anywhere_give_problems_that_can_be_sent_and_never_an_exception(place):
    for text in hostile_strings():
        document = leak()
        step = document["steps"][2]
        if place in ("message", "to"):
            step["inputs"][place] = text
        elif place == "key":
            step["inputs"][text] = text
            step[text] = text
        elif place == "when":
            step["when"] = {"eq": [text, text]}
        else:
            step[place] = [text] if place == "needs" else text
        for problem in validate(document, NINE):
            json.dumps(problem.as_dict(), ensure_ascii=False).encode()
            assert len(problem.message) < 1000
            assert "\x00" not in problem.pointer
        required_data(document)
        normalise(document)


def test_no_hostile_recipient_is_ever_accepted():
    for text in hostile_strings():
        document = leak()
        document["steps"][2]["inputs"]["to"] = text
        assert "/steps/2/inputs/to" in [pointer for pointer, _ in errors(document)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["{{ steps.assess.severity }}", "{{ data.x }}", "{{", "assess", "P1D", "supervisor"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(json_values)
def test_validation_never_raises_on_any_json(document):
    validate(document, NINE)
    required_data(document)
    normalise(document)


@st.composite
def spoiled_plans(draw):
    """The good plan with some of its values, anywhere, replaced by anything."""
    document = leak()
    for _ in range(draw(st.integers(1, 4))):
        here = document
        while isinstance(here, dict | list) and here:
            key = draw(st.sampled_from(list(here) if isinstance(here, dict) else list(range(len(here)))))
            if not isinstance(here[key], dict | list) or draw(st.integers(0, 3)) == 0:
                here[key] = draw(json_values)
                break
            here = here[key]
    return document


@settings(max_examples=150, deadline=None)
@given(spoiled_plans())
def test_a_spoiled_plan_is_judged_without_raising_and_compiles_if_it_has_no_errors(document):
    problems = validate(document, NINE)
    if not has_errors(problems):
        compile_plan(document, NINE)
    assert [p.code for p in validate(normalise(document, NINE), NINE) if p.severity == "error"] == [
        p.code for p in problems if p.severity == "error"
    ]


# --- the data that a plan needs ---


def test_the_data_that_a_plan_reads_is_known_before_it_runs():
    document = plan_of(
        message_step("a", "{{ data.b }} {{ data.a.deep }}"),
        message_step("b", when={"all": [{"exists": "{{ data.optional }}"}, {"eq": ["{{ data.c }}", 1]}]}),
        message_step("c", "{{ data.a }}", when={"not": {"exists": "{{ data.c }}"}}),
        {
            **message_step("d"),
            "compensate": {"activity_id": "update_issue", "inputs": {"note": "{{ data.d }}"}},
        },
    )
    assert required_data(document) == ("b", "a", "c", "d")


@pytest.mark.parametrize("document", [None, {}, {"steps": [None, {"inputs": "{{ data.x"}]}])
def test_a_broken_document_needs_no_data(document):
    assert required_data(document) == ()
