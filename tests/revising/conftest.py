"""The city, a client whose key has every scope, and a draft of the playbooks."""

import pytest


@pytest.fixture
def city(db):
    from tests import factories

    factories.load_city()


@pytest.fixture
def api(city):
    from tests import factories
    from tests.api.client import Api

    return Api(factories.make_key())


@pytest.fixture
def draft(api):
    """A DRAFT made through the API, as its JSON."""
    from tests import factories

    return api.post("/workflows/generate", {"problem_statement": factories.STATEMENT}).json()
