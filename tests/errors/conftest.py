"""What provocations ask for. Imported before Django is set up, so the fixtures import what they need themselves."""

import pytest

from tests.links.conftest import last_link, phone, wait_for  # noqa: F401 - the same fixtures
from tests.policies.conftest import lamps, lighter  # noqa: F401 - the same fixtures
from tests.webhooks.conftest import allowed, receiver  # noqa: F401 - the same fixtures


@pytest.fixture
def city(db):
    from tests import factories

    factories.load_city()


@pytest.fixture
def api(city):
    """A client whose key has every scope, of an administrator."""
    from tests import factories
    from tests.api.client import Api

    return Api(factories.make_key(owner=factories.make_user("administrator")))


@pytest.fixture
def draft(api):
    """A DRAFT made through the API, as its JSON, with its ``path``."""
    from tests import factories

    plan = api.post("/workflows/generate", {"problem_statement": factories.STATEMENT}).json()
    return {**plan, "path": f"/workflows/{plan['workflow_id']}"}


@pytest.fixture
def approved(api, draft):
    """The same, approved."""
    assert api.post(f"{draft['path']}/approve", {"digest": draft["digest"]}).status_code == 200
    return draft


@pytest.fixture
def running(api, approved):
    """The path of a run of it."""
    launched = api.post(f"{approved['path']}/execute", {}).json()
    return f"/workflows/executions/{launched['execution_id']}"


@pytest.fixture
def webhook(api, allowed):  # noqa: F811
    """The path of a webhook."""
    made = api.post("/webhooks", {"url": allowed.url, "types": ["plan.*"]})
    assert made.status_code == 201, made.content
    return f"/webhooks/{made.json()['webhook_id']}"


@pytest.fixture
def attach(api):
    """``attach(path, content)``: send one file."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    def attach(path, content, name="x.jpg", **headers):
        headers = {"Authorization": f"Api-Key {api.key}", **headers}
        return api.client.post(path, {"file": SimpleUploadedFile(name, content)}, headers=headers)

    return attach


@pytest.fixture
def issue(api):
    """The path of an issue."""
    made = api.post("/issues", {"statement": "Water leak", "category": "water_leak"})
    return f"/issues/{made.json()['issue_id']}"


@pytest.fixture(autouse=True)
def nobody_is_known_to_be_spent():
    """What a process remembers of calls that are spent would outlive the rows of a test."""
    from mudda import ratelimits

    ratelimits.forget_the_spent()
    yield
    ratelimits.forget_the_spent()
