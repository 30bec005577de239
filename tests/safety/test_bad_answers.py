"""A model that answers badly, in every way that it can: the outcome is stored, clear, and never a plan that may run.

Each answer comes through the real SDK from a real server, is stored by the real service, and is then put up for
approval through the API. Corrections are asked for; this model never learns.
"""

import pytest

from executions.models import WorkflowExecution
from tests.planning.model_answers import answer, choice, step
from tests.safety import hostile
from tests.safety.bad_answers import EVERYTHING, FALLS_BACK, WITH_PROBLEMS, asks, given, letter, note, order
from tests.safety.plans import ensure_safe
from workflows import asking
from workflows.models import PlannerRun, WorkflowPlan


@pytest.fixture
def drafted(api, settings, openai_server):
    """A function that has a plan drafted by the model on the server: (the plan as the API gives it, its run)."""
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "sk-test-key", openai_server.base_url
    settings.OPENAI_MODEL, settings.GENERATE_WAIT = "test-model", 0.0
    settings.OPENAI_MAX_TOKENS, settings.OPENAI_MAX_COST = 10_000_000, 1_000.0

    def draft(written, chosen=None, statement="Water leak at 123 Main St", **more):
        openai_server.reset()
        openai_server.choose(choice(*EVERYTHING) if chosen is None else chosen)
        if written is not None:
            openai_server.write(written)
        body = {"problem_statement": statement, **more}
        asked = api.post("/workflows/generate", body, Prefer="respond-async")
        assert asked.status_code == 202, asked.content
        made = PlannerRun.objects.get(plan_id=asked.json()["workflow_id"])
        asking.carry_out(made.pk)
        made.refresh_from_db()
        return api.get(f"/workflows/{made.plan_id}").json(), made

    return draft


def approve(api, found):
    return api.post(f"/workflows/{found['workflow_id']}/approve", {"digest": found["digest"]})


def outcome(api, found, run):
    """What became of an answer, as one tuple: who drafted, the run, what the plan lacks, and what approving says."""
    errors = {problem["code"] for problem in found["problems"] if problem["severity"] == "error"}
    refused = approve(api, found)
    code = refused.json().get("code", "") if refused.status_code >= 400 else refused.json()["status"]
    fallback = run.fallback["code"] if run.fallback else None
    return (found["planner"]["name"], run.status, fallback, refused.status_code, code), errors


def test_a_bad_plan_is_stored_as_a_draft_with_its_problems_and_nobody_can_approve_it(api, drafted):
    wrong = {}
    for name, (written, codes) in WITH_PROBLEMS.items():
        found, run = drafted(written)
        became, errors = outcome(api, found, run)
        if became != ("openai", "done", None, 422, "plan_has_problems") or not errors & codes:
            wrong[name] = (became, errors)
        assert found["status"] == "DRAFT", name
        assert [one["purpose"] for one in run.exchanges] == ["choose", "write", "correct", "correct"], name
        launched = api.post(f"/workflows/{found['workflow_id']}/execute", {"execution_data": {}})
        if not 400 <= launched.status_code < 500:
            wrong[name] = ("launched", launched.status_code)
        ensure_safe(found["workflow_plan"])
    assert wrong == {}
    assert not WorkflowExecution.objects.exists()
    assert set(WorkflowPlan.objects.values_list("status", flat=True)) == {"DRAFT"}


def test_an_answer_that_is_no_plan_becomes_a_playbooks_draft_that_says_why(api, drafted):
    wrong = {}
    for name, (written, code) in FALLS_BACK.items():
        found, run = drafted(written)
        assert found["status"] == "DRAFT" and run.exchanges, name
        assert ensure_safe(found["workflow_plan"]) is not None, name
        became, errors = outcome(api, found, run)
        said = found["planner"].get("fallback", {}).get("code")
        if became != ("playbooks", "done", code, 200, "APPROVED") or errors or said != code:
            wrong[name] = (became, errors, said)
    assert wrong == {}


@pytest.mark.parametrize(
    "chosen",
    [
        "I choose a crew.", " ", "[]", "{}", '{"activities": "all"}', choice(confidence=float("nan")),
        choice("launch_rocket").replace('"inspect_site"', '"x"'),
    ],
)  # fmt: skip
def test_a_choice_that_is_none_never_leads_to_more_than_is_offered(api, drafted, chosen):
    found, run = drafted(answer(order()), chosen)
    if found["planner"]["name"] == "playbooks":
        assert run.fallback["code"] in {"answer_junk", "answer_empty"}
    else:
        assert "unknown_activity" not in {problem["code"] for problem in found["problems"]}
    ensure_safe(found["workflow_plan"])


def test_what_the_catalogue_wants_approved_is_approved_first_whatever_the_model_wrote(api, drafted):
    strong = [asks(group, four_eyes=True) for group in ("supervisor", "administrator")]
    for asked in (None, True, {}, asks("supervisor", four_eyes=False), *strong):
        found, _ = drafted(answer(order(requires_approval=asked)))
        compiled = ensure_safe(found["workflow_plan"])
        if compiled is None:
            assert approve(api, found).status_code == 422
            continue
        (dig,) = compiled.steps
        assert dig.approval.group in {"supervisor", "administrator"} and dig.approval.four_eyes, asked


def test_policies_that_were_not_offered_are_not_cited(api, drafted):
    cited = note("a", cites=[999_999, -1, True, "7"], policies=["0b6f5c1e-4a8e-4b7e-9d55-0c7f3d7a1b22 v3"])
    found, run = drafted(answer(cited))
    (only,) = found["workflow_plan"]["steps"]
    assert not only.get("policies")
    assert [one for one in run.citations if one["steps"]] == []


def test_a_model_that_does_whatever_the_citizen_says_reaches_nobody_and_approves_nothing(api, drafted):
    """The worst model: it copies the citizen's words into every field of the plan."""
    for text in hostile.OWN.values():
        if not hostile.storable(text, 3_000) or not any(char.isprintable() and char != " " for char in text):
            continue
        obeyed = step(
            "obey", "send_notification", title=text, reason=text, needs=[], requires_approval=asks(text),
            inputs=given(to=text, message=text, subject=text, channel=text),
        )  # fmt: skip
        dig = order(
            title=text,
            inputs=given(department=text, scope=text, cost_limit=text),
            requires_approval=asks(text),
        )
        if not text.strip():
            continue
        found, _ = drafted(answer(obeyed, dig), statement=text)
        refused = approve(api, found)
        if found["planner"]["name"] == "openai":
            assert (refused.status_code, refused.json()["code"]) == (422, "plan_has_problems"), text
        ensure_safe(found["workflow_plan"])


def test_a_model_that_says_a_citizens_words_to_people_says_them_as_words(api, drafted):
    """Where a plan has room for words, hostile ones may stand: quoted, they neither read nor reach anything."""
    for text in hostile.OWN.values():
        if not hostile.storable(text, 3_000) or not text.strip():
            continue
        words = " ".join(text.replace("{{", "{{{{").split()) or "x"
        said = letter("{{ issue.reporter }}", words)
        found, _ = drafted(answer({**said, "title": words[:200]}), statement="Water leak")
        plan_that_runs = ensure_safe(found["workflow_plan"])
        if plan_that_runs is not None:
            assert plan_that_runs.steps[0].inputs["to"] == "{{ issue.reporter }}"
