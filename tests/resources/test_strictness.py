"""What would be read as something else than it says is refused: in filters, and in the types of JSON."""

import pytest


@pytest.mark.parametrize(
    "asked",
    [
        "/issues?status=",
        "/issues?category=%20",
        "/issues?q=%00",
        "/issues?reported_before=",
        "/categories?active=null",
        "/workflows/tasks?mine=1.5",
        "/workflows/executions?workflow_plan_id=",
    ],
)
def test_a_filter_that_says_nothing_lists_nothing(api, asked):
    assert api.get(asked).status_code == 400


def test_true_and_false_are_told_apart(api):
    shown = api.get("/categories?active=true").json()["results"]
    assert shown
    assert api.get("/categories?active=false").json()["results"] == []


@pytest.mark.parametrize("moment", ["1686-05-29T17:48:02.5%2B17:32", "6000-11-29T17:46:52-23:23"])
def test_a_moment_may_be_written_in_a_zone_that_the_database_does_not_know(api, moment):
    assert api.get(f"/issues?reported_after={moment}").status_code == 200
    assert api.get(f"/workflows/executions?created_before={moment}").status_code == 200


def test_a_moment_beyond_the_calendar_is_refused(api):
    answer = api.get("/issues?reported_after=0001-01-01T00:00:00%2B14:00")
    assert answer.status_code == 400
    assert [error["code"] for error in answer.json()["errors"]] == ["overflow"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"people_affected": "3"}, "/people_affected"),
        ({"people_affected": True}, "/people_affected"),
        ({"note": 3}, "/note"),
        ({"note": "Seen.", "visible": "true"}, "/visible"),
        ({"latitude": "1.5", "longitude": 2}, "/latitude"),
    ],
)
def test_json_of_another_type_is_refused_with_its_place(api, issue, change, pointer):
    answer = api.call("PATCH", f"/issues/{issue.reference}", change)
    assert answer.status_code == 400
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, "wrong_type")]


def test_json_of_another_type_is_found_in_lists_and_objects_too(api):
    made = {"url": "https://example.org/hook", "types": ["plan.*", 3], "filters": {"plan": 7}}
    errors = api.post("/webhooks", made).json()["errors"]
    assert {error["pointer"] for error in errors} == {"/types/1", "/filters/plan"}


def test_a_whole_number_may_be_written_with_a_point(api, issue):
    assert api.call("PATCH", f"/issues/{issue.reference}", {"people_affected": 3.0}).status_code == 200


@pytest.mark.parametrize("days", [{}, "", {"2026-12-24": True}])
def test_days_without_work_are_an_array(api, city, days):
    from tests import factories
    from tests.api.client import Api

    administrator = Api(factories.make_key(owner=factories.make_user("administrator")))
    answer = administrator.call("PATCH", "/departments/water", {"closed_days": days})
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/closed_days"]
