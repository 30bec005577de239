from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from workflows.plan import catalogue
from workflows.plan.catalogue import CORE, CORE_CATALOGUE, Approval, Catalogue, offer, offered, output_schema


@pytest.fixture
def registry(monkeypatch):
    """An empty registry, and the old one back afterwards."""
    monkeypatch.setattr(catalogue, "_offered", {})
    monkeypatch.setattr(catalogue, "_snapshot", [])


def test_the_core_catalogue_has_the_twelve_activities_of_the_specification():
    assert set(CORE) == {
        "send_notification", "update_issue", "generate_report", "reserve_lane", "release_lane", "order_contractor",
        "wait_until", "inspect_site", "dispatch_crew", "request_photos", "confirm_completion", "ask_reporter",
    }  # fmt: skip


@pytest.mark.parametrize("spec", CORE.values(), ids=CORE)
def test_each_core_activity_has_good_schemas_and_sensible_limits(spec):
    for schema in (spec.inputs, spec.output):
        Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
        assert schema["additionalProperties"] is False
    assert 0 < spec.timeout_seconds <= spec.max_timeout_seconds
    assert spec.give_up_after_seconds >= 30 * 86_400
    assert 1 <= spec.retry.max_attempts <= spec.max_attempts_limit


def test_ordering_a_contractor_needs_a_supervisor_and_four_eyes():
    approval = CORE["order_contractor"].approval
    assert (approval.group, approval.four_eyes) == ("supervisor", True)


def test_a_catalogue_is_looked_up_by_name_and_ordered_by_it():
    assert CORE_CATALOGUE["wait_until"].done_by == "clock"
    assert "nothing" not in CORE_CATALOGUE
    assert CORE_CATALOGUE.get("nothing") is None
    assert list(CORE_CATALOGUE) == sorted(CORE)
    assert list(CORE_CATALOGUE.subset(["wait_until", "ask_reporter"])) == ["ask_reporter", "wait_until"]
    with pytest.raises(KeyError):
        CORE_CATALOGUE.subset(["nothing"])


def test_a_name_is_well_formed_and_there_once():
    spec = CORE["wait_until"]
    with pytest.raises(ValueError, match="twice"):
        Catalogue([spec, spec])
    with pytest.raises(ValueError, match="not a name"):
        Catalogue([replace(spec, activity_id="Wait Until")])


def test_the_digest_changes_with_any_activity_and_not_with_the_order_of_offering():
    digest = CORE_CATALOGUE.digest
    assert Catalogue(reversed(CORE.values())).digest == digest
    for change in (
        {"timeout_seconds": 61}, {"approval": Approval("approver")}, {"effect": "queryable"},
        {"inputs": {"type": "object"}},
    ):  # fmt: skip
        changed = [
            replace(CORE["wait_until"], **change),
            *(CORE[name] for name in CORE if name != "wait_until"),
        ]
        assert Catalogue(changed).digest != digest


def test_only_what_is_offered_is_in_the_offered_catalogue(registry):
    assert list(offered()) == []
    offer(CORE["wait_until"])
    offer(CORE["ask_reporter"])
    offer(CORE["wait_until"])
    assert list(offered()) == ["ask_reporter", "wait_until"]
    assert offered() is offered()


def test_two_activities_of_one_name_are_not_offered(registry):
    offer(CORE["wait_until"])
    with pytest.raises(ValueError, match="already"):
        offer(replace(CORE["wait_until"], title="Another"))
    with pytest.raises(ValueError, match="not a name"):
        offer(replace(CORE["wait_until"], activity_id="no name"))


def test_each_question_of_an_inspection_becomes_a_typed_output():
    questions = {
        "bad": {"ask": "?", "type": "yes_no"}, "how": {"ask": "?", "type": "choice", "options": ["a", "b"]},
        "deep": {"ask": "?", "type": "number"}, "what": {"ask": "?", "type": "text"},
        "pics": {"ask": "?", "type": "photos"},
    }  # fmt: skip
    schema = output_schema(CORE["inspect_site"], {"questions": questions})
    properties = schema["properties"]
    assert properties["bad"] == {"type": "boolean"}
    assert properties["how"] == {"type": "string", "enum": ["a", "b"]}
    assert properties["deep"] == {"type": "number"}
    assert properties["what"] == {"type": "string"}
    assert properties["pics"]["type"] == "array"
    assert {"photos", "notes"} <= set(properties)
    assert schema["required"] == list(questions)
    Draft202012Validator.check_schema(schema)
    assert "bad" not in CORE["inspect_site"].output["properties"]


def test_an_answer_has_the_type_that_was_asked_for():
    assert output_schema(CORE["ask_reporter"], {"type": "yes_no"})["properties"]["answer"] == {
        "type": "boolean"
    }
    assert output_schema(CORE["ask_reporter"], {})["properties"]["answer"] == {"type": "string"}


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"questions": 5},
        {"questions": {"a": 5, "b": {"type": []}, "c": {"type": "choice"}, "photos": {"type": "text"}}},
    ],
)
def test_broken_questions_leave_the_output_open(inputs):
    Draft202012Validator.check_schema(output_schema(CORE["inspect_site"], inputs))
