"""Lists page by page: complete and stable while rows come and go, strict about what they are asked."""

import base64
import json
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from issues.models import Issue
from tests import factories
from workflows.models import PlanStatus, WorkflowPlan


def make_plans(count, at=None):
    """Plans of one moment: nothing but their keys tells them apart."""
    issue = factories.make_plan().issue
    at = at or timezone.now()
    made = WorkflowPlan.objects.bulk_create(
        WorkflowPlan(issue=issue, status=PlanStatus.ARCHIVED, created_at=at) for _ in range(count)
    )
    return {str(plan.pk) for plan in made}


def pages(api, url, between=lambda: None):
    """The rows of each page, as ``next`` leads from one to the next."""
    while url:
        page = api.get(url).json()
        yield page["results"]
        between()
        url = page["next"]


def test_a_thousand_rows_of_one_moment_are_each_listed_once_while_others_are_added(api):
    wanted = make_plans(1_000)
    found = [
        row["workflow_id"]
        for rows in pages(
            api, "/workflows?status=ARCHIVED&page_size=97", between=lambda: make_plans(3, timezone.now())
        )
        for row in rows
    ]
    assert len(found) == len(set(found))
    assert wanted <= set(found)


@pytest.mark.parametrize("ordering", ["created_at", "-created_at"])
def test_going_back_leads_through_the_same_rows(api, ordering):
    make_plans(25)
    WorkflowPlan.objects.filter(status="DRAFT").update(created_at=F("created_at") - timedelta(days=1))
    url = f"/workflows?page_size=7&ordering={ordering}"
    forth, back = [], []
    while url:
        page = api.get(url).json()
        forth.append([row["workflow_id"] for row in page["results"]])
        last, url = page, page["next"]
    url = last["previous"]
    while url:
        page = api.get(url).json()
        back.append([row["workflow_id"] for row in page["results"]])
        url = page["previous"]
    assert [len(page) for page in forth] == [7, 7, 7, 5]
    assert back == list(reversed(forth[:-1]))
    assert api.get(f"/workflows?page_size=7&ordering={ordering}").json()["previous"] is None


def test_rows_removed_meanwhile_end_no_list(api):
    make_plans(20)
    first = api.get("/workflows?status=ARCHIVED&page_size=10").json()
    WorkflowPlan.objects.filter(status=PlanStatus.ARCHIVED).delete()
    second = api.get(first["next"]).json()
    assert (second["results"], second["next"]) == ([], None)
    assert api.get(second["previous"]).status_code == 200


@pytest.mark.parametrize("size", ["0", "201", "-1", "ten", "", "1e2", "١٠"])
def test_a_page_size_that_is_none_is_400_at_its_parameter(api, size):
    response = api.get(f"/workflows?page_size={size}")
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert response.json()["errors"][0]["parameter"] == "page_size"


def encoded(*row):
    return base64.urlsafe_b64encode(json.dumps(row).encode()).decode().rstrip("=")


KEY = "00000000-0000-0000-0000-000000000007"


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "",
        "%00",
        "a" * 5_000,
        encoded("created_at", "2026-01-01T00:00:00+00:00", KEY, False),  # of another ordering
        encoded("-created_at", "yesterday", KEY, False),
        encoded("-created_at", "2026-01-01T00:00:00+00:00", "7", False),
        encoded("-created_at", "2026-01-01T00:00:00+00:00", KEY, 1),
        encoded("-created_at", ["x"], {}, False),
        encoded("-created_at", "\ud800", "\x00", False),
        encoded(1, 2),
    ],
)
def test_a_cursor_that_no_list_gave_is_400(api, cursor):
    response = api.get(f"/workflows?cursor={cursor}")
    assert (response.status_code, response.json()["code"]) == (400, "bad_cursor")


def test_an_ordering_or_a_filter_that_is_not_known_is_400_and_lists_nothing(api):
    assert api.get("/workflows?ordering=title").json()["errors"][0]["parameter"] == "ordering"
    response = api.get("/workflows?statsu=DRAFT&page_size=2&colour=red")
    assert (response.status_code, response.json()["code"]) == (400, "unknown_parameter")
    assert [error["parameter"] for error in response.json()["errors"]] == ["colour", "statsu"]
    assert api.get("/workflows?status=NONE").json()["errors"][0]["pointer"] == "/status"


@pytest.mark.parametrize(
    "cursor", [encoded("-number", str(10**30), "1", False), encoded("-number", "2", str(10**30), True)]
)
def test_a_cursor_with_a_number_beyond_all_is_no_error_of_ours(api, plan, cursor):
    assert api.get(f"/workflows/{plan.pk}/revisions?cursor={cursor}").status_code in {200, 400}
    assert Issue.objects.exists()
