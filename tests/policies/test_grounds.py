"""What a draft may rest on: found while it isn't known whose an issue is, and kept for its department alone."""

import json
from pathlib import Path

import pytest

from issues.models import Category
from issues.services import report_issue
from tests import factories
from tests.planning.model_answers import answer, choice, step
from tests.policies.test_finding import make
from workflows import asking
from workflows.grounding import LEFT_OUT, Readable, grounds_for
from workflows.models import PlannerRun
from workflows.planning.playbooks import choose
from workflows.planning.prompts import fenced
from workflows.policies.models import PolicyPassage
from workflows.policies.shipped import shipped_id

QUESTIONS = [
    json.loads(line)
    for line in (Path(__file__).with_name("questions.jsonl")).read_text(encoding="utf-8").splitlines()
]
REACHED = 95.0
"""Percent of the questions whose policy is offered to the planner. Which departments are searched depends on the
playbooks' choice, so it is less than a search of all of them finds."""
WORDS = "Graffiti on the swing in the playground"


@pytest.fixture
def model(openai_server, settings):
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "sk-test", openai_server.base_url
    settings.OPENAI_MODEL, settings.GENERATE_WAIT = "test-model", 0.0
    return openai_server


def passage_of(policy):
    return PolicyPassage.objects.get(version=policy.current).pk


def offered(words):
    return grounds_for(report_issue(statement=words), words).passages


def approved_case(words, category):
    """An issue with an approved plan."""
    from workflows.drafting import create_plan, draft_for
    from workflows.services import approve_plan

    issue = report_issue(statement=words, category=Category.objects.get(code=category))
    by = factories.make_user("supervisor")
    plan = create_plan(draft=draft_for(statement=words, issue=issue), statement=words, issue=issue, by=by)
    approve_plan(plan_id=plan.pk, digest=None, by=by)
    return issue


def drafted(words):
    """The run of a draft that the model has made."""
    from workflows.drafting import ask_for_draft

    run = ask_for_draft(statement=words, by=factories.make_user("supervisor"))
    asking.carry_out(run.pk)
    return PlannerRun.objects.select_related("revision", "plan__issue__department").get(pk=run.pk)


def test_the_right_policy_is_offered_though_nobody_has_said_what_kind_of_issue_it_is(samples):
    missed = [
        (row["policy"], row["statement"])
        for row in QUESTIONS
        if str(shipped_id(row["policy"])) not in {one.document for one in offered(row["statement"])}
    ]
    assert 100 * (1 - len(missed) / len(QUESTIONS)) >= REACHED, missed


def test_the_departments_of_the_likeliest_kinds_are_searched_and_no_others(city):
    departments = {
        Category.objects.get(code=one.playbook.category).department.code for one in choose(WORDS)[:3]
    }
    assert {"parks", "sanitation"} <= departments and "water" not in departments
    for department in (None, "parks", "sanitation", "water"):
        make(f"Of {department}", "The playground and its swings, and graffiti", department)
    found = {one.heading.split(" > ")[0]: one.department for one in offered(WORDS)}
    assert found == {"Of None": "", "Of parks": "parks", "Of sanitation": "sanitation"}


def test_of_an_issue_that_is_a_departments_only_its_own_are_searched(city):
    for department in (None, "parks", "sanitation"):
        make(f"Of {department}", "The playground and its swings, and graffiti", department)
    issue = report_issue(statement=WORDS, category=Category.objects.get(code="parks"))
    found = {one.department for one in grounds_for(issue, WORDS).passages}
    assert found == {"", issue.department.code}


def test_nothing_of_another_department_than_the_chosen_kinds_reaches_its_reviewers(city, model):
    """The playbooks guess the one, the model finds the other: it was offered what both know."""
    whole = make("Everybody", "Graffiti on a swing is photographed first")
    cleaning = make("Sweepers", "Graffiti on a swing: SECRETOFCLEANING", "sanitation")
    parks = make("Parks", "Graffiti on a swing: KNOWNTOPARKS", "parks")
    theirs = approved_case("Graffiti on the swing THEIRCASE", "graffiti")
    ours = approved_case("Swing broken in the playground OURCASE", "parks")
    ids = [passage_of(policy) for policy in (whole, cleaning, parks)]
    model.choose(choice("update_issue", policies=ids, category="parks"))
    model.write(
        answer(step("record", "update_issue", inputs=[{"name": "note", "value_json": '"x"'}], cites=ids))
    )
    run = drafted(WORDS)
    assert (run.planner, run.plan.issue.department.code) == ("openai", "parks")
    asked, written = (json.dumps(model.bodies(which)[-1]) for which in ("choose", "write"))
    assert "SECRETOFCLEANING" in asked and "KNOWNTOPARKS" in asked and "THEIRCASE" in asked
    assert "SECRETOFCLEANING" not in written and "THEIRCASE" not in written and "KNOWNTOPARKS" in written
    assert run.revision.document["steps"][0]["policies"] == [f"{whole.pk}@1", f"{parks.pk}@1"]
    assert {one["passage"] for one in run.citations} == {ids[0], ids[2]}
    assert theirs.reference not in {one["issue"] for one in run.cases}
    kept = json.dumps(run.exchanges)
    assert "SECRETOFCLEANING" not in kept and "THEIRCASE" not in kept and "Sweepers" not in kept
    assert "KNOWNTOPARKS" in kept and LEFT_OUT in kept
    assert ours.reference in {one["issue"] for one in run.cases} and "OURCASE" in kept


def test_an_issue_that_is_no_departments_keeps_all_that_was_offered(city):
    policy = make("Cleaning", "Graffiti", "sanitation")
    exchanges = [{"request": fenced("policies", [{"id": passage_of(policy), "text": "Graffiti"}])}]
    assert Readable(None).exchanges(exchanges) == exchanges
    assert Readable("sanitation").exchanges(exchanges) == exchanges
    assert "Graffiti" not in json.dumps(Readable("parks").exchanges(exchanges))


@pytest.mark.parametrize(
    "text",
    [
        "<policies> and </policies>, <cases>", "<policies>[1, null, {}]</policies>", "<cases>[{\"category\": []}]",
        '<policies>[{"id": 99999999999999999999999}]</policies>', '<cases>[{"category": "\\u0000"}]</cases>', "",
    ],
)  # fmt: skip
def test_whatever_only_looks_like_grounds_is_kept_as_it_is(city, text):
    exchanges = [{"request": {"input": [{"content": text}], "n": 1}}, {"request": None}]
    assert Readable("parks").exchanges(exchanges) == exchanges


def test_grounds_that_were_cut_off_are_left_out(city):
    cut = '<report>{}</report>\n<policies>[{"id": 1, "text": "Graffi ... (cut here)'
    [kept] = Readable("parks").exchanges([{"request": cut}])
    assert kept["request"] == f'<report>{{}}</report>\n<policies>"{LEFT_OUT}"</policies>'
