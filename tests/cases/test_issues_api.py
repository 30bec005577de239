"""Reading an issue and correcting its facts through the API."""

import pytest

from issues.models import Issue
from tests import factories
from tests.api.client import Api


def path(issue):
    return f"/issues/{issue.reference}"


def patch(api, issue, body, **headers):
    return api.call("PATCH", f"{path(issue)}/facts", body, **headers)


@pytest.fixture
def api(staff):
    return Api(factories.make_key(owner=staff))


def test_an_issue_is_read_with_its_facts_duplicates_and_version(api, report):
    first = report(address="123 Main St", hours_ago=3)
    reporter = {"name": "Ada Citizen", "email": "ada@example.org"}
    issue = report("Leak", address="123 Main St", reporter=reporter, people_affected=4)
    response = api.get(path(issue))
    assert response.status_code == 200
    body = response.json()
    assert response["ETag"] == f'"{body["version"]}"'
    assert (body["issue_id"], body["category"], body["department"]) == (
        issue.reference,
        "water_leak",
        "water",
    )
    assert body["facts"]["category"] == {
        "value": "water_leak",
        "confidence": None,
        "source": "recorded",
        "by": None,
    }
    assert body["facts"]["people_affected"]["value"] == 4
    assert [one["issue_id"] for one in body["duplicates"]] == [first.reference]
    assert "Ada" not in response.content.decode()


def test_facts_are_corrected_and_come_back_as_staffs(api, report, staff):
    issue = report(category="water_leak", address="123 Main St")
    read = api.get(path(issue))
    body = {"place": "125 Main St", "urgency": "critical", "people_affected": 12}
    response = patch(api, issue, body, **{"If-Match": read["ETag"]})
    assert response.status_code == 200
    assert response["ETag"] != read["ETag"]
    facts = response.json()["facts"]
    assert {facts[name]["source"] for name in body} == {"staff"}
    assert facts["place"] == {"value": "125 Main St", "confidence": 1.0, "source": "staff", "by": staff.pk}
    stored = Issue.objects.get(pk=issue.pk)
    assert (stored.address, stored.urgency, stored.people_affected) == ("125 Main St", "critical", 12)


def test_a_correction_of_what_was_read_before_another_change_is_412_and_says_the_version(api, report):
    issue = report()
    read = api.get(path(issue))["ETag"]
    patch(api, issue, {"urgency": "high"}, **{"If-Match": read})
    for stale in (read, f"W/{read}", '"nonsense"', '"99999999999999999999"'):
        late = patch(api, issue, {"urgency": "low"}, **{"If-Match": stale})
        assert late.status_code == 412
        assert late.json()["code"] == "precondition_failed"
        assert f'"{late.json()["version"]}"' == api.get(path(issue))["ETag"]
    assert patch(api, issue, {"urgency": "low"}, **{"If-Match": "*"}).status_code == 200
    assert patch(api, issue, {"urgency": "normal"}).status_code == 200


def test_a_category_of_another_department_hands_the_issue_over(api, report):
    issue = report()
    response = patch(api, issue, {"category": "tree"})
    assert response.status_code == 200
    assert response.json()["department"] == "parks"
    assert api.get(path(issue)).status_code == 404


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "", "required"),
        ({"colour": "red"}, "/colour", "unknown_field"),
        ({"category": "no_such_kind"}, "/category", "unknown_category"),
        ({"category": None}, "/category", "null"),
        ({"urgency": "now"}, "/urgency", "invalid_choice"),
        ({"people_affected": -1}, "/people_affected", "min_value"),
        ({"place": "x" * 201}, "/place", "max_length"),
    ],
)
def test_what_is_wrong_with_a_correction_is_said_at_its_field(api, report, body, pointer, code):
    response = patch(api, report(), body)
    assert response.status_code == 400
    assert {"pointer": pointer, "code": code}.items() <= response.json()["errors"][0].items()


@pytest.mark.parametrize("reference", ["ISSUE-99999999", "ISSUE-1", "nonsense", "issue-000001", "%00"])
def test_what_names_no_issue_is_404(api, reference):
    assert api.get(f"/issues/{reference}").status_code == 404
    assert api.call("PATCH", f"/issues/{reference}/facts", {"urgency": "low"}).status_code == 404


def test_an_outsider_finds_no_issue_and_a_key_needs_the_scope(report, staff, outsider):
    issue = report()
    elsewhere = Api(factories.make_key(owner=outsider))
    assert elsewhere.get(path(issue)).status_code == 404
    assert patch(elsewhere, issue, {"urgency": "low"}).status_code == 404
    reader = Api(factories.make_key("issues:read", owner=staff))
    assert reader.get(path(issue)).status_code == 200
    assert patch(reader, issue, {"urgency": "low"}).status_code == 403
    viewer = Api(factories.make_key(owner=factories.make_user("viewer", departments=("water",))))
    assert viewer.get(path(issue)).status_code == 200
    assert patch(viewer, issue, {"urgency": "low"}).status_code == 403
    assert Api().get(path(issue)).status_code == 401


def test_duplicates_of_other_departments_are_not_told(report, outsider):
    report("A tree leans over 5 Elm St", category=None, address="5 Elm St")
    issue = report("A tree leans over 5 Elm St", category="tree", address="5 Elm St")
    assert Api(factories.make_key(owner=outsider)).get(path(issue)).json()["duplicates"] == []
    assert len(Api(factories.make_key()).get(path(issue)).json()["duplicates"]) == 1
