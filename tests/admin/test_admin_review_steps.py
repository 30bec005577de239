"""Changing a plan step by step: only what was changed is written, and nobody's change is lost unseen."""

from pathlib import Path

import pytest
import yaml
from django.urls import reverse

import workflows
from tests.admin.looking import HOSTILE, assert_tame, said
from workflows.models import PlanStatus, WorkflowPlan
from workflows.services import approve_plan, current_revision, replace_plan

PLAYBOOKS = Path(workflows.__path__[0]) / "playbooks"

CREW = {
    "step_id": "crew",
    "activity_id": "dispatch_crew",
    "title": "Call out the crew",
    "inputs": {
        "department": "water",
        "address": "{{ issue.address }}",
        "instructions": "Shut the valve.",
        "urgency": "{{ issue.urgency }}",
    },
    "needs": ["look"],
}
LOOK = {
    "step_id": "look",
    "activity_id": "inspect_site",
    "title": "Look at the leak",
    "inputs": {
        "department": "water",
        "address": "{{ issue.address }}",
        "questions": {
            "severity": {"ask": "How bad is it?", "type": "choice", "options": ["low", "high"]},
            "open_street": {"ask": "Must the street be opened?", "type": "yes_no"},
        },
    },
    "needs": [],
}
TELL = {
    "step_id": "tell",
    "activity_id": "send_notification",
    "title": "Tell the reporter",
    "inputs": {"to": "{{ issue.reporter }}", "message": "It is done."},
    "needs": ["crew"],
}
PLAN = {"schema_version": 1, "workflow_name": "Mend a leak", "steps": [LOOK, CREW, TELL]}


@pytest.fixture
def plan(draft, people):
    return replace_plan(plan_id=draft.pk, document=PLAN, expected_digest=None, by=people["owner"])


def at(name, plan, *more):
    return reverse(f"admin:workflows_workflowplan_{name}", args=[plan.pk, *more])


def document(plan):
    return current_revision(WorkflowPlan.objects.select_related("current").get(pk=plan.pk)).document


def step_of(plan, step_id):
    return next(step for step in document(plan)["steps"] if step["step_id"] == step_id)


def given(response, **changes):
    """What a browser would send of the form as it is, with some fields filled in anew."""
    data = {"digest": response.context["digest"]}
    if response.context["number"]:
        data["activity"] = response.context["spec"].activity_id
    for field in response.context["form"]:
        value = field.value()
        if value not in (None, False, "", []):
            data[field.html_name] = value
    return {**data, **changes}


def field_of(response, name):
    """The name in the form of an input of the step."""
    inputs = response.context["form"].inputs
    return next(key for key, known in inputs.items() if known == name)


def test_a_form_that_is_sent_as_it_was_shown_changes_nothing(owner, plan):
    for number in (1, 2, 3):
        response = owner.get(at("step", plan, number))
        answer = owner.post(at("step", plan, number), {**given(response), "save": ""})
        assert answer.url == f"{at('steps', plan)}#step-{number}"
        assert "Nothing was different" in said(answer)
    assert document(plan) == current_revision(plan).document


@pytest.mark.parametrize(
    "playbook", ["water_leak", "graffiti", "illegal_dumping", "tree", "streetlight", "noise"]
)
def test_no_form_of_a_playbooks_plan_changes_what_it_only_shows(owner, draft, people, playbook):
    found = yaml.safe_load((PLAYBOOKS / f"{playbook}.yaml").read_text())["plan"]
    plan = replace_plan(plan_id=draft.pk, document=found, expected_digest=None, by=people["owner"])
    before = document(plan)
    for number in range(1, len(before["steps"]) + 1):
        response = owner.get(at("step", plan, number))
        assert owner.post(at("step", plan, number), {**given(response), "save": ""}).status_code == 302
    assert document(plan) == before


def test_a_changed_field_makes_a_new_revision_with_that_change_only(owner, plan, people):
    approve_plan(plan_id=plan.pk, digest=current_revision(plan).digest, by=people["owner"])
    response = owner.get(at("step", plan, 2))
    name = field_of(response, "instructions")
    owner.post(at("step", plan, 2), {**given(response, **{name: "Shut the\r\nvalve."}), "save": ""})
    plan = WorkflowPlan.objects.select_related("current__author").get(pk=plan.pk)
    assert step_of(plan, "crew")["inputs"] == {**CREW["inputs"], "instructions": "Shut the\nvalve."}
    assert (plan.status, plan.current.planner, plan.current.author) == (
        PlanStatus.DRAFT,
        "staff",
        people["owner"],
    )
    assert [change["field"] for change in plan.current.changes] == ["inputs/instructions"]


def test_references_are_offered_in_words_from_what_is_known_by_then(owner, plan):
    text = owner.get(at("step", plan, 2)).content.decode()
    assert "The severity found in &quot;Look at the leak&quot;" in text
    assert "The issue&#x27;s statement" in text
    first = owner.get(at("step", plan, 1)).content.decode()
    assert "The severity found in" not in first


def test_a_reference_taken_from_the_list_stands_at_the_end_of_a_text(owner, plan):
    response = owner.get(at("step", plan, 3))
    name = field_of(response, "message").replace("in_", "take_")
    owner.post(at("step", plan, 3), {**given(response, **{name: "{{ issue.reference }}"}), "save": ""})
    assert step_of(plan, "tell")["inputs"]["message"] == "It is done. {{ issue.reference }}"


def test_a_reference_chosen_for_one_of_a_list_takes_its_place(owner, plan):
    response = owner.get(at("step", plan, 2))
    name = field_of(response, "urgency")
    owner.post(at("step", plan, 2), {**given(response, **{name: '"critical"'}), "save": ""})
    assert step_of(plan, "crew")["inputs"]["urgency"] == "critical"
    owner.post(
        at("step", plan, 2),
        {**given(owner.get(at("step", plan, 2)), **{name: '"{{ issue.urgency }}"'}), "save": ""},
    )
    assert step_of(plan, "crew")["inputs"]["urgency"] == "{{ issue.urgency }}"


def test_a_condition_is_built_from_rows_and_keeps_the_kind_of_its_values(owner, plan):
    response = owner.get(at("step", plan, 2))
    rows = {
        "when_0_left": "{{ steps.look.open_street }}", "when_0_is": "eq", "when_0_right": "yes",
        "when_1_left": "{{ steps.look.severity }}", "when_1_is": "in", "when_1_right": "high, low",
        "when_2_left": "{{ issue.reporter }}", "when_2_is": "exists", "when_join": "any",
    }  # fmt: skip
    owner.post(at("step", plan, 2), {**given(response, **rows), "save": ""})
    assert step_of(plan, "crew")["when"] == {
        "any": [
            {"eq": ["{{ steps.look.open_street }}", True]},
            {"in": ["{{ steps.look.severity }}", ["high", "low"]]},
            {"exists": "{{ issue.reporter }}"},
        ]
    }
    problems = current_revision(WorkflowPlan.objects.get(pk=plan.pk)).problems
    assert [one for one in problems if one["severity"] == "error"] == []
    shown = owner.get(at("step", plan, 2))
    assert shown.context["form"]["when_0_right"].value() == "yes"


def test_a_condition_that_rows_cannot_say_is_edited_as_json_and_not_lost(owner, plan, people):
    deep = {
        "any": [{"not": {"eq": ["{{ issue.urgency }}", "low"]}}, {"all": [{"exists": "{{ issue.address }}"}]}]
    }
    steps = [LOOK, {**CREW, "when": deep}, TELL]
    replace_plan(plan_id=plan.pk, document={**PLAN, "steps": steps}, expected_digest=None, by=people["owner"])
    response = owner.get(at("step", plan, 2))
    owner.post(at("step", plan, 2), {**given(response, title="Another title"), "save": ""})
    assert step_of(plan, "crew")["when"] == deep
    response = owner.get(at("step", plan, 2))
    owner.post(at("step", plan, 2), {**given(response, when='{"exists": "{{ issue.address }}"}'), "save": ""})
    assert step_of(plan, "crew")["when"] == {"exists": "{{ issue.address }}"}


def test_an_approval_and_times_are_written_as_the_plan_language_wants_them(owner, plan):
    response = owner.get(at("step", plan, 2))
    asked = {
        "approval": "supervisor", "approval_reason": "Digging costs money.", "approval_four_eyes": "on",
        "approval_due": "4 hours", "due": "2 days 30 minutes", "on_failure": "escalate:supervisor",
    }  # fmt: skip
    owner.post(at("step", plan, 2), {**given(response, **asked), "save": ""})
    step = step_of(plan, "crew")
    assert step["requires_approval"] == {
        "group": "supervisor",
        "reason": "Digging costs money.",
        "four_eyes": True,
        "due": "PT4H",
    }
    assert (step["due"], step["on_failure"]) == ("P2DT30M", {"escalate": "supervisor"})
    assert owner.get(at("step", plan, 2)).context["form"]["due"].value() == "2 working days 30 minutes"
    response = owner.get(at("step", plan, 2))
    owner.post(at("step", plan, 2), {**given(response, approval_reason="It costs."), "save": ""})
    asked_now = step_of(plan, "crew")["requires_approval"]
    assert (asked_now["reason"], asked_now["due"], asked_now["four_eyes"]) == ("It costs.", "PT4H", True)
    response = owner.get(at("step", plan, 2))
    owner.post(
        at("step", plan, 2), {**given(response), "approval": "", "due": "", "on_failure": "fail", "save": ""}
    )
    assert not {"requires_approval", "due", "on_failure"} & set(step_of(plan, "crew"))


def test_questions_are_added_changed_and_taken_out(owner, plan):
    response = owner.get(at("step", plan, 1))
    new = {
        "q_0_gone": "on", "q_1_ask": "Must the road be opened?",
        "q_2_ask": "How deep is it?", "q_2_type": "number",
    }  # fmt: skip
    names = [name for name in response.context["form"].questions.names if name]
    owner.post(at("step", plan, 1), {**given(response, **new), "save": ""})
    questions = step_of(plan, "look")["inputs"]["questions"]
    kept = LOOK["inputs"]["questions"][names[1]]
    assert questions[names[1]] == {**kept, "ask": "Must the road be opened?"}
    assert questions["how_deep_is_it"] == {"ask": "How deep is it?", "type": "number"}
    assert set(questions) == {names[1], "how_deep_is_it"}


@pytest.mark.parametrize(
    ("number", "changes", "field", "word"),
    [
        (2, {"title": " "}, "title", "required"),
        (2, {"due": "soon"}, "due", "length of time"),
        (2, {"due": "5 seconds"}, "due", "not seconds"),
        (2, {"approval_due": "0 hours"}, "approval_due", "longer than nothing"),
        (2, {"when_0_left": "{{ issue.urgency }}"}, "when_0_right", "compared"),
        (
            2,
            {"when_0_left": "{{ steps.look.open_street }}", "when_0_right": "maybe"},
            "when_0_right",
            "yes or no",
        ),
        (2, {"rare_retry": '{"a": 1, "a": 2}'}, "rare_retry", "twice"),
        (1, {"q_2_ask": "x", "q_2_name": "Not So"}, "q_2_name", "Small letters"),
        (1, {"q_2_ask": "x", "q_2_name": "severity"}, "q_2_name", "Another question"),
    ],
)
def test_what_cannot_be_read_is_named_at_its_field_and_nothing_is_lost_or_saved(
    owner, plan, number, changes, field, word
):
    response = owner.get(at("step", plan, number))
    sent = {**given(response), "reason": "Because of the street", **changes, "save": ""}
    answer = owner.post(at("step", plan, number), sent)
    assert answer.status_code == 422
    assert word in " ".join(answer.context["form"].errors[field])
    assert "Because of the street" in answer.content.decode()
    assert document(plan) == current_revision(plan).document


def test_a_check_shows_what_would_be_wrong_and_saves_nothing(owner, plan):
    response = owner.get(at("step", plan, 2))
    name = field_of(response, "address")
    answer = owner.post(at("step", plan, 2), {**given(response, **{name: "{{ steps.tell.x }}"}), "check": ""})
    assert "need not have ended" in answer.content.decode()
    assert document(plan) == current_revision(plan).document


def test_another_kind_of_work_keeps_the_inputs_that_both_have(owner, plan):
    response = owner.get(at("step", plan, 2) + "?activity=inspect_site")
    assert "another kind of work" in response.content.decode()
    sent = given(response, q_0_ask="Is it dry?", title="Look again")
    owner.post(at("step", plan, 2), {**sent, "save": ""})
    step = step_of(plan, "crew")
    assert (step["activity_id"], step["title"]) == ("inspect_site", "Look again")
    assert step["inputs"] == {
        "department": "water",
        "address": "{{ issue.address }}",
        "questions": {"is_it_dry": {"ask": "Is it dry?", "type": "yes_no"}},
    }


# --- the list ---------------------------------------------------------------------------------------


def test_a_step_is_added_between_two_others(owner, plan):
    asked = {"activity": "wait_until", "after": "look", "between": "on"}
    response = owner.get(at("add_step", plan), asked)
    name = field_of(response, "for")
    address = at("add_step", plan) + "?activity=wait_until&after=look&between=on"
    owner.post(address, {**given(response, title="Let it dry", **{name: "2 hours"}), "save": ""})
    found = document(plan)["steps"]
    assert [step["step_id"] for step in found] == ["look", "let_it_dry", "crew", "tell"]
    assert found[1] == {
        "step_id": "let_it_dry", "activity_id": "wait_until", "title": "Let it dry", "needs": ["look"],
        "inputs": {"for": "PT2H"},
    }  # fmt: skip
    assert found[2]["needs"] == ["let_it_dry"]


def test_a_step_is_added_beside_what_waits_already(owner, plan):
    address = at("add_step", plan) + "?activity=update_issue&after=look"
    owner.post(address, {**given(owner.get(address), title="Look at the leak"), "save": ""})
    found = document(plan)["steps"]
    assert [(step["step_id"], step["needs"]) for step in found] == [
        ("look", []), ("look_at_the_leak", ["look"]), ("crew", ["look"]), ("tell", ["crew"]),
    ]  # fmt: skip


def test_a_step_is_moved_and_what_waits_for_what_stays(owner, plan):
    digest = current_revision(plan).digest
    answer = owner.post(at("steps", plan), {"digest": digest, "move": "crew:up"})
    assert answer.url == f"{at('steps', plan)}#step-1"
    assert [step["step_id"] for step in document(plan)["steps"]] == ["crew", "look", "tell"]
    assert step_of(plan, "crew")["needs"] == ["look"]


def test_what_waited_for_a_step_that_is_taken_out_waits_for_what_it_waited_for(owner, plan):
    digest = current_revision(plan).digest
    page = owner.get(at("remove_step", plan, 2) + f"?digest={digest}").content.decode()
    assert "Call out the crew" in page
    assert len(document(plan)["steps"]) == 3
    owner.post(at("remove_step", plan, 2), {"digest": digest})
    assert [(step["step_id"], step["needs"]) for step in document(plan)["steps"]] == [
        ("look", []),
        ("tell", ["look"]),
    ]


def test_the_name_purpose_and_target_of_the_plan_are_changed_in_a_form(owner, plan):
    given = {
        "digest": current_revision(plan).digest, "about": "1", "workflow_name": "Mend it", "description": "Why",
        "due": "3 days",
    }  # fmt: skip
    owner.post(at("steps", plan), given)
    found = document(plan)
    assert (found["workflow_name"], found["description"], found["due"]) == ("Mend it", "Why", "P3D")
    assert owner.post(at("steps", plan), {**given, "due": "later"}).status_code == 422


# --- two people -------------------------------------------------------------------------------------


def test_two_people_at_different_fields_of_one_step_both_have_their_way(owner, plan, people):
    mine = owner.get(at("step", plan, 2))
    steps = [LOOK, {**CREW, "title": "Their title"}, TELL]
    theirs = replace_plan(
        plan_id=plan.pk, document={**PLAN, "steps": steps}, expected_digest=None, by=people["administrator"]
    )
    sent = given(mine, **{field_of(mine, "instructions"): "Mine."})
    refused = owner.post(at("step", plan, 2), {**sent, "save": ""})
    assert refused.status_code == 409
    text = refused.content.decode()
    assert "Mine." in text
    assert f"{at('diff', plan)}?from=2&amp;to=3" in text
    owner.post(at("step", plan, 2), {**sent, "onto": current_revision(theirs).digest})
    step = step_of(plan, "crew")
    assert (step["title"], step["inputs"]["instructions"]) == ("Their title", "Mine.")


def test_a_plan_that_runs_is_not_changed_any_more(owner, plan, people):
    from executions.services import launch_execution

    response = owner.get(at("step", plan, 2))
    digest = current_revision(plan).digest
    launch_execution(plan_id=plan.pk, execution_data={}, by=people["owner"], approve=True, digest=digest)
    answer = owner.post(at("step", plan, 2), {**given(response, title="Too late"), "save": ""})
    assert "runs, or has run" in said(answer)
    assert document(plan) == current_revision(plan).document


def test_a_step_that_somebody_else_took_out_is_not_brought_back(owner, plan, people):
    mine = owner.get(at("step", plan, 2))
    theirs = replace_plan(
        plan_id=plan.pk, document={**PLAN, "steps": [LOOK]}, expected_digest=None, by=people["administrator"]
    )
    answer = owner.post(
        at("step", plan, 2), {**given(mine, title="Mine"), "onto": current_revision(theirs).digest}
    )
    assert "took this step out" in said(answer)
    assert [step["step_id"] for step in document(plan)["steps"]] == ["look"]


@pytest.mark.parametrize("stale", ["", "0" * 64])
def test_a_change_without_the_digest_of_what_was_read_is_refused(owner, plan, stale):
    response = owner.get(at("step", plan, 2))
    owner.post(at("step", plan, 2), {**given(response, title="Blind"), "digest": stale, "save": ""})
    owner.post(at("steps", plan), {"digest": stale, "move": "crew:up"})
    owner.post(at("steps", plan), {"digest": stale, "about": "1", "workflow_name": "Blind"})
    owner.post(at("remove_step", plan, 2), {"digest": stale})
    assert document(plan) == current_revision(plan).document


# --- who, and what of any shape ---------------------------------------------------------------------


def every_way(plan):
    return [
        at("steps", plan),
        at("step", plan, 1),
        at("remove_step", plan, 1),
        at("add_step", plan) + "?activity=update_issue",
        at("edit", plan),
    ]


def test_only_who_may_change_plans_of_the_department_finds_the_forms(
    owner, colleague, outsider, nobody, plan
):
    digest = current_revision(plan).digest
    for address in every_way(plan):
        assert owner.get(address).status_code == 200
        for method in ("get", "post"):
            given = (
                {"digest": digest, "title": "x", "text": "{}", "move": "crew:up"} if method == "post" else {}
            )
            assert getattr(colleague, method)(address, given).status_code == 403
            assert getattr(outsider, method)(address, given).url == reverse("admin:index")
            assert getattr(nobody, method)(address, given).url.startswith(reverse("admin:login"))
    assert document(plan) == current_revision(plan).document


@pytest.mark.parametrize(
    "broken",
    [
        {},
        [],
        "text",
        {"steps": None},
        {
            "steps": [
                None,
                1,
                "x",
                [],
                {"needs": 1, "inputs": [], "when": 3, "requires_approval": 7, "policies": 2},
            ]
        },
        {
            "steps": [
                {
                    "step_id": "a",
                    "needs": ["a", "gone"],
                    "inputs": {"questions": [], "to": {"a": [1]}},
                    "retry": 1,
                }
            ]
        },
        {
            "steps": [
                {
                    "step_id": "a",
                    "activity_id": "inspect_site",
                    "inputs": {"questions": {"q": 1, "r": {"ask": 2}}},
                }
            ]
        },
        {
            "steps": [
                {
                    "step_id": "a",
                    "activity_id": "wait_until",
                    "inputs": {"for": "x", "at": 5},
                    "due": [],
                    "when": {},
                }
            ]
        },
        {
            "steps": [
                {
                    "step_id": "a",
                    "activity_id": "send_notification",
                    "inputs": {"to": ["ops@x"], "message": "{{ x"},
                }
            ]
        },
        {
            "steps": [{"step_id": "a"}, {"step_id": "a", "on_failure": 3, "timeout": 9, "compensate": []}],
            "due": 7,
        },
    ],
)
def test_a_draft_of_any_shape_has_forms_that_change_nothing_of_it(owner, plan, people, broken):
    plan = replace_plan(plan_id=plan.pk, document=broken, expected_digest=None, by=people["owner"])
    before = document(plan)
    assert owner.get(at("steps", plan)).status_code == 200
    steps = before.get("steps") if isinstance(before, dict) else None
    for number in range(1, len(steps or ()) + 1):
        response = owner.get(at("step", plan, number))
        assert response.status_code == 200
        spec = response.context["spec"]
        sent = {"digest": response.context["digest"], "activity": spec.activity_id if spec else ""}
        for field in response.context["form"]:
            if field.value() not in (None, False, "", []):
                sent[field.html_name] = field.value()
        owner.post(at("step", plan, number), {**sent, "title": "A title", "save": ""})
        now = document(plan)["steps"][number - 1]
        was = before["steps"][number - 1]
        was = was if isinstance(was, dict) else {}
        assert {**now, "title": None} == {**was, "title": None} or "needs" in set(now) - set(was)


def test_hostile_words_in_every_field_stay_words(owner, plan, people):
    for text in HOSTILE:
        step = {
            "step_id": "a", "activity_id": "dispatch_crew", "title": text, "reason": text, "policies": [text],
            "inputs": {"department": text, "address": text, "instructions": text, "urgency": text, text: text},
            "needs": [text], "when": {"eq": ["{{ issue.urgency }}", text]},
            "requires_approval": {"group": text, "reason": text, "due": text}, "due": text, "timeout": text,
            "on_failure": {"escalate": text}, "compensate": {"activity_id": text}, text: text,
        }  # fmt: skip
        questions = {
            "step_id": "b",
            "activity_id": "inspect_site",
            "title": text,
            "inputs": {"questions": {text: {"ask": text}}},
        }
        body = {
            "schema_version": 1,
            "workflow_name": text[:120],
            "description": text,
            "steps": [step, questions],
        }
        plan = replace_plan(plan_id=plan.pk, document=body, expected_digest=None, by=people["owner"])
        for address in [*every_way(plan), at("step", plan, 2)]:
            assert_tame(owner.get(address), text)


def test_the_forms_take_a_bounded_number_of_queries(owner, plan, people, django_assert_max_num_queries):
    many = [
        {**CREW, "step_id": f"s{number}", "needs": [f"s{number - 1}"] if number else []}
        for number in range(120)
    ]
    plan = replace_plan(
        plan_id=plan.pk, document={**PLAN, "steps": many}, expected_digest=None, by=people["owner"]
    )
    with django_assert_max_num_queries(14):
        owner.get(at("steps", plan))
    with django_assert_max_num_queries(10):
        owner.get(at("step", plan, 120))
