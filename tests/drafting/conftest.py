"""A city whose plans a model drafts: aimock in its place, mudda's own worker, the API in the test's process."""

import time

import pytest


@pytest.fixture(autouse=True)
def quiet_hub():
    """No connection is left to a database that the test runner empties."""
    yield
    from mudda.listening import hub

    hub.close()
    hub.stopping = False


@pytest.fixture
def city(transactional_db):
    from tests import factories

    factories.load_city()


@pytest.fixture
def api(city):
    """A client (``tests.api.client.Api``) whose key has every scope."""
    from tests import factories
    from tests.api.client import Api

    return Api(factories.make_key())


@pytest.fixture
def model(openai_server):
    """The environment of a process that drafts with aimock."""
    return {
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": openai_server.base_url,
        "OPENAI_MODEL": "test-model",
    }


@pytest.fixture
def with_model(model, settings, temporal_server):
    """The same in the test's own process; a request waits for a draft for 30 s at most."""
    for name, value in model.items():
        setattr(settings, name, value)
    settings.GENERATE_WAIT = 30.0
    return model


@pytest.fixture
def planner(with_model, start_worker):
    """A worker that drafts with the model."""
    return start_worker(**with_model)


@pytest.fixture
def until():
    """``until(look)``: what ``look`` finds, within a minute."""

    def wait(look, seconds=60):
        end = time.monotonic() + seconds
        while True:
            if found := look():
                return found
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.1)

    return wait


@pytest.fixture
def visit(live_web):
    """A browser at the site (``tests.browser.conftest.Visit``); to be asked for last."""
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import ARGUMENTS, CHROMIUM, Visit

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield Visit(browser, live_web.url)
        browser.close()
