"""The API's doors to people's tasks: whose they are, when they are due, and how the list is narrowed."""

import pytest

from executions.models import HumanTask
from tests import factories
from tests.api.client import Api
from tests.time.runs import confirm, crew, make_late, make_task

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return factories.make_user("dispatcher")


@pytest.fixture
def api(ann):
    return Api(factories.make_key("tasks:read", "tasks:write", owner=ann))


@pytest.fixture
def task():
    return make_task(confirm(due="P2D"))


def listed(api, query):
    return {row["id"] for row in api.get(f"/workflows/tasks?{query}").json()["results"]}


def test_claim_hold_resume_release_and_reassign_answer_with_the_task(api, ann, task):
    bob, path = factories.make_user("dispatcher"), f"/workflows/tasks/{task.pk}"
    claimed = api.post(f"{path}/claim")
    assert (claimed.status_code, claimed.json()["assignee"]) == (200, ann.get_username())
    held = api.post(f"{path}/hold", {"reason": "Waiting for parts."}).json()
    assert (held["status"], held["hold_reason"]) == ("on_hold", "Waiting for parts.")
    assert api.post(f"{path}/resume").json()["status"] == "open"
    assert api.post(f"{path}/release", {"reason": "Off home."}).json()["assignee"] is None
    given = api.post(f"{path}/reassign", {"user": bob.get_username(), "reason": "His street."})
    assert (given.status_code, given.json()["assignee"]) == (200, bob.get_username())
    assert given.json()["assign_reason"] == "His street."


def test_refusals_say_who_and_when(api, ann, task):
    bob, path = factories.make_user("dispatcher"), f"/workflows/tasks/{task.pk}"
    api.post(f"{path}/reassign", {"user": bob.get_username(), "reason": "His street."})
    taken = api.post(f"{path}/decide", {"outcome": "done", "answer": {"confirmed": True}})
    assert (taken.status_code, taken.json()["code"]) == (409, "task_taken")
    assert (taken.json()["assignee"], bool(taken.json()["assigned_at"])) == (bob.get_username(), True)
    his = Api(factories.make_key("tasks:write", owner=bob))
    assert his.post(f"{path}/decide", {"outcome": "done", "answer": {"confirmed": True}}).status_code == 200
    for word, body in (("claim", {}), ("release", {}), ("hold", {"reason": "x"}), ("resume", {})):
        closed = api.post(f"{path}/{word}", body)
        assert (closed.status_code, closed.json()["code"]) == (409, "task_closed")
        assert (closed.json()["decided_by"], bool(closed.json()["decided_at"])) == (bob.get_username(), True)


@pytest.mark.parametrize(
    ("word", "body", "pointer"),
    [
        ("hold", {}, "/reason"),
        ("hold", {"reason": ""}, "/reason"),
        ("reassign", {"reason": "Because."}, "/user"),
        ("reassign", {"group": "supervisor"}, "/reason"),
        ("reassign", {"user": "x", "reason": "y", "to": "z"}, "/to"),
        ("release", {"why": "x"}, "/why"),
    ],
)
def test_what_is_missing_or_too_much_is_named(api, task, word, body, pointer):
    answer = api.post(f"/workflows/tasks/{task.pk}/{word}", body)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_nobody_arranges_with_a_key_that_only_reads(ann, task):
    reader = Api(factories.make_key("tasks:read", owner=ann))
    for word in ("claim", "release", "hold", "resume", "reassign"):
        assert reader.post(f"/workflows/tasks/{task.pk}/{word}", {}).status_code == 403
    outsider = Api(factories.make_key(owner=factories.make_user("dispatcher", departments=("parks",))))
    for word, body in (
        ("claim", {}),
        ("hold", {"reason": "x"}),
        ("reassign", {"group": "viewer", "reason": "x"}),
    ):
        assert outsider.post(f"/workflows/tasks/{task.pk}/{word}", body).status_code == 404


def test_a_task_says_when_it_is_due_and_that_it_is_overdue(api, task):
    shown = api.get(f"/workflows/tasks/{task.pk}").json()
    assert (shown["due"], shown["is_overdue"]) == ("P2D", False)
    assert shown["due_at"].startswith(f"{task.due_at:%Y-%m-%dT%H:%M}")
    make_late(task)
    assert api.get(f"/workflows/tasks/{task.pk}").json()["is_overdue"] is True


def test_the_list_is_narrowed_to_mine_to_a_group_and_to_what_is_overdue_or_due_soon(api, ann, task):
    late, other = make_task(confirm(due="PT4H")), make_task(crew(due="P4D"))
    make_late(late)
    api.post(f"/workflows/tasks/{task.pk}/claim")
    assert listed(api, "mine=true") == {str(task.pk)}
    assert listed(api, "mine=false") == {str(late.pk), str(other.pk)}
    assert listed(api, "group=dispatcher") == {str(task.pk), str(late.pk)}
    assert listed(api, "overdue=true") == {str(late.pk)}
    assert listed(api, "overdue=false") == {str(task.pk), str(other.pk)}
    cut = max(HumanTask.objects.values_list("due_at", flat=True)).isoformat().replace("+00:00", "Z")
    assert listed(api, f"due_before={cut}") == {str(task.pk), str(late.pk)}
    assert api.get("/workflows/tasks?due_before=soon").status_code == 400


def in_order(api, ordering, **more):
    """The ids of all tasks, page by page, each page of two."""
    found, path = [], f"/workflows/tasks?ordering={ordering}&page_size=2"
    while path:
        page = api.get(path).json()
        found += [row["id"] for row in page["results"]]
        path = page["next"]
    return found


def test_tasks_are_listed_by_when_they_are_due_and_those_that_never_are_come_last(api):
    never, later, sooner, same = (make_task(confirm(due=due)) for due in (None, "P5D", "P1D", "P1D"))
    HumanTask.objects.filter(pk=same.pk).update(due_at=HumanTask.objects.get(pk=sooner.pk).due_at)
    HumanTask.objects.filter(pk=never.pk).update(due_at=None)
    both = sorted((str(sooner.pk), str(same.pk)))
    assert in_order(api, "due_at") == [*both, str(later.pk), str(never.pk)]
    assert in_order(api, "-due_at") == [str(never.pk), str(later.pk), *reversed(both)]
    last = api.get("/workflows/tasks?ordering=due_at&page_size=3").json()
    back = api.get(api.get(last["next"]).json()["previous"]).json()
    assert [row["id"] for row in back["results"]] == [*both, str(later.pk)]
    assert listed(api, "ordering=due_at&status=decided") == set()
    assert api.get("/workflows/tasks?ordering=due_order").status_code == 400


def test_the_place_of_a_task_in_that_order_moves_with_its_due_time(api, task):
    other = make_task(confirm(due="P3D"))
    assert in_order(api, "due_at") == [str(task.pk), str(other.pk)]
    make_late(other)
    assert in_order(api, "due_at") == [str(other.pk), str(task.pk)]
