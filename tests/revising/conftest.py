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


@pytest.fixture
def model(openai_server, settings):
    """A model that mudda may ask: an ``OpenAIServer`` without any answer yet."""
    settings.OPENAI_API_KEY = "sk-test-key"
    settings.OPENAI_BASE_URL = openai_server.base_url
    settings.OPENAI_MODEL = "test-model"
    return openai_server


@pytest.fixture
def carried_out():
    """Do what a worker does with what was asked for: ``carried_out()``."""
    from workflows import asking
    from workflows.models import PlannerRun

    def carry_out():
        for run in PlannerRun.objects.filter(status="asked"):
            asking.carry_out(run.pk)

    return carry_out
