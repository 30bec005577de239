"""Keys and whom they let in. Imported before Django is set up, so the fixtures import what they need themselves."""

import pytest


@pytest.fixture(autouse=True)
def nobody_is_known_to_be_spent():
    """What a process remembers of calls that are spent would outlive the rows of a test."""
    from mudda import ratelimits

    ratelimits.forget_the_spent()
    yield
    ratelimits.forget_the_spent()


@pytest.fixture
def city(db):
    from tests import factories

    factories.load_city()


@pytest.fixture
def make(city):
    """``make("plans:read", rate=5)`` makes a key and gives its row and a client (``tests.api.client.Api``) with it."""
    from mudda import scopes as known
    from mudda.apikeys import create_api_key
    from tests.api.client import Api

    def make(*scopes, **fields):
        row, text = create_api_key(name="integration", scopes=scopes or known.known(), **fields)
        return row, Api(text)

    return make
