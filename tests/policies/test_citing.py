"""What a plan's steps cite has to be a policy that there is."""

import uuid

import pytest

from tests import factories
from workflows.policies.checking import cited_policies, policy_problems
from workflows.policies.citing import citation, cited
from workflows.policies.services import publish_policy, revise_policy, withdraw_policy
from workflows.services import PlanHasProblems, approve_plan, validate_document

UNKNOWN = uuid.UUID(int=7)  # always the same: the names of tests may not differ between processes


def plan_citing(*texts):
    return factories.document(factories.note_step(), factories.note_step("again", policies=list(texts)))


def codes(*texts):
    problems = policy_problems(plan_citing(*texts))
    return [(problem.pointer, problem.code, problem.severity) for problem in problems]


@pytest.fixture
def in_force(lamps, lighter):
    return publish_policy(policy_id=lamps.pk, version=1, by=lighter)


def test_a_citation_reads_back_as_it_was_written():
    document = str(uuid.uuid4())
    assert cited(citation(document, 12)) == (document, 12)
    for text in ("", "water-safety@3", f"{document}@0", f"{document}@", f"{document}@1\n", document, None, 3):
        assert cited(text) is None


def test_a_policy_in_force_may_be_cited(in_force):
    assert codes(citation(in_force.pk, 1)) == []


@pytest.mark.parametrize("number", [2, 999_999_999])
def test_a_version_that_does_not_exist_is_an_error(in_force, number):
    assert codes(citation(in_force.pk, number)) == [("/steps/1/policies/0", "unknown_policy", "error")]


@pytest.mark.parametrize("text", ["the city code", f"{UNKNOWN}@1", "a@1", "' OR 1=1 --", "\u0001"])
def test_a_document_that_does_not_exist_is_an_error(in_force, text):
    found = codes(citation(in_force.pk, 1), text)
    assert found == [("/steps/1/policies/1", "unknown_policy", "error")]


def test_a_draft_is_no_rule_yet(lamps):
    assert codes(citation(lamps.pk, 1)) == [("/steps/1/policies/0", "unknown_policy", "error")]


def test_what_was_withdrawn_or_replaced_since_is_a_warning(in_force, lighter):
    revise_policy(policy_id=in_force.pk, heading="Lamps", text="New.", expected_version=1, by=lighter)
    assert codes(citation(in_force.pk, 1)) == []
    publish_policy(policy_id=in_force.pk, version=2, by=lighter)
    assert codes(citation(in_force.pk, 1)) == [("/steps/1/policies/0", "policy_outdated", "warning")]
    withdraw_policy(policy_id=in_force.pk, by=lighter)
    assert codes(citation(in_force.pk, 2)) == [("/steps/1/policies/0", "policy_outdated", "warning")]


def test_a_plan_that_cites_what_does_not_exist_is_kept_and_cannot_be_approved(city, in_force):
    plan = factories.make_plan(plan_citing("water-safety@3"))
    assert [p["code"] for p in plan.current.problems if p["severity"] == "error"] == ["unknown_policy"]
    with pytest.raises(PlanHasProblems):
        approve_plan(plan_id=plan.pk, digest=None, by=factories.make_user("approver"))


def test_a_plan_that_cites_a_policy_in_force_is_approved(city, in_force):
    plan = factories.make_plan(plan_citing(citation(in_force.pk, 1)))
    assert approve_plan(plan_id=plan.pk, digest=None, by=factories.make_user("approver")).status == "APPROVED"


def test_what_is_cited_is_found_with_its_heading(in_force):
    text = citation(in_force.pk, 1)
    policy = cited_policies(plan_citing(text, "nonsense"))[text]
    assert (policy.heading, policy.status, policy.version) == ("Street lighting", "PUBLISHED", 1)


@pytest.mark.parametrize(
    "document", [None, [], "", {"steps": 3}, {"steps": [1, {"policies": 2}, {"policies": [3, None, {}]}]}]
)
def test_what_is_no_plan_has_no_citations(db, document):
    assert policy_problems(document) == []
    assert validate_document(document)


def test_the_plans_page_says_on_which_policies_a_step_rests(in_force, city):
    from django.test import Client
    from django.urls import reverse

    text = citation(in_force.pk, 1)
    plan = factories.make_plan(plan_citing(text, "<b>the city code</b>"))
    client = Client()
    client.force_login(factories.make_user("viewer"))
    page = client.get(reverse("admin:workflows_workflowplan_change", args=[plan.pk])).content.decode()
    policy = reverse("admin:workflows_policydocument_change", args=[in_force.pk])
    assert f'<a href="{policy}?version=1"><bdi>Street lighting, version 1</bdi></a>' in page
    assert "<bdi>&lt;b&gt;the city code&lt;/b&gt;</bdi>" in page
