"""Who calls, and what there is to call about. Imports what needs Django when it is asked for.

| fixture | what |
| --- | --- |
| ``city`` | the departments and categories that ship |
| ``api`` | a key with every scope, of somebody who sees the whole city |
| ``owner`` | the key of a supervisor of the water department |
| ``colleague`` | the key of a viewer of the same department |
| ``outsider`` | the key of a supervisor of the parks |
| ``nobody`` | a client without a key |
| ``issue`` | an issue of the water department, reported by Ada |
| ``plan`` | a DRAFT for it |
| ``wait_for`` | ``wait_for("dispatch_crew")`` makes a step wait for its person and gives its task |
"""

import pytest

from tests.links.conftest import wait_for  # noqa: F401 - the same fixture

REPORTER = {"name": "Ada Citizen", "email": "ada@example.org", "phone": "+1 404 555 0100"}


@pytest.fixture
def city(db):
    from tests import factories

    factories.load_city()


def client_of(*groups, departments):
    from tests import factories
    from tests.api.client import Api

    return Api(factories.make_key(owner=factories.make_user(*groups, departments=departments)))


@pytest.fixture
def api(city):
    from tests import factories
    from tests.api.client import Api

    return Api(factories.make_key())


@pytest.fixture
def owner(city):
    return client_of("supervisor", "dispatcher", departments=("water",))


@pytest.fixture
def colleague(city):
    return client_of("viewer", departments=("water",))


@pytest.fixture
def outsider(city):
    return client_of("supervisor", departments=("parks",))


@pytest.fixture
def nobody(city):
    from tests.api.client import Api

    return Api()


@pytest.fixture
def issue(city):
    from issues.models import Category
    from issues.services import report_issue

    category = Category.objects.get(code="water_leak")
    return report_issue(
        statement="Water leak", address="123 Main St", category=category, reporter=dict(REPORTER)
    )


@pytest.fixture
def plan(city):
    from tests import factories

    return factories.make_plan()
