import json

import pytest
from plan_samples import NINE, leak, message_step, plan_of

from workflows.plan.catalogue import CORE_CATALOGUE
from workflows.plan.checks import features
from workflows.plan.compiled import CompiledCompensation, CompiledOverdue, CompiledPlan, CompiledStep
from workflows.plan.compiler import compile_plan, stronger
from workflows.plan.problems import PlanHasProblems
from workflows.plan.schema import Approval, Retry, digest, normalise


def test_a_plan_is_joined_with_the_catalogue():
    document = leak()
    document["steps"][0]["due"] = "PT4H"
    document["steps"][3] |= {"timeout": "PT2M", "retry": {"max_attempts": 5}, "on_failure": "continue"}
    plan = compile_plan(document, NINE)
    assert plan.digest == digest(normalise(document))
    assert plan.catalogue_digest == NINE.digest
    assert plan.workflow_name == "Repair a water leak"
    assess, repair, warn, report = plan.steps
    assert (assess.done_by, assess.needs, assess.due) == ("person", (), "PT4H")
    assert assess.output_schema["properties"]["severity"]["enum"] == ["low", "high"]
    assert assess.input_schema == NINE["inspect_site"].inputs
    assert repair.approval == Approval("supervisor", "Excavation costs money.")
    assert repair.ends_when_told is NINE["dispatch_crew"].ends_when_told
    assert warn.when == {"eq": ["{{ steps.assess.lane_affected }}", True]}
    assert warn.inputs["to"] == "{{ issue.reporter }}"
    assert warn.effect == "at_most_once"
    assert report.needs == ("repair", "warn")
    assert report.timeout_seconds == 120
    assert report.give_up_after_seconds == 30 * 86_400
    assert report.retry == Retry(max_attempts=5)
    assert report.on_failure == "continue"


@pytest.fixture
def full(monkeypatch):
    """A plan that uses what came later to the language, whether or not runs carry it out already."""
    monkeypatch.setattr(features, "NOT_CARRIED_OUT_YET", frozenset())
    document = leak() | {"due": "P2D"}
    assess, repair, _, report = document["steps"]
    answer = {"severity": "low", "lane_affected": False, "depth": 0}
    assess |= {"overdue": {"remind": "PT1H", "escalate_to": "supervisor", "then": {"answer": answer}}}
    repair["requires_approval"]["overdue"] = {"escalate_to": "administrator", "then": "fail"}
    repair["compensate"] = {
        "activity_id": "update_issue",
        "inputs": {"note": "{{ steps.repair.crew }} is not coming."},
    }
    report |= {
        "on_failure": {"escalate": "supervisor"},
        "compensate": {"activity_id": "generate_report", "inputs": {"title": "Never mind", "sections": []}},
    }
    return document


def test_what_is_said_for_trouble_is_joined_with_the_catalogue_too(full):
    plan = compile_plan(full, NINE)
    assess, repair, warn, report = plan.steps
    assert plan.due == "P2D"
    answer = {"severity": "low", "lane_affected": False, "depth": 0}
    assert assess.overdue == CompiledOverdue("PT1H", "supervisor", "answer", answer)
    assert repair.approval.overdue == CompiledOverdue(None, "administrator", "fail")
    undo = CORE_CATALOGUE["update_issue"]
    assert repair.compensate == CompiledCompensation(
        "update_issue", {"note": "{{ steps.repair.crew }} is not coming."}, undo.timeout_seconds,
        undo.give_up_after_seconds, undo.retry, "idempotent", True, undo.output, typical_seconds=1,
        input_schema=undo.inputs,
    )  # fmt: skip
    assert (warn.on_failure, warn.escalate_to, warn.compensate, warn.overdue) == ("fail", "", None, None)
    assert (report.on_failure, report.escalate_to) == ("escalate", "supervisor")
    assert not report.compensate.local_ok
    assert (repair.typical_seconds, repair.cost) == (86_400, 250)


def test_a_plan_for_trouble_survives_json_too(full):
    plan = compile_plan(full, NINE)
    assert CompiledPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_a_plan_compiled_before_a_field_was_known_takes_its_default():
    data = json.loads(json.dumps(compile_plan(leak(), NINE).to_json()))
    later = ("escalate_to", "compensate", "overdue", "typical_seconds", "cost", "input_schema")
    del data["due"]
    for step in data["steps"]:
        for field in later:
            del step[field]
    old = CompiledPlan.from_json(data)
    assert old.due is None
    assert (old.steps[0].escalate_to, old.steps[0].compensate, old.steps[0].overdue) == ("", None, None)
    assert old.steps[1].approval.overdue is None


def test_a_plan_that_needs_what_runs_do_not_do_yet_is_not_compiled(full, monkeypatch):
    monkeypatch.setattr(features, "NOT_CARRIED_OUT_YET", frozenset({"compensate", "escalate", "overdue"}))
    with pytest.raises(PlanHasProblems) as caught:
        compile_plan(full, NINE)
    assert {problem.code for problem in caught.value.problems} == {"not_yet_supported"}


def test_a_normalised_plan_compiles_to_the_same():
    assert compile_plan(leak(), NINE) == compile_plan(normalise(leak()), NINE)


def test_a_plan_with_errors_is_not_compiled_and_all_of_them_are_told():
    document = leak()
    document["steps"][0]["activity_id"] = "think"
    document["workflow_name"] = ""
    with pytest.raises(PlanHasProblems) as caught:
        compile_plan(document, NINE)
    assert {problem.code for problem in caught.value.problems} == {"unknown_activity", "bad_value"}
    assert caught.value.status == 422
    assert caught.value.code == "plan_has_problems"
    assert caught.value.errors[0]["pointer"] == "/workflow_name"


def test_a_compiled_plan_survives_json():
    plan = compile_plan(leak(), NINE)
    data = json.loads(json.dumps(plan.to_json()))
    assert CompiledPlan.from_json(data) == plan


def test_messages_only_grow_so_unknown_and_missing_fields_are_fine():
    data = compile_plan(leak(), NINE).to_json()
    data["later"] = data["steps"][0]["later"] = data["steps"][0]["retry"]["later"] = 1
    data["steps"][1]["approval"]["later"] = 1
    for field in ("ends_when_told", "effect", "output_schema"):
        del data["steps"][0][field]
    assert CompiledPlan.from_json(data).steps[1].approval.group == "supervisor"
    assert (
        CompiledStep.from_json({"step_id": "a", "activity_id": "b", "title": "C", "done_by": "program"}).needs
        == ()
    )


def test_a_later_change_of_document_or_catalogue_does_not_reach_a_compiled_plan():
    document = leak()
    plan = compile_plan(document, NINE)
    before = json.dumps(plan.to_json())
    document["steps"][0]["inputs"]["department"] = "roads"
    document["steps"].clear()
    assert json.dumps(CompiledPlan.from_json(json.loads(before)).to_json()) == before
    assert compile_plan(leak(), CORE_CATALOGUE).catalogue_digest != plan.catalogue_digest


@pytest.mark.parametrize(
    ("asked", "required", "expected"),
    [
        (None, None, None),
        (Approval(), None, Approval("supervisor")),
        (Approval("approver", "x", True, "PT1H"), None, Approval("approver", "x", True, "PT1H")),
        (None, Approval("approver", "r"), Approval("approver", "r")),
        (Approval(), Approval("supervisor", "r", True, "P1D"), Approval("supervisor", "r", True, "P1D")),
        (
            Approval("administrator", "x"),
            Approval("supervisor", "r", True),
            Approval("administrator", "x", True),
        ),
        (Approval("viewer"), Approval("supervisor"), Approval("supervisor")),
        (
            Approval(overdue=CompiledOverdue(then="fail")),
            Approval("supervisor", overdue=CompiledOverdue()),
            Approval("supervisor", overdue=CompiledOverdue(then="fail")),
        ),
        (Approval(overdue=CompiledOverdue()), None, Approval("supervisor", overdue=CompiledOverdue())),
    ],
)
def test_the_stronger_of_plan_and_catalogue_holds(asked, required, expected):
    assert stronger(asked, required) == expected


def test_approval_that_the_catalogue_asks_for_is_there_whatever_the_plan_says():
    inputs = {"department": "water", "scope": "Dig", "cost_limit": 100}
    step = {"step_id": "a", "activity_id": "order_contractor", "inputs": inputs}
    for asked in ({}, {"requires_approval": True}, {"requires_approval": {"due": "PT1H"}}):
        (compiled,) = compile_plan(plan_of({**step, **asked}), CORE_CATALOGUE).steps
        assert (compiled.approval.group, compiled.approval.four_eyes) == ("supervisor", True)


def test_needs_are_explicit_in_a_compiled_plan():
    plan = compile_plan(plan_of(message_step("a"), message_step("b")), NINE)
    assert [step.needs for step in plan.steps] == [(), ("a",)]


def test_a_compiled_plan_whose_steps_need_each_other_in_a_circle_is_refused():
    steps = tuple(CompiledStep(a, "x", a, "program", needs=(b,)) for a, b in (("a", "b"), ("b", "a")))
    with pytest.raises(ValueError, match="circle"):
        _ = CompiledPlan("d", "c", "n", steps).graph
