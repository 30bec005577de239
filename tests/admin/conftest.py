"""Four people, and something for them to look at. Imported before Django is set up, so the fixtures import what
they need themselves.

| fixture | who |
| --- | --- |
| ``owner`` | in the groups that may do everything, in the issue's department |
| ``colleague`` | of the same department, but only a viewer |
| ``outsider`` | with the owner's groups, but of another department |
| ``nobody`` | not signed in |
| ``administrator`` | of the group, in no department |

Each is a Django test client; ``people`` has the users by name.
"""

import pytest

WORKERS = ("supervisor", "approver", "planner", "dispatcher")


@pytest.fixture
def city(db):
    from tests import factories

    factories.load_city()


@pytest.fixture
def people(city):
    from tests import factories

    return {
        "owner": factories.make_user(*WORKERS, departments=("water",)),
        "colleague": factories.make_user("viewer", departments=("water",)),
        "outsider": factories.make_user(*WORKERS, departments=("parks",)),
        "administrator": factories.make_user("administrator"),
    }


def _signed_in(user):
    from django.test import Client

    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner(people):
    return _signed_in(people["owner"])


@pytest.fixture
def colleague(people):
    return _signed_in(people["colleague"])


@pytest.fixture
def outsider(people):
    return _signed_in(people["outsider"])


@pytest.fixture
def administrator(people):
    return _signed_in(people["administrator"])


@pytest.fixture
def nobody(city):
    from django.test import Client

    return Client()


@pytest.fixture
def issue(people):
    """An issue of the water department, with a reporter."""
    from issues.models import Category
    from issues.services import report_issue
    from tests.factories import STATEMENT

    return report_issue(
        statement=STATEMENT,
        address="123 Main St",
        urgency="high",
        category=Category.objects.get(code="water_leak"),
        reporter={"name": "Ada Citizen", "email": "ada@example.org", "phone": "+1 555 0100"},
    )


@pytest.fixture
def draft(issue, people):
    """A DRAFT plan for the issue, from the playbooks."""
    from workflows.drafting import create_plan, draft_for

    planned = draft_for(statement=issue.statement, issue=issue)
    return create_plan(draft=planned, statement=issue.statement, issue=issue, by=people["owner"])


@pytest.fixture
def run(draft, people):
    """A launched run of the draft, waiting for Temporal."""
    from executions.services import launch_execution

    data = {"priority": "high"}
    return launch_execution(plan_id=draft.pk, execution_data=data, by=people["owner"], approve=True)


@pytest.fixture
def step(run):
    """The run's first step, as activities find it."""
    from executions.models import StepRun

    return StepRun.objects.select_related("execution__plan__issue__department").filter(execution=run).first()
