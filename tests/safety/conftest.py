"""A city, a client with every scope, and somebody who may see everything in the admin.

Imported before Django is set up, so the fixtures import what they need themselves.
"""

import pytest


@pytest.fixture(scope="session")
def offered_activities():
    from workflows.plan.catalogue import offered

    return offered()


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
def boss(city):
    """A signed-in superuser's browser, without scripts."""
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client
