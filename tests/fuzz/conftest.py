"""A real web server and a worker, and a city with rows of every kind."""

import pytest


@pytest.fixture
def service(live_web, live_worker):
    """The ``Authorization`` of a service account with every scope, in a city that has something of everything."""
    from tests.fuzz import callers

    authorization = callers.authorization_of(callers.SERVICE)
    callers.seed_city(authorization)
    return authorization
