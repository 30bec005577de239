"""A key that is tied to departments sees what is both theirs and its owner's: everywhere, and nothing else."""

import pytest
from django.core.files.base import ContentFile

from executions.models import Document
from executions.uploads import add_upload
from issues.models import Department, Issue, within_departments
from mudda import reach
from mudda.apikeys import DepartmentBeyondOwner
from mudda.files.storage import store_document
from mudda.models import ApiKey
from tests import factories
from tests.links.pictures import picture
from tests.time.runs import crew, make_task
from workflows.models import WorkflowPlan
from workflows.policies.services import create_policy


@pytest.fixture
def water(city):
    """A run of the water department with everything that hangs on one: the addresses of all of it."""
    task = make_task(crew())
    task.department = Department.objects.get(code="water")
    task.save(update_fields=["department"])
    chief = factories.make_user("supervisor", "dispatcher")
    upload = add_upload(task_id=task.pk, file=ContentFile(picture()), title="leak.jpg", by=chief)
    stored = store_document(b"%PDF-1.4", key=str(task.pk), suffix=".pdf", content_type="application/pdf")
    document = Document.objects.create(
        execution=task.execution,
        step_id="repair",
        effect_key="once",
        title="Report",
        content_type="application/pdf",
        name=stored.name,
        size=stored.size,
        sha256=stored.sha256,
    )
    department = Department.objects.get(code="water")
    policy = create_policy(heading="Leaks", text="Leaks are urgent.", department=department, by=chief)
    plan = task.execution.plan
    return {
        "issue": f"/issues/{plan.issue.reference}",
        "issue's events": f"/issues/{plan.issue.reference}/events",
        "plan": f"/workflows/{plan.pk}",
        "plan's revisions": f"/workflows/{plan.pk}/revisions",
        "plan's events": f"/workflows/{plan.pk}/events",
        "execution": f"/workflows/executions/{task.execution_id}",
        "execution's events": f"/workflows/executions/{task.execution_id}/events",
        "task": f"/workflows/tasks/{task.pk}",
        "upload": f"/workflows/uploads/{upload.pk}",
        "document": f"/workflows/documents/{document.pk}",
        "policy": f"/policies/{policy.pk}",
    }


LISTS = ["/workflows", "/workflows/executions", "/workflows/tasks", "/policies"]


def statuses(api, addresses):
    return {name: api.get(path).status_code for name, path in addresses.items()}


def everywhere(addresses, status):
    return dict.fromkeys(addresses, status)


def rows(api):
    return {path: len(api.get(path).json()["results"]) for path in LISTS}


def test_a_key_of_the_department_sees_all_of_it(make, water):
    _, api = make(departments=["water"])
    assert statuses(api, water) == everywhere(water, 200)
    assert rows(api) == dict.fromkeys(LISTS, 1)


def test_a_key_of_another_department_sees_none_of_it(make, water):
    _, api = make(departments=["parks"])
    assert statuses(api, water) == everywhere(water, 404)
    assert rows(api) == dict.fromkeys(LISTS, 0)


def test_a_key_sees_no_more_than_its_owner_and_no_more_than_it_is_tied_to(make, water):
    owner = factories.make_user("administrator", departments=("water", "parks"))
    _, both = make(owner=owner, departments=["water", "parks"])
    _, parks = make(owner=owner, departments=["parks"])
    assert statuses(both, water) == everywhere(water, 200)
    assert statuses(parks, water) == everywhere(water, 404)
    Department.objects.get(code="water").staff.remove(owner)
    assert statuses(both, water) == everywhere(water, 404)


def test_a_key_of_a_superuser_is_tied_like_any_other(make, water):
    root = factories.make_user(is_superuser=True)
    assert statuses(make(owner=root, departments=["parks"])[1], water) == everywhere(water, 404)
    assert statuses(make(owner=root, departments=["water"])[1], water) == everywhere(water, 200)
    assert statuses(make(owner=root)[1], water) == everywhere(water, 200)


def test_a_department_that_there_is_not_any_more_opens_nothing(make, water):
    row, api = make(departments=["water"])
    ApiKey.objects.filter(pk=row.pk).update(departments=["ghosts"])
    assert statuses(api, water) == everywhere(water, 404)
    assert rows(api) == dict.fromkeys(LISTS, 0)


def test_a_key_is_tied_only_to_departments_of_its_owner(make):
    owner = factories.make_user("administrator", departments=("parks",))
    with pytest.raises(DepartmentBeyondOwner, match="water"):
        make(owner=owner, departments=["parks", "water"])
    with pytest.raises(DepartmentBeyondOwner, match="ghosts"):
        make(departments=["ghosts"])


def test_a_tied_key_steers_nothing_of_another_department(make, water):
    _, api = make(departments=["parks"], owner=factories.make_user("administrator"))
    plan, execution, task = (water[name] for name in ("plan", "execution", "task"))
    for path, body in [
        (f"{plan}/reject", {"reason": "No."}),
        (f"{plan}/simulate", {}),
        (f"{execution}/pause", {"reason": "Wait."}),
        (f"{execution}/cancel", {"reason": "Stop."}),
        (f"{task}/claim", {}),
        (f"{task}/decide", {"outcome": "done"}),
    ]:
        assert api.post(path, body).status_code == 404, path
    about = {"problem_statement": "More", "issue_id": Issue.objects.get().reference}
    assert api.post("/workflows/generate", about).json()["code"] == "unknown_issue"


@pytest.mark.parametrize("superuser", [False, True])
def test_a_tied_key_writes_no_policies_of_the_whole_city_nor_of_others(make, water, superuser):
    owner = factories.make_user("supervisor", is_superuser=superuser)
    _, api = make("policies:write", "policies:read", owner=owner, departments=["parks"])
    body = {"heading": "Leaks", "text": "Leaks are urgent."}
    assert api.post("/policies", body).json()["code"] == "not_your_policy"
    assert api.post("/policies", {**body, "department": "water"}).json()["code"] == "not_your_policy"
    assert api.post("/policies", {**body, "department": "parks"}).status_code == 201


def test_the_reach_of_one_request_does_not_outlive_it(make, water):
    owner = factories.make_user("administrator")
    make(owner=owner, departments=["parks"])[1].get("/workflows")
    assert WorkflowPlan.objects.visible_to(owner).count() == 1


def test_finding_the_departments_of_a_tied_key_takes_few_queries(city, django_assert_max_num_queries):
    user = factories.make_user("viewer", departments=("water",))
    reach.narrow(user, reach.Reach(departments=frozenset({"water", "parks"})))
    with django_assert_max_num_queries(1):
        mine = within_departments(user, "pk")
    assert [row.code for row in Department.objects.filter(mine)] == ["water"]
