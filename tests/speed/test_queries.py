"""How many statements a call of the main doors takes, whatever the rows refer to: a gain that is lost shows here.

In a test's transaction a request's own is a savepoint, which is counted, and what follows a commit isn't done.
"""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from executions.models import WorkflowExecution
from issues.models import Issue
from tests import factories
from tests.api.client import Api
from workflows.models import WorkflowPlan

KEY = {"Idempotency-Key": "the-key"}
LAUNCH, DRAFT, READ, READ_AGAIN, LIST = 14, 45, 4, 2, 2
STATEMENTS = (
    "Water leak at 123 Main St",
    "The street light in front of 5 Elm St is out",
    "Deep pothole at 77 Oak Ave",
    "Graffiti on the wall at 9 Pine St",
    "A tree has fallen at 12 Cedar St",
)


@pytest.fixture
def city(db):
    factories.load_city()


@pytest.fixture
def clerk(city):
    """Somebody who sees one department, with a key that is tied to it, so that every filter has something to do."""
    return warm(
        factories.make_key(owner=factories.make_user("supervisor", "planner", departments=("water",)))
    )


def warm(key):
    """A client whose key was used already this minute: that is noted once a minute."""
    api = Api(key)
    assert api.get("/workflows/executions").status_code == 200
    return api


def statements(call):
    """The answer, and how many statements it took."""
    with CaptureQueriesContext(connection) as captured:
        answer = call()
    assert answer.status_code < 300 or answer.status_code == 304, answer.content
    return answer, len(captured)


def drafted(statement, api=None):
    """A draft; by default of somebody new, so that nothing is anybody else's."""
    made = (api or Api(factories.make_key())).post("/workflows/generate", {"problem_statement": statement})
    assert made.status_code == 201, made.content
    return made.json()["workflow_id"]


def launched(statement):
    api = Api(factories.make_key())
    path = f"/workflows/{drafted(statement, api)}/execute"
    answer = api.post(path, {"execution_data": {"priority": "high"}, "approve": True})
    assert answer.status_code == 202, answer.content
    return answer.json()["execution_id"]


def test_rows_differ_in_everything_that_they_refer_to(city):
    """What the other tests count on."""
    for statement in STATEMENTS:
        launched(statement)
    for name in ("category", "department"):
        assert Issue.objects.values(name).distinct().count() >= 3
    for model in (WorkflowPlan.objects.values("created_by"), WorkflowExecution.objects.values("started_by")):
        assert model.distinct().count() == len(STATEMENTS)


def test_a_launch(city, clerk):
    path = f"/workflows/{drafted(STATEMENTS[0])}/execute"
    body = {"execution_data": {"priority": "high"}, "approve": True}
    _, count = statements(lambda: clerk.post(path, body, **KEY))
    assert count <= LAUNCH
    _, again = statements(lambda: clerk.post(path, body, **KEY))
    assert again <= 5


def test_a_draft(city, clerk):
    for statement in STATEMENTS:
        launched(statement)
    body = {"problem_statement": STATEMENTS[0]}
    _, count = statements(lambda: clerk.post("/workflows/generate", body, **KEY))
    assert count <= DRAFT


def test_a_read_of_a_run_and_of_one_that_is_known_already(city, clerk):
    path = f"/workflows/executions/{launched(STATEMENTS[0])}"
    answer, count = statements(lambda: clerk.get(path))
    assert len(answer.json()["steps"]) > 1
    assert count <= READ
    answer, count = statements(lambda: clerk.get(path, **{"If-None-Match": answer["ETag"]}))
    assert (answer.status_code, count) == (304, READ_AGAIN)


@pytest.mark.parametrize("path", ["/workflows/executions", "/workflows", "/issues"])
def test_a_list_however_many_rows_it_has(city, path):
    api = warm(factories.make_key())
    for statement in STATEMENTS:
        launched(statement)
    answer, count = statements(lambda: api.get(path))
    assert len(answer.json()["results"]) == len(STATEMENTS)
    assert count <= LIST
