"""The API's fixtures. Imported before Django is set up, so they import what they need themselves."""

import pytest


@pytest.fixture
def city(db):
    from tests import factories

    factories.load_city()


@pytest.fixture
def api(city):
    """A client (``tests.api.client.Api``) whose key has every scope."""
    from tests import factories
    from tests.api.client import Api

    return Api(factories.make_key())


@pytest.fixture
def draft(api):
    """A DRAFT made through the API, as its JSON."""
    from tests import factories

    return api.post("/workflows/generate", {"problem_statement": factories.STATEMENT}).json()


@pytest.fixture
def approved(api, draft):
    """The same, approved."""
    return api.post(f"/workflows/{draft['workflow_id']}/approve", {"digest": draft["digest"]}).json()
